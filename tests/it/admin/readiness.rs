//! A node that is not ready keeps no admin out as over, and ends nothing; what is over long enough is swept.

use axum::http::StatusCode;
use doorkey::domain::admin::AdminRole;
use doorkey::flow::operations::maintenance::{Retention, sweep};
use doorkey::flow::operations::nodes;

use crate::support::admin::{admin_pages, allow, arrives, form_to, grant, link, press, signed_in};
use crate::support::app::TestApp;

/// How many links and sessions there are.
fn counts(test: &TestApp) -> (i64, i64) {
    (test.number("SELECT count(*) FROM admin_links"), test.number("SELECT count(*) FROM admin_sessions"))
}

#[tokio::test]
async fn a_node_that_lacks_a_key_says_of_nothing_that_it_is_over() {
    let test = TestApp::start().await;
    let pages = admin_pages(&test);
    let grace = grant("Grace", AdminRole::Operator, &[]);
    let list = format!("/w/{}/keys", test.acme.id.0);
    let mut admin = signed_in(&pages, grace.clone()).await;
    let out = form_to(&admin.get(&list).await, "/sign-out");
    let link = link(&pages, grace).await;
    let mut browser = arrives(&pages);
    let page = browser.get(&link).await;
    // The database rests on a key that nobody has.
    let accept = "INSERT INTO key_fingerprints (fingerprint, key_id, created_at) VALUES";
    test.run_sql(&format!("{accept} (x'{}', 7, 0)", "07".repeat(32)));
    nodes::check_health(&test.app).await.unwrap().unwrap_err();

    assert_eq!(admin.get(&list).await.status, StatusCode::OK, "a session that is known holds");
    let refused = admin.send(out.sent()).await;
    assert_eq!(refused.status, StatusCode::SERVICE_UNAVAILABLE);
    assert!(refused.cookies().is_empty() && !refused.header("retry-after").is_empty());
    assert!(refused.body.contains("Not available at the moment"), "{}", refused.body);
    assert_eq!(browser.send(press(&page)).await.status, StatusCode::SERVICE_UNAVAILABLE);
    let unknown = "a".repeat(43);
    assert_eq!(browser.get(&format!("/sign-in?token={unknown}")).await.status, 503);
    let mut stranger = arrives(&pages);
    stranger.cookies.insert("doorkey_admin".to_owned(), unknown);
    assert_eq!(stranger.get(&list).await.status, StatusCode::SERVICE_UNAVAILABLE);
    test.advance(31 * 60);
    for response in [browser.get(&link).await, admin.get(&list).await] {
        assert_eq!(response.status, StatusCode::SERVICE_UNAVAILABLE, "its time is over by this clock");
    }
    assert_eq!(counts(&test), (1, 1), "nothing was ended");

    test.run_sql("DELETE FROM key_fingerprints WHERE key_id = 7");
    nodes::check_health(&test.app).await.unwrap().unwrap();
    assert_eq!(browser.get(&link).await.status, StatusCode::GONE);
    assert_eq!(admin.get(&list).await.header("location"), "/sign-in");
    assert_eq!(stranger.get(&list).await.header("location"), "/sign-in");
    assert_eq!(counts(&test), (0, 0));
}

#[tokio::test]
async fn links_and_sessions_are_swept_a_day_after_their_end_and_allowances_stay() {
    let test = TestApp::start().await;
    let pages = admin_pages(&test);
    let grace = grant("Grace", AdminRole::Operator, &[]);
    signed_in(&pages, grace.clone()).await;
    link(&pages, grace.clone()).await;
    allow(&test, grace).await;
    let kept = Retention { audit_log: 365 * 86_400, dead_links: 90 * 86_400 };
    let swept_after = async |seconds: i64| {
        test.advance(seconds);
        sweep(&test.app, test.app.clock.now(), kept).await.unwrap();
        counts(&test)
    };

    assert_eq!(swept_after(86_400 + 599).await, (1, 1));
    assert_eq!(swept_after(1).await, (0, 1), "the link lived for ten minutes");
    assert_eq!(swept_after(8 * 3_600 - 601).await, (0, 1));
    assert_eq!(swept_after(1).await, (0, 0), "the session for eight hours");
    assert_eq!(test.number("SELECT count(*) FROM admin_allowances"), 1);
}
