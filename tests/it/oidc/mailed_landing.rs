//! Who was asked to sign in by an app and has a link mailed: the asking browser goes on with the app's request, another one starts in the app.

use serde_json::json;

use crate::mail::asking::{ask, fill, one_mail, type_code};
use crate::support::app::{Browser, TestApp};
use crate::support::mailbox::Mail;
use crate::support::relying_party::{RelyingParty, encoded};

const START: &str = "https://wiki.example.org/in?t={target}";

async fn mailing_with_an_app() -> (TestApp, RelyingParty) {
    let test = TestApp::start().await.mailing(0);
    test.client("ada@example.org").await;
    let app = test.add_app(&json!({"start_url": START})).await;
    (test, app)
}

/// Goes to an app's request, and asks for a mail on the page that this leads to.
async fn ask_for_app(test: &TestApp, browser: &mut Browser<'_>, app: &RelyingParty, before: usize) -> Mail {
    let login = browser.get(&app.authorize()).await.header("location").to_owned();
    let page = browser.get(&login).await;
    assert_eq!(page.status, 200, "{}", page.body);
    browser.send(fill(&page, "/login/mail", &[("email", "ada@example.org")])).await;
    one_mail(test, before).await
}

fn start_of(app: &RelyingParty) -> String {
    format!("/login/go?app={}", app.client_id)
}

#[tokio::test]
async fn in_the_browser_that_asked_the_link_goes_back_to_the_apps_request() {
    let (test, app) = mailing_with_an_app().await;
    let mut browser = test.browser();
    let mail = ask_for_app(&test, &mut browser, &app, 0).await;
    assert!(mail.link().ends_with(&format!("&app={}", app.client_id)), "{}", mail.link());

    let page = browser.open(&mail.path()).await;
    assert!(page.body.contains("It leads to <strong><bdi>Wiki</bdi></strong>."), "{}", page.body);
    let landed = browser.press(&page).await;
    assert!(landed.header("location").starts_with("/login/go?return="), "{:?}", landed.headers);
}

#[tokio::test]
async fn in_another_browser_the_link_leads_to_the_apps_start_url() {
    let (test, app) = mailing_with_an_app().await;
    let mail = ask_for_app(&test, &mut test.browser(), &app, 0).await;

    let landed = test.browser().sign_in(&mail.path()).await;

    assert_eq!(landed.header("location"), start_of(&app));
}

#[tokio::test]
async fn with_a_request_of_another_app_the_link_leads_to_its_own_app() {
    let (test, app) = mailing_with_an_app().await;
    let other = test.add_app(&json!({"start_url": "https://other.example.org/", "name": "Other"})).await;
    let mail = ask_for_app(&test, &mut test.browser(), &app, 0).await;
    let mut browser = test.browser();
    let login = browser.get(&other.authorize()).await.header("location").to_owned();
    browser.get(&login).await;

    assert_eq!(browser.sign_in(&mail.path()).await.header("location"), start_of(&app));
}

#[tokio::test]
async fn once_the_request_is_an_hour_old_the_link_leads_to_the_start_url() {
    let (mut test, app) = mailing_with_an_app().await;
    test.set("self_service_lifetime", "1800").await;
    let mut browser = test.browser();
    let login = browser.get(&app.authorize()).await.header("location").to_owned();
    let page = browser.get(&login).await;
    test.advance(2_400);
    browser.send(fill(&page, "/login/mail", &[("email", "ada@example.org")])).await;
    let mail = one_mail(&test, 0).await;
    test.advance(1_300);

    assert_eq!(browser.sign_in(&mail.path()).await.header("location"), start_of(&app));
}

#[tokio::test]
async fn the_code_goes_back_to_the_request_too() {
    let (test, app) = mailing_with_an_app().await;
    let mut browser = test.browser();
    let mail = ask_for_app(&test, &mut browser, &app, 0).await;

    let landed = type_code(&mut browser, &mail.code().unwrap()).await;
    assert!(landed.header("location").starts_with("/login/go?return="), "{}", landed.body);

    let story = test.story_of(&mail.link()).await;
    let last = story["events"].as_array().unwrap().iter().find(|event| event["type"] == "signed_in").unwrap();
    assert_eq!((&last["by"], &last["client_id"]), (&json!("code"), &json!(app.client_id)), "{story}");
}

#[tokio::test]
async fn an_app_without_a_start_url_is_gone_back_to_in_the_browser_that_asked_alone() {
    let (test, _) = mailing_with_an_app().await;
    let app = test.add_app(&json!({})).await;
    let mut browser = test.browser();
    let mail = ask_for_app(&test, &mut browser, &app, 0).await;
    let mut elsewhere = test.browser();

    let page = elsewhere.open(&mail.path()).await;
    assert!(!page.body.contains("It leads to"), "{}", page.body);
    assert!(browser.sign_in(&mail.path()).await.header("location").starts_with("/login/go?return="));

    test.advance(60);
    let mail = ask_for_app(&test, &mut test.browser(), &app, 1).await;
    assert_eq!(elsewhere.sign_in(&mail.path()).await.header("location"), "/");
}

#[tokio::test]
async fn with_one_click_the_asking_browser_goes_on_at_once() {
    let (mut test, app) = mailing_with_an_app().await;
    test.set("one_click", "true").await;
    let mut browser = test.browser();
    let mail = ask_for_app(&test, &mut browser, &app, 0).await;
    let going = crate::support::app::TestRequest::of("GET", &mail.path());
    let going = going.header("sec-fetch-mode", "navigate").header("sec-fetch-dest", "document");

    let landed = browser.send(going).await;

    assert!(landed.header("location").starts_with("/login/go?return="), "{}", landed.body);
}

#[tokio::test]
async fn an_ask_after_a_way_into_an_app_leads_to_that_place_in_any_browser() {
    let (test, app) = mailing_with_an_app().await;
    let mut browser = test.browser();
    let way = format!("{}&redirect={}", start_of(&app), encoded("/page?x"));
    assert_eq!(browser.get(&way).await.header("location"), "/login");
    ask(&mut browser, "ada@example.org").await;

    let mail = one_mail(&test, 0).await;

    assert!(
        mail.link().ends_with(&format!("&app={}&redirect=%2Fpage%3Fx", app.client_id)),
        "{}",
        mail.link()
    );
    assert_eq!(test.browser().sign_in(&mail.path()).await.header("location"), way);
}

#[tokio::test]
async fn the_same_mail_once_more_has_the_same_app() {
    let (test, app) = mailing_with_an_app().await;
    let mut browser = test.browser();
    let first = ask_for_app(&test, &mut browser, &app, 0).await;
    test.advance(60);
    let page = browser.get("/login/code").await;
    let again = crate::support::app::TestResponse {
        body: page.body.split("name=\"code\"").nth(1).unwrap().to_owned(),
        ..page
    };
    browser.send(fill(&again, "/login/mail", &[])).await;

    assert_eq!(one_mail(&test, 1).await.link(), first.link());
}

#[tokio::test]
async fn who_edits_the_row_of_an_ask_leads_nobody_to_another_app() {
    let (test, app) = mailing_with_an_app().await;
    let other = test.add_app(&json!({"start_url": "https://other.example.org/"})).await;
    let mut browser = test.browser();
    let mail = ask_for_app(&test, &mut browser, &app, 0).await;
    test.run_sql(&format!("UPDATE asks SET client_id = '{}'", other.client_id));

    assert_eq!(browser.get("/login/code").await.status, 303, "{}", mail.link());
}

#[tokio::test]
async fn a_fresh_link_leads_to_the_app_of_the_dead_one_and_a_bad_app_is_dropped() {
    let (test, app) = mailing_with_an_app().await;
    let dead = test.ask_for_link(doorkey::domain::user::UserId::from_number(1).unwrap()).await;
    test.advance(7_201);
    let (other, _) = test.another("Other", "https://other.example").await;
    assert_ne!(other.id, test.acme.id);
    let good = format!("&app={}", app.client_id);
    for (number, (given, kept)) in [
        (format!("{good}&redirect=%2Fx"), format!("{good}&redirect=%2Fx")),
        (format!("{good}&redirect=%2F%2Fevil"), good.clone()),
        ("&app=unknown".to_owned(), String::new()),
        ("&app=%00%00%00".to_owned(), String::new()),
    ]
    .into_iter()
    .enumerate()
    {
        let mut browser = test.browser();
        let page = browser.open(&format!("{dead}{given}")).await;
        assert_eq!(page.status, 410);
        let sent = browser.send(fill(&page, "/login/again", &[])).await;
        assert_eq!(sent.header("location"), "/login/sent");
        let mail = one_mail(&test, number).await;
        assert_eq!(mail.link().split_once(&mail.token()).unwrap().1, kept, "{given}");
        test.advance(1_000);
    }
}
