//! Another secret key derives: links, sessions and allowances of admins go on, and the last moves to it by being used.

use axum::http::StatusCode;
use doorkey::domain::admin::AdminRole;
use doorkey::domain::audit::AuditContext;
use doorkey::domain::login_link::KeyId;
use doorkey::flow::operations::{nodes, secret_keys};
use doorkey::keys;

use crate::support::admin::{HEADER, HOST, admin_pages, allow, arrives, grant, link, press, signed_in};
use crate::support::app::{TestApp, TestRequest};
use crate::support::wait::until_so;

/// How many rows of a table rest on a key.
fn resting(test: &TestApp, table: &str, key: KeyId) -> i64 {
    test.number(&format!("SELECT count(*) FROM {table} WHERE key_id = {}", key.0))
}

#[tokio::test]
async fn admins_go_on_beside_a_new_key_and_the_old_one_retires_when_none_needs_it() {
    let test = TestApp::start().await.on_time().await;
    let pages = admin_pages(&test);
    let grace = grant("Grace", AdminRole::Operator, &[test.acme.id]);
    let mut session = signed_in(&pages, grace.clone()).await;
    let link = link(&pages, grace.clone()).await;
    allow(&test, grace).await;
    let list = format!("/w/{}/keys", test.acme.id.0);
    let old = test.app.keys().active_id();
    let new = keys::add(&test.key_file()).unwrap();
    nodes::check_health(&test.app).await.unwrap().unwrap();
    let act = AuditContext::at_command_line();
    secret_keys::make_active(&test.app, &act, new).await.unwrap();
    nodes::check_health(&test.app).await.unwrap().unwrap();
    assert_eq!(test.app.keys().active_id(), new);

    assert_eq!(session.get(&list).await.status, StatusCode::OK);
    let named = TestRequest::of("GET", &list).host(HOST).header(HEADER, "Grace");
    assert_eq!(pages.send_from("10.0.0.7", named.clone()).await.status, StatusCode::OK);
    let moved = async || resting(&test, "admin_allowances", new) == 1;
    until_so(std::time::Duration::from_secs(10), moved, || "the allowance rests on the old key".to_owned())
        .await;
    assert_eq!(pages.send_from("10.0.0.7", named.clone()).await.status, StatusCode::OK);
    let mut browser = arrives(&pages);
    let page = browser.get(&link).await;
    assert_eq!(browser.send(press(&page)).await.status, StatusCode::SEE_OTHER);
    assert_eq!((resting(&test, "admin_sessions", new), resting(&test, "admin_sessions", old)), (1, 1));

    // The API key of the test rests on the old one too.
    test.call("GET", "/api/clients").await;
    let moved = async || resting(&test, "api_keys", new) == 1;
    until_so(std::time::Duration::from_secs(10), moved, || "the API key rests on the old key".to_owned())
        .await;
    let refused = secret_keys::retire(&test.app, &act, old, false).await.unwrap_err().to_string();
    assert!(refused.contains("0 session(s) and 0 API key(s), and 1 of admins"), "{refused}");
    let form = crate::support::admin::form_to(&session.get(&list).await, "/sign-out");
    session.send(form.sent()).await;
    secret_keys::retire(&test.app, &act, old, false).await.unwrap();
    nodes::check_health(&test.app).await.unwrap().unwrap();
    assert_eq!(browser.get(&list).await.status, StatusCode::OK);
    assert_eq!(pages.send_from("10.0.0.7", named).await.status, StatusCode::OK);
}
