//! The audit log as a page and as a file.

use axum::http::StatusCode;
use doorkey::domain::admin::AdminRole;
use doorkey::domain::user::UserChange;
use doorkey::flow;

use crate::support::admin::{admin_pages, grant, links, signed_in};
use crate::support::app::{TestApp, TestRequest, TestResponse};
use crate::support::database::Engine;

/// The records of a file, the header among them.
fn records(file: &str) -> Vec<Vec<String>> {
    let mut reader = csv::ReaderBuilder::new().has_headers(false).from_reader(file.as_bytes());
    reader.records().map(|record| record.unwrap().iter().map(str::to_owned).collect()).collect()
}

#[tokio::test]
async fn the_log_is_shown_newest_first_and_filtered() {
    let test = TestApp::start().await;
    let name = UserChange { name_f: Some("<i>Zoë".to_owned()), ..UserChange::default() };
    let zoe = test.add(&test.acme, "zoe@example.org", name).await;
    let ada = test.client("ada@example.org").await;
    test.ask_for_link(zoe).await;
    test.advance(86_400);
    test.ask_for_link(ada).await;
    let pages = admin_pages(&test);
    let mut browser = signed_in(&pages, grant("Sam", AdminRole::Support, &[test.acme.id])).await;
    let list = format!("/w/{}/logs", test.acme.id.0);

    let page = browser.get(&list).await;
    assert_eq!(page.status, StatusCode::OK, "{}", page.body);
    // Behind the list of events to choose from.
    let (_, table) = page.body.split_once("<tbody>").unwrap();
    let places = [">03:23:00</time>", "admin.signed_in", ">23 Nov, 03:23:00</time>", "user.added"];
    let places = places.map(|text| table.find(text).unwrap_or_else(|| panic!("{text}: {table}")));
    assert!(places.is_sorted(), "{table}");
    assert!(page.body.contains("<bdi>&#60;i&#62;Zoë Lovelace</bdi>"), "{}", page.body);
    assert!(!page.body.contains("example.org"), "an address is in the log");
    for (query, expected) in [
        ("event=login_link.issued", 2),
        ("event=login_link.issued&user_id=1", 1),
        ("user_id=2", 2),
        ("user_id=3", 0),
        ("actor=api_key:1", 2),
        ("actor=admin:Sam", 1),
        ("actor=admin%3Asam", 0),
        ("event=login_link.issued&from=2026-11-24", 1),
        ("event=login_link.issued&to=2026-11-23", 1),
        ("event=login_link.issued&from=2026-11-23&to=2026-11-24", 2),
        ("event=login_link.issued&from=2026-11-23T03:23:00.001Z", 1),
        ("event=login_link.issued&to=2026-11-23T03:23:00Z", 1),
        ("event=&user_id=&actor=&from=&to=2026-11-22", 0),
    ] {
        let page = browser.get(&format!("{list}?{query}")).await;
        // Sam looks at the file of each.
        let looked = page.body.matches("<code>admin.looked</code>").count();
        let shown = page.body.matches("<th scope=\"row\">").count() - looked;
        assert_eq!(shown, expected, "{query}: {}", page.body);
        let file = browser.get(&format!("{list}.csv?{query}")).await;
        let found = records(&file.body).len() - 1;
        let looked = file.body.matches(",admin.looked,").count();
        assert_eq!(found - looked, expected, "{query}: {}", file.body);
    }
}

#[tokio::test]
async fn a_wrong_filter_is_said_at_its_field() {
    let test = TestApp::start().await;
    let pages = admin_pages(&test);
    let mut browser = signed_in(&pages, grant("Sam", AdminRole::Viewer, &[])).await;

    for (query, field) in [
        ("event=login", "event"),
        ("user_id=0", "user_id"),
        ("user_id=ada%40example.org", "user_id"),
        ("actor=sam", "actor"),
        ("from=23.11.2026", "from"),
        ("to=2026-11-31", "to"),
        ("to=2026-11-30&to=2026-11-30", "to"),
    ] {
        for path in ["logs", "logs.csv"] {
            let page = browser.get(&format!("/w/{}/{path}?{query}", test.acme.id.0)).await;
            assert_eq!(page.status, StatusCode::BAD_REQUEST, "{path}?{query}");
            assert!(page.body.contains(&format!("id=\"{field}-error\"")), "{}", page.body);
            assert_eq!(page.body.matches("class=\"error\"").count(), 1, "{}", page.body);
            assert!(!page.body.contains("<table"), "{}", page.body);
        }
    }
    assert!(!test.audit().iter().any(|entry| entry.starts_with("admin.looked")), "nothing was looked at");
}

#[tokio::test]
async fn the_log_is_a_file_that_no_spreadsheet_takes_for_formulas() {
    let test = TestApp::start().await;
    let ada = test.client("ada@example.org").await;
    test.ask_for_link(ada).await;
    let pages = admin_pages(&test);
    // What begins as a formula, what has quotes and line breaks, and letters of everywhere.
    for (place, actor, event) in
        [(3, "=cmd|' /C calc'!A1", "@y"), (2, "+1\r\n\"グレース\", -1", "-e"), (1, "\ty", "\ry")]
    {
        test.run_sql(&format!(
            "INSERT INTO audit_log (workspace_id, id, time, event, user_id, actor, request_id, data)
             SELECT workspace_id, x'{place:032x}', time, '{event}', user_id, '{}', request_id, data FROM audit_log WHERE event = 'login_link.issued'",
            actor.replace('\'', "''"),
        ));
    }
    let mut browser = signed_in(&pages, grant("Sam", AdminRole::Support, &[test.acme.id])).await;

    let file = browser.get(&format!("/w/{}/logs.csv", test.acme.id.0)).await;

    assert_eq!(file.status, StatusCode::OK, "{}", file.body);
    assert!(file.header("content-type").starts_with("text/csv; charset=utf-8"));
    assert_eq!(file.header("content-disposition"), "attachment; filename=\"logs.csv\"");
    assert!(file.body.starts_with("id,time,event,user_id,actor,request_id,data\r\n"), "{}", file.body);
    let read = records(&file.body);
    assert!(read.iter().all(|record| record.len() == 7));
    let tail: Vec<_> = read[read.len() - 3..].iter().map(|record| (&*record[2], &*record[4])).collect();
    assert_eq!(tail, [("'@y", "'=cmd|' /C calc'!A1"), ("'-e", "'+1\r\n\"グレース\", -1"), ("'\ry", "'\ty")]);
    let api = test.call("GET", "/api/logs?limit=100&filters[event][$eq]=login_link.issued").await.json();
    let issued = read.iter().find(|record| record[2] == "login_link.issued").unwrap();
    for (column, name) in ["id", "time", "event", "user_id", "actor", "request_id"].into_iter().enumerate() {
        let value = &api["data"][0][name];
        let shown = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        assert_eq!(issued[column], shown);
    }
    assert_eq!(serde_json::from_str::<serde_json::Value>(&issued[6]).unwrap(), api["data"][0]["data"]);
    let looked = "SELECT count(*) FROM audit_log WHERE event = 'admin.looked' AND actor = 'admin:Sam'";
    assert_eq!(test.number(looked), 1);
}

/// Writes so many entries of one moment, about user 1, whose ids are those of their requests. The event may depend on the number `n`
/// of an entry.
fn fill(test: &TestApp, millis: i64, (count, event): (i64, &str)) {
    let (numbers, id) = match crate::ENGINE {
        Engine::Sqlite => (
            "WITH RECURSIVE g (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM g WHERE n < COUNT)",
            "unhex(printf('%012x%020x', time, n))",
        ),
        Engine::Postgres => (
            "WITH g (n) AS (SELECT generate_series(1, COUNT))",
            "decode(lpad(to_hex(time), 12, '0') || lpad(to_hex(n), 20, '0'), 'HEX')",
        ),
    };
    let (numbers, id) =
        (numbers.replace("COUNT", &count.to_string()), id.replace("time", &millis.to_string()));
    test.run_sql(&format!(
        "{numbers} INSERT INTO audit_log (workspace_id, id, time, event, user_id, actor, request_id, data)
         SELECT a.workspace_id, {id}, {millis}, {event}, 1, 'api_key:1', {id}, data
         FROM audit_log a CROSS JOIN g WHERE event = 'login_link.issued'"
    ));
}

/// The requests that a page of the log names.
fn requests(page: &TestResponse) -> Vec<String> {
    let cells = page.body.split("data-label=\"Request\"><code class=\"small\">").skip(1);
    cells.map(|cell| cell[..36].to_owned()).collect()
}

/// Where the link of these words leads.
fn behind(page: &TestResponse, words: &str) -> Option<String> {
    let (before, _) = page.body.split_once(&format!(">{words}</a>"))?;
    let (_, address) = before.rsplit_once("href=\"")?;
    Some(address.split('"').next()?.replace("&#38;", "&"))
}

/// The events of 12,000 entries: of two kinds there are few.
const RARE: &str =
    "CASE WHEN n % 1700 = 0 THEN 'mail.failed' WHEN n > 11880 THEN 'mail.sent' ELSE 'user.changed' END";

/// A log of 12,000 entries behind that of a link for the client 1.
async fn long_log() -> TestApp {
    let test = TestApp::start().await;
    let ada = test.client("ada@example.org").await;
    test.ask_for_link(ada).await;
    test.advance(3_600);
    fill(&test, test.app.clock.now().millis(), (12_000, RARE));
    test
}

#[tokio::test]
async fn rare_entries_are_found_by_looking_further_back_each_once() {
    let test = long_log().await;
    test.advance(3_600);
    let pages = admin_pages(&test);
    let mut browser = signed_in(&pages, grant("Sam", AdminRole::Support, &[test.acme.id])).await;

    for (query, found, words) in [
        ("event=mail%2Efailed&from=2026%2D11%2D01", 7, "Look further back"),
        ("event=mail%2Esent", 119, "Older ones"),
        ("event=login%5Flink%2Eissued", 1, "Look further back"),
        ("event=api%5Fkey%2Erevoked&actor=api%5Fkey%3A1", 0, "Look further back"),
    ] {
        let first = format!("/w/{}/logs?{query}", test.acme.id.0);
        let mut page = browser.get(&first).await;
        let mut all = requests(&page);
        assert!(behind(&page, "From the newest").is_none());
        assert!(behind(&page, words).is_some(), "{query}: {}", page.body);
        // What comes meanwhile is newer than what is looked through.
        fill(&test, test.app.clock.now().millis(), (1, "'mail.failed'"));
        let mut looked_at = 1;
        while let Some(next) = behind(&page, "Look further back").or_else(|| behind(&page, "Older ones")) {
            assert!(next.starts_with(&format!("{first}&before=")), "{next}");
            let is_looking =
                page.body.contains("<p>Looked through back to <time datetime=\"2026-11-23T04:23:00");
            assert_eq!(is_looking, page.body.contains(">Look further back<"), "{}", page.body);
            page = browser.get(&next).await;
            assert_eq!(page.status, StatusCode::OK, "{}", page.body);
            assert_eq!(behind(&page, "From the newest").as_deref(), Some(&*first));
            all.extend(requests(&page));
            looked_at += 1;
        }
        test.run_sql(&format!("DELETE FROM audit_log WHERE time = {}", test.app.clock.now().millis()));
        assert_eq!(all.len(), found, "{query}");
        assert!((3..=5).contains(&looked_at), "{query}: {looked_at} pages");
        assert!(
            query.starts_with("event=login") || all.is_sorted_by(|newer, older| newer > older),
            "{query}"
        );
    }
    for wrong in ["before=x", "before=", "before=1&before=2"] {
        let page = browser.get(&format!("/w/{}/logs?event=mail.sent&{wrong}", test.acme.id.0)).await;
        assert_eq!(page.status, StatusCode::BAD_REQUEST, "{wrong}");
    }
    // Nothing younger than what the filters say is shown, from wherever it is looked.
    let end = "event=mail.sent&to=2026-11-22&before=ffffffff-ffff-ffff-ffff-ffffffffffff";
    let page = browser.get(&format!("/w/{}/logs?{end}", test.acme.id.0)).await;
    assert!(page.body.contains("No such entry is further back."), "{}", page.body);
}

/// Also where the entries of the pages before are far between.
#[tokio::test]
async fn found_entries_have_pages_by_number_too() {
    let test = long_log().await;
    let pages = admin_pages(&test);
    let mut browser = signed_in(&pages, grant("Sam", AdminRole::Support, &[test.acme.id])).await;

    for (query, rows) in [("event=mail.sent", [50, 50, 19, 0]), ("event=login_link.issued", [1, 0, 0, 0])] {
        let mut all = Vec::new();
        for (number, rows) in (1..).zip(rows) {
            let page = browser.get(&format!("/w/{}/logs?{query}&page={number}", test.acme.id.0)).await;
            let shown = requests(&page);
            // Few are found at once: the first page says how far it has looked.
            assert!(
                shown.len() == rows || (number == 1 && shown.is_empty()),
                "{query} {number}: {}",
                page.body
            );
            all.extend(shown);
        }
        assert!(all.is_sorted_by(|newer, older| newer > older), "{query}");
    }
}

#[tokio::test]
async fn entries_about_a_user_are_found_at_once_behind_all_of_others() {
    let test = TestApp::start().await;
    let ada = test.client("ada@example.org").await;
    let grace = test.client("grace@example.org").await;
    test.ask_for_link(ada).await;
    test.advance(3_600);
    fill(&test, test.app.clock.now().millis(), (12_000, RARE));
    let pages = admin_pages(&test);
    let mut browser = signed_in(&pages, grant("Sam", AdminRole::Support, &[test.acme.id])).await;
    let list = format!("/w/{}/logs", test.acme.id.0);

    for (query, found) in [(format!("user_id={}", grace.number()), 1), ("user_id=99".to_owned(), 0)] {
        let page = browser.get(&format!("{list}?{query}")).await;
        assert_eq!(requests(&page).len(), found, "{query}: {}", page.body);
        assert!(!page.body.contains("class=\"pager\""), "{query}: {}", page.body);
    }
    // One with many entries has those looked through part by part.
    let page = browser.get(&format!("{list}?user_id={}&event=login_link.issued", ada.number())).await;
    assert!(page.body.contains("No such entry was found so far."), "{}", page.body);
    assert!(behind(&page, "Look further back").is_some(), "{}", page.body);
}

#[tokio::test]
async fn a_file_begins_before_a_row_is_found_and_not_at_all_if_the_log_cannot_be_read() {
    let test = long_log().await;
    let pages = admin_pages(&test);
    let mut browser = signed_in(&pages, grant("Sam", AdminRole::Support, &[test.acme.id])).await;
    let rare = format!("/w/{}/logs.csv?event=login_link.issued", test.acme.id.0);

    let parts = browser.get_in_parts(&rare).await;

    assert_eq!(parts[0], "id,time,event,user_id,actor,request_id,data\r\n");
    assert_eq!(records(&parts[1]).len(), 1, "{parts:?}");
    assert_eq!(parts.len(), 2, "{parts:?}");
    // As many lists are read as may be.
    let permits = [(); 2].map(|()| flow::lists::permit(&pages.app, &test.acme));
    let permits = futures_util::future::join_all(permits).await;
    assert!(permits.iter().all(Result::is_ok));
    assert_eq!(browser.get(&rare).await.status, StatusCode::SERVICE_UNAVAILABLE);
}

#[tokio::test]
async fn a_file_has_a_hundred_thousand_rows_at_most_and_finds_rare_ones_far_back() {
    let test = TestApp::start().await;
    let ada = test.client("ada@example.org").await;
    test.ask_for_link(ada).await;
    test.advance(3_600);
    let later = test.app.clock.now().millis();
    fill(&test, later, (100_100, "'user.changed'"));
    test.advance(3_600);
    let pages = admin_pages(&test);
    let mut browser = signed_in(&pages, grant("Sam", AdminRole::Support, &[test.acme.id])).await;
    let list = format!("/w/{}/logs", test.acme.id.0);

    let file = browser.get(&format!("{list}.csv")).await;
    let ids: Vec<_> = file.body.lines().skip(1).map(|line| line[..36].to_owned()).collect();
    assert_eq!(ids.len(), 100_000);
    assert!(ids.is_sorted_by(|newer, older| newer > older), "an entry is missing, twice or out of order");
    let rare = browser.get(&format!("{list}.csv?event=login_link.issued")).await;
    assert_eq!(records(&rare.body).len(), 2, "{}", rare.body);
    let none = browser.get(&format!("{list}.csv?event=api_key.revoked")).await;
    assert_eq!(records(&none.body).len(), 1);

    let page = browser.get(&format!("{list}?page=2")).await;
    assert_eq!(page.status, StatusCode::OK, "{}", page.body);
    assert_eq!(requests(&page).len(), 50, "{}", page.body);
    assert!(page.body.contains("51 to 100"), "{}", page.body);
    let next = links(&page).into_iter().find(|path| path.contains("page=3")).unwrap();
    assert!(browser.get(&next).await.body.contains("101 to 150"));

    let page = browser.get(&format!("{list}?event=user.changed")).await;
    assert_eq!(requests(&page).len(), 50, "{}", page.body);
    let older = browser.get(&behind(&page, "Older ones").unwrap()).await;
    assert_eq!(requests(&older).len(), 50, "{}", older.body);
    assert!(requests(&older)[0] < requests(&page)[49], "{}", older.body);
    assert_eq!(browser.get(&format!("{list}?page=x")).await.status, StatusCode::BAD_REQUEST);
    let foreign = browser.send(TestRequest::of("GET", "/w/9/logs.csv")).await;
    assert_eq!(foreign.status, StatusCode::NOT_FOUND);
}
