//! Whose form it is that is sent.

use axum::http::StatusCode;

use crate::support::app::{TestApp, TestRequest, button};

/// Without the pair of this very page and browser nothing happens; where another tab only got another cookie, the page is
/// shown again, with a form that fits.
#[tokio::test]
async fn a_form_works_only_in_the_browser_it_was_shown_in() {
    let test = TestApp::start().await;
    let ada = test.client("ada@example.org").await;
    let bob = test.client("bob@example.org").await;
    let link = test.ask_for_link(ada).await;
    let mut browser = test.browser();
    let page = browser.open(&link).await;
    let other_page = browser.open(&test.ask_for_link(bob).await).await;
    let token = page.field("token").unwrap();
    let proof = page.field("proof").unwrap();
    let other_proof = other_page.field("proof").unwrap();

    for (fields, status) in [
        (vec![("token", token.as_str())], StatusCode::OK),
        (vec![("token", token.as_str()), ("proof", "")], StatusCode::OK),
        (vec![("token", token.as_str()), ("proof", other_proof.as_str())], StatusCode::OK),
        (vec![("token", token.as_str()), ("proof", &proof[1..])], StatusCode::OK),
        (
            vec![("token", token.as_str()), ("proof", proof.as_str()), ("proof", proof.as_str())],
            StatusCode::OK,
        ),
        (vec![("proof", proof.as_str())], StatusCode::GONE),
    ] {
        let response = browser.send(TestRequest::of("POST", "/login").form(&fields)).await;
        assert_eq!(response.status, status, "{fields:?}");
        assert!(!response.cookies().iter().any(|cookie| cookie.contains("session")), "{fields:?}");
    }
    assert_eq!(test.send(button(&page)).await.status, StatusCode::FORBIDDEN, "without the cookie");
    let mut malformed = test.browser();
    malformed.cookies.insert("__Host-doorkey_browser".to_owned(), "short".to_owned());
    assert_eq!(malformed.press(&page).await.status, StatusCode::FORBIDDEN, "with a cookie that is none");
    let mut stranger = test.browser();
    stranger.open(&link).await;
    let again = stranger.press(&page).await;
    assert_eq!(again.status, StatusCode::OK, "another browser's form");
    assert_eq!(test.number("SELECT count(*) FROM sessions"), 0);
    assert!(!stranger.is_signed_in().await);
    assert_eq!(browser.press(&page).await.status, StatusCode::SEE_OTHER);
    assert_eq!(stranger.press(&again).await.status, StatusCode::GONE);
}

/// Two tabs were opened at once, before either had a cookie: each got one, and the browser keeps the later.
#[tokio::test]
async fn two_tabs_opened_at_once_both_sign_in() {
    let test = TestApp::start().await;
    let ada = test.client("ada@example.org").await;
    let link = format!("{}&redirect=%2Forders%2F5", test.ask_for_link(ada).await);
    let first = test.browser().open(&link).await;
    let mut browser = test.browser();
    browser.open(&link).await;

    let again = browser.press(&first).await;
    assert_eq!(again.status, StatusCode::OK);
    assert!(!browser.is_signed_in().await);
    let confirmed = browser.press(&again).await;

    assert_eq!((confirmed.status, confirmed.header("location")), (StatusCode::SEE_OTHER, "/orders/5"));
    assert!(browser.is_signed_in().await);
}

/// It still has its cookie, which outlives the link, so the person is told what is so and not to allow cookies.
#[tokio::test]
async fn a_page_that_was_left_open_longer_than_its_link_lives_says_that_the_link_does_not_work() {
    let test = TestApp::start().await;
    let ada = test.client("ada@example.org").await;
    let mut browser = test.browser();
    let page = browser.open(&test.ask_for_link(ada).await).await;
    test.advance(7_200 + 80_000);

    let late = browser.press(&page).await;

    assert_eq!(late.status, StatusCode::GONE);
    assert!(late.body.contains("This link does not work"), "{}", late.body);
}

/// What another site sends is refused; an old browser that says nothing of where it is from is not.
#[tokio::test]
async fn a_form_sent_from_elsewhere_is_refused() {
    let test = TestApp::start().await;
    let ada = test.client("ada@example.org").await;
    let mut browser = test.browser();
    let page = browser.open(&test.ask_for_link(ada).await).await;
    let bare = button(&page).without("sec-fetch-site").without("origin");

    for ask in [
        bare.clone().header("sec-fetch-site", "cross-site"),
        bare.clone().header("sec-fetch-site", "same-site"),
        bare.clone().header("sec-fetch-site", "cross-site").header("origin", "null"),
        bare.clone().header("origin", "https://evil.test"),
        bare.clone().header("origin", "https://example.com.evil.test"),
        bare.clone().header("origin", "https://example.com:8443"),
        bare.clone().header("origin", "null"),
        bare.clone().header("sec-fetch-site", "same-origin").header("sec-fetch-site", "cross-site"),
        bare.clone().header("sec-fetch-site", "same-origin").header("sec-fetch-site", "same-origin"),
        bare.clone().header("origin", "https://example.com").header("origin", "https://evil.test"),
    ] {
        let response = browser.send(ask.clone()).await;
        assert_eq!(response.status, StatusCode::FORBIDDEN, "{:?}", ask.headers);
        assert!(response.body.contains("<h1>"));
    }
    assert_eq!(test.number("SELECT count(*) FROM sessions"), 0);
    assert_eq!(browser.send(bare).await.status, StatusCode::SEE_OTHER);
}

/// Only a form is a form, and it names one token.
#[tokio::test]
async fn only_a_form_that_names_one_token_is_taken() {
    let test = TestApp::start().await;
    let ada = test.client("ada@example.org").await;
    let bob = test.client("bob@example.org").await;
    let mut browser = test.browser();
    let page = browser.open(&test.ask_for_link(ada).await).await;
    let bobs = test.ask_for_link(bob).await;
    let bobs_token = bobs.split('=').nth(1).unwrap();

    for kind in ["text/plain", "application/json", "multipart/form-data; boundary=x", ""] {
        let ask = button(&page).without("content-type").header("content-type", kind);
        assert_eq!(browser.send(ask).await.status, StatusCode::UNSUPPORTED_MEDIA_TYPE, "{kind}");
    }
    let mut two = button(&page);
    two.path = format!("/login?token={bobs_token}");
    assert_eq!(browser.send(two).await.status, StatusCode::BAD_REQUEST);
    let mut twice = button(&page);
    twice.body.extend(format!("&token={bobs_token}").as_bytes());
    assert_eq!(browser.send(twice).await.status, StatusCode::BAD_REQUEST);
    let mut large = button(&page);
    large.body.extend(vec![b'x'; 1 << 20]);
    assert_eq!(browser.send(large).await.status, StatusCode::PAYLOAD_TOO_LARGE);
    let mut garbage = button(&page);
    garbage.body.extend(b"&x=%zz");
    assert_eq!(browser.send(garbage).await.status, StatusCode::BAD_REQUEST);

    assert_eq!(test.number("SELECT count(*) FROM sessions"), 0);
    assert_eq!(browser.press(&page).await.status, StatusCode::SEE_OTHER);
    assert_eq!(test.browser().open(&bobs).await.status, StatusCode::OK);
}
