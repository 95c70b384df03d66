//! Whole lists, page by page: totals are exact and no row is missed or told twice, whatever became of the rows.

use std::time::Duration;

use axum::http::StatusCode;
use doorkey::domain::moment::Moment;
use doorkey::domain::user::{UserChange, UserId};
use doorkey::flow;
use serde_json::{Value, json};

use crate::support::app::{START, TestApp, TestRequest};
use crate::support::consistency::MISCOUNTED;

/// What tells the rows of a list apart, page by page to the end; each page must say the same of the whole list.
async fn pages(test: &TestApp, list: &str, limit: usize) -> Vec<Value> {
    let mut all = Vec::new();
    let mut total = None;
    for number in 1.. {
        let page = test.call("GET", &format!("/api/{list}&limit={limit}&page={number}")).await;
        assert_eq!(page.status, StatusCode::OK, "{}", page.body);
        let page = page.json();
        let rows: Vec<_> = page["data"].as_array().unwrap().iter().map(|row| row["id"].clone()).collect();
        let meta = &page["meta"];
        let known = total.get_or_insert_with(|| meta["total"].clone());
        assert_eq!(meta["total"], *known, "{list}, page {number}");
        let count = usize::try_from(known.as_i64().unwrap()).unwrap();
        assert_eq!(meta["last_page"], count.div_ceil(limit).max(1), "{list}");
        assert_eq!(rows.len(), limit.min(count - all.len()), "{list}, page {number} of {count} rows");
        if rows.is_empty() {
            assert_eq!((&meta["from"], &meta["to"]), (&Value::Null, &Value::Null));
            return all;
        }
        assert_eq!((&meta["from"], &meta["to"]), (&json!(all.len() + 1), &json!(all.len() + rows.len())));
        all.extend(rows);
    }
    all
}

fn reversed(mut rows: Vec<Value>) -> Vec<Value> {
    rows.reverse();
    rows
}

/// Compares clients and staff, in every order that an index has, with the rows that there are.
async fn compare_users(test: &TestApp) {
    assert_eq!(test.number(&format!("SELECT count(*) FROM ({MISCOUNTED}) m")), 0);
    for (list, flag) in [("clients", 0), ("team", 1)] {
        for (field, column) in [("id", "id"), ("email", "email_folded")] {
            let rows = test.database.rows(&format!(
                "SELECT id FROM users WHERE workspace_id = 1 AND is_staff = {flag} AND deleted_at IS NULL ORDER BY {column}"
            ));
            let rows: Vec<Value> =
                rows.into_iter().map(|row| row[0].parse::<i64>().unwrap().into()).collect();

            assert_eq!(pages(test, &format!("{list}?sort={field}:asc"), 7).await, rows, "{list} by {field}");
            assert_eq!(
                reversed(pages(test, &format!("{list}?sort={field}:desc"), 8).await),
                rows,
                "{list} by {field}"
            );
        }
    }
}

#[tokio::test]
async fn clients_and_staff_are_whole_whatever_became_of_them() {
    let test = TestApp::start().await;
    let (acme, other) = test.another("Other", "https://other.example").await;
    test.add(&acme, "elsewhere@x.test", UserChange::default()).await;
    compare_users(&test).await;
    // Around the ends of ranges, and far away.
    let given: [i64; 10] = [255, 256, 257, 511, 512, 65_535, 65_536, 65_537, 131_072, 9_007_199_254_740_991];
    for (number, id) in given.into_iter().chain(1..=20).enumerate() {
        let email = format!("u{}@x.test", number * 7 % 30);
        let body = json!({ "id": id, "email": email, "name_f": "A", "name_l": "B" });
        let added = test.send(TestRequest::of("POST", "/api/clients").bearer(&test.key).json(&body)).await;
        assert_eq!(added.status, StatusCode::CREATED, "{}", added.body);
    }
    let drawn = test.client("drawn@x.test").await;
    compare_users(&test).await;

    // So many that pages lie far from the beginning, and some are found by ranges.
    for number in 0..560 {
        test.client(&format!("m{number}@x.test")).await;
    }
    compare_users(&test).await;

    for id in [1, 4, 256, 300, 65_535, 65_536] {
        let user = UserId::from_number(id).unwrap();
        test.change(user, "staff", "true").await;
        if id % 2 == 1 {
            test.change(user, "staff", "false").await;
        }
    }
    compare_users(&test).await;
    for id in [2, 4, 257, 258, 400, 131_072, drawn.number()] {
        test.delete(UserId::from_number(id).unwrap()).await;
    }
    compare_users(&test).await;

    let elsewhere = TestRequest::of("GET", "/api/clients").host("other.example").bearer(&other);
    assert_eq!(test.send(elsewhere).await.json()["meta"]["total"], 1);
}

/// The log of a moment at which nothing is written to it: reading it writes nothing.
async fn compare_log(test: &TestApp, entries: i64) {
    let rows = test.number("SELECT count(*) FROM audit_log WHERE workspace_id = 1");
    assert_eq!(rows, entries);
    let newest_first = pages(test, "logs?sort=id:desc", 100).await;
    assert_eq!(i64::try_from(newest_first.len()).unwrap(), entries);
    assert!(newest_first.is_sorted_by(|newer, older| newer.as_str() > older.as_str()));
    assert_eq!(pages(test, "logs?sort=id:asc", 97).await, reversed(newest_first));
}

/// Entries that were written so many seconds before the beginning, one a second.
fn add_entries(test: &TestApp, seconds: std::ops::RangeInclusive<i64>) {
    let rows = seconds.map(|second| {
        let millis = START.millis() - second * 1_000;
        format!("(1, x'{millis:012x}70008000000000000000', {millis}, 'any', 1, 'command_line', x'{second:032x}', '{{}}')")
    });
    let rows = rows.collect::<Vec<_>>().join(", ");
    test.run_sql(&format!(
        "INSERT INTO audit_log (workspace_id, id, time, event, user_id, actor, request_id, data) VALUES {rows}"
    ));
}

#[tokio::test]
async fn the_log_is_whole_while_it_grows_and_is_swept() {
    let test = TestApp::start().await;
    let begun = test.number("SELECT count(*) FROM audit_log WHERE workspace_id = 1");
    compare_log(&test, begun).await;

    add_entries(&test, 2_001..=9_000);
    compare_log(&test, begun + 7_000).await;
    add_entries(&test, 1..=2_000);
    compare_log(&test, begun + 9_000).await;
    test.client("ada@x.test").await;
    compare_log(&test, begun + 9_001).await;

    // The sweep takes a part of a range, then a few ranges, then all that was counted.
    for (kept, left) in [(8_900, 8_900), (8_899, 8_899), (5_000, 5_000), (10, 10)] {
        let now = test.app.clock.now();
        flow::operations::maintenance::sweep(&test.app, now, kept_for(kept)).await.unwrap();
        compare_log(&test, begun + 1 + left).await;
    }
    let beside = test.beside().await;
    compare_log(&beside, begun + 11).await;
}

/// Live links and sessions, newest first, as the times at which they began.
async fn begun(test: &TestApp, list: &str) -> Vec<i64> {
    let ids = pages(test, &format!("{list}?sort=created_at:desc"), 2).await;
    assert_eq!(pages(test, &format!("{list}?sort=created_at:asc"), 3).await, reversed(ids.clone()));
    let all = test.call("GET", &format!("/api/{list}?limit=100")).await.json();
    let rows = all["data"].as_array().unwrap();
    assert_eq!(rows.iter().map(|row| row["id"].clone()).collect::<Vec<_>>(), ids, "newest first");
    let seconds = rows.iter().map(|row| {
        let at = Moment::parse(row["created_at"].as_str().unwrap()).unwrap().whole;
        (at.millis() - START.millis()) / 1_000
    });
    seconds.collect()
}

#[tokio::test]
async fn live_links_are_whole_whatever_became_of_them() {
    let test = TestApp::start().await;
    let mut users = Vec::new();
    let mut links = Vec::new();
    for number in 0..9 {
        let user = test.client(&format!("u{number}@x.test")).await;
        links.push(test.ask_for_link(user).await);
        users.push(user);
        test.advance(1);
    }
    assert_eq!(begun(&test, "login_links").await, [8, 7, 6, 5, 4, 3, 2, 1, 0]);

    test.browser().sign_in(&links[0]).await;
    test.change(users[1], "two_factor_enabled", "true").await;
    test.change(users[2], "status", "0").await;
    test.change(users[3], "staff", "true").await;
    test.delete(users[4]).await;
    test.call("DELETE", &format!("/api/login_links/{}", users[5].number())).await;
    assert_eq!(begun(&test, "login_links").await, [8, 7, 6]);

    // None of them comes back, and whoever may ask again has a new one.
    test.change(users[1], "two_factor_enabled", "false").await;
    test.change(users[2], "status", "1").await;
    test.ask_for_link(users[5]).await;
    test.call("GET", &format!("/api/login_links/{}?min_ttl=7200", users[6].number())).await;
    assert_eq!(begun(&test, "login_links").await.len(), 5, "one is new, and one more beside an older one");
    test.advance(7_191);
    assert_eq!(begun(&test, "login_links").await, [9, 9, 8, 7, 6], "nine seconds and 7,191");
    test.advance(6);
    assert_eq!(begun(&test, "login_links").await, [9, 9, 8, 7]);
    test.advance(86_400);
    flow::operations::maintenance::sweep(&test.app, test.app.clock.now(), kept_for(1_000_000)).await.unwrap();
    assert_eq!(begun(&test, "login_links").await, [] as [i64; 0]);
}

#[tokio::test]
async fn sessions_are_whole_whatever_became_of_them() {
    let mut test = TestApp::start().await;
    let mut users = Vec::new();
    let mut browsers = Vec::new();
    for number in 0..6 {
        let user = test.client(&format!("u{number}@x.test")).await;
        let link = test.ask_for_link(user).await;
        let mut cookies = test.browser();
        cookies.sign_in(&link).await;
        browsers.push(cookies.cookies);
        users.push(user);
        test.advance(1);
    }
    assert_eq!(begun(&test, "sessions").await, [5, 4, 3, 2, 1, 0]);

    test.change(users[0], "status", "0").await;
    test.change(users[1], "staff", "true").await;
    test.change(users[2], "two_factor_enabled", "true").await;
    test.delete(users[3]).await;
    assert_eq!(begun(&test, "sessions").await, [5, 4, 2], "two-factor ends no session");
    test.change(users[0], "status", "1").await;
    let newest = test.call("GET", "/api/sessions?limit=1").await.json()["data"][0]["id"].clone();
    test.call("DELETE", &format!("/api/sessions/{}", newest.as_str().unwrap())).await;
    assert_eq!(begun(&test, "sessions").await, [4, 2]);

    test.set("session_lifetime", "10").await;
    test.advance(6);
    assert_eq!(begun(&test, "sessions").await, [4], "one began ten seconds ago");
    test.advance(2);
    assert_eq!(begun(&test, "sessions").await, [] as [i64; 0]);
}

/// Adds rows to a list that began so many seconds ago, one a second.
fn add_live(test: &TestApp, list: &str, seconds: std::ops::Range<i64>) {
    for chunk in seconds.collect::<Vec<_>>().chunks(2_000) {
        let (seed, seal) = ("x'00000000000000000000000000000000'", format!("x'{:064}'", 0));
        let rows = chunk.iter().map(|second| {
            let (begun, end) = (START.millis() - second * 1_000, START.millis() + 7_200_000);
            let (id, hash) = (format!("x'{begun:012x}70008000000000000000'"), format!("x'{begun:012x}{second:052x}'"));
            match list {
                "login_links" => format!("(1, {hash}, {id}, 1, 0, {seed}, 1, {begun}, {end}, 1, {seal}, {begun}, 1)"),
                _ => format!(
                    "(1, {id}, 1, 0, {hash}, 1, {hash}, {seed}, {hash}, 1, '/', {begun}, {begun}, {end}, {seal})"
                ),
            }
        });
        let columns = match list {
            "login_links" => {
                "hash, id, user_id, link_epoch, seed, single_use, created_at, expires_at, key_id, seal, last_issued_at, times_issued"
            }
            _ => {
                "id, user_id, session_epoch, link_hash, single_use, confirm_hash, seed, secret_hash, key_id, landing, created_at, last_seen_at, expires_at, seal"
            }
        };
        let rows = rows.collect::<Vec<_>>().join(", ");
        test.run_sql(&format!("INSERT INTO {list} (workspace_id, {columns}) VALUES {rows}"));
    }
}

/// Asserts that a list is whole in both orders.
async fn compare_live(test: &TestApp, list: &str, rows: usize) {
    let newest_first = pages(test, &format!("{list}?sort=created_at:desc"), 100).await;
    assert_eq!(newest_first.len(), rows);
    assert!(newest_first.is_sorted_by(|newer, older| newer.as_str() > older.as_str()), "{list}");
    assert_eq!(
        pages(test, &format!("{list}?sort=created_at:asc"), 97).await,
        reversed(newest_first),
        "{list}"
    );
}

/// How many rows a list has, by a page that lies behind all of them.
async fn total_behind_the_end(test: &TestApp, list: &str) -> Value {
    let page = test.call("GET", &format!("/api/{list}?page=900&limit=100")).await.json();
    assert_eq!(page["data"], json!([]));
    page["meta"]["total"].clone()
}

#[tokio::test]
async fn long_lists_are_whole_and_know_of_what_ended_a_little_later() {
    let mut test = TestApp::start().await;
    test.set("session_lifetime", "86400").await;
    test.set("session_idle", "86400").await;
    for (list, end) in
        [("login_links", "UPDATE login_links SET ended_at = 1"), ("sessions", "DELETE FROM sessions")]
    {
        // All of them are newer than what is counted for longer than a page.
        add_live(&test, list, -10_001..0);
        assert_eq!(total_behind_the_end(&test, list).await, 10_001);
        test.run_sql(&format!("DELETE FROM {list}"));

        add_live(&test, list, 21..10_021);
        assert_eq!(total_behind_the_end(&test, list).await, 10_000);
        add_live(&test, list, 10_021..12_366);
        compare_live(&test, list, 12_345).await;
        assert_eq!(total_behind_the_end(&test, list).await, 12_345);

        // What is new is there at once, and the first.
        let user = test.client(&format!("{list}@x.test")).await;
        let link = test.ask_for_link(user).await;
        if list == "sessions" {
            test.browser().sign_in(&link).await;
        }
        let first = test.call("GET", &format!("/api/{list}?limit=1")).await.json();
        assert_eq!(first["meta"]["total"], 12_346, "{list}");
        assert_eq!(first["data"][0]["user_id"], user.number(), "{list}");

        // So is what a node adds whose clock is behind: between others that another process has counted meanwhile.
        add_live(&test, list, -2_000..0);
        let beside = test.beside().await;
        assert_eq!(total_behind_the_end(&beside, list).await, 14_346, "{list}");
        add_live(&test, list, 5..6);
        assert_eq!(total_behind_the_end(&beside, list).await, 14_347, "{list}");

        // Whoever has not counted yet knows at once that most have ended; here it is known a few seconds later.
        test.run_sql(&format!("{end} WHERE created_at > {}", START.millis() - 9_000_000));
        compare_live(&test.beside().await, list, 3_366).await;
        while total_behind_the_end(&test, list).await != 3_366 {
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    }
}

/// Audit entries for some seconds, and dead links no longer than they must be.
fn kept_for(audit_log: i64) -> flow::operations::maintenance::Retention {
    flow::operations::maintenance::Retention { audit_log, dead_links: 0 }
}
