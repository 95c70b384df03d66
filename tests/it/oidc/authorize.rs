//! `/oidc/authorize`: what an app may ask, and what it is told.

use serde_json::json;

use crate::support::app::{TestApp, TestRequest, TestResponse};
use crate::support::relying_party::{CALLBACK, RelyingParty, VERIFIER, challenge, encoded, query_of};

/// The error that the app is told, as `error` and whether the state came back.
async fn told(test: &TestApp, app: &RelyingParty, others: &[(&str, &str)]) -> String {
    let answer = test.browser().get(&app.authorize_with(others)).await;
    assert_eq!(answer.status, 303, "{others:?}: {}", answer.body);
    let location = answer.header("location").to_owned();
    assert!(location.starts_with(CALLBACK), "{others:?}: {location}");
    let said = query_of(&location);
    assert_eq!(said["iss"], "https://example.com");
    let description = &said["error_description"];
    assert!(description.bytes().all(|byte| (b' '..=b'~').contains(&byte) && !b"\"\\".contains(&byte)));
    said["error"].clone()
}

#[tokio::test]
async fn who_is_signed_in_goes_on_to_the_app_at_once() {
    let test = TestApp::start().await;
    let (app, mut browser) = test.app_and_browser().await;

    let answer = browser.get(&app.authorize()).await;

    assert_eq!(answer.status, 303);
    let location = answer.header("location");
    assert!(location.starts_with("https://app.example.org/cb?code="), "{location}");
    let said = query_of(location);
    assert_eq!((said["state"].as_str(), said["iss"].as_str()), ("s1", "https://example.com"));
    assert!(said["code"].len() == 32 && said["code"].bytes().all(|byte| byte.is_ascii_alphanumeric()));
    assert!(!answer.header("x-api-identifier").is_empty());
    assert_eq!(answer.header("cache-control"), "no-store");
}

/// What cannot be answered safely is answered to nobody.
#[tokio::test]
async fn nothing_is_sent_where_the_app_is_not_known_or_the_address_not_registered() {
    let test = TestApp::start().await;
    let (app, mut browser) = test.app_and_browser().await;
    let other = |uri: &str| app.authorize_with(&[("redirect_uri", uri)]);
    for path in [
        app.authorize_with(&[("client_id", "nobody")]),
        app.authorize_with(&[("client_id", "")]),
        format!("{}&client_id=x", app.authorize()),
        app.authorize_with(&[("redirect_uri", "")]),
        format!("{}&redirect_uri={}", app.authorize(), encoded(CALLBACK)),
        other("https://app.example.org/cb/"),
        other("https://app.example.org/cb?x=1"),
        other("https://app.example.org/cb#x"),
        other("https://APP.example.org/cb"),
        other("https://app.example.org:443/cb"),
        other("https://u@app.example.org/cb"),
        other("https://app.example.org/x/../cb"),
        other("https://sub.app.example.org/cb"),
        other("https://app.example.org.evil.test/cb"),
        other("http://app.example.org/cb"),
        format!("{}&state=%FF", app.authorize()),
        format!("{}&scope=%zz", app.authorize()),
    ] {
        let answer = browser.get(&path).await;
        assert_eq!((answer.status.as_u16(), answer.header("location")), (400, ""), "{path}");
        assert!(answer.body.contains(answer.header("x-api-identifier")), "{path}");
    }
    assert_eq!(test.number("SELECT count(*) FROM app_codes"), 0);
}

/// The same on both stores, in the order in which the rule is written.
#[tokio::test]
async fn what_is_wrong_with_a_request_is_told_to_the_app() {
    let test = TestApp::start().await;
    let app = test.add_app(&json!({})).await;
    let long = "x".repeat(2_001);
    for (others, error) in [
        (&[("response_type", "")][..], "invalid_request"),
        (&[("response_type", "token")], "unsupported_response_type"),
        (&[("response_type", "id_token")], "unsupported_response_type"),
        (&[("response_type", "code token")], "unsupported_response_type"),
        (&[("request", "x")], "request_not_supported"),
        (&[("request_uri", "https://x.test")], "request_uri_not_supported"),
        (&[("scope", "email")], "invalid_scope"),
        (&[("scope", "")], "invalid_scope"),
        (&[("response_mode", "fragment")], "invalid_request"),
        (&[("prompt", "none login")], "invalid_request"),
        (&[("max_age", "-1")], "invalid_request"),
        (&[("max_age", "1.5")], "invalid_request"),
        (&[("state", &long)], "invalid_request"),
        (&[("nonce", &long)], "invalid_request"),
        (&[("id_token_hint", "x.y.z")], "invalid_request"),
        (&[("code_challenge", "")], "invalid_request"),
        (&[("code_challenge_method", "")], "invalid_request"),
        (&[("code_challenge_method", "plain")], "invalid_request"),
        (&[("code_challenge_method", "s256")], "invalid_request"),
        (&[("code_challenge", &challenge(VERIFIER)[..42])], "invalid_request"),
        (&[("code_challenge", &format!("{}x", challenge(VERIFIER)))], "invalid_request"),
        (&[("code_challenge", &format!("{}=", &challenge(VERIFIER)[..42]))], "invalid_request"),
        (&[("code_challenge", ""), ("code_challenge_method", "")], "invalid_request"),
        (&[("response_type", "token"), ("request", "x")], "unsupported_response_type"),
        (&[("prompt", "none")], "login_required"),
    ] {
        assert_eq!(told(&test, &app, others).await, error, "{others:?}");
    }
    let doubled = test.browser().get(&format!("{}&state=s2", app.authorize())).await;
    let said = query_of(doubled.header("location"));
    assert_eq!((said["error"].as_str(), said.get("state")), ("invalid_request", None));
}

#[tokio::test]
async fn what_no_rule_speaks_of_is_passed_over() {
    let test = TestApp::start().await;
    let (app, mut browser) = test.app_and_browser().await;
    for others in [
        &[("display", "popup"), ("ui_locales", "xx"), ("claims", "{}"), ("acr_values", "x")][..],
        &[("scope", "openid offline_access unknown")],
        &[("nonce", "")],
        &[("prompt", "unknown")],
        &[("max_age", "99999999999999999999999")],
        &[("max_age", "0007200")],
        &[("utm_source", "x"), ("foo", "1")],
    ] {
        let answer = browser.get(&app.authorize_with(others)).await;
        assert!(query_of(answer.header("location")).contains_key("code"), "{others:?}: {}", answer.body);
    }
    let twice = browser.get(&format!("{}&foo=1&foo=2&state=&bar=%FF", app.authorize())).await;
    assert!(query_of(twice.header("location")).contains_key("code"), "{}", twice.body);
}

#[tokio::test]
async fn a_state_comes_back_as_it_was_sent_and_the_redirect_uris_own_query_stays() {
    let test = TestApp::start().await;
    let uri = "https://app.example.org/cb?tenant=a%20b";
    let app = test.add_app(&json!({"redirect_uris": [uri]})).await;
    let ada = test.client("ada@example.org").await;
    let mut browser = test.browser();
    browser.sign_in(&test.ask_for_link(ada).await).await;
    for state in ["é ✓ &=#?%+/", &"x".repeat(2_000), "\"<>\\"] {
        let answer = browser.get(&app.authorize_with(&[("state", state)])).await;
        let location = answer.header("location");
        assert!(location.starts_with(&format!("{uri}&code=")), "{location}");
        assert_eq!(query_of(location)["state"], state);
    }
}

/// Without a session the request waits in this browser, and goes on after the sign-in.
#[tokio::test]
async fn who_is_not_signed_in_signs_in_first_and_goes_on_from_there() {
    let test = TestApp::start().await;
    let app = test.add_app(&json!({})).await;
    let ada = test.client("ada@example.org").await;
    let mut browser = test.browser();

    let answer = browser.get(&app.authorize()).await;
    let login = answer.header("location").to_owned();
    assert!(answer.status == 303 && login.starts_with("/login?return="), "{login}");
    let page = browser.get(&login).await;
    assert!(page.status == 200 && page.body.contains("Wiki"), "{}", page.body);
    test.advance(60);
    let signed_in = browser.sign_in(&test.ask_for_link(ada).await).await;
    let go = signed_in.header("location").to_owned();
    assert!(go.starts_with("/login/go?return="), "{go}");
    let leaving = browser.get(&go).await;
    assert_eq!(leaving.status, 200);
    let resumed = leaving.header("refresh").split_once("url=").unwrap().1.to_owned();
    let back = browser.get(&resumed).await;

    assert!(back.header("location").starts_with("https://app.example.org/cb?code="), "{}", back.body);
    assert!(!browser.cookies.keys().any(|name| name.contains("request")), "{:?}", browser.cookies);
}

/// A request may be as long as a few cookies.
#[tokio::test]
async fn the_longest_request_waits_too() {
    let test = TestApp::start().await;
    let app = test.add_app(&json!({})).await;
    let ada = test.client("ada@example.org").await;
    let (state, nonce) = ("é".repeat(1_000), "n".repeat(2_000));
    let mut browser = test.browser();

    let answer = browser.get(&app.authorize_with(&[("state", &state), ("nonce", &nonce)])).await;
    let page = browser.get(answer.header("location")).await;
    assert!(page.cookies().iter().all(|cookie| cookie.len() <= 4_096), "browsers would drop it");
    let signed_in = browser.sign_in(&test.ask_for_link(ada).await).await;
    let leaving = browser.get(signed_in.header("location")).await;
    let resumed = leaving.header("refresh").split_once("url=").unwrap().1.to_owned();
    let back = browser.get(&resumed).await;

    assert_eq!(query_of(back.header("location"))["state"], state);
}

/// The moment at which the request was first seen decides, so nobody goes round in circles.
#[tokio::test]
async fn a_new_sign_in_is_demanded_once_and_satisfied_by_one() {
    let test = TestApp::start().await;
    for others in [&[("prompt", "login")][..], &[("max_age", "0")], &[("max_age", "60")]] {
        let app = test.add_app(&json!({})).await;
        let ada = test.client(&format!("ada{}@example.org", app.client_id)).await;
        let mut browser = test.browser();
        browser.sign_in(&test.ask_for_link(ada).await).await;
        test.advance(120);

        let answer = browser.get(&app.authorize_with(others)).await;
        let login = answer.header("location").to_owned();
        assert!(login.starts_with("/login?return="), "{others:?}: {login}");
        // What has waited but saw no sign-in since is not satisfied by the old one.
        let early = browser.get(&login.replace("/login?return=", "/oidc/authorize?resume=")).await;
        assert!(early.header("location").starts_with("/login?return="), "{others:?}");
        let page = browser.get(&login).await;
        assert!(page.body.contains("Wiki"), "{}", page.body);
        test.advance(1);
        let signed_in = browser.sign_in(&test.ask_for_link(ada).await).await;
        let leaving = browser.get(signed_in.header("location")).await;
        let resumed = leaving.header("refresh").split_once("url=").unwrap().1.to_owned();
        let back = browser.get(&resumed).await;
        assert!(query_of(back.header("location")).contains_key("code"), "{others:?}");

        let silent = browser.get(&app.authorize_with(&[others, &[("prompt", "none")]].concat())).await;
        let said = query_of(silent.header("location"));
        if others[0] == ("max_age", "60") {
            assert!(said.contains_key("code"));
        } else if others[0].0 == "max_age" {
            assert_eq!(said["error"], "login_required");
        }
    }
}

/// An old, cut or foreign request is as none.
#[tokio::test]
async fn a_request_waits_an_hour_and_only_whole_and_here() {
    let test = TestApp::start().await;
    let (app, mut browser) = test.app_and_browser().await;
    let (other, _) = test.another("Bolt", "https://bolt.test").await;
    test.advance(1);
    let answer = browser.get(&app.authorize_with(&[("prompt", "login")])).await;
    let sealed = answer.header("location").split_once("return=").unwrap().1.to_owned();

    let resumed = |sealed: &str| format!("/oidc/authorize?resume={sealed}");
    for broken in [&sealed[1..], &sealed[..sealed.len() - 1], &sealed.replacen('e', "f", 1), "", "."] {
        let answer = browser.get(&resumed(broken)).await;
        assert_eq!((answer.status.as_u16(), answer.header("location")), (303, "/"), "{broken}");
        let login = test.browser().get(&format!("/login?return={broken}")).await;
        assert!(login.status == 200 && !login.body.contains("Wiki"));
    }
    let mut stranger = test.browser();
    stranger.host = "bolt.test".to_owned();
    assert_eq!(other.name, "Bolt");
    assert_eq!(stranger.get(&resumed(&sealed)).await.header("location"), "/");
    test.advance(3_599);
    assert!(browser.get(&resumed(&sealed)).await.header("location").starts_with("/login?return="));
    test.advance(1);
    assert_eq!(browser.get(&resumed(&sealed)).await.header("location"), "/");
}

/// Whoever else it may name, the answer is the same: nobody learns who is known.
#[tokio::test]
async fn a_login_hint_that_is_not_this_person_asks_first_and_says_nothing_of_others() {
    let test = TestApp::start().await;
    let (app, mut browser) = test.app_and_browser().await;
    test.client("bob@example.org").await;
    let code = app.code(&mut browser).await;
    let tokens = app.tokens(&test, &code).await;
    let subject = test.verified(&app, tokens["id_token"].as_str().unwrap()).await["sub"].clone();

    let mut pages = Vec::new();
    for hint in ["bob@example.org", "nobody@example.org", &"x".repeat(5_000)] {
        let silent = browser.get(&app.authorize_with(&[("login_hint", hint), ("prompt", "none")])).await;
        assert_eq!(query_of(silent.header("location"))["error"], "login_required", "{hint}");
        let page = browser.get(&app.authorize_with(&[("login_hint", hint)])).await;
        assert_eq!(page.status, 200, "{hint}");
        assert!(page.body.contains("a•••a@example.org") && page.body.contains("Wiki"), "{}", page.body);
        pages.push(page);
    }
    for hint in ["ADA@Example.ORG", subject.as_str().unwrap()] {
        for prompt in ["", "none"] {
            let answer = browser.get(&app.authorize_with(&[("login_hint", hint), ("prompt", prompt)])).await;
            assert!(query_of(answer.header("location")).contains_key("code"), "{hint}");
        }
    }
    let fields = ["return", "proof"].map(|name| pages[0].field(name).unwrap());
    let fields = [("return", fields[0].as_str()), ("proof", fields[1].as_str())];
    let pressed = browser.send(
        TestRequest::of("POST", "/oidc/continue").form(&fields).header("sec-fetch-site", "same-origin"),
    );
    let go = pressed.await.header("location").to_owned();
    let leaving = browser.get(&go).await;
    let resumed = leaving.header("refresh").split_once("url=").unwrap().1.to_owned();
    assert!(query_of(browser.get(&resumed).await.header("location")).contains_key("code"));
}

#[tokio::test]
async fn an_account_is_asked_for_where_the_app_wants_that() {
    let test = TestApp::start().await;
    let (app, mut browser) = test.app_and_browser().await;
    for prompt in ["consent", "select_account"] {
        let page = browser.get(&app.authorize_with(&[("prompt", prompt)])).await;
        assert!(page.status == 200 && page.body.contains("/login?return="), "{prompt}: {}", page.body);
        let sealed = page.field("return").unwrap();
        let wrong = "x".repeat(32);
        let unproven = [("return", sealed.as_str()), ("proof", wrong.as_str())];
        let form = || TestRequest::of("POST", "/oidc/continue").form(&unproven);
        assert_eq!(test.send(form()).await.status, 403, "without a cookie");
        assert_eq!(browser.send(form().header("sec-fetch-site", "cross-site")).await.status, 403);
        let broken = [("return", &sealed[1..]), ("proof", wrong.as_str())];
        assert_eq!(browser.send(TestRequest::of("POST", "/oidc/continue").form(&broken)).await.status, 403);
        assert_eq!(browser.send(form()).await.body, page.body, "nothing but the page again");
    }
}

/// Two tabs that were opened at once: the cookie of one takes the place of the other's.
#[tokio::test]
async fn a_form_whose_cookie_another_tab_has_replaced_is_shown_again() {
    let test = TestApp::start().await;
    let (app, mut browser) = test.app_and_browser().await;
    browser.cookies.retain(|name, _| name.contains("session"));
    let asks = app.authorize_with(&[("prompt", "select_account")]);
    let first = browser.clone().get(&asks).await;
    browser.get(&asks).await;
    let press = |page: &TestResponse| {
        let fields = ["return", "proof"].map(|name| page.field(name).unwrap());
        let form = [("return", fields[0].as_str()), ("proof", fields[1].as_str())];
        TestRequest::of("POST", "/oidc/continue").form(&form).header("sec-fetch-site", "same-origin")
    };

    let again = browser.send(press(&first)).await;

    assert!(again.status == 200 && again.field("proof") != first.field("proof"), "{}", again.body);
    let pressed = browser.send(press(&again)).await;
    assert!(pressed.header("location").starts_with("/login/go?return="), "{}", pressed.body);
}

/// An ID token of ours says who is meant; nobody else's does.
#[tokio::test]
async fn an_id_token_hint_names_whom_our_keys_signed_it_for() {
    let test = TestApp::start().await;
    let (app, mut ada) = test.app_and_browser().await;
    let bob = test.client("bob@example.org").await;
    let mut other = test.browser();
    other.sign_in(&test.ask_for_link(bob).await).await;
    let mut hints = Vec::new();
    for browser in [&mut ada, &mut other] {
        let code = app.code(browser).await;
        hints.push(app.tokens(&test, &code).await["id_token"].as_str().unwrap().to_owned());
    }
    // However old it is.
    test.advance(7 * 3_600);

    let own = ada.get(&app.authorize_with(&[("id_token_hint", &hints[0])])).await;
    assert!(query_of(own.header("location")).contains_key("code"), "{}", own.body);
    let silent = [("id_token_hint", hints[1].as_str()), ("prompt", "none")];
    let said = query_of(ada.get(&app.authorize_with(&silent)).await.header("location"));
    assert_eq!(said["error"], "login_required");
    let asked = ada.get(&app.authorize_with(&[("id_token_hint", &hints[1])])).await;
    assert!(asked.header("location").starts_with("/login?return="), "{}", asked.body);

    let parts: Vec<_> = hints[0].split('.').collect();
    let none = "eyJhbGciOiJub25lIiwidHlwIjoiSldUIn0";
    let changed = parts[1].replacen('A', "B", 1);
    for broken in [
        format!("{none}.{}.", parts[1]),
        format!("{none}.{}.{}", parts[1], parts[2]),
        format!("{}.{changed}.{}", parts[0], parts[2]),
        format!("{}.{}.{}", parts[0], parts[1], parts[2].replacen('A', "B", 1)),
        format!("{}.{}", parts[0], parts[1]),
        "x".repeat(9_000),
    ] {
        let said =
            query_of(ada.get(&app.authorize_with(&[("id_token_hint", &broken)])).await.header("location"));
        assert_eq!(said["error"], "invalid_request", "{broken}");
    }
}

/// Rules 2 to 4 hold here too: whom they refuse gets no code.
#[tokio::test]
async fn whom_the_rule_refuses_is_refused_here_too() {
    let test = TestApp::start().await;
    let app = test.add_app(&json!({})).await;
    let ada = test.client("ada@example.org").await;
    let mut browser = test.browser();
    browser.sign_in(&test.ask_for_link(ada).await).await;
    test.change(ada, "two_factor_enabled", "true").await;

    for others in [&[][..], &[("prompt", "login")], &[("prompt", "none")]] {
        let answer = browser.get(&app.authorize_with(others)).await;
        assert_eq!(query_of(answer.header("location"))["error"], "access_denied", "{others:?}");
    }
}
