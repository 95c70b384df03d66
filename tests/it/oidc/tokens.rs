//! Codes, tokens and claims: who gets them, once, and when they die.

use axum::http::StatusCode;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use doorkey::flow::operations::maintenance::{self, Retention};
use serde_json::json;

use crate::support::app::{TestApp, TestRequest, UNLIMITED};
use crate::support::relying_party::{RelyingParty, error_of, userinfo};

const GRANT: (u16, &str) = (400, "invalid_grant");
const CLIENT: (u16, &str) = (401, "invalid_client");

fn is(answer: &(u16, String), expected: (u16, &str)) -> bool {
    (answer.0, answer.1.as_str()) == expected
}

#[tokio::test]
async fn an_id_token_says_who_signed_in_and_how_and_no_more() {
    let test = TestApp::start().await;
    let (app, mut browser) = test.app_and_browser().await;
    test.advance(30);
    let code = app.code(&mut browser).await;
    test.advance(30);

    let answer = test.send(app.exchange(&code)).await;
    assert_eq!((answer.status, answer.header("cache-control")), (StatusCode::OK, "no-store"));
    let tokens = answer.json();
    assert_eq!((&tokens["token_type"], &tokens["expires_in"]), (&json!("Bearer"), &json!(600)));
    assert_eq!(tokens["scope"], "openid profile email");
    let id_token = tokens["id_token"].as_str().unwrap();
    let header = jsonwebtoken::decode_header(id_token).unwrap();
    assert_eq!((header.typ.as_deref(), header.alg), (Some("JWT"), jsonwebtoken::Algorithm::RS256));
    let claims = test.verified(&app, id_token).await;
    let issued = 1_795_404_180 + 60;
    let expected = [
        ("iss", json!("https://example.com")),
        ("aud", json!(app.client_id)),
        ("iat", json!(issued)),
        ("exp", json!(issued + 600)),
        ("auth_time", json!(1_795_404_180)),
        ("nonce", json!("n1")),
        ("acr", json!("urn:doorkey:mailbox")),
        ("amr", json!(["link"])),
        ("email", json!("ada@example.org")),
        ("email_verified", json!(true)),
        ("name", json!("Ada Lovelace")),
        ("given_name", json!("Ada")),
        ("family_name", json!("Lovelace")),
        ("preferred_username", json!("ada@example.org")),
        ("user_id", json!(1)),
        ("updated_at", json!(1_795_404_180)),
    ];
    for (name, value) in &expected {
        assert_eq!(&claims[name], value, "{name}");
    }
    let others: Vec<_> = claims
        .as_object()
        .unwrap()
        .keys()
        .filter(|name| !expected.iter().any(|(known, _)| known == name))
        .collect();
    let others: std::collections::BTreeSet<_> = others.into_iter().map(String::as_str).collect();
    assert_eq!(others, ["at_hash", "sid", "sub"].into());
    let subject = claims["sub"].as_str().unwrap();
    assert!(subject.len() == 22 && subject.bytes().all(|byte| byte.is_ascii_alphanumeric()));

    let info = userinfo(&test, tokens["access_token"].as_str().unwrap()).await;
    assert_eq!(info.status, 200);
    for name in ["sub", "email", "email_verified", "name", "user_id", "preferred_username", "updated_at"] {
        assert_eq!(info.json()[name], claims[name], "{name}");
    }
    assert_eq!(info.json().get("nonce"), None);
}

/// One wrong thing each, and always the same answer; the code stays good.
#[tokio::test]
async fn whatever_does_not_fit_a_code_is_refused_alike_and_leaves_the_code_good() {
    let test = TestApp::start().await;
    let (app, mut browser) = test.app_and_browser().await;
    let other = test.add_app(&json!({"name": "Shop"})).await;
    let code = app.code(&mut browser).await;
    let unknown = test.send(app.exchange(&"x".repeat(32))).await;
    assert_eq!(error_of(&unknown), (400, "invalid_grant".to_owned()));

    for (party, others) in [
        (&app, &[("redirect_uri", "https://app.example.org/other")][..]),
        (&app, &[("redirect_uri", "")]),
        (&app, &[("code_verifier", "")]),
        (&app, &[("code_verifier", "x")]),
        (&app, &[("code", "")]),
        (&app, &[("code", "é")]),
        (&other, &[]),
    ] {
        let refused = test.send(party.exchange_with(&code, others)).await;
        assert_eq!((refused.status, &refused.body), (unknown.status, &unknown.body), "{others:?}");
    }
    app.tokens(&test, &code).await;
    test.advance(60);
    let late = app.code(&mut browser).await;
    test.advance(59);
    app.tokens(&test, &late).await;
    let late = app.code(&mut browser).await;
    test.advance(60);
    assert!(is(&error_of(&test.send(app.exchange(&late)).await), GRANT));
}

#[tokio::test]
async fn a_code_that_comes_twice_takes_its_access_token_with_it() {
    let test = TestApp::start().await;
    let (app, mut browser) = test.app_and_browser().await;
    let code = app.code(&mut browser).await;
    let tokens = app.tokens(&test, &code).await;
    let token = tokens["access_token"].as_str().unwrap();
    assert_eq!(userinfo(&test, token).await.status, 200);

    assert!(is(&error_of(&test.send(app.exchange(&code)).await), GRANT));

    let dead = userinfo(&test, token).await;
    assert_eq!(
        (dead.status.as_u16(), dead.header("www-authenticate")),
        (401, "Bearer error=\"invalid_token\"")
    );
}

/// Of any number of racing exchanges one succeeds, and the others have killed its token.
#[tokio::test]
async fn of_many_exchanges_of_one_code_one_succeeds() {
    let test = TestApp::start().await.limited_to(&UNLIMITED);
    let nodes = [test.beside().await, test.beside().await];
    let (app, mut browser) = test.app_and_browser().await;
    let code = app.code(&mut browser).await;

    let exchanges = (0..64).map(|number| {
        let node = [&test, &nodes[0], &nodes[1]][number % 3];
        node.send(app.exchange(&code))
    });
    let answers = futures_util::future::join_all(exchanges).await;

    let good: Vec<_> = answers.iter().filter(|answer| answer.status == 200).collect();
    assert_eq!(good.len(), 1);
    for refused in answers.iter().filter(|answer| answer.status != 200) {
        assert!(is(&error_of(refused), GRANT), "{}", refused.body);
    }
    let tokens = good[0].json();
    let token = tokens["access_token"].as_str().unwrap().to_owned();
    assert_eq!(userinfo(&nodes[0], &token).await.status, 401);
}

/// Whatever kills links kills codes and tokens of apps; the end of the session does too.
#[tokio::test]
async fn what_ends_a_sign_in_between_code_and_token_ends_the_code() {
    for how in ["two_factor", "signed_out", "deleted", "revoked", "address", "session_deleted", "disabled"] {
        let test = TestApp::start().await;
        let (app, mut browser) = test.app_and_browser().await;
        let ada = doorkey::domain::user::UserId::from_number(1).unwrap();
        let used = app.code(&mut browser).await;
        let tokens = app.tokens(&test, &used).await;
        let code = app.code(&mut browser).await;
        match how {
            "two_factor" => test.change(ada, "two_factor_enabled", "true").await,
            "disabled" => test.change(ada, "status", "0").await,
            "address" => test.change(ada, "email", "new@example.org").await,
            "deleted" => test.delete(ada).await,
            "revoked" => assert_eq!(test.call("DELETE", "/api/login_links/1").await.status, 204),
            "session_deleted" => {
                let id = test.call("GET", "/api/sessions").await.json()["data"][0]["id"].clone();
                let path = format!("/api/sessions/{}", id.as_str().unwrap());
                assert_eq!(test.call("DELETE", &path).await.status, 204);
            }
            _ => {
                let form =
                    TestRequest::of("POST", "/logout").form(&[]).header("sec-fetch-site", "same-origin");
                assert_eq!(browser.send(form).await.status, 303);
            }
        }
        assert!(is(&error_of(&test.send(app.exchange(&code)).await), GRANT), "{how}");
        let token = tokens["access_token"].as_str().unwrap();
        assert_eq!(userinfo(&test, token).await.status, 401, "{how}");
    }
}

#[tokio::test]
async fn an_access_token_is_good_for_ten_minutes_and_for_userinfo_alone() {
    let test = TestApp::start().await;
    let (app, mut browser) = test.app_and_browser().await;
    let tokens = {
        let code = app.code(&mut browser).await;
        app.tokens(&test, &code).await
    };
    let token = tokens["access_token"].as_str().unwrap();

    let ask = || TestRequest::of("POST", "/oidc/userinfo");
    assert_eq!(test.send(ask().form(&[("access_token", token)])).await.status, 200);
    assert_eq!(test.send(ask().bearer(token)).await.status, 200);
    let both = test.send(ask().bearer(token).form(&[("access_token", token)])).await;
    assert!(is(&error_of(&both), (400, "invalid_request")));
    let in_query = test.send(TestRequest::of("GET", &format!("/oidc/userinfo?access_token={token}"))).await;
    assert_eq!((in_query.status.as_u16(), in_query.header("www-authenticate")), (401, "Bearer"));
    let by_cookie = browser.get("/oidc/userinfo").await;
    assert_eq!((by_cookie.status.as_u16(), by_cookie.header("www-authenticate")), (401, "Bearer"));
    assert_eq!(test.send(TestRequest::of("GET", "/api/clients").bearer(token)).await.status, 401);
    assert_eq!(userinfo(&test, &test.key).await.status, 401);
    test.advance(599);
    assert_eq!(userinfo(&test, token).await.status, 200);
    test.advance(1);
    assert_eq!(userinfo(&test, token).await.status, 401);
}

fn basic(id: &str, secret: &str) -> String {
    format!("Basic {}", STANDARD.encode(format!("{id}:{secret}")))
}

/// The ways in which apps show who they are, and one answer for all that is wrong with them.
#[tokio::test]
async fn an_app_shows_who_it_is_in_one_way() {
    let test = TestApp::start().await;
    let (app, mut browser) = test.app_and_browser().await;
    let public = test.add_app(&json!({"name": "App", "type": "public"})).await;
    let secret = app.secret.clone().unwrap();
    let encoded = |text: &str| text.bytes().fold(String::new(), |text, byte| format!("{text}%{byte:02X}"));
    let bare = RelyingParty { secret: None, ..app.clone() };
    let id = app.client_id.as_str();
    let with = |code: &str, fields: &[(&str, &str)], header: Option<String>| {
        let request = bare.exchange_with(code, fields);
        header.map_or(request.clone(), |header| request.header("authorization", header))
    };
    let good = [
        (vec![], Some(basic(&encoded(id), &encoded(&secret)))),
        (vec![("client_id", id)], Some(basic(id, &secret))),
        (vec![("client_id", id), ("client_secret", secret.as_str())], None),
    ];
    for (fields, header) in good {
        let code = app.code(&mut browser).await;
        let answer = test.send(with(&code, &fields, header)).await;
        assert_eq!(answer.status, 200, "{fields:?}: {}", answer.body);
    }
    let code = app.code(&mut browser).await;
    let in_query =
        |request: TestRequest| TestRequest { path: format!("/oidc/token?client_secret={secret}"), ..request };
    let bad = [
        with(&code, &[], None),
        with(&code, &[("client_id", id)], None),
        with(&code, &[("client_id", id), ("client_secret", "x")], None),
        with(&code, &[], Some(basic(id, "x"))),
        with(&code, &[], Some(basic("nobody", &secret))),
        with(&code, &[], Some(basic(id, ""))),
        with(&code, &[], Some(format!("Bearer {secret}"))),
        with(&code, &[], Some("Basic !!".to_owned())),
        with(&code, &[("client_id", &public.client_id)], Some(basic(id, &secret))),
        with(&code, &[("client_secret", &secret)], Some(basic(id, &secret))),
        with(&code, &[("client_id", &public.client_id), ("client_secret", &secret)], None),
        with(&code, &[], Some(basic(&public.client_id, ""))),
        in_query(with(&code, &[("client_id", id)], None)),
        in_query(with(&code, &[], Some(basic(id, &secret)))),
        with(&code, &[], Some(basic(id, &secret))).header("authorization", basic(id, &secret)),
    ];
    let mut first = None;
    for (number, request) in bad.into_iter().enumerate() {
        let answer = test.send(request).await;
        assert!(is(&error_of(&answer), CLIENT), "{number}: {}", answer.body);
        assert_eq!(answer.header("www-authenticate"), "Basic", "{number}");
        assert_eq!(*first.get_or_insert(answer.body.clone()), answer.body, "{number}");
    }
    app.tokens(&test, &code).await;
}

#[tokio::test]
async fn a_form_that_is_none_and_another_grant_are_told_so() {
    let test = TestApp::start().await;
    let (app, mut browser) = test.app_and_browser().await;
    let code = app.code(&mut browser).await;
    for (request, status, error) in [
        (
            TestRequest::of("POST", "/oidc/token").json(&json!({"grant_type": "authorization_code"})),
            415,
            "invalid_request",
        ),
        (app.exchange_with(&code, &[("grant_type", "")]), 400, "invalid_request"),
        (app.exchange_with(&code, &[("grant_type", "password")]), 400, "unsupported_grant_type"),
        (app.exchange_with(&code, &[("grant_type", "refresh_token")]), 400, "unsupported_grant_type"),
        (app.exchange_with(&code, &[("code", &code), ("code", "x")]), 400, "invalid_request"),
        (TestRequest::of("GET", "/oidc/token"), 405, "invalid_request"),
        (TestRequest::of("POST", "/oidc/nothing"), 404, ""),
    ] {
        let answer = test.send(request).await;
        assert_eq!(answer.status.as_u16(), status, "{}", answer.body);
        if !error.is_empty() {
            assert_eq!(answer.json()["error"], error);
        }
        assert!(!answer.header("x-api-identifier").is_empty());
    }
    app.tokens(&test, &code).await;
}

/// Without a challenge none may come later (RFC 9700, 2.1.1).
#[tokio::test]
async fn an_app_may_do_without_a_challenge_only_if_it_is_set_so() {
    let test = TestApp::start().await;
    let app = test.add_app(&json!({"pkce": "optional"})).await;
    let ada = test.client("ada@example.org").await;
    let mut browser = test.browser();
    browser.sign_in(&test.ask_for_link(ada).await).await;
    let unknown = test.send(app.exchange(&"x".repeat(32))).await;

    let without = [("code_challenge", ""), ("code_challenge_method", "")];
    let answer = browser.get(&app.authorize_with(&without)).await;
    let code = crate::support::relying_party::query_of(answer.header("location"))["code"].clone();
    assert_eq!(test.send(app.exchange(&code)).await.body, unknown.body);
    assert_eq!(test.send(app.exchange_with(&code, &[("code_verifier", "")])).await.status, 200);
    let code = app.code(&mut browser).await;
    assert_eq!(test.send(app.exchange_with(&code, &[("code_verifier", "")])).await.body, unknown.body);
}

/// Another tenant's code, app or token opens nothing.
#[tokio::test]
async fn nothing_of_one_workspace_counts_in_another() {
    let test = TestApp::start().await;
    let (app, mut browser) = test.app_and_browser().await;
    let code = app.code(&mut browser).await;
    test.another("Bolt", "https://bolt.test").await;

    let elsewhere = |request: TestRequest| request.host("bolt.test");
    assert!(is(&error_of(&test.send(elsewhere(app.exchange(&code))).await), CLIENT));
    let tokens = app.tokens(&test, &code).await;
    let token = tokens["access_token"].as_str().unwrap();
    let info = TestRequest::of("GET", "/oidc/userinfo").bearer(token);
    assert_eq!(test.send(elsewhere(info)).await.status, 401);
    let keys = test.send(elsewhere(TestRequest::of("GET", "/oidc/jwks"))).await.json();
    assert_eq!(keys, json!({"keys": []}));
    // The other hosts of the workspace are no issuers.
    for path in ["/oidc/jwks", "/.well-known/openid-configuration", &app.authorize()] {
        assert_eq!(
            test.send(TestRequest::of("GET", path).host("example.spp.co")).await.status,
            404,
            "{path}"
        );
    }
}

#[tokio::test]
async fn wrong_secrets_are_limited_and_a_right_one_is_served_all_the_same() {
    let limits = doorkey::rate_limits::RateLimitConfig {
        auth_failures_per_minute: std::num::NonZeroU32::new(5),
        ..UNLIMITED
    };
    let test = TestApp::start().await.limited_to(&limits);
    let (app, mut browser) = test.app_and_browser().await;
    let wrong = RelyingParty { secret: Some("x".repeat(43)), ..app.clone() };
    let mut answers = Vec::new();
    for _ in 0..8 {
        answers.push(test.send(wrong.exchange(&"x".repeat(32))).await);
    }
    let last = answers.last().unwrap();
    assert_eq!(error_of(last), (429, "temporarily_unavailable".to_owned()));
    assert!(!last.header("retry-after").is_empty());
    let code = app.code(&mut browser).await;
    app.tokens(&test, &code).await;
}

/// Sign-ins to apps do not pile up in the database.
#[tokio::test]
async fn a_code_is_swept_a_day_after_it_was_made_whether_it_was_used_or_not() {
    let test = TestApp::start().await;
    let (app, mut browser) = test.app_and_browser().await;
    let used = app.code(&mut browser).await;
    assert_eq!(test.send(app.exchange(&used)).await.status, 200);
    app.code(&mut browser).await;
    let day = 86_400;
    let left = async || {
        let kept = Retention { audit_log: 365 * day, dead_links: 90 * day };
        maintenance::sweep(&test.app, test.app.clock.now(), kept).await.unwrap();
        test.number("SELECT count(*) FROM app_codes")
    };

    test.advance(day - 1);
    assert_eq!(left().await, 2);
    test.advance(1);
    assert_eq!(left().await, 0);
}

/// A trial that is killed takes nothing away by itself.
#[tokio::test]
async fn a_secret_of_a_trial_that_is_over_is_swept() {
    let test = TestApp::start().await;
    test.app_and_browser().await;
    test.run_sql("UPDATE app_secrets SET removed_at = created_at, trial_until = created_at + 300000");
    test.advance(86_400 + 300);
    let kept = Retention { audit_log: 86_400, dead_links: 86_400 };
    maintenance::sweep(&test.app, test.app.clock.now(), kept).await.unwrap();
    assert_eq!(test.number("SELECT count(*) FROM app_secrets"), 0);
}
