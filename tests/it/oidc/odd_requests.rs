//! Requests of apps that nobody would send by hand: bytes that a database does not take, parameters that nobody knows, methods that are
//! not there.

use axum::http::StatusCode;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use doorkey::flow::oidc::refusals;
use serde_json::json;

use crate::support::app::{TestApp, TestRequest};
use crate::support::relying_party::{CALLBACK, VERIFIER, challenge, encoded, error_of, query_of};

#[tokio::test]
async fn a_nul_is_a_byte_as_any_other_or_names_nothing() {
    let test = TestApp::start().await;
    let (app, mut browser) = test.app_and_browser().await;
    let odd = "n\u{0}\u{1}é";

    let answer = browser.get(&app.authorize_with(&[("nonce", odd), ("state", odd)])).await;

    let said = query_of(answer.header("location"));
    assert_eq!(said["state"], odd);
    let tokens = app.tokens(&test, &said["code"]).await;
    assert_eq!(test.verified(&app, tokens["id_token"].as_str().unwrap()).await["nonce"], odd);
    assert_eq!(test.call("DELETE", "/api/apps/a%00b").await.status, StatusCode::NOT_FOUND);
    let header = URL_SAFE_NO_PAD.encode(json!({"alg": "RS256", "typ": "JWT", "kid": "a\u{0}b"}).to_string());
    let hint = format!("{header}.e30.AAAA");
    let told = browser.get(&app.authorize_with(&[("id_token_hint", &hint)])).await;
    assert_eq!(query_of(told.header("location"))["error"], "invalid_request");
    let out = browser.get(&format!("/oidc/end_session?id_token_hint={hint}")).await;
    assert_eq!(out.status, StatusCode::OK);
    assert!(browser.is_signed_in().await);
}

#[tokio::test]
async fn a_request_full_of_control_characters_waits_for_a_sign_in() {
    let test = TestApp::start().await;
    let app = test.add_app(&json!({})).await;
    let ada = test.client("ada@example.org").await;
    let mut browser = test.browser();
    let long = "\u{1}".repeat(2_000);

    let asked = browser.get(&app.authorize_with(&[("state", &long), ("nonce", &long)])).await;
    let login = browser.get(asked.header("location")).await;
    assert_eq!(login.status, StatusCode::OK);
    let page = browser.get(&test.ask_for_link(ada).await).await;
    let pressed = browser.press(&page).await;

    let go = browser.get(pressed.header("location")).await;
    let way = go.header("refresh").split_once("url=").map(|(_, url)| url.trim_matches('"').to_owned());
    let answer = browser.get(&way.unwrap_or_else(|| panic!("{:?}: {}", go.headers, go.body))).await;
    let said = query_of(answer.header("location"));
    assert_eq!(said["state"], long);
    assert!(said.contains_key("code"));
}

#[tokio::test]
async fn what_nobody_knows_spoils_nothing() {
    let test = TestApp::start().await;
    let (app, mut browser) = test.app_and_browser().await;
    for others in ["&resume=1", "&resume=", "&foo=%FF", "&%zz=1", "&foo=1&foo=2"] {
        let answer = browser.get(&format!("{}{others}", app.authorize())).await;
        assert!(query_of(answer.header("location")).contains_key("code"), "{others}");
    }
    let answer = browser.get(&format!("{}&registration=a&registration=b", app.authorize())).await;
    assert_eq!(query_of(answer.header("location"))["error"], "invalid_request");

    let code = app.code(&mut browser).await;
    let mut exchange = app.exchange(&code);
    exchange.body.extend_from_slice(b"&foo=%zz&foo=%FF");
    let tokens = test.send(exchange).await;
    assert_eq!(tokens.status, StatusCode::OK, "{}", tokens.body);
    let tokens = tokens.json();
    let hint = tokens["id_token"].as_str().unwrap();
    let out = browser.get(&format!("/oidc/end_session?id_token_hint={hint}&foo=%FF")).await;
    assert_eq!((out.status.as_u16(), out.header("location")), (303, "/oidc/signed_out"));
}

/// RFC 6749, 5.2, also where a sentence repeats what was sent.
#[tokio::test]
async fn a_description_is_printable_ascii_without_quotes_and_backslashes() {
    let test = TestApp::start().await;
    let ask = || TestRequest::of("POST", "/oidc/token");
    let form = |length: usize| ask().form(&[("code", &*"x".repeat(length))]);
    for (request, status, says) in [
        (ask().form(&[]).host("unknown.test"), 404, "'unknown.test'"),
        (ask().form(&[]).without("host").header("host", b"a\"\\\xff"), 404, "No workspace"),
        (ask().header("content-type", "a\"b\\c"), 415, "a'b'c"),
        (ask().header("content-type", "x".repeat(2_000)), 415, "xxx"),
        (form(20_000), 413, "16 KiB"),
    ] {
        let answer = test.send(request).await;
        assert_eq!(error_of(&answer), (status, "invalid_request".to_owned()), "{}", answer.body);
        let description = answer.json()["error_description"].as_str().unwrap().to_owned();
        assert!(description.contains(says), "{description}");
        assert!(description.bytes().all(|byte| (b' '..=b'~').contains(&byte) && !b"\"\\".contains(&byte)));
    }
}

/// RFC 6749, 3.1: an empty parameter is as absent.
#[tokio::test]
async fn an_empty_challenge_is_as_none() {
    let test = TestApp::start().await;
    let (required, mut browser) = test.app_and_browser().await;
    let optional = test.add_app(&json!({"pkce": "optional"})).await;
    for method in ["S256", "plain"] {
        let others = [("code_challenge", ""), ("code_challenge_method", method)];
        let answer = browser.get(&optional.authorize_with(&others)).await;
        assert!(query_of(answer.header("location")).contains_key("code"), "{method}");
        let answer = browser.get(&required.authorize_with(&others)).await;
        assert_eq!(query_of(answer.header("location"))["error"], "invalid_request", "{method}");
        let answer = browser.get(&format!("{}&code_challenge=", optional.authorize_with(&others))).await;
        assert!(query_of(answer.header("location")).contains_key("code"), "{method}");
    }
}

/// It may be left out, but what is there must be good.
#[tokio::test]
async fn a_bad_challenge_is_refused_also_where_none_is_needed() {
    let test = TestApp::start().await;
    let app = test.add_app(&json!({"pkce": "optional"})).await;
    let good = challenge(VERIFIER);
    let long = format!("{good}x");
    for others in [
        ("code_challenge_method", "plain"),
        ("code_challenge_method", "s256"),
        ("code_challenge_method", ""),
        ("code_challenge", &good[..42]),
        ("code_challenge", long.as_str()),
    ] {
        let answer = test.browser().get(&app.authorize_with(&[others])).await;
        assert_eq!(query_of(answer.header("location"))["error"], "invalid_request", "{others:?}");
    }
}

#[tokio::test]
async fn a_secret_in_the_query_spoils_all_and_is_told_to_the_operator() {
    let test = TestApp::start().await;
    let (app, mut browser) = test.app_and_browser().await;
    let code = app.code(&mut browser).await;
    let at = |query: &str| {
        let secret = app.secret.as_deref().unwrap();
        let fields = [
            ("grant_type", "authorization_code"),
            ("code", code.as_str()),
            ("redirect_uri", CALLBACK),
            ("code_verifier", VERIFIER),
            ("client_id", app.client_id.as_str()),
            ("client_secret", secret),
        ];
        TestRequest::of("POST", &format!("/oidc/token?{query}")).form(&fields)
    };
    for query in
        ["client_secret=x", "client_secret=x&y=%zz", "client_secret=%FF", "client_secret=&client_secret=x"]
    {
        let answer = test.send(at(query)).await;
        assert_eq!(error_of(&answer), (401, "invalid_client".to_owned()), "{query}");
    }
    refusals::write(&test.app).await.unwrap();
    let told = test.call("GET", &format!("/api/apps/{}/refusals", app.client_id)).await.json();
    let told = told["data"].as_array().unwrap().clone();
    assert_eq!(told.len(), 4, "{told:?}");
    assert!(told.iter().all(|one| one["error"] == "invalid_client"));

    let answer = test.send(at("client_secret=&y=%zz")).await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.body);
    for wrong in ["client_id={}&code=x", "grant_type=a&grant_type=b&client_id={}"] {
        let mut form = TestRequest::of("POST", "/oidc/token");
        form.body = wrong.replace("{}", &app.client_id).into_bytes();
        let answer = test.send(form.header("content-type", "application/x-www-form-urlencoded")).await;
        assert_eq!(error_of(&answer), (400, "invalid_request".to_owned()), "{wrong}");
    }
    refusals::write(&test.app).await.unwrap();
    let told = test.call("GET", &format!("/api/apps/{}/refusals", app.client_id)).await.json();
    let errors: Vec<_> = told["data"].as_array().unwrap().iter().map(|one| one["error"].clone()).collect();
    assert_eq!(errors[..2], [json!("invalid_request"), json!("invalid_request")]);
}

#[tokio::test]
async fn on_other_hosts_there_is_nothing_whatever_the_method() {
    let test = TestApp::start().await;
    test.add_app(&json!({})).await;
    for path in [
        "/oidc/authorize",
        "/oidc/token",
        "/oidc/userinfo",
        "/oidc/jwks",
        "/oidc/end_session",
        "/oidc/end_session/confirm",
        "/oidc/signed_out",
        "/oidc/continue",
        "/.well-known/openid-configuration",
        "/.well-known/oauth-authorization-server",
    ] {
        for method in ["GET", "HEAD", "POST", "PUT", "OPTIONS"] {
            let request = TestRequest::of(method, path).host("example.spp.co");
            let answer = test.send(request.header("sec-fetch-site", "cross-site")).await;
            assert_eq!(answer.status, StatusCode::NOT_FOUND, "{method} {path}");
        }
    }
}

#[tokio::test]
async fn what_is_not_taken_says_what_is() {
    let test = TestApp::start().await;
    test.add_app(&json!({})).await;
    for (method, path, allow, is_page) in [
        ("PUT", "/oidc/authorize", "GET, POST", true),
        ("HEAD", "/oidc/authorize", "GET, POST", true),
        ("OPTIONS", "/oidc/end_session", "GET, POST", true),
        ("HEAD", "/oidc/signed_out", "GET", true),
        ("POST", "/oidc/signed_out", "GET", true),
        ("HEAD", "/oidc/userinfo", "GET, POST, OPTIONS", false),
        ("DELETE", "/oidc/userinfo", "GET, POST, OPTIONS", false),
        ("POST", "/oidc/jwks", "GET,HEAD", true),
        ("POST", "/.well-known/openid-configuration", "GET,HEAD", true),
        ("GET", "/oidc/token", "POST,OPTIONS", false),
    ] {
        let answer = test.send(TestRequest::of(method, path)).await;
        assert_eq!((answer.status.as_u16(), answer.header("allow")), (405, allow), "{method} {path}");
        let kind = if is_page { "text/html" } else { "application/json" };
        assert!(answer.header("content-type").starts_with(kind), "{method} {path}: {}", answer.body);
    }
}

/// A form of rule 6 that comes without its cookie does nothing, whoever is signed in.
#[tokio::test]
async fn the_form_that_goes_on_needs_its_cookie_and_leads_to_no_other_place() {
    let test = TestApp::start().await;
    let app = test.add_app(&json!({})).await;
    let mut browser = test.browser();
    browser.get(app.authorize_with(&[]).as_str()).await;
    let form = |waiting: &str| {
        TestRequest::of("POST", "/oidc/continue")
            .form(&[("return", waiting)])
            .header("sec-fetch-site", "same-origin")
    };
    for waiting in ["abc", "\n", "x&a=b é"] {
        assert_eq!(test.send(form(waiting)).await.status, StatusCode::FORBIDDEN, "{waiting:?}");
    }
    // A page with a form gives the cookie.
    let ada = test.client("ada@example.org").await;
    browser.open(&test.ask_for_link(ada).await).await;
    for waiting in ["abc", "\n", "x&a=b é"] {
        let answer = browser.send(form(waiting)).await;
        assert_eq!((answer.status.as_u16(), answer.header("location")), (303, "/login"), "{waiting:?}");
    }
}

#[tokio::test]
async fn every_public_app_has_its_origin_however_many_there_are() {
    let test = TestApp::start().await;
    for number in 0..104 {
        let uri = format!("http://localhost:{}/cb", 5_000 + number);
        test.add_app(&json!({"type": "public", "redirect_uris": [uri]})).await;
    }
    for port in [5_000, 5_050, 5_103] {
        let origin = format!("http://localhost:{port}");
        let request = TestRequest::of("OPTIONS", "/oidc/token").header("origin", &origin);
        let answer = test.send(request).await;
        assert_eq!(answer.header("access-control-allow-origin"), origin);
    }
    let request = TestRequest::of("OPTIONS", "/oidc/token").header("origin", "http://localhost:5104");
    assert_eq!(test.send(request).await.header("access-control-allow-origin"), "");
}

#[tokio::test]
async fn the_page_of_a_sign_in_says_that_an_app_asks_for_somebody_else() {
    let test = TestApp::start().await;
    let (app, mut browser) = test.app_and_browser().await;
    let bob = test.client("bob@example.org").await;
    let says = "<bdi>Wiki</bdi></strong> asks for somebody else than";
    for (hint, at_sign_in, at_link) in [
        ("carol@example.org", true, true),
        ("bob@example.org", true, false),
        ("ada@example.org", false, true),
    ] {
        let asked = browser.get(&app.authorize_with(&[("login_hint", hint), ("prompt", "login")])).await;
        let page = browser.get(asked.header("location")).await;
        assert_eq!(page.body.contains(says), at_sign_in, "{hint}: {}", page.body);
        let page = browser.open(&test.ask_for_link(bob).await).await;
        assert_eq!(page.body.contains(says), at_link, "{hint}: {}", page.body);
    }
}

#[tokio::test]
async fn the_state_of_a_sign_out_stands_behind_whatever_the_address_ends_in() {
    let test = TestApp::start().await;
    let uris = [
        "https://app.example.org/out?",
        "https://app.example.org/out?a=1",
        "https://app.example.org/out?a=1&",
    ];
    let app = test.add_app(&json!({"post_logout_redirect_uris": uris})).await;
    let ada = test.client("ada@example.org").await;
    for (uri, begins) in uris.iter().zip(["", "&", ""]) {
        let mut browser = test.browser();
        browser.sign_in(&test.ask_for_link(ada).await).await;
        let code = app.code(&mut browser).await;
        let tokens = app.tokens(&test, &code).await;
        let hint = tokens["id_token"].as_str().unwrap();
        let uri_in_query = encoded(uri);
        let path =
            format!("/oidc/end_session?id_token_hint={hint}&post_logout_redirect_uri={uri_in_query}&state=s");
        assert_eq!(browser.get(&path).await.header("location"), format!("{uri}{begins}state=s"));
    }
}
