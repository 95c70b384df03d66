//! How requests come and how apps are answered: by a form, at any port of a loopback address.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::json;
use sha2::{Digest, Sha256};

use crate::support::app::{TestApp, TestRequest};
use crate::support::relying_party::{CALLBACK, query_of};

/// A form from elsewhere brings no Lax cookie, so it is asked again as a GET.
#[tokio::test]
async fn a_form_is_asked_again_as_a_get_and_head_is_not_taken() {
    let test = TestApp::start().await;
    let (app, mut browser) = test.app_and_browser().await;
    let path = app.authorize();
    let query = path.split_once('?').unwrap().1.to_owned();
    let mut form = TestRequest::of("POST", "/oidc/authorize").header("sec-fetch-site", "cross-site");
    form.body = query.clone().into_bytes();
    let form = form.header("content-type", "application/x-www-form-urlencoded");

    let answer = test.send(form).await;
    assert_eq!((answer.status.as_u16(), answer.header("location")), (303, path.as_str()));
    let code = browser.get(answer.header("location")).await;
    assert!(query_of(code.header("location")).contains_key("code"));
    let head = browser.send(TestRequest::of("HEAD", &path)).await;
    assert_eq!((head.status.as_u16(), head.header("allow")), (405, "GET, POST"));
    let mut long = TestRequest::of("POST", "/oidc/authorize");
    long.body = vec![b'a'; 8_193];
    let long = long.header("content-type", "application/x-www-form-urlencoded");
    assert_eq!(test.send(long).await.status, 413);
    assert_eq!(test.number("SELECT count(*) FROM app_codes"), 1);
}

/// Without a script too.
#[tokio::test]
async fn an_app_can_be_answered_by_a_form() {
    let test = TestApp::start().await;
    let (app, mut browser) = test.app_and_browser().await;

    let page = browser.get(&app.authorize_with(&[("response_mode", "form_post"), ("state", "\"><b>")])).await;

    assert_eq!(page.status, 200);
    assert!(page.body.contains(&format!("action=\"{CALLBACK}\"")), "{}", page.body);
    assert_eq!(page.field("state").as_deref(), Some("\"><b>"));
    assert_eq!(page.field("iss").as_deref(), Some("https://example.com"));
    let code = page.field("code").unwrap();
    app.tokens(&test, &code).await;
    let policy = page.header("content-security-policy");
    assert!(policy.contains("script-src 'sha256-") && !policy.contains("form-action"), "{policy}");
    let script = page.body.split_once("<script>").unwrap().1.split_once("</script>").unwrap().0;
    let hash = STANDARD.encode(Sha256::digest(script));
    assert!(policy.contains(&format!("'sha256-{hash}'")), "{policy}");
    let wrong = browser.get(&app.authorize_with(&[("response_mode", "form_post"), ("scope", "email")])).await;
    assert_eq!(wrong.field("error").as_deref(), Some("invalid_scope"));
}

#[tokio::test]
async fn where_no_state_was_sent_none_comes_back() {
    let test = TestApp::start().await;
    let (app, mut browser) = test.app_and_browser().await;
    for (others, name) in [(&[("state", "")][..], "code"), (&[("state", ""), ("scope", "email")], "error")] {
        let answer = browser.get(&app.authorize_with(others)).await;
        let said = query_of(answer.header("location"));
        assert!(said.contains_key(name) && !said.contains_key("state"), "{said:?}");
        let by_form = [others, &[("response_mode", "form_post")]].concat();
        let page = browser.get(&app.authorize_with(&by_form)).await;
        assert!(page.field(name).is_some() && page.field("state").is_none(), "{}", page.body);
    }
}

#[tokio::test]
async fn of_a_public_apps_loopback_address_any_port_is_taken() {
    let test = TestApp::start().await;
    let fields = json!({"type": "public", "redirect_uris": ["http://127.0.0.1/cb"]});
    let app = test.add_app(&fields).await;
    let ada = test.client("ada@example.org").await;
    let mut browser = test.browser();
    browser.sign_in(&test.ask_for_link(ada).await).await;
    for (uri, status) in [
        ("http://127.0.0.1:51234/cb", 303),
        ("http://127.0.0.1/cb", 303),
        ("http://localhost/cb", 400),
        ("http://127.0.0.2/cb", 400),
        ("http://[::1]/cb", 400),
        ("http://127.0.0.1.evil.test/cb", 400),
        ("http://u@127.0.0.1/cb", 400),
        ("http://127.0.0.1/cb/", 400),
    ] {
        assert_eq!(browser.get(&app.authorize_with(&[("redirect_uri", uri)])).await.status, status, "{uri}");
    }
}
