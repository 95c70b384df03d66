//! API keys and the parsing of requests.

use std::collections::HashSet;

use axum::http::StatusCode;
use doorkey::domain::scope::Scope;

use crate::support::app::{TestApp, TestRequest, TestResponse};

/// Everything of an answer that a caller could tell a bad key from another by.
fn shape(response: &TestResponse) -> (StatusCode, String, Vec<(String, String)>) {
    let mut headers: Vec<_> = response
        .headers
        .iter()
        .filter(|(name, _)| name.as_str() != "x-api-identifier")
        .map(|(name, value)| (name.to_string(), value.to_str().unwrap().to_owned()))
        .collect();
    headers.sort();
    (response.status, response.body.clone(), headers)
}

#[tokio::test]
async fn the_answer_has_the_shape_of_the_reference_page() {
    let test = TestApp::start().await;
    test.client("ada@example.org").await;

    let ask = TestRequest::of("GET", "/api/login_links/1")
        .header("accept", "application/json")
        .header("x-api-version", "");
    let response = test.send(ask.bearer(&test.key)).await;

    assert_eq!(response.status, StatusCode::OK);
    let link = response.json()["link"].as_str().unwrap().to_owned();
    let token = link.strip_prefix("https://example.com/login?token=").unwrap();
    assert_eq!(token.len(), 32);
    assert!(token.bytes().all(|byte| byte.is_ascii_alphanumeric()));
    assert_eq!(response.body, format!("{{\"link\":\"{link}\"}}"));
    assert_eq!(response.header("content-type"), "application/json");
    assert_eq!(response.header("cache-control"), "no-store");
    assert_eq!(response.header("x-api-version"), "20240305");
    assert_eq!(response.header("x-login-link-reused"), "false");
    assert_eq!(response.header("x-login-link-expires-at"), "2026-11-23T05:23:00.000Z");
    assert!(uuid::Uuid::parse_str(response.header("x-api-identifier")).is_ok());
    assert!(response.cookies().is_empty());
}

#[tokio::test]
async fn the_newest_version_adds_expiry_and_reuse() {
    let test = TestApp::start().await;
    test.client("ada@example.org").await;
    test.ask_for_link(doorkey::domain::user::UserId::from_number(1).unwrap()).await;

    let response = test
        .send(
            TestRequest::of("GET", "/api/login_links/1")
                .bearer(&test.key)
                .header("x-api-version", "20261201"),
        )
        .await;

    let body = response.json();
    assert_eq!(body["reused"], true);
    assert_eq!(body["expires_at"], "2026-11-23T05:23:00.000Z");
    assert_eq!(body.as_object().unwrap().len(), 3);
    assert_eq!(response.header("x-api-version"), "20261201");
}

/// Whatever is wrong with a key, the answer is the same.
#[tokio::test]
async fn every_bad_key_gets_one_and_the_same_401() {
    let test = TestApp::start().await;
    test.client("ada@example.org").await;
    let (_, foreign) = test.another("Other", "https://other.example").await;
    let (_, expired) = test.key_with(&Scope::ALL, Some(1)).await;
    let (revoked_id, revoked) = test.key_with(&Scope::ALL, None).await;
    test.revoke_key(revoked_id).await;
    test.advance(1);
    let stranger = doorkey::keys::random_api_key().unwrap().reveal().to_owned();
    let broken = format!("{}{}", &test.key[..56], if test.key.ends_with('0') { '1' } else { '0' });
    let path = "/api/login_links/1";

    let none = test.send(TestRequest::of("GET", path)).await;
    assert_eq!(none.status, StatusCode::UNAUTHORIZED);
    assert_eq!(none.code(), "unauthenticated");
    assert_eq!(none.header("www-authenticate"), "Bearer");
    for key in [
        &foreign,
        &expired,
        &revoked,
        &stranger,
        &broken,
        &test.key[..56],
        &format!("{}0", test.key),
        "",
        " ",
    ] {
        assert_eq!(shape(&test.send(TestRequest::of("GET", path).bearer(key)).await), shape(&none), "{key}");
    }
    assert_eq!(test.number("SELECT count(*) FROM login_links"), 0);
}

/// A revoked key is refused from the next request on.
#[tokio::test]
async fn a_revoked_key_is_refused_at_once() {
    let test = TestApp::start().await;
    test.client("ada@example.org").await;
    let (id, key) = test.key_with(&[Scope::LoginLinksWrite], None).await;
    let ask = TestRequest::of("GET", "/api/login_links/1").bearer(&key);

    assert_eq!(test.send(ask.clone()).await.status, StatusCode::OK);
    test.revoke_key(id).await;
    assert_eq!(test.send(ask).await.status, StatusCode::UNAUTHORIZED);
}

/// Without the scope nothing is told and nothing stored.
#[tokio::test]
async fn a_key_without_the_scope_learns_nothing() {
    let test = TestApp::start().await;
    test.client("ada@example.org").await;
    let (_, key) = test.key_with(&[Scope::LoginLinksRead, Scope::ClientsWrite], None).await;

    for path in [
        "/api/login_links/1",
        "/api/login_links/999",
        "/api/login_links/1?min_ttl=x",
        "/api/login_links/1?x=%zz",
    ] {
        let response = test.send(TestRequest::of("GET", path).bearer(&key)).await;
        assert_eq!(
            (response.status, response.code()),
            (StatusCode::FORBIDDEN, "insufficient_scope".to_owned()),
            "{path}"
        );
    }
    assert_eq!(test.number("SELECT count(*) FROM login_links"), 0);
}

/// A key counts in the one Authorization header alone.
#[tokio::test]
async fn a_key_counts_in_the_header_alone() {
    let test = TestApp::start().await;
    test.client("ada@example.org").await;
    let key = test.key.clone();
    let path = "/api/login_links/1";

    for ask in [
        TestRequest::of("GET", &format!("{path}?api_key={key}")),
        TestRequest::of("GET", &format!("{path}?access_token={key}")),
        TestRequest::of("GET", &format!("{path}?access_token={key}")).bearer(&key),
        TestRequest::of("GET", &format!("{path}?api_key=x")).bearer(&key),
        TestRequest::of("GET", path)
            .header("cookie", format!("doorkey_key={key}; Authorization=Bearer {key}")),
        TestRequest::of("GET", path).form(&[("access_token", &key)]),
        TestRequest::of("GET", path).header("x-api-key", &key),
        TestRequest::of("GET", path).bearer(&key).bearer(&key),
    ] {
        assert_eq!(test.send(ask.clone()).await.status, StatusCode::UNAUTHORIZED, "{ask:?}");
    }
}

/// Bearer in any case; nothing but Bearer.
#[tokio::test]
async fn bearer_is_the_only_scheme_in_whatever_case() {
    let test = TestApp::start().await;
    test.client("ada@example.org").await;

    for (scheme, status) in
        [("bearer", 200), ("BEARER", 200), ("Bearer", 200), ("Basic", 401), ("Token", 401), ("", 401)]
    {
        let value = format!("{scheme} {}", test.key);
        let response =
            test.send(TestRequest::of("GET", "/api/login_links/1").header("authorization", value)).await;
        assert_eq!(response.status.as_u16(), status, "{scheme}");
    }
}

/// A session opens pages, never the API.
#[tokio::test]
async fn a_session_cookie_does_not_open_the_api() {
    let test = TestApp::start().await;
    let ada = test.client("ada@example.org").await;
    let link = test.ask_for_link(ada).await;
    let mut browser = test.browser();
    browser.sign_in(&link).await;

    assert_eq!(browser.get("/api/login_links/1").await.status, StatusCode::UNAUTHORIZED);
}

/// Only plain digits or an address name a user, and never another one.
#[tokio::test]
async fn what_names_nobody_is_a_user_that_is_not_there() {
    let test = TestApp::start().await;
    test.client("ada@example.org").await;
    test.client("bob@example.org").await;

    for user in [
        "abc",
        "1.5",
        "-1",
        "0",
        "+1",
        "%2B1",
        "%201",
        "1%20",
        "1e3",
        "0x1",
        "%EF%BC%91",
        "01",
        "1;x=2",
        "1%2F2",
        "1%00",
        "%FF",
        "999999999999999999999999999999",
        "9007199254740992",
        "'",
        "1'%20OR%20'1'='1",
        "1;--",
        "%27%20OR%201=1",
        "%5C",
        "ada@example.org%2Cbob@example.org",
        "%20ada@example.org",
        "3",
    ] {
        for (method, noun) in [
            ("GET", "login_links"),
            ("DELETE", "login_links"),
            ("GET", "clients"),
            ("DELETE", "clients"),
            ("GET", "team"),
        ] {
            let response = test.call(method, &format!("/api/{noun}/{user}")).await;
            let refusal = (response.status.as_u16(), response.code());
            assert_eq!(refusal, (404, "user_not_found".to_owned()), "{method} {noun} {user}");
        }
    }
    for path in [
        "/api/login_links/1/",
        "/api/login_links//1",
        "/api/login_links/1/../2",
        "/api/login_links/%2e%2e/2",
        "/api/login_links/",
    ] {
        let response = test.call("GET", path).await;
        assert_eq!((response.status.as_u16(), response.code().as_str()), (404, "not_found"), "{path}");
    }
    assert_eq!(test.number("SELECT count(*) FROM login_links"), 0);
    assert_eq!(test.call("GET", "/api/login_links/1?user=2").await.status, StatusCode::OK);
    assert_eq!(test.number("SELECT user_id FROM login_links"), 1);
}

#[tokio::test]
async fn an_address_names_a_user_whatever_its_case() {
    let test = TestApp::start().await;
    let ada = test.client("Ada@Example.org").await;
    let link = test.ask_for_link(ada).await;

    for user in ["ada@example.org", "ADA%40EXAMPLE.ORG", "Ada@Example.org"] {
        assert_eq!(test.call("GET", &format!("/api/login_links/{user}")).await.json()["link"], link);
    }
}

/// Only GET generates, and the answer says what may be done.
#[tokio::test]
async fn other_methods_are_refused_and_store_nothing() {
    let test = TestApp::start().await;
    test.client("ada@example.org").await;

    for method in ["POST", "PUT", "PATCH", "TRACE", "HEAD", "OPTIONS"] {
        for (path, allow) in [("/api/login_links/1", "GET, DELETE"), ("/api/login_links", "GET,HEAD")] {
            if (method, path) == ("HEAD", "/api/login_links") {
                continue;
            }
            let response = test.send(TestRequest::of(method, path)).await;
            assert_eq!((response.status.as_u16(), response.header("allow")), (405, allow), "{method} {path}");
            assert!(!response.header("x-api-identifier").is_empty());
        }
    }
    assert_eq!(test.number("SELECT count(*) FROM login_links"), 0);
}

/// Versions are dates; anything else is said to be none, and never reflected.
#[tokio::test]
async fn a_version_is_a_date_or_a_400() {
    let test = TestApp::start().await;
    test.client("ada@example.org").await;
    let long = "2".repeat(10_000);

    for (version, status, served) in [
        ("2024-03-05", 200, "20240305"),
        ("20240305", 200, "20240305"),
        ("2023-12-14", 200, "20231214"),
        ("2025-01-01", 200, "20240305"),
        ("2000-01-01", 200, "20231214"),
        ("2999-01-01", 200, "20261201"),
        ("latest", 400, "20240305"),
        ("2024-02-30", 400, "20240305"),
        (long.as_str(), 400, "20240305"),
        ("x\u{e9}", 400, "20240305"),
    ] {
        let response = test
            .send(
                TestRequest::of("GET", "/api/login_links/1")
                    .bearer(&test.key)
                    .header("x-api-version", version),
            )
            .await;
        assert_eq!(
            (response.status.as_u16(), response.header("x-api-version")),
            (status, served),
            "{version}"
        );
        assert!(!response.body.contains(version) || status == 200);
        assert!(status == 200 || response.code() == "invalid_version");
    }
}

/// Host, then route and method, then version, key, scope, query, user: the first that fails is the one that is told.
#[tokio::test]
async fn requests_are_judged_in_the_order_of_the_contract() {
    let test = TestApp::start().await;
    let (_, reader) = test.key_with(&[Scope::LoginLinksRead], None).await;
    let path = "/api/login_links/99?min_ttl=x";
    let bad_version = |ask: TestRequest| ask.header("x-api-version", "x");

    for (ask, code) in [
        (bad_version(TestRequest::of("POST", "/api/nothing").host("nobody.example")), "workspace_not_found"),
        (bad_version(TestRequest::of("POST", "/api/nothing")), "not_found"),
        (bad_version(TestRequest::of("POST", path)), "method_not_allowed"),
        (bad_version(TestRequest::of("GET", path)), "invalid_version"),
        (TestRequest::of("GET", path), "unauthenticated"),
        (TestRequest::of("GET", path).bearer(&reader), "insufficient_scope"),
        (TestRequest::of("GET", path).bearer(&test.key), "invalid"),
        (TestRequest::of("GET", "/api/login_links/99?x=%zz").bearer(&test.key), "malformed"),
        (TestRequest::of("GET", "/api/login_links/99?redirect=//x").bearer(&test.key), "invalid_redirect"),
        (TestRequest::of("GET", "/api/login_links/99").bearer(&test.key), "user_not_found"),
    ] {
        assert_eq!(test.send(ask.clone()).await.code(), code, "{ask:?}");
    }
}

/// JSON whatever is accepted, whole, never cached, never for other sites' scripts.
#[tokio::test]
async fn answers_are_whole_json_for_nobody_elses_scripts() {
    let test = TestApp::start().await;
    test.client("ada@example.org").await;

    for (name, value) in [
        ("accept", "text/html"),
        ("range", "bytes=0-5"),
        ("if-none-match", "*"),
        ("origin", "https://evil.test"),
    ] {
        let response = test
            .send(TestRequest::of("GET", "/api/login_links/1").bearer(&test.key).header(name, value))
            .await;
        assert_eq!((response.status.as_u16(), response.header("cache-control")), (200, "no-store"), "{name}");
        assert!(response.json()["link"].is_string());
        assert!(
            !response
                .headers
                .keys()
                .any(|name| name.as_str().starts_with("access-control") || name == "etag")
        );
    }
    let preflight = TestRequest::of("OPTIONS", "/api/login_links/1").header("origin", "https://evil.test");
    let response = test.send(preflight.header("access-control-request-method", "GET")).await;
    assert_eq!(response.status, StatusCode::METHOD_NOT_ALLOWED);
    assert!(!response.headers.keys().any(|name| name.as_str().starts_with("access-control")));
}

/// Every answer has a number of its own, errors included.
#[tokio::test]
async fn every_answer_has_a_number_of_its_own() {
    let test = TestApp::start().await;
    test.client("ada@example.org").await;
    let mut numbers = HashSet::new();

    for round in 0..500 {
        for ask in [
            TestRequest::of("GET", "/api/login_links/1").bearer(&test.key),
            TestRequest::of("GET", "/api/login_links/1"),
            TestRequest::of("GET", "/api/login_links/7").bearer(&test.key),
            TestRequest::of("PUT", "/api/login_links/1"),
            TestRequest::of("GET", "/api"),
            TestRequest::of("GET", "/api/login_links/1").host("nobody.example"),
            TestRequest::of("GET", "/api/login_links/1").without("host"),
        ] {
            let response = test.send(ask).await;
            let number = response.header("x-api-identifier").to_owned();
            assert!(uuid::Uuid::parse_str(&number).is_ok());
            assert!(numbers.insert(number), "round {round}");
            assert_eq!(response.header("x-api-version"), "20240305");
            assert_eq!(response.header("content-type"), "application/json");
        }
    }
}
