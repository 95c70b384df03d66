//! The button of the page behind a dead link: it sends a fresh one to whoever may have it, and tells nobody who that is.

use std::collections::BTreeSet;

use axum::http::StatusCode;
use doorkey::domain::user::UserId;
use doorkey::flow::operations::maintenance::{Retention, sweep};

use super::asking::fill;
use crate::support::app::{TestApp, TestRequest, TestResponse, UNLIMITED};

fn user(number: i64) -> UserId {
    UserId::from_number(number).unwrap()
}

fn path(link: &str) -> String {
    link.strip_prefix("https://example.com").unwrap().to_owned()
}

/// Presses the button of the page of a dead link, in a browser of its own.
async fn press(test: &TestApp, path: &str) -> TestResponse {
    let mut browser = test.browser();
    let page = browser.open(path).await;
    assert_eq!(page.status, StatusCode::GONE, "{}", page.body);
    browser.send(fill(&page, "/login/again", &[])).await
}

#[tokio::test]
async fn the_button_mails_a_fresh_link_to_a_client_and_the_answer_is_the_same_to_all() {
    let test = TestApp::start().await.limited_to(&UNLIMITED).mailing(0);
    let mut links = Vec::new();
    for number in 1..=6 {
        test.client(&format!("c{number}@example.org")).await;
        links.push(path(&test.ask_for_link(user(number)).await));
    }
    test.change(user(2), "staff", "true").await;
    test.change(user(3), "two_factor_enabled", "true").await;
    test.change(user(4), "status", "0").await;
    test.delete(user(5)).await;
    test.advance(7_200);
    let shape = |response: &TestResponse| {
        let headers: BTreeSet<_> = response.headers.keys().map(ToString::to_string).collect();
        format!("{} {headers:?} {} {}", response.status, response.header("location"), response.body)
    };
    let mut answers = BTreeSet::new();
    // The sixth got another address since.
    test.change(user(6), "email", "new6@example.org").await;
    for dead in links
        .iter()
        .cloned()
        .chain([format!("/login?token={}", "x".repeat(32)), "/login?token=short".to_owned()])
    {
        answers.insert(shape(&press(&test, &dead).await));
    }
    assert_eq!(answers.len(), 1, "{answers:?}");
    assert!(answers.first().unwrap().contains("/login/sent"));
    let mut browser = test.browser();
    assert_eq!(browser.get("/login/sent").await.status, StatusCode::OK);

    let mails = test.new_mails(0).await;
    let to: BTreeSet<_> = mails.iter().map(|mail| mail.header("To")).collect();
    assert_eq!(to, BTreeSet::from(["c1@example.org", "new6@example.org"]));
    assert!(mails.iter().all(|mail| mail.code().is_none()));
    let first = mails.iter().find(|mail| mail.header("To").starts_with("c1")).unwrap();
    assert_eq!(test.browser().sign_in(&first.path()).await.status, StatusCode::SEE_OTHER);
    let listed = test.call("GET", "/api/mails").await.json();
    assert!(listed["data"].as_array().unwrap().iter().all(|row| row["kind"] == "again"));
}

#[tokio::test]
async fn a_live_link_mails_nothing_and_a_dead_one_leads_where_it_led_if_that_is_allowed() {
    let test = TestApp::start().await.limited_to(&UNLIMITED).mailing(0);
    for number in 1..=3 {
        test.client(&format!("c{number}@example.org")).await;
    }
    let live = path(&test.ask_for_link(user(1)).await);
    // A form for a dead token, sent with a live one: its value does not fit.
    let mut browser = test.browser();
    let page = browser.open("/login?token=short").await;
    let mut form = fill(&page, "/login/again", &[]);
    form.body = String::from_utf8(form.body)
        .unwrap()
        .replace("token=", &format!("token={}", &live[13..]))
        .into_bytes();
    assert_eq!(browser.send(form).await.status, StatusCode::FORBIDDEN);
    // A page that was opened when the link was dead by a clock that has been set back.
    test.browser().sign_in(&live).await;
    let used = format!("{live}&redirect=%2Forders%2F7");
    assert_eq!(press(&test, &used).await.status, StatusCode::SEE_OTHER);
    let mails = test.new_mails(0).await;
    assert!(mails[0].link().ends_with("&redirect=%2Forders%2F7"), "{}", mails[0].link());
    let other = path(&test.ask_for_link(user(2)).await);
    test.advance(7_200);
    press(&test, &format!("{other}&redirect=https%3A%2F%2Fevil.test%2F")).await;
    let mails = test.new_mails(1).await;
    assert_eq!(mails.len(), 1);
    assert!(!mails[0].link().contains("redirect"), "{}", mails[0].link());
}

#[tokio::test]
async fn a_dead_link_is_known_for_as_long_as_is_set_and_no_longer() {
    let test = TestApp::start().await.limited_to(&UNLIMITED).mailing(0);
    for number in 1..=2 {
        test.client(&format!("c{number}@example.org")).await;
    }
    let link = path(&test.ask_for_link(user(1)).await);
    let kept = Retention { audit_log: 86_400, dead_links: 10 * 86_400 };
    test.advance(7_200 + 10 * 86_400 - 1);
    sweep(&test.app, test.app.clock.now(), kept).await.unwrap();
    press(&test, &link).await;
    assert_eq!(test.new_mails(0).await.len(), 1);
    test.advance(1_000);
    sweep(&test.app, test.app.clock.now(), kept).await.unwrap();
    press(&test, &link).await;
    assert_eq!(test.new_mails(1).await.len(), 0);
}

/// What a back office wished is kept for longer than the link.
#[tokio::test]
async fn a_dead_link_whose_destination_its_mail_names_leads_there_again() {
    let test = TestApp::start().await.limited_to(&UNLIMITED).mailing(0);
    test.client("ada@example.org").await;
    let long = format!("/orders?q={}", "x".repeat(500));
    let ask = TestRequest::of("POST", "/api/login_links/1/mail").bearer(&test.key);
    test.send(ask.json(&serde_json::json!({ "redirect": long }))).await;
    let mailed = test.new_mails(0).await[0].path();
    test.advance(7_200);
    let kept = Retention { audit_log: 86_400, dead_links: 86_400 };
    sweep(&test.app, test.app.clock.now(), kept).await.unwrap();
    press(&test, &mailed).await;

    let fresh = test.new_mails(1).await[0].path();
    assert_eq!(test.browser().sign_in(&fresh).await.header("location"), long);
}

#[tokio::test]
async fn however_often_it_is_pressed_three_mails_leave_in_a_quarter_of_an_hour() {
    let test = TestApp::start().await.limited_to(&UNLIMITED).mailing(0);
    test.client("ada@example.org").await;
    let link = path(&test.ask_for_link(user(1)).await);
    test.advance(7_200);
    let mut browser = test.browser();
    let page = browser.open(&link).await;
    let cookies: Vec<_> = browser.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
    let form = fill(&page, "/login/again", &[]).header("cookie", cookies.join("; "));
    for number in 0..60 {
        let answer = test.send_from(&format!("192.0.2.{}", number % 20), form.clone()).await;
        assert_eq!(answer.status, StatusCode::SEE_OTHER);
    }
    assert_eq!(test.new_mails(0).await.len(), 3);
    assert_eq!(test.number("SELECT count(*) FROM audit_log WHERE event = 'mail.withheld'"), 1);
    let bare = fill(&page, "/login/again", &[]);
    assert_eq!(test.send(bare).await.status, StatusCode::FORBIDDEN);
    let elsewhere = form.without("sec-fetch-site").without("origin").header("origin", "https://evil.test");
    assert_eq!(test.send(elsewhere).await.status, StatusCode::FORBIDDEN);
}

/// Whatever the reason, but for the values of hidden fields.
#[tokio::test]
async fn the_page_of_a_dead_link_is_the_same_whatever_made_it_one() {
    let test = TestApp::start().await.limited_to(&UNLIMITED).mailing(0);
    for number in 1..=3 {
        test.client(&format!("c{number}@example.org")).await;
    }
    let used = path(&test.ask_for_link(user(1)).await);
    test.browser().sign_in(&used).await;
    let killed = path(&test.ask_for_link(user(2)).await);
    test.call("DELETE", "/api/login_links/2").await;
    let mut pages = BTreeSet::new();
    for dead in [
        used,
        killed,
        "/login?token=\"><svg onload=alert(1)>".replace(['"', '<', '>', ' '], "%22"),
        format!("/login?token={}", "z".repeat(8_000)),
        format!("/login?token={}", "G".repeat(32)),
    ] {
        let page = test.send(TestRequest::of("GET", &dead)).await;
        assert_eq!(page.status, StatusCode::GONE);
        let mut body = page.body.clone();
        for name in ["token", "proof", "redirect"] {
            if let Some(value) = page.field(name) {
                body = body.replace(&format!("value=\"{value}\""), "value");
            }
        }
        assert!(!body.contains("svg onload"), "{body}");
        assert!(!page.cookies().iter().any(|cookie| cookie.contains("session")));
        pages.insert(body);
    }
    assert_eq!(pages.len(), 1, "{pages:?}");
}
