//! What apps hear when a session ends: a logout token, soon, and again where it was not heard.

use std::sync::Arc;
use std::time::Duration;

use doorkey::domain::outbound::{OutboundAllow, OutboundUrl};
use doorkey::flow::oidc::sign_outs;
use doorkey::flow::oidc::sign_outs::Telling;
use doorkey::flow::operations::maintenance;
use doorkey::outbound::http::{MAX_OF_HOST, OutboundClient};
use serde_json::{Value, json};

use crate::support::app::{TestApp, TestRequest, settings};
use crate::support::receiver::{Answer, Receiver};
use crate::support::relying_party::{CALLBACK, RelyingParty};
use crate::support::server::{Server, visitor};
use crate::support::wait::until_so;

const TIMEOUT: Duration = Duration::from_secs(5);

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
    let due = sign_outs::take_due(&test.app, 16, &Telling::default()).await.unwrap();
    for due in &due {
        sign_outs::deliver(&test.app, due.item).await.unwrap();
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

/// What is beyond it is left as it is, and hides nothing of others.
#[tokio::test]
async fn an_app_has_its_share_of_what_is_told_at_once() {
    let test = start().await;
    let (app, mut browser) = test.app_and_browser().await;
    let ada = doorkey::domain::user::UserId::from_number(1).unwrap();
    for _ in 0..MAX_OF_HOST + 2 {
        let code = app.code(&mut browser).await;
        app.tokens(&test, &code).await;
        browser = test.browser();
        browser.sign_in(&test.ask_for_link(ada).await).await;
    }
    test.delete(ada).await;
    test.advance(1);
    let receiver = Receiver::start(Answer::status("204 No Content")).await;
    let (other, _) = ended(&test, &receiver).await;
    test.advance(1);
    let take = async |room: usize, told: usize| {
        let mut telling = Telling::default();
        for _ in 0..told {
            telling.begin((test.acme.id, app.client_id.clone()));
        }
        let due = sign_outs::take_due(&test.app, room, &telling).await.unwrap();
        due.into_iter().map(|due| due.client_id).collect::<Vec<_>>()
    };

    assert_eq!(take(1, MAX_OF_HOST).await, [other.client_id]);
    assert_eq!(take(64, MAX_OF_HOST).await, [""; 0]);
    assert_eq!(take(64, 0).await, vec![app.client_id.clone(); MAX_OF_HOST]);
    assert_eq!(take(64, MAX_OF_HOST - 1).await, [app.client_id.as_str()]);
    assert_eq!(test.number("SELECT count(*) FROM outbox WHERE attempts = 0"), 1);
}

#[tokio::test]
async fn an_app_that_never_answers_delays_no_other() {
    let mut server = Server::prepare("Acme");
    server.serve_with(&[("DOORKEY_OUTBOUND_ALLOW", "127.0.0.0/8")]);
    server.add_client("ada@example.org", "Ada", "Lovelace");
    let silent = Receiver::start(Answer::Hang).await;
    let quick = Receiver::start_at("127.0.0.2:0", Answer::status("204 No Content"), None).await;
    for (receiver, times) in [(&silent, 20), (&quick, 1)] {
        let uri = format!("http://{}/hook", receiver.address);
        let body = json!({"name": "Wiki", "redirect_uris": [CALLBACK], "backchannel_logout_uri": uri});
        let added = visitor().post(server.url("/api/apps")).bearer_auth(&server.key).json(&body);
        let added: Value = added.send().await.unwrap().json().await.unwrap();
        let field = |name: &str| added[name].as_str().unwrap().to_owned();
        let redirect_uri = CALLBACK.to_owned();
        let (client_id, secret) = (field("client_id"), Some(field("client_secret")));
        let app = RelyingParty { client_id, secret, redirect_uri };
        for _ in 0..times {
            let code = app.code_at(&server).await;
            assert_eq!(app.exchange_at(&server, &code).send().await.unwrap().status(), 200);
        }
    }

    assert_eq!(server.call("DELETE", "/api/clients/1").await.status(), 204);

    let has_heard = async || quick.requests().len() == 1 && silent.connections() == MAX_OF_HOST;
    until_so(TIMEOUT, has_heard, || format!("{} calls", silent.connections())).await;
    // What waits behind those calls is no attempt.
    let untried = "SELECT count(*) FROM outbox WHERE what = 'logout' AND attempts = 0";
    assert_eq!(server.database.number(untried), 16);
}

/// Other apps of the same host may have all of its calls.
#[tokio::test]
async fn what_gets_no_turn_at_its_host_is_no_attempt() {
    let test = start().await;
    let receiver = Receiver::start(Answer::Hang).await;
    ended(&test, &receiver).await;
    let url = OutboundUrl::parse(&format!("http://{}/", receiver.address)).unwrap();
    for _ in 0..MAX_OF_HOST {
        let (client, url) = (Arc::clone(&test.app.outbound), url.clone());
        tokio::spawn(async move { client.post(&url, &[], "", Duration::from_mins(1)).await });
    }
    let is_full = async || receiver.connections() == MAX_OF_HOST;
    until_so(TIMEOUT, is_full, || "the host is not called".to_owned()).await;

    assert_eq!(deliver(&test).await, 1);

    assert_eq!(receiver.connections(), MAX_OF_HOST);
    assert_eq!(test.database.rows("SELECT attempts FROM outbox"), [["0"]]);
    test.advance(1);
    let due = sign_outs::take_due(&test.app, 16, &Telling::default()).await.unwrap();
    assert_eq!((due.len(), due[0].item.attempts), (1, 1));
}
