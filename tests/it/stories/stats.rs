//! Figures: what may be asked, what is not known, what is advised, and the commands that print them.

use std::time::{Duration, Instant};

use axum::http::StatusCode;
use doorkey::domain::token::Token;
use doorkey::domain::workspace::WorkspaceId;
use doorkey::flow::operations::maintenance::flush_counters;
use serde_json::json;
use uuid::Uuid;

use crate::support::app::{TestApp, UNLIMITED};
use crate::support::server::Server;
use crate::support::visitors::Person;

#[tokio::test]
async fn a_query_that_does_not_pass_is_named() {
    let test = TestApp::start().await;
    for (query, field) in [
        ("by=week", "by"),
        ("by=", "by"),
        ("kind=", "kind"),
        ("kind=mail", "kind"),
        ("from=", "from"),
        ("to=", "to"),
        ("from=yesterday", "from"),
        ("to=2026-11-23", "to"),
        ("from=2026-11-23T00:00:00Z&to=2026-11-23T00:00:00Z", "from"),
        ("from=2026-11-24T00:00:00Z&to=2026-11-23T00:00:00Z", "from"),
        ("from=2026-11-23T00:50:00Z&to=2026-11-23T00:10:00Z", "from"),
        ("from=2026-11-23T00:20:00Z&to=2026-11-23T00:20:00Z", "from"),
        ("from=2027-11-24T00:00:00Z", "from"),
        ("from=2026-10-01T00:00:00Z&to=2026-11-02T00:00:00Z&by=hour", "from"),
        ("from=2026-10-01T00:00:00Z&to=2026-11-01T00:00:00.001Z&by=hour", "from"),
        ("from=2026-09-30T23:59:59Z&to=2026-11-01T00:00:00Z&by=hour", "from"),
        ("from=2025-10-01T00:00:00Z&to=2026-11-02T00:00:00Z", "from"),
        ("from=0000-01-01T00:00:00Z&to=0000-01-02T00:00:00Z", "from"),
        ("from=9999-12-30T00:00:00Z&to=9999-12-30T22:00:01Z", "to"),
        ("by=day&by=hour", "by"),
        ("days=30", "days"),
    ] {
        let refused = test.call("GET", &format!("/api/stats/login_links?{query}")).await;
        assert_eq!(refused.status, StatusCode::BAD_REQUEST, "{query}: {}", refused.body);
        assert!(refused.json()["errors"].get(field).is_some(), "{query}: {}", refused.body);
    }
}

#[tokio::test]
async fn a_query_means_whole_hours_and_thirty_days_unless_it_says_more() {
    let test = TestApp::start().await;
    let usual = test.link_stats("").await;
    assert_eq!(
        [
            &usual["from"],
            &usual["to"],
            &usual["by"],
            &usual["kind"],
            &usual["link_lifetime"],
            &usual["advice"]
        ],
        [
            &json!("2026-10-24T04:00:00.000Z"),
            &json!("2026-11-23T04:00:00.000Z"),
            &json!("day"),
            &json!("api"),
            &json!(7_200),
            &json!(null)
        ]
    );
    assert_eq!(usual["buckets"].as_array().unwrap().len(), 31);
    assert_eq!(usual["buckets"][0]["at"], "2026-10-24T00:00:00.000Z");
    let hours = test
        .link_stats("from=2026-11-23T01:30:00%2B01:00&to=2026-11-23T02:00:00.0001Z&by=hour&kind=all")
        .await;
    let begun: Vec<_> =
        hours["buckets"].as_array().unwrap().iter().map(|bucket| bucket["at"].clone()).collect();
    assert_eq!(begun, ["2026-11-23T00:00:00.000Z", "2026-11-23T01:00:00.000Z", "2026-11-23T02:00:00.000Z"]);
    let longest = [
        ("from=2026-10-01T00:00:00Z&to=2026-11-01T00:00:00Z&by=hour", 744),
        ("from=2025-11-01T00:00:00Z&to=2026-11-02T00:00:00Z&by=day", 366),
    ];
    for (query, buckets) in longest {
        assert_eq!(test.link_stats(query).await["buckets"].as_array().unwrap().len(), buckets, "{query}");
    }
}

#[tokio::test]
async fn what_was_not_noted_is_null_and_not_nothing() {
    let mut test = TestApp::start().await.limited_to(&UNLIMITED);
    let hour = |at: i64| format!("from=2026-11-23T{at:02}:00:00Z&to=2026-11-23T{:02}:00:00Z&by=hour", at + 1);
    let openings = |totals: &serde_json::Value| {
        ["opened", "opened_by_machines", "never_opened"].map(|field| totals[field].as_i64())
    };
    for (number, is_on) in [(1, "true"), (2, "false"), (3, "true")] {
        test.set("record_openings", is_on).await;
        let user = test.client(&format!("c{number}@example.org")).await;
        let link = test.ask_for_link(user).await;
        Person::at("203.0.113.9").open(&test, &link).await;
        test.settle_openings().await;
        if number == 1 {
            assert_eq!(openings(&test.link_stats(&hour(3)).await["totals"]), [Some(1), Some(0), Some(0)]);
            // Long enough, so that no link lives any more when it is switched off.
            test.advance(4 * 3_600);
        } else {
            test.advance(3_600);
        }
    }

    assert_eq!(openings(&test.link_stats(&hour(3)).await["totals"]), [Some(1), Some(0), Some(0)]);
    assert_eq!(openings(&test.link_stats(&hour(5)).await["totals"]), [Some(0), Some(0), Some(0)]);
    assert_eq!(openings(&test.link_stats(&hour(7)).await["totals"]), [None, None, None]);
    assert_eq!(openings(&test.link_stats(&hour(8)).await["totals"]), [Some(1), Some(0), Some(0)]);
    let whole = test.link_stats("").await;
    assert_eq!((openings(&whole["totals"]), &whole["totals"]["issued"]), ([None, None, None], &json!(3)));

    // Of links that live while it is switched off nobody knows who opens them.
    test.set("record_openings", "false").await;
    assert_eq!(openings(&test.link_stats(&hour(8)).await["totals"]), [None, None, None]);
}

#[tokio::test]
async fn figures_are_unknown_while_links_lived_without_notes_and_known_before() {
    let mut test = TestApp::start().await.limited_to(&UNLIMITED);
    let opened = async |test: &TestApp, hour: i64| {
        let query = format!("from=2026-11-23T{hour:02}:00:00Z&to=2026-11-23T{:02}:00:00Z&by=hour", hour + 1);
        test.link_stats(&query).await["totals"]["opened"].as_i64()
    };
    let open_one = async |test: &TestApp, name: &str| {
        let user = test.client(&format!("{name}@example.org")).await;
        let link = test.ask_for_link(user).await;
        Person::at("203.0.113.9").open(test, &link).await;
        test.settle_openings().await;
    };
    open_one(&test, "short").await;
    test.advance(3 * 3_600);
    test.set("link_lifetime", "5h").await;
    open_one(&test, "long").await;
    test.set("link_lifetime", "600").await;
    test.advance(2 * 3_600);

    // The link that was made for five hours lives on.
    test.set("record_openings", "false").await;
    assert_eq!([opened(&test, 3).await, opened(&test, 6).await], [Some(1), None]);
    test.advance(4 * 3_600);
    test.set("record_openings", "true").await;
    open_one(&test, "again").await;
    assert_eq!(opened(&test, 12).await, Some(1));
    test.advance(3_600);
    test.set("record_openings", "false").await;
    assert_eq!(opened(&test, 12).await, Some(1));
    // Nothing is forgotten once more by another setting.
    test.set("link_lifetime", "30d").await;

    assert_eq!(
        [opened(&test, 3).await, opened(&test, 6).await, opened(&test, 12).await],
        [Some(1), None, Some(1)]
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn figures_are_read_while_nothing_can_be_written_and_what_was_late_is_counted_once() {
    let test = TestApp::start().await.limited_to(&UNLIMITED);
    let user = test.client("ada@example.org").await;
    for _ in 0..3 {
        test.ask_for_link(user).await;
    }
    let hold = test.database.hold();
    let begun = Instant::now();
    assert_eq!(test.link_stats("").await["totals"]["issued"], 1);
    let took = begun.elapsed();
    hold.let_go();

    assert!(took < Duration::from_secs(4), "{took:?}");
    flush_counters(&test.app).await.unwrap();
    assert_eq!(test.link_stats("").await["totals"]["handed_out_again"], 2);
}

#[tokio::test]
async fn a_workspace_that_is_gone_has_no_figures() {
    let test = TestApp::start().await;
    let user = test.client("ada@example.org").await;
    let link = test.ask_for_link(user).await;
    let token = Token::parse(link.split_once("token=").unwrap().1).unwrap();
    let (store, now, gone) = (&test.app.store, test.app.clock.now(), WorkspaceId(77));
    let hashes = test.app.keys().link_hashes(test.acme.id, &token);
    let mut found = store.find_login_link(test.acme.id, &hashes).await.unwrap().unwrap();
    found.link.draft.workspace = gone;

    store.count_reuse(&found.link, now);
    store.write_reuses().await.unwrap();
    store
        .count_refusals(Uuid::new_v4(), &[((gone, now.start_of_hour(), "staff_user"), 1)], now)
        .await
        .unwrap();

    for table in ["link_stats", "refusal_stats"] {
        assert_eq!(
            test.number(&format!("SELECT count(*) FROM {table} WHERE workspace_id = 77")),
            0,
            "{table}"
        );
    }
}

#[tokio::test]
async fn a_longer_lifetime_is_advised_where_many_come_too_late() {
    let mut test = TestApp::start().await.limited_to(&UNLIMITED);
    test.set("link_lifetime", "600").await;
    for number in 0..50 {
        let user = test.client(&format!("c{number}@example.org")).await;
        let link = test.ask_for_link(user).await;
        // Eleven of fifty are late: three of them within a quarter of an hour.
        test.advance(match number {
            0..=2 => 800,
            3..=10 => 2_000,
            _ => 100,
        });
        let mut person = Person::at("203.0.113.9");
        let page = person.open(&test, &link).await;
        if page.status == StatusCode::OK {
            person.press(&test, &page).await;
        }
        if number == 48 {
            test.settle_openings().await;
            assert_eq!(test.link_stats("").await["advice"], json!(null), "forty-nine are too few");
        }
    }
    test.settle_openings().await;

    let advice = test.link_stats("").await["advice"].clone();
    assert_eq!(
        advice,
        "22 % of 50 first tries came after the link's end; with a lifetime of 15 minutes it would have been 16 %."
    );
}

#[tokio::test]
async fn the_commands_print_what_the_api_answers() {
    let server = Server::start();
    server.add_client("ada@example.org", "Ada", "X");
    let link = server.ask_for_link(1).await;
    let api = server.call("GET", "/api/stats/login_links").await.json::<serde_json::Value>().await.unwrap();
    let printed: serde_json::Value =
        serde_json::from_str(&server.run(&["stats", "--workspace", "Acme", "--json"])).unwrap();
    assert_eq!(printed, api);
    assert_eq!(api["totals"]["issued"], 1);
    let refused = server.refused(&["link", "77", "--workspace", "Acme"], &[]);
    assert!(refused.contains("There is no such user"), "{refused}");
    let table = server.run(&["stats", "--workspace", "Acme", "--days", "1"]);
    assert!(table.contains("user_not_found  1"), "{table}");
    assert!(table.contains("issued") && table.contains("ISSUED"), "{table}");
    for days in ["0", "367"] {
        let mut wrong = server.command();
        wrong.args(["stats", "--workspace", "Acme", "--days", days]);
        assert_eq!(wrong.output().unwrap().status.code(), Some(2), "{days}");
    }

    let asked = std::process::Stdio::piped();
    let mut story = server.command();
    story.args(["story", "--workspace", "Acme", "--json"]).stdin(asked).stdout(std::process::Stdio::piped());
    let mut story = story.spawn().unwrap();
    std::io::Write::write_all(&mut story.stdin.take().unwrap(), link.as_bytes()).unwrap();
    let told = story.wait_with_output().unwrap();
    let told: serde_json::Value = serde_json::from_slice(&told.stdout).unwrap();
    assert_eq!((&told["state"], &told["events"][0]["actor"]), (&json!("live"), &json!("api_key:1")));
    let id = told["link_id"].as_str().unwrap();
    let by_id = server.run(&["story", "--workspace", "Acme", "--link-id", id]);
    assert!(by_id.contains(id) && by_id.contains("issued"), "{by_id}");
    let unknown = Uuid::now_v7().to_string();
    let refused = server.refused(&["story", "--workspace", "Acme", "--link-id", &unknown], &[]);
    assert!(refused.contains("no link of this workspace"), "{refused}");
}
