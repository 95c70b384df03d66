//! What apps hear when a session ends: a logout token, soon, and again where it was not heard.

use doorkey::domain::outbound::OutboundAllow;
use doorkey::flow::oidc::sign_outs;
use doorkey::flow::operations::maintenance;
use doorkey::outbound::http::OutboundClient;
use serde_json::{Value, json};

use crate::support::app::{TestApp, TestRequest, settings};
use crate::support::receiver::{Answer, Receiver};
use crate::support::relying_party::RelyingParty;

/// An installation that may call this machine.
async fn start() -> TestApp {
    calling(TestApp::start().await, "127.0.0.0/8")
}

fn calling(test: TestApp, allowed: &str) -> TestApp {
    let client = OutboundClient::new(OutboundAllow::parse(allowed).unwrap(), []);
    let app = test.app.clone().calling(client);
    TestApp { router: doorkey::http::router(app.clone(), settings()), app, ..test }
}

/// An app at a receiver that exchanged a code in a session that was ended; and that session's number.
async fn ended(test: &TestApp, receiver: &Receiver) -> (RelyingParty, Value) {
    let uri = format!("http://{}/hook", receiver.address);
    let app = test.add_app(&json!({"backchannel_logout_uri": uri})).await;
    let ada = test.client(&format!("{}@example.org", app.client_id)).await;
    let mut browser = test.browser();
    browser.sign_in(&test.ask_for_link(ada).await).await;
    let code = app.code(&mut browser).await;
    let tokens = app.tokens(test, &code).await;
    let claims = test.verified(&app, tokens["id_token"].as_str().unwrap()).await;
    let form = TestRequest::of("POST", "/logout").form(&[]).header("sec-fetch-site", "same-origin");
    assert_eq!(browser.send(form).await.status, 303);
    (app, claims)
}

/// Does what is due, as the server does several times a second; how many sign-outs that were.
async fn deliver(test: &TestApp) -> usize {
    let due = sign_outs::take_due(&test.app, 16).await.unwrap();
    for item in &due {
        sign_outs::deliver(&test.app, *item).await.unwrap();
    }
    due.len()
}

#[tokio::test]
async fn an_app_gets_a_logout_token_that_is_no_id_token() {
    let test = start().await;
    let receiver = Receiver::start(Answer::status("204 No Content")).await;
    let (app, id_token) = ended(&test, &receiver).await;
    test.advance(1);

    assert_eq!(deliver(&test).await, 1);

    let requests = receiver.requests();
    let (head, body) = requests[0].split_once("\r\n\r\n").unwrap();
    assert!(head.starts_with("POST /hook HTTP/1.1"), "{head}");
    assert!(head.contains("content-type: application/x-www-form-urlencoded"), "{head}");
    let token = body.strip_prefix("logout_token=").unwrap();
    assert_eq!(jsonwebtoken::decode_header(token).unwrap().typ.as_deref(), Some("logout+jwt"));
    let claims = test.verified(&app, token).await;
    let event = json!({"http://schemas.openid.net/event/backchannel-logout": {}});
    assert_eq!((&claims["sub"], &claims["sid"]), (&id_token["sub"], &id_token["sid"]));
    assert_eq!((&claims["events"], claims.get("nonce")), (&event, None));
    assert_eq!(claims["exp"].as_i64().unwrap() - claims["iat"].as_i64().unwrap(), 120);
    assert!(claims["jti"].as_str().is_some_and(|jti| !jti.is_empty()));
    // It was heard: nothing waits, and nobody signs anybody out with it.
    assert_eq!(deliver(&test).await, 0);
    assert_eq!(test.number("SELECT count(*) FROM app_sessions"), 0);
    let hint = format!("/oidc/end_session?id_token_hint={token}");
    let shown = test.browser().get(&hint).await;
    assert_eq!((shown.status.as_u16(), shown.header("location")), (200, ""));
}

/// Redirects and errors count as not heard; each attempt is signed anew.
#[tokio::test]
async fn what_is_not_heard_is_said_again_and_given_up_in_the_log() {
    for answer in [Answer::status("302 Found"), Answer::status("500 Oops"), Answer::Close] {
        let test = start().await;
        let receiver = Receiver::start(answer).await;
        let (app, _) = ended(&test, &receiver).await;

        assert_eq!(deliver(&test).await, 1);
        for pause in [5, 30, 300, 1_800, 7_200] {
            test.advance(pause - 1);
            assert_eq!(deliver(&test).await, 0, "before {pause} s");
            test.advance(1);
            assert_eq!(deliver(&test).await, 1, "after {pause} s");
        }
        test.advance(86_400);
        assert_eq!(deliver(&test).await, 0);
        assert_eq!(receiver.connections(), 6);
        let mut tokens: Vec<_> = receiver.requests();
        tokens.sort();
        tokens.dedup();
        assert_eq!(tokens.len(), receiver.requests().len(), "a token was sent twice");
        assert!(test.audit().contains(&"app.logout_failed by doorkey".to_owned()), "{:?}", test.audit());
        let entries = test.database.rows("SELECT data FROM audit_log WHERE event = 'app.logout_failed'");
        assert!(entries[0][0].contains(&app.client_id));
        assert_eq!(test.number("SELECT count(*) FROM app_sessions"), 0);
    }
}

/// Where the operator allows nothing, nothing inside is called.
#[tokio::test]
async fn an_address_that_is_not_public_is_not_called() {
    let test = start().await;
    let receiver = Receiver::start(Answer::status("204 No Content")).await;
    ended(&test, &receiver).await;
    let test = calling(test, "");

    assert_eq!(deliver(&test).await, 1);

    assert_eq!(receiver.connections(), 0);
    let uri = "https://127.0.0.1/";
    let body = json!({"name": "X", "redirect_uris": ["https://a.test/"], "backchannel_logout_uri": uri});
    let refused = test.send(TestRequest::of("POST", "/api/apps").bearer(&test.key).json(&body)).await;
    assert_eq!(refused.json()["codes"]["backchannel_logout_uri"], json!(["invalid"]), "{}", refused.body);
    assert_eq!(test.number("SELECT count(*) FROM outbox WHERE what = 'logout'"), 1);
    // An operator sees that it waits.
    maintenance::count_outbox(&test.app).await.unwrap();
    let metrics = test.app.metrics.text();
    assert!(metrics.contains("doorkey_outbox_waiting{what=\"logout\"} 1"), "{metrics}");
}

/// Two nodes that look at once tell an app once.
#[tokio::test]
async fn of_several_nodes_one_tells_an_app() {
    let test = start().await;
    let receiver = Receiver::start(Answer::status("200 OK")).await;
    ended(&test, &receiver).await;
    let other = calling(test.beside().await, "127.0.0.0/8");

    let told = tokio::join!(deliver(&test), deliver(&other));

    assert_eq!(told.0 + told.1, 1);
    assert_eq!(receiver.connections(), 1);
}

/// An app without an address is told nothing, and a deleted user is named as before.
#[tokio::test]
async fn an_app_without_an_address_is_let_go_of() {
    let test = start().await;
    let (app, mut browser) = test.app_and_browser().await;
    let code = app.code(&mut browser).await;
    app.tokens(&test, &code).await;
    test.delete(doorkey::domain::user::UserId::from_number(1).unwrap()).await;

    assert_eq!(deliver(&test).await, 1);

    assert_eq!(test.number("SELECT count(*) FROM app_sessions"), 0);
    assert_eq!(test.number("SELECT count(*) FROM outbox"), 0);
}
