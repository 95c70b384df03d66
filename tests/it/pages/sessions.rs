//! Sessions, signing out, the door for reverse proxies.

use axum::http::StatusCode;
use doorkey::domain::user::UserChange;

use crate::support::app::{Browser, TestApp, TestRequest, TestResponse};

const REMOTE: [&str; 4] = ["remote-user", "remote-email", "remote-name", "remote-groups"];

pub(super) async fn signed_in(test: &TestApp) -> Browser<'_> {
    let ada = test.client("ada@example.org").await;
    let mut browser = test.browser();
    browser.sign_in(&test.ask_for_link(ada).await).await;
    browser
}

fn is_nobody(response: &TestResponse) -> bool {
    response.status == StatusCode::UNAUTHORIZED
        && response.body.is_empty()
        && REMOTE.iter().all(|name| !response.headers.contains_key(*name))
}

/// Waits until it is written down that a session was seen so many seconds after it began.
pub(super) async fn seen_after(test: &TestApp, seconds: i64) {
    for _ in 0..200 {
        if test.number("SELECT max(last_seen_at - created_at) / 1000 FROM sessions") >= seconds {
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(25)).await;
    }
    panic!("it was not written down that the session was seen");
}

/// The session cookie has every attribute that keeps it where it belongs.
#[tokio::test]
async fn the_session_cookie_stays_where_it_belongs() {
    let test = TestApp::start().await;
    let ada = test.client("ada@example.org").await;
    let confirmed = test.browser().sign_in(&test.ask_for_link(ada).await).await;

    let cookies = confirmed.cookies();
    let (name, rest) = cookies[0].split_once('=').unwrap();
    let (value, attributes) = rest.split_once("; ").unwrap();
    assert_eq!((cookies.len(), name), (1, &*format!("__Host-doorkey_session_{}", test.acme.cookie_tag)));
    assert_eq!(test.acme.cookie_tag.len(), 8);
    assert_eq!(attributes, "Path=/; Max-Age=604800; HttpOnly; SameSite=Lax; Secure");
    assert_eq!(value.len(), 64);
    assert_eq!(confirmed.header("cache-control"), "no-store");
}

#[tokio::test]
async fn a_workspace_with_a_cookie_domain_shares_its_sessions_there_and_nowhere_else() {
    let mut test = TestApp::start().await;
    test.set("url", "https://login.example.com").await;
    test.set("host", "example.spp.co,app.example.com").await;
    test.set("cookie_domain", "example.com").await;
    let ada = test.client("ada@example.org").await;
    let ask = TestRequest::of("GET", "/api/login_links/1").host("example.spp.co").bearer(&test.key);
    let link = test.send(ask.clone()).await.json()["link"].as_str().unwrap().to_owned();
    let mut browser = test.browser();
    browser.host = "login.example.com".to_owned();

    let confirmed = browser.sign_in(&link).await;

    let expected = "__Secure-doorkey_session_";
    assert!(confirmed.cookies()[0].starts_with(expected), "{:?}", confirmed.cookies());
    assert!(confirmed.cookies()[0].ends_with("Secure; Domain=example.com"), "{:?}", confirmed.cookies());
    browser.host = "app.example.com".to_owned();
    assert!(browser.is_signed_in().await);
    let again = test.send(ask).await.json()["link"].as_str().unwrap().to_owned();
    let mut alias = test.browser();
    alias.host = "example.spp.co".to_owned();
    let there = alias.sign_in(&again).await;
    assert!(there.cookies()[0].starts_with("__Host-doorkey_session_"), "{:?}", there.cookies());
    assert_eq!(ada.number(), 1);
}

/// A planted cookie is worthless, before and after.
#[tokio::test]
async fn a_planted_session_cookie_is_worthless() {
    let test = TestApp::start().await;
    let ada = test.client("ada@example.org").await;
    let planted = "0".repeat(64);
    let mut browser = test.browser();
    let name = format!("__Host-doorkey_session_{}", test.acme.cookie_tag);
    browser.cookies.insert(name.clone(), planted.clone());

    browser.sign_in(&test.ask_for_link(ada).await).await;

    assert_ne!(browser.session(), Some(&planted));
    browser.cookies.insert(name, planted);
    assert!(!browser.is_signed_in().await);
}

/// Signing out ends the session on the server; only a press on our own page does so.
#[tokio::test]
async fn signing_out_ends_the_session_on_the_server() {
    let test = TestApp::start().await;
    let mut browser = signed_in(&test).await;
    let before = browser.cookies.clone();

    let asked = browser.get("/logout").await;
    assert_eq!(asked.status, StatusCode::OK);
    assert!(asked.body.contains("action=\"/logout\""), "{}", asked.body);
    assert!(browser.is_signed_in().await, "the page alone signed out");
    let foreign =
        browser.send(TestRequest::of("POST", "/logout").header("sec-fetch-site", "cross-site")).await;
    assert_eq!(foreign.status, StatusCode::FORBIDDEN);
    assert!(browser.is_signed_in().await);
    let out = browser.send(TestRequest::of("POST", "/logout").header("sec-fetch-site", "same-origin")).await;

    assert_eq!((out.status, out.header("location")), (StatusCode::SEE_OTHER, "/logout"));
    let cleared = format!("__Host-doorkey_session_{}=; Path=/; Max-Age=0;", test.acme.cookie_tag);
    assert!(out.cookies()[0].starts_with(&cleared), "{:?}", out.cookies());
    let out = browser.get("/logout").await.body;
    assert!(out.contains("You are signed out") && !out.contains("<button"), "{out}");
    browser.cookies = before;
    assert!(!browser.is_signed_in().await);
    assert!(is_nobody(&browser.get("/auth/verify").await));
    assert!(test.audit().contains(&"session.signed_out by user:1".to_owned()));
    assert_eq!(browser.send(TestRequest::of("POST", "/logout")).await.status, StatusCode::SEE_OTHER);
}

/// Idle and absolute ends are the server's, and final.
#[tokio::test]
async fn sessions_end_by_idling_and_by_age_and_stay_ended() {
    let test = TestApp::start().await;
    let mut idle = signed_in(&test).await;
    test.advance(43_199);
    assert!(idle.is_signed_in().await);
    let mut busy = idle.clone();
    seen_after(&test, 43_199).await;
    test.advance(43_200);
    assert!(!idle.is_signed_in().await);
    test.advance(-43_200);
    assert!(!idle.is_signed_in().await, "a clock set back revives nothing");

    busy.sign_in(&test.ask_for_link(doorkey::domain::user::UserId::from_number(1).unwrap()).await).await;
    for sixteenth in 0..16 {
        assert!(busy.is_signed_in().await);
        test.app.store.write_touches().await.unwrap();
        seen_after(&test, sixteenth * 604_800 / 16).await;
        test.advance(604_800 / 16);
    }
    assert!(!busy.is_signed_in().await);
}

#[tokio::test]
async fn whoever_keeps_coming_back_stays_signed_in_however_short_the_idle_time() {
    let mut test = TestApp::start().await;
    test.set("session_idle", "4").await;
    let mut browser = signed_in(&test).await;
    for second in 1..=8 {
        test.advance(1);
        assert!(browser.is_signed_in().await, "second {second}");
        seen_after(&test, second).await;
    }
    test.advance(5);
    assert!(!browser.is_signed_in().await);
}

#[tokio::test]
async fn a_shorter_lifetime_binds_the_sessions_that_are_there() {
    let mut test = TestApp::start().await;
    let cookies = signed_in(&test).await.cookies;
    test.advance(100);
    test.set("session_lifetime", "60").await;
    let mut browser = test.browser();
    browser.cookies = cookies;
    assert!(!browser.is_signed_in().await);
}

/// Other applications live on the same host, and their cookies may hold anything.
#[tokio::test]
async fn cookies_of_others_are_passed_over_whatever_they_hold() {
    let test = TestApp::start().await;
    let browser = signed_in(&test).await;
    let session = format!("{}={}", browser.session_name(), browser.session().unwrap());
    let cookies = [b"theme=\xc3\xa9\xff; x; =y; ".as_slice(), session.as_bytes(), b";z=1"].concat();

    let response = test.send(TestRequest::of("GET", "/auth/verify").header("cookie", &cookies)).await;
    assert_eq!(response.status, StatusCode::OK);
    let twice = TestRequest::of("GET", "/auth/verify").header("cookie", &cookies).header("cookie", &cookies);
    assert!(is_nobody(&test.send(twice).await));
}

/// Nobody gets nothing, somebody all four, and no caller's own headers come back.
#[tokio::test]
async fn proxies_are_told_who_is_signed_in_and_nothing_else() {
    let test = TestApp::start().await;
    let forged = |ask: TestRequest| {
        let ask = REMOTE.iter().fold(ask, |ask, name| ask.header(name, "root"));
        ask.header("x-auth-user", "root").header("remote_user", "root")
    };
    let verify = || forged(TestRequest::of("GET", "/auth/verify"));
    assert!(is_nobody(&test.browser().send(verify()).await));
    assert!(is_nobody(&test.send(verify().host("nobody.example")).await));
    assert!(is_nobody(&test.send(verify().without("host")).await));

    let mut browser = signed_in(&test).await;
    let response = browser.send(verify()).await;

    assert_eq!((response.status, response.body.as_str()), (StatusCode::OK, ""));
    assert_eq!(REMOTE.map(|name| response.header(name)), ["1", "ada@example.org", "Ada Lovelace", "client"]);
    assert!(!response.headers.contains_key("x-auth-user"));
    assert_eq!(response.header("cache-control"), "no-store");
}

/// With `redirect=1` the way leads to the login page, and back only where the rule lets it.
#[tokio::test]
async fn proxies_can_send_people_to_the_login_page() {
    let test = TestApp::start().await;
    let ask = |uri: &str, host: &str| {
        TestRequest::of("GET", "/auth/verify?redirect=1")
            .header("x-forwarded-proto", "https")
            .header("x-forwarded-host", host)
            .header("x-forwarded-uri", uri)
    };
    let untrusted = test.send(ask("/orders/5?a=1", "example.com")).await;
    assert_eq!((untrusted.status.as_u16(), untrusted.header("location")), (302, "https://example.com/login"));

    for (uri, host, location) in [
        (
            "/orders/5?a=1&b=50%25",
            "example.com",
            "https://example.com/login?redirect=https://example.com/orders/5?a=1%26b=50%2525",
        ),
        ("/orders", "evil.test", "https://example.com/login"),
        ("//evil.test", "example.com", "https://example.com/login?redirect=https://example.com//evil.test"),
        ("/../x", "example.com", "https://example.com/login?redirect=https://example.com/x"),
        ("orders", "example.com", "https://example.com/login"),
        ("@evil.test/", "example.com", "https://example.com/login"),
    ] {
        let response = test.send_from("10.1.2.3", ask(uri, host)).await;
        assert_eq!((response.status.as_u16(), response.header("location")), (302, location), "{uri} {host}");
    }
    let long = format!("/{}", "a".repeat(8_000));
    for uri in ["/%zz", long.as_str()] {
        let response =
            test.send_from("10.1.2.3", ask(uri, "example.com").header("x-forwarded-method", "BREW")).await;
        assert_eq!(response.status, StatusCode::FOUND);
    }
}

/// Whatever stands in the cookie, it is a session or it is nobody.
#[tokio::test]
async fn a_malformed_or_doubled_cookie_is_nobody() {
    let test = TestApp::start().await;
    let browser = signed_in(&test).await;
    let good = browser.session().unwrap().clone();
    let name = browser.session_name();
    let wrong_secret = format!("{}{}", &good[..32], "0".repeat(32));

    for value in [
        String::new(),
        "x".repeat(8_192),
        format!("\"{good}\""),
        "%".to_owned(),
        "Zm9v".to_owned(),
        "0".repeat(64),
        wrong_secret,
        good.to_uppercase(),
        format!("{good} x"),
        good[..63].to_owned(),
        format!("{good}0"),
    ] {
        let response = test
            .send(TestRequest::of("GET", "/auth/verify").header("cookie", format!("{name}={value}")))
            .await;
        assert!(is_nobody(&response), "{value}");
    }
    let binary = [name.as_bytes(), b"=\xff\xfe\x80"].concat();
    assert!(is_nobody(&test.send(TestRequest::of("GET", "/auth/verify").header("cookie", binary)).await));
    let twice = format!("{name}={good}; {name}={good}");
    assert!(is_nobody(&test.send(TestRequest::of("GET", "/auth/verify").header("cookie", &twice)).await));
    let apart = TestRequest::of("GET", "/auth/verify").header("cookie", format!("{name}={good}"));
    assert_eq!(test.send(apart.clone()).await.status, StatusCode::OK);
    assert!(is_nobody(&test.send(apart.header("cookie", format!("a=b; {name}=x"))).await));
}

/// Who may not stay is out with the next request, and does not come back when the change is undone.
#[tokio::test]
async fn disabled_deleted_or_staff_means_signed_out_for_good() {
    for (field, bad, good) in [("status", "0", "1"), ("staff", "true", "false")] {
        let test = TestApp::start().await;
        let mut browser = signed_in(&test).await;
        let ada = doorkey::domain::user::UserId::from_number(1).unwrap();
        test.change(ada, field, bad).await;
        let before = browser.clone();
        assert!(is_nobody(&browser.get("/auth/verify").await), "{field}");
        test.change(ada, field, good).await;
        assert!(is_nobody(&before.clone().get("/auth/verify").await), "{field}");
    }
    let test = TestApp::start().await;
    let mut browser = signed_in(&test).await;
    test.delete(doorkey::domain::user::UserId::from_number(1).unwrap()).await;
    assert!(is_nobody(&browser.get("/auth/verify").await));
}

#[tokio::test]
async fn two_factor_and_a_new_address_leave_sessions_alone() {
    let test = TestApp::start().await;
    let mut browser = signed_in(&test).await;
    let ada = doorkey::domain::user::UserId::from_number(1).unwrap();

    test.change(ada, "two_factor_enabled", "true").await;
    test.change(ada, "email", "ada@new.example").await;

    assert_eq!(browser.get("/auth/verify").await.header("remote-email"), "ada@new.example");
}

/// Any name travels in a header, unharmed and unsplit.
#[tokio::test]
async fn any_name_travels_in_a_header() {
    let test = TestApp::start().await;
    let long = "x".repeat(5_000);
    for (number, (name, header)) in [
        ("A\r\nSet-Cookie: a=b", "A%0D%0ASet-Cookie: a=b L"),
        ("Ünal", "%C3%9Cnal L"),
        (&long, &long[..1_024]),
        ("100%", "100%25 L"),
    ]
    .into_iter()
    .enumerate()
    {
        let fields = UserChange {
            name_f: Some(name.to_owned()),
            name_l: Some("L".to_owned()),
            ..UserChange::default()
        };
        let user = test.add(&test.acme, &format!("u{number}@x.test"), fields).await;
        let mut browser = test.browser();
        browser.sign_in(&test.ask_for_link(user).await).await;

        let response = browser.get("/auth/verify").await;

        assert_eq!((response.status, response.header("remote-name")), (StatusCode::OK, header));
        assert!(response.cookies().is_empty());
        assert!(browser.is_signed_in().await);
    }
}

/// An empty name is a header too, and whatever a proxy forwards changes no decision.
#[tokio::test]
async fn neither_an_empty_name_nor_odd_forwarded_headers_change_the_decision() {
    let test = TestApp::start().await;
    let empty = Some(String::new());
    let nameless = UserChange { name_f: empty.clone(), name_l: empty, ..UserChange::default() };
    let user = test.add(&test.acme, "n@x.test", nameless).await;
    let mut browser = test.browser();
    browser.sign_in(&test.ask_for_link(user).await).await;
    for uri in ["/%zz", "//x", "/../", "", &"a".repeat(8_000)] {
        let verify = TestRequest::of("GET", "/auth/verify").header("x-forwarded-uri", uri);
        let verify = verify.header("x-forwarded-method", "BREW");
        assert!(is_nobody(&test.send(verify.clone()).await), "{uri}");
        let response = browser.send(verify).await;
        assert_eq!(response.status, StatusCode::OK, "{uri}");
        assert_eq!(response.headers["remote-name"], "", "{uri}");
    }
}

#[tokio::test]
async fn the_home_page_says_who_since_when_and_until_when() {
    let test = TestApp::start().await;
    assert_eq!(test.browser().get("/").await.header("location"), "/login");
    let mut browser = signed_in(&test).await;

    let page = browser.get("/").await;

    for text in [
        "Ada Lovelace",
        "ada@example.org",
        "23 November 2026, 03:23 UTC",
        "23 November 2026, 15:23 UTC",
        "action=\"/logout\"",
    ] {
        assert!(page.body.contains(text), "{text}: {}", page.body);
    }
    assert_eq!(page.header("referrer-policy"), "no-referrer");
}
