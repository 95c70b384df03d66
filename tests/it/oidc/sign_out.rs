//! Signing out by an app, and telling apps that a session has ended.

use serde_json::{Value, json};

use crate::support::app::{Browser, TestApp, TestRequest};
use crate::support::relying_party::{RelyingParty, encoded, userinfo};

const AFTER: &str = "https://app.example.org/bye";

async fn signed_in(test: &TestApp) -> (RelyingParty, Browser<'_>, Value) {
    let app = test.add_app(&json!({"post_logout_redirect_uris": [AFTER]})).await;
    let ada = test.client("ada@example.org").await;
    let mut browser = test.browser();
    browser.sign_in(&test.ask_for_link(ada).await).await;
    let code = app.code(&mut browser).await;
    let tokens = app.tokens(test, &code).await;
    (app, browser, tokens)
}

fn end_session(others: &[(&str, &str)]) -> String {
    let query: Vec<_> = others.iter().map(|(name, value)| format!("{name}={}", encoded(value))).collect();
    format!("/oidc/end_session?{}", query.join("&"))
}

#[tokio::test]
async fn an_app_that_knows_who_is_signed_in_signs_them_out_at_once() {
    let test = TestApp::start().await;
    let (app, mut browser, tokens) = signed_in(&test).await;
    let hint = tokens["id_token"].as_str().unwrap();
    // Expired or not.
    test.advance(3_600);

    let query = [
        ("id_token_hint", hint),
        ("client_id", &app.client_id),
        ("post_logout_redirect_uri", AFTER),
        ("state", "a b"),
    ];
    let answer = browser.get(&end_session(&query)).await;

    assert_eq!(
        (answer.status.as_u16(), answer.header("location")),
        (303, format!("{AFTER}?state=a%20b").as_str())
    );
    assert!(!browser.is_signed_in().await);
    assert_eq!(userinfo(&test, tokens["access_token"].as_str().unwrap()).await.status, 401);
    // With nobody signed in the same leads the same way.
    let again = browser.get(&end_session(&query)).await;
    assert_eq!(again.header("location"), format!("{AFTER}?state=a%20b"));
    let nowhere = browser.get(&end_session(&[("id_token_hint", hint)])).await;
    assert_eq!(nowhere.header("location"), "/oidc/signed_out");
    assert_eq!(browser.get("/oidc/signed_out").await.status, 200);
}

/// Never a redirect elsewhere, and nothing ends before the press.
#[tokio::test]
async fn whatever_an_app_cannot_show_is_asked_of_the_person() {
    let test = TestApp::start().await;
    let (app, mut browser, tokens) = signed_in(&test).await;
    let bob = test.client("bob@example.org").await;
    let mut other = test.browser();
    other.sign_in(&test.ask_for_link(bob).await).await;
    let code = app.code(&mut other).await;
    let of_bob = app.tokens(&test, &code).await["id_token"].as_str().unwrap().to_owned();
    let hint = tokens["id_token"].as_str().unwrap();
    let last = if hint.ends_with('x') { 'y' } else { 'x' };
    let forged = format!("{}{last}", &hint[..hint.len() - 1]);
    for query in [
        vec![],
        vec![("post_logout_redirect_uri", AFTER)],
        vec![("client_id", app.client_id.as_str()), ("post_logout_redirect_uri", AFTER)],
        vec![("id_token_hint", of_bob.as_str()), ("post_logout_redirect_uri", AFTER)],
        vec![("id_token_hint", forged.as_str()), ("post_logout_redirect_uri", AFTER)],
        vec![("id_token_hint", hint), ("client_id", "other"), ("post_logout_redirect_uri", AFTER)],
        vec![("id_token_hint", hint), ("post_logout_redirect_uri", "https://app.example.org/bye/")],
        vec![("id_token_hint", hint), ("post_logout_redirect_uri", "https://evil.test/")],
    ] {
        let page = browser.get(&end_session(&query)).await;
        assert_eq!((page.status.as_u16(), page.header("location")), (200, ""), "{query:?}");
        assert!(page.body.contains("action=\"/oidc/end_session/confirm\""));
        assert!(browser.is_signed_in().await, "{query:?}");
    }
    let page = browser.get("/oidc/end_session").await;
    let proof = page.field("proof").unwrap();
    let confirm = || TestRequest::of("POST", "/oidc/end_session/confirm").form(&[("proof", &proof)]);
    assert_eq!(browser.send(confirm().header("sec-fetch-site", "cross-site")).await.status, 403);
    let unproven = TestRequest::of("POST", "/oidc/end_session/confirm").form(&[]);
    assert_eq!(browser.send(unproven.header("sec-fetch-site", "same-origin")).await.status, 403);
    assert_eq!(browser.get("/oidc/end_session/confirm").await.status, 405);
    assert!(browser.is_signed_in().await);
    let pressed = browser.send(confirm().header("sec-fetch-site", "same-origin")).await;
    assert_eq!((pressed.status.as_u16(), pressed.header("location")), (303, "/oidc/signed_out"));
    assert!(!browser.is_signed_in().await);
    let shown = browser.get("/oidc/end_session").await;
    assert!(shown.status == 200 && !shown.body.contains("<form"), "{}", shown.body);
}

/// There is nothing to ask, and nothing to lead elsewhere for.
#[tokio::test]
async fn where_nobody_is_signed_in_that_is_said_at_once() {
    let test = TestApp::start().await;
    let (_, _, tokens) = signed_in(&test).await;
    let hint = tokens["id_token"].as_str().unwrap();
    let said = test.browser().get("/oidc/signed_out").await;
    for query in [
        vec![],
        vec![("post_logout_redirect_uri", AFTER)],
        vec![("id_token_hint", "x.y.z"), ("post_logout_redirect_uri", AFTER)],
        vec![("id_token_hint", hint), ("post_logout_redirect_uri", "https://evil.test/")],
    ] {
        let page = test.browser().get(&end_session(&query)).await;
        assert_eq!((page.status.as_u16(), page.header("location")), (200, ""), "{query:?}");
        assert_eq!(page.body, said.body, "{query:?}");
    }
}

#[tokio::test]
async fn a_form_of_an_app_that_signs_out_is_asked_again_as_a_get() {
    let test = TestApp::start().await;
    let (_, mut browser, tokens) = signed_in(&test).await;
    let hint = tokens["id_token"].as_str().unwrap();
    let form = TestRequest::of("POST", "/oidc/end_session").form(&[("id_token_hint", hint)]);

    let answer = test.send(form.header("sec-fetch-site", "cross-site")).await;
    assert_eq!(answer.status, 303);
    assert!(browser.is_signed_in().await);
    let ended = browser.get(answer.header("location")).await;
    assert_eq!(ended.header("location"), "/oidc/signed_out");
    assert!(!browser.is_signed_in().await);
}

/// Two of three apps exchanged a code; whatever ends the session queues a sign-out for each of them, and for no other.
#[tokio::test]
async fn each_app_of_a_session_hears_of_its_end_whatever_ended_it() {
    for how in ["sign_out", "api", "disabled", "staff", "deleted", "another", "idle", "shorter", "swept"] {
        let mut test = TestApp::start().await;
        let ada = test.client("ada@example.org").await;
        let mut browser = test.browser();
        browser.sign_in(&test.ask_for_link(ada).await).await;
        for name in ["One", "Two", "Three"] {
            let app = test.add_app(&json!({"name": name})).await;
            if name != "Three" {
                let code = app.code(&mut browser).await;
                app.tokens(&test, &code).await;
            }
        }
        let queued = |test: &TestApp| test.number("SELECT count(*) FROM outbox WHERE what = 'logout'");
        assert_eq!(queued(&test), 0, "{how}");
        match how {
            "sign_out" => {
                let form =
                    TestRequest::of("POST", "/logout").form(&[]).header("sec-fetch-site", "same-origin");
                browser.send(form).await;
            }
            "api" => {
                let id = test.call("GET", "/api/sessions").await.json()["data"][0]["id"].clone();
                test.call("DELETE", &format!("/api/sessions/{}", id.as_str().unwrap())).await;
            }
            "disabled" => test.change(ada, "status", "0").await,
            "staff" => test.change(ada, "staff", "true").await,
            "deleted" => test.delete(ada).await,
            "another" => {
                let bob = test.client("bob@example.org").await;
                browser.sign_in(&test.ask_for_link(bob).await).await;
            }
            "idle" => test.advance(12 * 3_600),
            "shorter" => {
                test.set("session_lifetime", "60").await;
                test.advance(61);
            }
            _ => test.run_sql("DELETE FROM sessions"),
        }
        if ["idle", "shorter", "swept"].contains(&how) {
            assert_eq!(queued(&test), 0, "{how}");
            doorkey::flow::oidc::sign_outs::end_over(&test.app).await.unwrap();
        }
        assert_eq!(queued(&test), 2, "{how}");
        assert_eq!(test.number("SELECT count(*) FROM app_sessions WHERE ended_at IS NULL"), 0, "{how}");
        if ["idle", "shorter"].contains(&how) {
            assert_eq!(test.number("SELECT count(*) FROM sessions"), 0, "{how}");
            assert!(
                test.audit().contains(&"session.ended by doorkey expired".to_owned()),
                "{:?}",
                test.audit()
            );
        }
    }
}

/// A look finds 500 at most.
#[tokio::test]
async fn however_many_sessions_are_over_all_are_ended_at_once() {
    let test = TestApp::start().await;
    let workspace = test.acme.id.0;
    let rows: Vec<_> =
        (1..=600).map(|n| format!("({workspace}, x'{n:032x}', x'{n:032x}', 'wiki', 1, 1)")).collect();
    let columns = "workspace_id, id, session_id, client_id, user_id, created_at";
    test.run_sql(&format!("INSERT INTO app_sessions ({columns}) VALUES {}", rows.join(", ")));

    doorkey::flow::oidc::sign_outs::end_over(&test.app).await.unwrap();

    assert_eq!(test.number("SELECT count(*) FROM outbox WHERE what = 'logout'"), 600);
}
