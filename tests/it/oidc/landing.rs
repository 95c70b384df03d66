//! Who comes by a link lands in an app: at its start URL, as who they are, and nowhere else.

use doorkey::domain::user::UserId;
use serde_json::json;

use crate::support::app::{Browser, TestApp, TestRequest, TestResponse, button};
use crate::support::relying_party::{RelyingParty, encoded};

const START: &str = "https://wiki.example.org/in?i={iss}&h={login_hint}&t={target}";

/// What apps know the only user by.
fn subject(test: &TestApp) -> String {
    test.database.rows("SELECT subject FROM users")[0][0].clone()
}

/// Where the page on the way sends the browser.
fn target_of(page: &TestResponse) -> String {
    assert_eq!(page.status, 200, "{}", page.body);
    let target = page.header("refresh").strip_prefix("0; url=").unwrap().to_owned();
    assert!(page.body.contains(&format!("href=\"{}\"", target.replace('&', "&#38;"))), "{}", page.body);
    target
}

/// Opens a link, presses the button, and goes where that leads; gives the path, and where it leads.
async fn lands(browser: &mut Browser<'_>, link: &str) -> (String, String) {
    let landed = browser.sign_in(link).await;
    assert_eq!(landed.status, 303, "{}", landed.body);
    let way = landed.header("location").to_owned();
    let target = target_of(&browser.get(&way).await);
    (way, target)
}

/// A link of the only user.
async fn fresh(test: &TestApp) -> String {
    test.ask_for_link(UserId::from_number(1).unwrap()).await
}

async fn with_an_app(start_url: &str) -> (TestApp, RelyingParty, String) {
    let test = TestApp::start().await;
    test.client("ada@example.org").await;
    let app = test.add_app(&json!({"start_url": start_url})).await;
    let link = fresh(&test).await;
    (test, app, link)
}

fn filled(test: &TestApp, target: &str) -> String {
    format!("https://wiki.example.org/in?i=https%3A%2F%2Fexample.com&h={}&t={target}", subject(test))
}

#[tokio::test]
async fn a_press_leads_over_a_page_of_this_host_to_the_start_url() {
    let (test, app, link) = with_an_app(START).await;
    let link = format!("{link}&app={}&redirect={}", app.client_id, encoded("/x?a=b&c=d#e"));
    let mut browser = test.browser();
    let page = browser.open(&link).await;
    assert!(page.body.contains("It leads to <strong><bdi>Wiki</bdi></strong>."), "{}", page.body);

    let (way, target) = lands(&mut browser, &link).await;

    assert_eq!(way, format!("/login/go?app={}&redirect=%2Fx%3Fa%3Db%26c%3Dd%23e", app.client_id));
    assert_eq!(target, filled(&test, "%2Fx%3Fa%3Db%26c%3Dd%23e"));
    let going = browser.get(&way).await;
    assert!(going.body.contains("Taking you to <bdi>Wiki</bdi>"), "{}", going.body);
    assert_eq!(going.header("referrer-policy"), "no-referrer");
}

#[tokio::test]
async fn a_start_url_without_places_gets_issuer_subject_and_target_appended() {
    let (test, app, link) = with_an_app("https://wiki.example.org/in").await;
    let (_, target) =
        lands(&mut test.browser(), &format!("{link}&app={}&redirect=%2Fx", app.client_id)).await;

    let known = format!("iss=https%3A%2F%2Fexample.com&login_hint={}", subject(&test));
    let expected =
        format!("https://wiki.example.org/in?{known}&target_link_uri=https%3A%2F%2Fwiki.example.org%2Fx");
    assert_eq!(target, expected);
}

#[tokio::test]
async fn a_redirect_that_is_written_into_the_link_by_hand_and_is_none_of_the_apps_is_as_none() {
    let (test, app, _) = with_an_app(START).await;
    let long = format!("/{}", "a".repeat(2_000));
    for bad in ["//evil", "https://wiki.example.org@evil", "https://example.com/orders", "", &long] {
        let link = format!("{}&app={}&redirect={}", fresh(&test).await, app.client_id, encoded(bad));
        let (way, target) = lands(&mut test.browser(), &link).await;
        assert_eq!(way, format!("/login/go?app={}", app.client_id), "{bad}");
        assert_eq!(target, filled(&test, ""), "{bad}");
    }
}

#[tokio::test]
async fn a_bad_app_leads_to_the_default_whatever_stands_beside_it() {
    let (mut test, _, _) = with_an_app(START).await;
    let startless = test.add_app(&json!({})).await;
    test.set("landing_url", "/home").await;
    for bad in ["unknown", "%00%00%00", "", &startless.client_id, "a&app=b"] {
        let link = format!("{}&app={bad}&redirect=%2Forders", fresh(&test).await);
        let mut browser = test.browser();
        // What this browser remembers gives way too: the link says where it leads.
        browser.get("/login?redirect=/wished").await;
        let page = browser.open(&link).await;
        assert!(!page.body.contains("It leads to"), "{bad}: {}", page.body);
        assert_eq!(browser.press(&page).await.header("location"), "/home", "{bad}");
    }
}

#[tokio::test]
async fn an_app_that_lost_its_start_url_before_the_press_leads_to_the_default() {
    let (test, app, link) = with_an_app(START).await;
    let mut browser = test.browser();
    let page = browser.open(&format!("{link}&app={}", app.client_id)).await;
    test.run_sql(&format!("DELETE FROM apps WHERE client_id = '{}'", app.client_id));

    assert_eq!(browser.press(&page).await.header("location"), "/");
}

#[tokio::test]
async fn nobody_changes_the_app_or_redirect_that_the_form_carries() {
    let (test, app, _) = with_an_app(START).await;
    let other = test.add_app(&json!({"start_url": "https://other.example.org/"})).await;
    for (field, from, to) in [("app", &*app.client_id, &*other.client_id), ("redirect", "/x", "/y")] {
        let link = fresh(&test).await;
        let mut browser = test.browser();
        let page = browser.open(&format!("{link}&app={}&redirect=%2Fx", app.client_id)).await;
        let as_it_was = format!("name=\"{field}\" value=\"{from}\"");
        assert!(page.body.contains(&as_it_was), "{}", page.body);
        let edited = page.body.replace(&as_it_was, &format!("name=\"{field}\" value=\"{to}\""));
        let landed = browser.send(button(&TestResponse { body: edited, ..page.clone() })).await;
        assert_eq!(landed.header("location"), "/", "{field}");
    }
}

#[tokio::test]
async fn who_is_signed_in_arrives_in_an_app_at_once_and_by_their_own_name() {
    let (test, app, link) = with_an_app(START).await;
    let mut browser = test.browser();
    browser.sign_in(&link).await;

    let page = browser.get(&format!("/login/go?app={}&redirect=%2Fy", app.client_id)).await;
    assert_eq!(target_of(&page), filled(&test, "%2Fy"));
    for bad in ["unknown", "", "%00%00%00"] {
        let answer = browser.get(&format!("/login/go?app={bad}&redirect=%2Fy")).await;
        assert_eq!((answer.status.as_u16(), answer.header("location")), (303, "/"), "{bad}");
    }
    let startless = test.add_app(&json!({})).await;
    let answer = browser.get(&format!("/login/go?app={}", startless.client_id)).await;
    assert_eq!((answer.status.as_u16(), answer.header("location")), (303, "/"));
}

#[tokio::test]
async fn who_is_not_signed_in_is_asked_to_and_then_arrives_in_the_app() {
    let (test, app, link) = with_an_app(START).await;
    let redirect = encoded(&format!("/{}", "%".repeat(1_999)));
    let way = format!("/login/go?app={}&redirect={redirect}", app.client_id);
    let mut browser = test.browser();
    browser.get("/login?redirect=/earlier").await;
    let answer = browser.get(&way).await;
    assert_eq!((answer.status.as_u16(), answer.header("location")), (303, "/login"));
    // A browser keeps no cookie that is longer.
    assert!(answer.cookies().iter().all(|cookie| cookie.len() <= 4_096), "{:?}", answer.cookies());

    let (back, target) = lands(&mut browser, &link).await;

    assert_eq!((back, target), (way, filled(&test, &redirect)));
    // It was wished once.
    let next = browser.sign_in(&fresh(&test).await).await;
    assert_eq!(next.header("location"), "/");
}

#[tokio::test]
async fn a_picture_on_another_page_makes_nobody_wish_for_an_app() {
    let (test, app, link) = with_an_app(START).await;
    let mut browser = test.browser();
    let path = format!("/login/go?app={}", app.client_id);
    let picture =
        TestRequest::of("GET", &path).header("sec-fetch-mode", "no-cors").header("sec-fetch-dest", "image");
    assert_eq!(browser.send(picture).await.header("location"), "/login");

    assert_eq!(browser.sign_in(&link).await.header("location"), "/");
}

#[tokio::test]
async fn a_used_link_of_who_is_signed_in_leads_to_its_app() {
    let (test, app, link) = with_an_app(START).await;
    let mut browser = test.browser();
    browser.sign_in(&format!("{link}&app={}", app.client_id)).await;
    let way = format!("/login/go?app={}", app.client_id);

    let of = async |browser: &mut Browser<'_>, link: String| {
        let answer = browser.open(&link).await;
        assert_eq!(answer.status, 303);
        answer.header("location").to_owned()
    };
    assert_eq!(
        of(&mut browser, format!("{link}&app={}&redirect=%2Fz", app.client_id)).await,
        format!("{way}&redirect=%2Fz")
    );
    assert_eq!(of(&mut browser, format!("{link}&redirect=%2Forders")).await, "/orders");
    // What is not allowed leads where the session led, and so does nothing.
    assert_eq!(of(&mut browser, format!("{link}&app=unknown")).await, way);
    assert_eq!(of(&mut browser, link).await, way);
}

#[tokio::test]
async fn the_default_app_comes_before_the_landing_url_and_after_what_was_wished() {
    let (mut test, app, link) = with_an_app(START).await;
    test.set("landing_url", "/home").await;
    test.set("default_app", &app.client_id).await;
    let page = test.browser().open(&link).await;
    assert!(page.body.contains("It leads to <strong><bdi>Wiki</bdi></strong>."), "{}", page.body);

    let way = format!("/login/go?app={}", app.client_id);
    let landed = async |own: &str, wish: &str| {
        let mut browser = test.browser();
        browser.get(&format!("/login{wish}")).await;
        let link = format!("{}{own}", fresh(&test).await);
        browser.sign_in(&link).await.header("location").to_owned()
    };
    assert_eq!(landed("", "").await, way);
    assert_eq!(landed("&app=unknown", "").await, way);
    assert_eq!(landed("", "?redirect=/wished").await, "/wished");
    assert_eq!(landed("&redirect=/own", "").await, "/own");
    test.run_sql("DELETE FROM apps");
    assert_eq!(landed("", "").await, "/home");
}

#[tokio::test]
async fn a_link_of_the_back_office_leads_to_its_app_though_a_request_waits() {
    let (test, app, link) = with_an_app(START).await;
    let mut browser = test.browser();
    let login = browser.get(&app.authorize()).await.header("location").to_owned();
    browser.get(&login).await;

    let landed = browser.sign_in(&format!("{link}&app={}", app.client_id)).await;

    assert_eq!(landed.header("location"), format!("/login/go?app={}", app.client_id));
}

#[tokio::test]
async fn the_page_of_a_link_names_the_app_whose_request_waits() {
    let (test, app, link) = with_an_app(START).await;
    let mut browser = test.browser();
    let login = browser.get(&app.authorize()).await.header("location").to_owned();
    browser.get(&login).await;

    let page = browser.open(&link).await;
    assert!(page.body.contains("It leads to <strong><bdi>Wiki</bdi></strong>."), "{}", page.body);
    assert!(browser.press(&page).await.header("location").starts_with("/login/go?return="));
    assert!(!test.browser().open(&link).await.body.contains("It leads to"));
}

#[tokio::test]
async fn the_story_of_a_link_names_the_app_that_it_led_to() {
    let (mut test, app, first) = with_an_app(START).await;
    test.browser().sign_in(&format!("{first}&app={}", app.client_id)).await;
    test.set("single_use", "false").await;
    let reusable = fresh(&test).await;
    test.browser().sign_in(&format!("{reusable}&app={}", app.client_id)).await;
    test.browser().sign_in(&reusable).await;

    let led_to = async |link: &str| {
        let story = test.story_of(link).await;
        let events = story["events"].as_array().unwrap().clone();
        let signed_in = events.into_iter().filter(|event| event["type"] == "signed_in");
        signed_in.map(|event| event.get("client_id").cloned()).collect::<Vec<_>>()
    };
    assert_eq!(led_to(&first).await, [Some(json!(app.client_id))]);
    assert_eq!(led_to(&reusable).await, [Some(json!(app.client_id)), None]);
}

/// Also where its address has no host.
#[tokio::test]
async fn the_page_on_the_way_to_an_app_names_it() {
    let test = TestApp::start().await;
    let ada = test.client("ada@example.org").await;
    for uri in ["com.example.app:/cb", "https://app.example.org/cb"] {
        let app = test.add_app(&json!({"type": "public", "redirect_uris": [uri]})).await;
        let mut browser = test.browser();
        let login = browser.get(&app.authorize()).await.header("location").to_owned();
        browser.get(&login).await;
        let landed = browser.sign_in(&test.ask_for_link(ada).await).await;

        let page = browser.get(landed.header("location")).await;

        assert!(page.body.contains("Taking you to <bdi>Wiki</bdi>"), "{uri}: {}", page.body);
        assert!(page.body.contains("<bdi>Wiki</bdi></a>"), "{uri}: {}", page.body);
        assert!(target_of(&page).starts_with("/oidc/authorize?resume="), "{uri}");
    }
}
