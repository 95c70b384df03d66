//! Links are opened and confirmed.

use axum::http::StatusCode;
use doorkey::domain::user::UserChange;

use crate::support::app::{TestApp, TestRequest};

/// Whoever only looks changes nothing, and the person comes in all the same.
#[tokio::test]
async fn looking_at_a_link_changes_nothing() {
    let test = TestApp::start().await;
    let ada = test.client("ada@example.org").await;
    let link = test.ask_for_link(ada).await;
    let path = link.strip_prefix("https://example.com").unwrap();

    for (name, value) in [
        ("user-agent", "Slackbot-LinkExpanding 1.0"),
        ("user-agent", "WhatsApp/2"),
        ("user-agent", "Twitterbot/1.0"),
        ("user-agent", "facebookexternalhit/1.1"),
        ("sec-purpose", "prefetch;prerender"),
        ("purpose", "prefetch"),
        ("x-moz", "prefetch"),
    ] {
        for method in ["GET", "HEAD"] {
            for _ in 0..4 {
                let response = test.send(TestRequest::of(method, path).header(name, value)).await;
                assert_eq!(response.status, StatusCode::OK, "{method} {value}");
                assert!(!response.cookies().iter().any(|cookie| cookie.contains("session")));
                assert!(!response.body.contains("og:") && !response.body.contains("ada@example.org"));
                assert_eq!(response.header("x-robots-tag"), "noindex");
            }
        }
        assert_eq!(
            test.send(TestRequest::of("OPTIONS", path).header(name, value)).await.status,
            StatusCode::METHOD_NOT_ALLOWED
        );
    }
    assert_eq!(test.number("SELECT count(*) FROM sessions"), 0);
    assert_eq!(test.ask_for_link(ada).await, link);
    assert_eq!(test.browser().sign_in(&link).await.status, StatusCode::SEE_OTHER);
}

#[tokio::test]
async fn the_page_names_account_and_workspace_and_carries_its_headers() {
    let test = TestApp::start().await;
    let ada = test.client("ada@example.org").await;
    let page = test.browser().open(&test.ask_for_link(ada).await).await;

    assert!(page.body.contains("a•••a@example.org") && page.body.contains("Acme"));
    assert_eq!(page.body.matches("<form").count(), 1);
    assert_eq!(page.body.matches("<button").count(), 1);
    assert!(!page.body.contains("<script") && !page.body.contains("style="));
    assert_eq!(page.header("content-type"), "text/html; charset=utf-8");
    for (name, value) in [
        ("cache-control", "no-store"),
        ("x-content-type-options", "nosniff"),
        ("x-robots-tag", "noindex"),
        ("referrer-policy", "strict-origin"),
    ] {
        assert_eq!(page.header(name), value);
    }
    let policy = page.header("content-security-policy");
    assert!(policy.starts_with("default-src 'none'"), "{policy}");
    for part in ["form-action 'self'", "frame-ancestors 'none'", "base-uri 'none'"] {
        assert!(policy.contains(part), "{policy}");
    }
    assert!(!policy.contains("http"), "{policy}");
    let cookies = page.cookies();
    assert_eq!(cookies.len(), 1);
    assert!(cookies[0].starts_with("__Host-doorkey_browser="), "{cookies:?}");
    assert!(cookies[0].ends_with("; Path=/; Max-Age=93600; HttpOnly; SameSite=Lax; Secure"), "{cookies:?}");
}

/// One confirm, one session; anybody else gets the dead page.
#[tokio::test]
async fn a_link_works_once() {
    let test = TestApp::start().await;
    let ada = test.client("ada@example.org").await;
    let link = test.ask_for_link(ada).await;
    let mut second = test.browser();
    let seconds_page = second.open(&link).await;
    let mut first = test.browser();

    let confirmed = first.sign_in(&link).await;

    assert_eq!((confirmed.status, confirmed.header("location")), (StatusCode::SEE_OTHER, "/"));
    assert!(first.is_signed_in().await);
    let late = second.press(&seconds_page).await;
    assert_eq!(late.status, StatusCode::GONE);
    assert!(late.cookies().is_empty() && !second.is_signed_in().await);
    assert!(first.is_signed_in().await, "a stranger's press ended it");
    assert_eq!(second.open(&link).await.status, StatusCode::GONE);
    assert!(test.audit().contains(&"login_link.redeemed by user:1".to_owned()));
    assert!(test.audit().contains(&"login_link.refused by visitor used".to_owned()));
}

#[tokio::test]
async fn a_used_link_leads_its_own_browser_back_while_signed_in() {
    let test = TestApp::start().await;
    let ada = test.client("ada@example.org").await;
    let link = test.ask_for_link(ada).await;
    let mut browser = test.browser();
    browser.sign_in(&format!("{link}&redirect=%2Forders%2F5")).await;

    let back = browser.open(&link).await;
    let elsewhere = browser.open(&format!("{link}&redirect=%2Fother")).await;
    let bad = browser.open(&format!("{link}&redirect=%2F%2Fevil.test")).await;
    test.advance(7_300);
    let late = browser.open(&link).await;

    for (response, location) in
        [(back, "/orders/5"), (elsewhere, "/other"), (bad, "/orders/5"), (late, "/orders/5")]
    {
        assert_eq!((response.status, response.header("location")), (StatusCode::SEE_OTHER, location));
    }
    browser.send(TestRequest::of("POST", "/logout")).await;
    assert_eq!(browser.open(&link).await.status, StatusCode::GONE);
    assert_eq!(test.browser().open(&link).await.status, StatusCode::GONE);
}

#[tokio::test]
async fn a_reusable_link_signs_in_any_number_of_browsers_in_its_two_hours() {
    let mut test = TestApp::start().await;
    let ada = test.client("ada@example.org").await;
    test.set("single_use", "false").await;
    let link = test.ask_for_link(ada).await;
    test.set("single_use", "true").await;
    let mut first = test.browser();

    for _ in 0..2 {
        assert_eq!(first.sign_in(&link).await.status, StatusCode::SEE_OTHER);
        test.advance(121);
    }
    assert_eq!(test.browser().sign_in(&link).await.status, StatusCode::SEE_OTHER);
    assert_eq!(test.ask_for_link(ada).await, link, "a link keeps what it was issued with");
    test.advance(7_200);
    assert_eq!(test.browser().open(&link).await.status, StatusCode::GONE);
}

#[tokio::test]
async fn a_reusable_links_session_that_ended_by_idling_gives_way_to_a_new_one() {
    let mut test = TestApp::start().await;
    let ada = test.client("ada@example.org").await;
    test.set("single_use", "false").await;
    test.set("session_idle", "10").await;
    let link = test.ask_for_link(ada).await;
    let mut browser = test.browser();
    browser.sign_in(&link).await;
    test.advance(11);

    assert_eq!(browser.sign_in(&link).await.status, StatusCode::SEE_OTHER);
    assert!(browser.is_signed_in().await);
}

/// Whatever is wrong with a token, the page is the same to the byte.
#[tokio::test]
async fn every_dead_token_gets_the_same_page() {
    let test = TestApp::start().await;
    let (other, other_key) = test.another("Other", "https://other.example").await;
    let foreigner = test.add(&other, "ada@example.org", UserChange::default()).await;
    let response = test
        .send(
            TestRequest::of("GET", &format!("/api/login_links/{}", foreigner.number()))
                .host("other.example")
                .bearer(&other_key),
        )
        .await;
    let foreign = response.json()["link"].as_str().unwrap().replace("https://other.example", "");
    let ada = test.client("ada@example.org").await;
    let expired = test.ask_for_link(ada).await;
    test.advance(7_200);
    let killed = test.ask_for_link(ada).await;
    test.call("DELETE", "/api/login_links/1").await;
    let used = test.ask_for_link(ada).await;
    test.browser().sign_in(&used).await;
    let live = test.ask_for_link(ada).await;
    let token = live.split('=').nth(1).unwrap().to_owned();
    let mut paths = spoilt(&token);
    paths.extend([foreign, expired, killed, used]);
    assert_all_dead_alike(&test, &paths).await;

    assert_eq!(test.browser().open(&live).await.status, StatusCode::OK);
}

/// Addresses that are nearly that of a live link.
fn spoilt(token: &str) -> Vec<String> {
    let swapped = token.chars().map(|letter| {
        if letter.is_lowercase() { letter.to_ascii_uppercase() } else { letter.to_ascii_lowercase() }
    });
    let mut queries: Vec<String> =
        ["%00", "0", "a", "%C3%A9", "%D9%A3"].map(|end| format!("token={token}{end}")).into();
    // One letter is another one, among those that are secret and those that lead to the link.
    queries.extend([0, 24, 25, 31].map(|place| {
        let other = if token.as_bytes()[place] == b'x' { "y" } else { "x" };
        format!("token={}{other}{}", &token[..place], &token[place + 1..])
    }));
    queries.extend([
        format!("token={}", swapped.collect::<String>()),
        format!("token={}", &token[1..]),
        format!("token=%EF%BC%A1{}", &token[1..]),
        format!("token={}", "0".repeat(32)),
        format!("token={token}&token=A"),
        format!("token[]={token}"),
        format!("Token={token}"),
        "token=".to_owned(),
        "token".to_owned(),
    ]);
    queries.into_iter().map(|query| format!("/login?{query}")).collect()
}

async fn assert_all_dead_alike(test: &TestApp, paths: &[String]) {
    let dead = test.browser().get("/login?token=x").await;
    assert_eq!(dead.status, StatusCode::GONE);
    assert_eq!(dead.header("referrer-policy"), "no-referrer");
    assert!(!dead.body.contains("example.org") && dead.cookies().is_empty());
    for path in paths {
        let response = test.browser().open(path).await;
        assert_eq!(
            (response.status, &response.body, &response.headers),
            (StatusCode::GONE, &dead.body, &dead.headers),
            "{path}"
        );
    }
}

/// What mail programs, chats and trackers do to a link does not break it.
#[tokio::test]
async fn a_link_survives_the_text_around_it_and_what_is_put_behind_it() {
    let test = TestApp::start().await;
    let ada = test.client("ada@example.org").await;
    let link = test.ask_for_link(ada).await;
    let token = link.split_once('=').unwrap().1.to_owned();

    for query in [
        format!("/login?token={token}%20"),
        format!("/login?token={token}+"),
        format!("/login?token={token}."),
        format!("/login?token={token})"),
        format!("/login?token={token}%3E"),
        format!("/login?token={token}%E2%80%8B"),
        format!("/login?token={token}%E2%80%9D.%20Or%20call"),
        format!("/login?token={token}&utm_campaign=50%off"),
        format!("/login?token={token}&utm_campaign=fr%FChling"),
        format!("/login?utm_campaign=%&token={token}"),
        format!("/login/?token={token}"),
    ] {
        let page = test.browser().open(&query).await;
        assert_eq!(page.status, StatusCode::OK, "{query}");
        assert_eq!(page.field("token").as_deref(), Some(&*token), "{query}");
    }
    for redirect in
        ["&redirect=/orders/12", "&amp;redirect=/orders/12", "&utm_term=a%b&redirect=%2Forders%2F12"]
    {
        let link = test.ask_for_link(ada).await;
        let mut browser = test.browser();
        let confirmed = browser.sign_in(&format!("{link}{redirect}")).await;
        assert_eq!(confirmed.header("location"), "/orders/12", "{redirect}");
    }
}

/// Quoted-printable takes `=` and two hexadecimal digits for a byte: a token must not begin with one.
#[tokio::test]
async fn the_first_letter_of_a_token_is_no_hexadecimal_digit() {
    let test = TestApp::start().await;
    for number in 0..200 {
        let user = test.client(&format!("u{number}@example.org")).await;
        let link = test.ask_for_link(user).await;
        let token = link.split_once("token=").unwrap().1;
        assert!(!token.as_bytes()[0].is_ascii_hexdigit(), "{token}");
    }
}

/// What counts is when the confirm arrives.
#[tokio::test]
async fn a_confirm_that_arrives_too_late_is_refused() {
    let test = TestApp::start().await;
    let ada = test.client("ada@example.org").await;
    let mut browser = test.browser();
    let link = test.ask_for_link(ada).await;
    test.advance(7_199);
    let page = browser.open(&link).await;
    test.advance(2);

    assert_eq!(browser.press(&page).await.status, StatusCode::GONE);
    assert!(test.audit().contains(&"login_link.refused by visitor expired".to_owned()));
}

/// What was refused as expired stays dead when the clock is set back.
#[tokio::test]
async fn a_link_once_refused_as_expired_stays_dead_whatever_the_clock_does() {
    for opens in [true, false] {
        let test = TestApp::start().await;
        let ada = test.client("ada@example.org").await;
        let link = test.ask_for_link(ada).await;
        test.advance(10_800);
        if opens {
            assert_eq!(test.browser().open(&link).await.status, StatusCode::GONE);
        } else {
            assert_ne!(test.ask_for_link(ada).await, link);
        }
        test.advance(-10_800);

        assert_eq!(test.browser().open(&link).await.status, StatusCode::GONE);
        assert_ne!(test.ask_for_link(ada).await, link);
    }
}

/// A new sign-in ends the session that this browser had, after the page said whose.
#[tokio::test]
async fn signing_in_ends_the_session_that_was_there() {
    let test = TestApp::start().await;
    let ada = test.client("ada@example.org").await;
    let bob = test.client("bob@example.net").await;
    let mut browser = test.browser();
    browser.sign_in(&test.ask_for_link(ada).await).await;
    let adas = browser.cookies.clone();
    let page = browser.open(&test.ask_for_link(bob).await).await;
    assert!(
        page.body.contains("ada@example.org")
            && page.body.contains("b•••b@example.net")
            && page.body.contains("another account"),
        "{}",
        page.body
    );

    browser.press(&page).await;

    assert!(browser.get("/").await.body.contains("bob@example.net"));
    let mut before = test.browser();
    before.cookies = adas;
    assert!(!before.is_signed_in().await);
    assert!(test.audit().contains(&"session.ended by user:2 replaced".to_owned()));
    let bobs = browser.session().unwrap().clone();
    browser.sign_in(&test.ask_for_link(bob).await).await;
    assert_ne!(browser.session(), Some(&bobs));
    assert_eq!(test.number("SELECT count(*) FROM sessions"), 1);
}

/// Without cookies the page says what to do, and the link stays good.
#[tokio::test]
async fn without_cookies_the_page_says_what_to_do() {
    let test = TestApp::start().await;
    let ada = test.client("ada@example.org").await;
    let link = test.ask_for_link(ada).await;
    let page = test.browser().open(&link).await;

    let refused = test.browser().press(&page).await;

    assert_eq!(refused.status, StatusCode::FORBIDDEN);
    assert!(refused.body.contains("Allow cookies"), "{}", refused.body);
    assert_eq!(test.browser().sign_in(&link).await.status, StatusCode::SEE_OTHER);
}

#[tokio::test]
async fn a_good_browser_cookie_is_kept_and_a_bad_one_replaced() {
    let test = TestApp::start().await;
    let ada = test.client("ada@example.org").await;
    let link = test.ask_for_link(ada).await;
    let mut browser = test.browser();
    browser.open(&link).await;
    let first = browser.cookies.clone();

    browser.open(&link).await;
    assert_eq!(browser.cookies, first);
    browser.cookies.insert("__Host-doorkey_browser".to_owned(), "short".to_owned());
    browser.open(&link).await;
    assert_eq!(browser.cookies["__Host-doorkey_browser"].len(), 32);
}
