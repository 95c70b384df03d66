//! Whose form it is that is sent.

use axum::http::StatusCode;

use crate::support::app::{TestApp, TestRequest, button};

/// Without the pair of this very page and browser nothing happens.
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

    for fields in [
        vec![("token", token.as_str())],
        vec![("token", token.as_str()), ("proof", "")],
        vec![("token", token.as_str()), ("proof", other_proof.as_str())],
        vec![("token", token.as_str()), ("proof", &proof[1..])],
        vec![("token", token.as_str()), ("proof", proof.as_str()), ("proof", proof.as_str())],
        vec![("proof", proof.as_str())],
    ] {
        let response = browser.send(TestRequest::of("POST", "/login").form(&fields)).await;
        assert_eq!(response.status, StatusCode::FORBIDDEN, "{fields:?}");
    }
    assert_eq!(test.send(button(&page)).await.status, StatusCode::FORBIDDEN, "without the cookie");
    let mut stranger = test.browser();
    stranger.open(&link).await;
    assert_eq!(stranger.press(&page).await.status, StatusCode::FORBIDDEN, "another browser's form");
    assert_eq!(test.number("SELECT count(*) FROM sessions"), 0);
    assert_eq!(browser.press(&page).await.status, StatusCode::SEE_OTHER);
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
