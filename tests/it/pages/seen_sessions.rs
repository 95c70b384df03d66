//! When a session was last seen: once a minute, with those of others, and in time.

use super::sessions::{seen_after, signed_in};
use crate::support::app::TestApp;

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

/// Many sessions of several workspaces and moments are written as each was seen.
#[tokio::test]
async fn what_was_noted_of_many_is_written_of_each() {
    let test = TestApp::start().await;
    let mut browsers = Vec::new();
    for number in 0..12 {
        let client = test.client(&format!("client{number}@x.test")).await;
        let mut browser = test.browser();
        browser.sign_in(&test.ask_for_link(client).await).await;
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

    let seen = test.number("SELECT count(*) FROM sessions WHERE last_seen_at > created_at");
    assert_eq!(seen, 8);
    assert_eq!(
        test.number("SELECT count(DISTINCT last_seen_at) FROM sessions WHERE last_seen_at > created_at"),
        8
    );
    for browser in &mut browsers {
        assert!(browser.is_signed_in().await, "each row has the seal that belongs to it");
    }
}
