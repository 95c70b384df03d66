//! A confirm that is repeated: a double click, a lost answer.

use axum::http::StatusCode;

use crate::support::app::{TestApp, TestRequest};

#[tokio::test]
async fn the_same_confirm_again_gives_the_same_session_for_two_minutes() {
    let test = TestApp::start().await;
    let ada = test.client("ada@example.org").await;
    let mut browser = test.browser();
    let page = browser.open(&format!("{}&redirect=%2Forders%2F5", test.ask_for_link(ada).await)).await;
    let before = browser.cookies.clone();
    let first = browser.press(&page).await;
    let session = browser.session().unwrap().clone();

    // The answer was lost: the browser knows of no session.
    browser.cookies = before.clone();
    test.advance(119);
    let again = browser.press(&page).await;

    assert_eq!(again.header("location"), first.header("location"));
    assert_eq!(browser.session(), Some(&session));
    assert_eq!(test.number("SELECT count(*) FROM sessions WHERE single_use = 1"), 1);
    test.advance(1);
    browser.cookies = before;
    assert_eq!(browser.press(&page).await.status, StatusCode::GONE);
}

/// Somebody else's use of the same link comes between.
#[tokio::test]
async fn the_same_confirm_of_a_reusable_link_again_gives_the_same_session() {
    let mut test = TestApp::start().await;
    let ada = test.client("ada@example.org").await;
    test.set("single_use", "false").await;
    let link = test.ask_for_link(ada).await;
    let mut browser = test.browser();
    let page = browser.open(&link).await;
    let before = browser.cookies.clone();
    browser.press(&page).await;
    let session = browser.session().unwrap().clone();
    test.browser().sign_in(&link).await;

    browser.cookies = before;
    browser.press(&page).await;

    assert_eq!(browser.session(), Some(&session));
    assert_eq!(test.number("SELECT count(*) FROM sessions WHERE single_use = 0"), 2);
}

#[tokio::test]
async fn a_repeat_finds_the_session_of_before_links_told_where_they_led() {
    let test = TestApp::start().await;
    let ada = test.client("ada@example.org").await;
    let mut browser = test.browser();
    let page = browser.open(&test.ask_for_link(ada).await).await;
    let before = browser.cookies.clone();
    browser.press(&page).await;
    let session = browser.session().unwrap().clone();
    test.run_sql("UPDATE login_links SET session_id = NULL");
    test.run_sql("UPDATE sessions SET single_use = 0");

    browser.cookies = before;
    browser.press(&page).await;

    assert_eq!(browser.session(), Some(&session));
}

/// Whatever the row says, a session is given again to nobody but the browser that began it with that link.
#[tokio::test]
async fn a_link_that_leads_to_somebody_elses_session_gives_nothing() {
    let test = TestApp::start().await;
    let (ada, bob) = (test.client("ada@example.org").await, test.client("bob@example.org").await);
    let mut bobs = test.browser();
    bobs.sign_in(&test.ask_for_link(bob).await).await;
    let mut browser = test.browser();
    let page = browser.open(&test.ask_for_link(ada).await).await;
    let before = browser.cookies.clone();
    browser.press(&page).await;
    let bobs_session = "(SELECT id FROM sessions WHERE user_id = 2)";
    test.run_sql(&format!("UPDATE login_links SET session_id = {bobs_session} WHERE user_id = 1"));

    browser.cookies = before;
    let again = browser.press(&page).await;

    assert_eq!(again.status, StatusCode::GONE);
    assert!(again.cookies().is_empty());
    assert!(bobs.is_signed_in().await);
    assert_eq!(test.number("SELECT count(*) FROM sessions"), 2);
}

#[tokio::test]
async fn a_repeat_after_signing_out_gives_nothing() {
    let test = TestApp::start().await;
    let ada = test.client("ada@example.org").await;
    let mut browser = test.browser();
    let page = browser.open(&test.ask_for_link(ada).await).await;
    browser.press(&page).await;
    browser.send(TestRequest::of("POST", "/logout")).await;

    assert_eq!(browser.press(&page).await.status, StatusCode::GONE);
    assert!(!browser.is_signed_in().await);
}
