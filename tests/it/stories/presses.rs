//! What is a press of a link, and what is none.

use axum::http::StatusCode;
use doorkey::domain::story::{Note, NotedLink, PressRefusal};
use doorkey::domain::token::Token;
use serde_json::json;
use uuid::Uuid;

use crate::mail::asking::{ask, one_mail, type_code};
use crate::support::app::{TestApp, TestRequest, UNLIMITED};
use crate::support::visitors::told;

#[tokio::test]
async fn a_code_whose_link_was_killed_is_no_press_of_it() {
    let test = TestApp::start().await.limited_to(&UNLIMITED).mailing(0);
    let user = test.client("ada@example.org").await;
    let mut browser = test.browser();
    ask(&mut browser, "ada@example.org").await;
    let mail = one_mail(&test, 0).await;
    test.advance(5);
    test.call("DELETE", &format!("/api/login_links/{}", user.number())).await;
    test.advance(5);
    let typed = type_code(&mut browser, &mail.code().unwrap()).await;
    assert_eq!(typed.status, StatusCode::GONE, "{}", typed.body);
    test.settle_openings().await;

    let story = test.story_of(&mail.link()).await;

    assert_eq!(told(&story), ["issued", "mailed", "killed revoked"], "{story}");
    let totals = test.link_stats("kind=self_service").await["totals"].clone();
    assert_eq!((&totals["refused"], &totals["opened"]), (&json!({}), &json!(0)), "{totals}");
    assert_eq!(test.number("SELECT count(*) FROM audit_log WHERE event = 'login_link.refused'"), 1);
}

#[tokio::test]
async fn going_to_a_used_link_once_more_is_no_press_with_one_click() {
    let mut test = TestApp::start().await.limited_to(&UNLIMITED).mailing(0);
    test.set("one_click", "true").await;
    test.client("ada@example.org").await;
    let mut browser = test.browser();
    ask(&mut browser, "ada@example.org").await;
    let mail = one_mail(&test, 0).await;
    let go = || {
        let request = TestRequest::of("GET", &mail.path()).header("sec-fetch-mode", "navigate");
        request.header("sec-fetch-dest", "document")
    };
    assert_eq!(browser.send(go()).await.status, StatusCode::SEE_OTHER);
    test.advance(60);
    // It is the same sign-in for two minutes.
    assert_eq!(browser.send(go()).await.status, StatusCode::SEE_OTHER);
    test.advance(200);
    // Whoever is still signed in goes on, and nothing is refused.
    assert_eq!(browser.send(go()).await.status, StatusCode::SEE_OTHER);
    let session = browser.cookies.keys().find(|name| name.contains("session")).unwrap().clone();
    browser.cookies.remove(&session);
    assert_eq!(browser.send(go()).await.status, StatusCode::GONE);
    test.settle_openings().await;

    let story = test.story_of(&mail.link()).await;

    let pressed = told(&story).iter().filter(|event| event.starts_with("pressed")).count();
    assert_eq!(pressed, 1, "{story}");
    assert!(!told(&story).iter().any(|event| event.starts_with("refused")), "{story}");
    let totals = test.link_stats("kind=self_service").await["totals"].clone();
    assert_eq!((&totals["refused"], &totals["pressed_again"]), (&json!({}), &json!(0)), "{totals}");
    assert_eq!(test.number("SELECT count(*) FROM audit_log WHERE event = 'login_link.refused'"), 0);
    assert_eq!(test.number("SELECT count(*) FROM sessions"), 1);
}

#[tokio::test]
async fn a_batch_whose_commit_was_not_heard_of_is_counted_once() {
    let test = TestApp::start().await;
    let user = test.client("ada@example.org").await;
    let link = test.ask_for_link(user).await;
    let token = Token::parse(link.split_once("token=").unwrap().1).unwrap();
    let (store, workspace, now) = (&test.app.store, test.acme.id, test.app.clock.now());
    let hashes = test.app.keys().link_hashes(workspace, &token);
    let found = store.find_login_link(workspace, &hashes).await.unwrap().unwrap();
    let noted = [(NotedLink::from(&found.link), vec![Note::Refused(PressRefusal::AntiForgery, now, 3)])];
    let refusals = [((workspace, now.start_of_hour(), "staff_user"), 2)];
    let batches = [Uuid::new_v4(), Uuid::new_v4()];

    for _ in 0..2 {
        store.write_link_notes(batches[0], (workspace, &noted), now).await.unwrap();
        store.count_refusals(batches[1], &refusals, now).await.unwrap();
    }

    assert_eq!(told(&test.story_of(&link).await), ["issued", "refused anti_forgery"]);
    let refused = test.link_stats("").await["totals"]["refused"].clone();
    assert_eq!(refused, json!({ "anti_forgery": 3, "staff_user": 2 }));
    // Another batch is another.
    store.write_link_notes(Uuid::new_v4(), (workspace, &noted), now).await.unwrap();
    assert_eq!(test.link_stats("").await["totals"]["refused"]["anti_forgery"], 6);
    store.forget_batches(now.plus_seconds(2 * 86_400)).await.unwrap();
    assert_eq!(test.number("SELECT count(*) FROM counted_batches"), 0);
}
