//! What a neighbour on the same parent domain can plant in a browser, and what it does not bring about.

use axum::http::StatusCode;

use super::sessions::signed_in;
use crate::support::app::{TestApp, TestRequest};

/// A neighbour can plant a second cookie of the name: the page must not say "signed out" while the session lives on.
#[tokio::test]
async fn signing_out_ends_every_session_whose_cookie_was_sent() {
    let test = TestApp::start().await;
    let browser = signed_in(&test).await;
    let (name, value) = (browser.session_name(), browser.session().unwrap().clone());
    let planted = format!("{name}={}; {name}={value}; {name}=x", "0".repeat(64));

    let out = TestRequest::of("POST", "/logout").header("sec-fetch-site", "same-origin");
    assert_eq!(test.send(out.header("cookie", planted)).await.status, StatusCode::SEE_OTHER);

    assert!(!browser.clone().is_signed_in().await, "the session lives on");
}

/// On a host outside the shared domain its own cookie counts: a neighbour there could plant that of the domain.
#[tokio::test]
async fn a_planted_cookie_of_the_shared_domain_does_not_stand_before_the_hosts_own() {
    let mut test = TestApp::start().await;
    test.set("url", "https://login.example.com").await;
    test.set("host", "portal.example.org").await;
    test.set("cookie_domain", "example.com").await;
    let users = [test.client("ada@example.org").await, test.client("eve@example.net").await];
    let mut links = Vec::new();
    for user in users {
        let ask = TestRequest::of("GET", &format!("/api/login_links/{}", user.number()));
        let response = test.send(ask.host("login.example.com").bearer(&test.key)).await;
        links.push(response.json()["link"].as_str().unwrap().to_owned());
    }
    let (mut ada, mut eve) = (test.browser(), test.browser());
    ada.host = "portal.example.org".to_owned();
    eve.host = "login.example.com".to_owned();
    ada.sign_in(&links[0]).await;
    eve.sign_in(&links[1]).await;

    ada.cookies.insert(eve.session_name(), eve.session().unwrap().clone());
    assert_eq!(ada.get("/auth/verify").await.header("remote-user"), "1");
    ada.cookies.retain(|name, _| name.starts_with("__Secure-"));
    assert_eq!(
        ada.get("/auth/verify").await.header("remote-user"),
        "2",
        "a proxy passes on that of the domain"
    );
}
