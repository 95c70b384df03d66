//! What is not ready takes nothing away: no sweep, nothing marked as over, 503 where it cannot be sure.

use axum::http::StatusCode;
use doorkey::flow::operations::maintenance::{Retention, sweep_if_due};
use doorkey::flow::operations::nodes;
use serde_json::json;

use crate::support::app::{Browser, TestApp, TestRequest};

const YEAR: i64 = 365 * 86_400;

/// Has the database rest on a key that nobody has, of the number 7, and this node see it.
async fn take_a_key_away(test: &TestApp) {
    let accept = "INSERT INTO key_fingerprints (fingerprint, key_id, created_at) VALUES";
    test.run_sql(&format!("{accept} (x'{}', 7, 0)", "07".repeat(32)));
    nodes::check_health(&test.app).await.unwrap().unwrap_err();
}

async fn give_it_back(test: &TestApp) {
    test.run_sql("DELETE FROM key_fingerprints WHERE key_id = 7");
    nodes::check_health(&test.app).await.unwrap().unwrap();
}

async fn sign_out(browser: &mut Browser<'_>) -> StatusCode {
    let ask = TestRequest::of("POST", "/logout").form(&[]).header("sec-fetch-site", "same-origin");
    browser.send(ask).await.status
}

/// What is there of links, sessions and users, but for when somebody was last seen.
fn all(test: &TestApp) -> Vec<Vec<String>> {
    [
        "SELECT user_id, link_epoch, coalesce(used_at, 0), coalesce(ended_at, 0) FROM login_links ORDER BY 1, 2, 3",
        "SELECT user_id, session_epoch, expires_at, key_id FROM sessions ORDER BY 1, 2, 3",
        "SELECT id, is_active, two_factor, link_epoch, session_epoch, coalesce(deleted_at, 0) FROM users ORDER BY 1",
    ]
    .iter()
    .flat_map(|sql| test.database.rows(sql))
    .collect()
}

#[tokio::test]
async fn a_node_that_lacks_a_key_refuses_nothing_by_it_and_ends_nothing() {
    let test = TestApp::start().await;
    let (ada, bob) = (test.client("ada@x.test").await, test.client("bob@x.test").await);
    let link = test.ask_for_link(ada).await;
    let (mut adas, mut bobs) = (test.browser(), test.browser());
    bobs.sign_in(&test.ask_for_link(bob).await).await;
    let page = adas.open(&link).await;
    test.run_sql("UPDATE sessions SET key_id = 7");
    take_a_key_away(&test).await;
    let before = all(&test);
    let session = test.database.rows("SELECT user_id FROM sessions");
    assert_eq!(session.len(), 1);

    assert_eq!(bobs.get("/auth/verify").await.status, 503, "its key may be the one that is lacking");
    assert_eq!(bobs.get("/auth/verify?redirect=1").await.status, 503);
    assert_eq!(bobs.get("/").await.status, 503);
    assert_eq!(sign_out(&mut bobs).await, 503);
    assert!(bobs.session().is_some(), "the cookie was taken away, and the session lives on");
    assert_eq!(bobs.open(&link).await.status, 200, "a live link is live, whoever else is signed in");
    assert_eq!(test.browser().open(&format!("/login?token={}", "a".repeat(32))).await.status, 503);
    assert_eq!(test.browser().open("/login?token=short").await.status, 410, "no key makes a link of that");
    assert_eq!(test.browser().get("/auth/verify").await.status, 401, "nobody has no cookie");
    assert_eq!(adas.press(&page).await.status, 503);
    let unknown = TestRequest::of("GET", "/api/team");
    assert_eq!(test.send(unknown.clone()).await.status, 401);
    let strangers = TestApp::start().await.key;
    assert_eq!(test.send(unknown.bearer(&strangers)).await.status, 503);
    assert_eq!(test.call("GET", "/api/team").await.status, 200);
    for (method, path) in [
        ("DELETE", "/api/login_links/1"),
        ("DELETE", "/api/clients/1"),
        ("DELETE", &*format!("/api/sessions/{}", uuid::Uuid::nil())),
        ("GET", "/api/login_links/1"),
    ] {
        assert_eq!(test.call(method, path).await.status, 503, "{method} {path}");
    }
    let disable = TestRequest::of("PUT", "/api/clients/1").bearer(&test.key);
    assert_eq!(test.send(disable.json(&json!({ "status": 0 }))).await.status, 503);
    assert_eq!(all(&test), before);

    give_it_back(&test).await;
    let known = test.database.rows("SELECT key_id FROM login_links LIMIT 1");
    test.run_sql(&format!("UPDATE sessions SET key_id = {}", known[0][0]));
    assert!(bobs.is_signed_in().await);
    assert_eq!(test.ask_for_link(ada).await, link);
    assert_eq!(sign_out(&mut bobs).await, 303);
    assert_eq!(test.browser().sign_in(&link).await.status, 303);
}

/// What is over by the time is not said to be over while the node is not ready, and marked as over afterwards.
#[tokio::test]
async fn a_node_that_is_not_ready_tells_nobody_that_the_time_is_up() {
    let test = TestApp::start().await;
    let (ada, bob) = (test.client("ada@x.test").await, test.client("bob@x.test").await);
    let link = test.ask_for_link(ada).await;
    let (mut bobs, mut forger) = (test.browser(), test.browser());
    bobs.sign_in(&test.ask_for_link(bob).await).await;
    forger.cookies.clone_from(&bobs.cookies);
    let cookie = forger.cookies.iter_mut().find(|(name, _)| name.contains("session")).unwrap().1;
    cookie.replace_range(32.., &"A".repeat(32));
    take_a_key_away(&test).await;
    let before = all(&test);
    test.advance(8 * 86_400);

    assert_eq!(test.browser().open(&link).await.status, 503);
    assert_eq!(bobs.get("/auth/verify").await.status, 503);
    assert_eq!(bobs.get("/").await.status, 503);
    assert_eq!(forger.get("/auth/verify").await.status, 401, "no clock makes a wrong secret right");
    assert_eq!(all(&test), before);

    give_it_back(&test).await;
    assert_eq!(test.browser().open(&link).await.status, 410);
    assert_eq!(bobs.get("/auth/verify").await.status, 401);
    test.advance(-8 * 86_400);
    assert_eq!(test.browser().open(&link).await.status, 410);
    assert_eq!(bobs.get("/auth/verify").await.status, 401);
}

/// Who may not stay is out whatever a clock says; a node that is not ready leaves it to others to write that down.
#[tokio::test]
async fn whose_standing_is_gone_is_refused_by_a_node_that_is_not_ready_too() {
    let test = TestApp::start().await;
    let bob = test.client("bob@x.test").await;
    let mut bobs = test.browser();
    let link = test.ask_for_link(bob).await;
    bobs.sign_in(&link).await;
    let new = test.ask_for_link(bob).await;
    test.change(bob, "status", "0").await;
    take_a_key_away(&test).await;
    let before = all(&test);

    assert_eq!(bobs.get("/auth/verify").await.status, 401);
    assert_eq!(test.browser().open(&link).await.status, 410);
    assert_eq!(test.browser().open(&new).await.status, 410);
    assert_eq!(all(&test), before);
}

#[tokio::test]
async fn nothing_is_swept_before_ten_minutes_have_passed_since_the_start_and_since_a_step_of_the_clock() {
    let test = TestApp::start().await;
    let people = ["ada@x.test", "bob@x.test", "cyd@x.test"];
    for email in people {
        let user = test.client(email).await;
        test.ask_for_link(user).await;
    }
    // By any clock they are long dead.
    test.run_sql("UPDATE login_links SET expires_at = user_id WHERE user_id < 3");
    test.run_sql("UPDATE login_links SET expires_at = 4102444800000 WHERE user_id = 3");
    let links = || test.number("SELECT count(*) FROM login_links");
    let sweep = async || {
        sweep_if_due(&test.app, Retention { audit_log: YEAR, dead_links: 86_400 }).await.unwrap().login_links
    };

    assert_eq!(sweep().await, 0, "at the start");
    test.advance(599);
    assert_eq!(sweep().await, 0);
    test.app.clock.set(test.app.clock.now().plus_seconds(60));
    test.advance(1);
    take_a_key_away(&test).await;
    assert_eq!(sweep().await, 0, "it lacks a key");
    give_it_back(&test).await;
    assert_eq!(
        (sweep().await, links()),
        (2, 1),
        "ten minutes after the start, and a step of a minute is none"
    );

    test.run_sql("UPDATE login_links SET expires_at = 3");
    test.app.clock.set(test.app.clock.now().plus_seconds(2));
    assert_eq!(sweep().await, 0, "two seconds more are a step");
    test.advance(599);
    assert_eq!(sweep().await, 0);
    test.app.clock.set(test.app.clock.now().plus_seconds(-62));
    assert_eq!(sweep().await, 0, "and back");
    test.advance(599);
    assert_eq!(sweep().await, 0);
    test.advance(1);
    assert_eq!((sweep().await, links()), (1, 0));
}
