//! When a session was last seen: once a minute, with those of others, and in time.

use axum::http::StatusCode;
use doorkey::domain::user::UserChange;

use super::sessions::{seen_after, signed_in};
use crate::support::app::{TestApp, TestRequest};

const SEEN: &str = "SELECT (last_seen_at - created_at) / 1000 FROM sessions";

#[tokio::test]
async fn being_seen_is_written_down_at_most_once_a_minute() {
    let test = TestApp::start().await;
    let mut browser = signed_in(&test).await;

    test.advance(59);
    browser.get("/auth/verify").await;
    test.app.store.write_touches().await.unwrap();
    assert_eq!(test.number(SEEN), 0);
    test.advance(1);
    browser.get("/auth/verify").await;
    test.app.store.write_touches().await.unwrap();
    assert_eq!(test.number(SEEN), 60);
}

/// Whoever goes on for long is written down with others; a list has all that was seen before it.
#[tokio::test]
async fn being_seen_is_noted_and_written_down_a_little_later() {
    let test = TestApp::start().await;
    let mut browser = signed_in(&test).await;
    test.advance(60);
    for _ in 0..3 {
        browser.get("/auth/verify").await;
    }
    // Writes are made in the order in which they are asked for: after this one, an earlier one is done.
    test.client("somebody@x.test").await;
    assert_eq!(test.number(SEEN), 0);

    let listed = test.call("GET", "/api/sessions").await.json();
    assert_eq!(listed["data"][0]["last_seen_at"], "2026-11-23T03:24:00.000Z");

    test.advance(60);
    assert!(browser.is_signed_in().await);
    test.app.store.write_touches().await.unwrap();
    assert_eq!(test.number(SEEN), 120);
}

/// A session that ends within minutes by what is written is written down at once: a process that dies ends it no earlier.
#[tokio::test]
async fn being_seen_shortly_before_the_end_is_written_down_at_once() {
    let test = TestApp::start().await;
    let mut browser = signed_in(&test).await;

    test.advance(12 * 3_600 - 300);
    browser.get("/auth/verify").await;

    seen_after(&test, 12 * 3_600 - 300).await;
}

/// Sessions of two workspaces, each seen at a moment of its own, are written as each was seen.
#[tokio::test]
async fn what_was_noted_of_many_is_written_of_each() {
    let test = TestApp::start().await;
    let (beta, key) = test.another("Beta", "https://beta.example").await;
    let mut browsers = Vec::new();
    for number in 0..12 {
        let email = format!("client{number}@x.test");
        let mut browser = test.browser();
        let link = if number < 6 {
            test.ask_for_link(test.client(&email).await).await
        } else {
            let user = test.add(&beta, &email, UserChange::default()).await;
            browser.host = "beta.example".to_owned();
            let path = format!("/api/login_links/{}", user.number());
            let asked = TestRequest::of("GET", &path).host("beta.example").bearer(&key);
            test.send(asked).await.json()["link"].as_str().unwrap().to_owned()
        };
        browser.sign_in(&link).await;
        browsers.push(browser);
    }
    test.advance(60);
    for (number, browser) in browsers.iter_mut().enumerate() {
        test.advance(1);
        if number % 3 > 0 {
            browser.get("/auth/verify").await;
        }
    }

    test.app.store.write_touches().await.unwrap();

    let seen = "SELECT count(DISTINCT last_seen_at) FROM sessions WHERE last_seen_at > created_at";
    assert_eq!(test.number(seen), 8);
    for id in [test.acme.id.0, beta.id.0] {
        assert_eq!(test.number(&format!("{seen} AND workspace_id = {id}")), 4);
    }
    for browser in &mut browsers {
        assert!(browser.is_signed_in().await, "each row has the seal that belongs to it");
    }
}

/// Where nothing can be written a list is answered all the same, and what was noted waits on.
#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_written_is_written_later() {
    let test = TestApp::start().await;
    let mut browser = signed_in(&test).await;
    test.advance(60);
    browser.get("/auth/verify").await;
    let hold = test.database.hold();

    assert!(test.app.store.write_touches().await.is_err());
    assert_eq!(test.call("GET", "/api/sessions").await.status, StatusCode::OK);

    hold.let_go();
    test.app.store.write_touches().await.unwrap();
    assert_eq!(test.number(SEEN), 60);
}
