//! The form of an app that somebody else has saved meanwhile, or that has a field twice.

use axum::http::StatusCode;
use doorkey::domain::admin::AdminRole;
use serde_json::json;

use crate::support::admin::{admin_pages, form_to, grant, signed_in};
use crate::support::app::{Browser, TestApp, TestResponse};

const CALLBACK: &str = "https://wiki.example.org/cb";

async fn operator(pages: &TestApp) -> Browser<'_> {
    signed_in(pages, grant("Grace", AdminRole::Operator, &[pages.acme.id])).await
}

/// The path of a page of Acme.
fn at(test: &TestApp, path: &str) -> String {
    format!("/w/{}{path}", test.acme.id.0)
}

/// What a field of a page's form says.
fn value(page: &TestResponse, end: &str, name: &str) -> String {
    let (_, value) = form_to(page, end).fields.into_iter().find(|(known, _)| known == name).unwrap();
    value.replace("&#60;", "<").replace("&#62;", ">")
}

#[tokio::test]
async fn a_save_over_somebody_elses_is_refused_and_nothing_typed_is_lost() {
    let test = TestApp::start().await;
    test.add_app(&json!({"client_id": "wiki", "name": "Wiki", "redirect_uris": [CALLBACK]})).await;
    let pages = admin_pages(&test);
    let mut browser = operator(&pages).await;
    let change = at(&test, "/apps/wiki/change");
    let stale = form_to(&browser.get(&change).await, "/change");
    let theirs = stale.clone().with("name", "Theirs <b>");
    assert_eq!(browser.send(theirs.sent()).await.status, StatusCode::SEE_OTHER);
    let stale = stale.with("name", "Mine").with("start_url", "https://wiki.example.org/mine");

    let page = browser.send(stale.sent()).await;

    assert_eq!(page.status, StatusCode::CONFLICT, "{}", page.body);
    assert!(page.body.contains("Somebody else has changed the app meanwhile."), "{}", page.body);
    assert!(page.body.contains("id=\"name-now\">Saved now: <bdi>Theirs &#60;b&#62;</bdi>"), "{}", page.body);
    assert!(page.body.contains("id=\"start_url-now\">Saved now: nothing"), "{}", page.body);
    assert_eq!(page.body.matches("Saved now:").count(), 2, "{}", page.body);
    assert_eq!(value(&page, "/change", "name"), "Mine");
    assert_eq!(test.call("GET", "/api/apps/wiki").await.json()["name"], "Theirs <b>");
    let again = browser.send(form_to(&page, "/change").sent()).await;
    assert_eq!(again.status, StatusCode::SEE_OTHER, "{}", again.body);
    assert_eq!(test.call("GET", "/api/apps/wiki").await.json()["name"], "Mine");
    for old in [stale.clone(), stale.clone().without("revision"), stale.with("revision", "x")] {
        assert_eq!(browser.send(old.sent()).await.status, StatusCode::CONFLICT);
    }
}

#[tokio::test]
async fn a_second_save_of_an_app_changes_what_its_person_changed_and_nothing_else() {
    let test = TestApp::start().await;
    let uris = json!([CALLBACK, "https://wiki.example.org/other"]);
    test.add_app(&json!({"client_id": "wiki", "redirect_uris": uris})).await;
    let pages = admin_pages(&test);
    let mut browser = operator(&pages).await;
    let drawn = form_to(&browser.get(&at(&test, "/apps/wiki/change")).await, "/change");
    let theirs = drawn.clone().with("name", "Theirs").with("redirect_uris", CALLBACK).with("alg", "ES256");
    assert_eq!(browser.send(theirs.sent()).await.status, StatusCode::SEE_OTHER);
    // As browsers end lines.
    let mine = drawn.with("redirect_uris", &format!("{CALLBACK}\r\nhttps://wiki.example.org/other\r\n"));

    // What cannot be read hides nothing of what somebody else has saved.
    let page = browser.send(mine.with("start_url", "nowhere").sent()).await;

    assert_eq!(page.status, StatusCode::CONFLICT, "{}", page.body);
    for (name, shown) in
        [("start_url", "nowhere"), ("name", "Theirs"), ("redirect_uris", CALLBACK), ("alg", "ES256")]
    {
        assert_eq!(value(&page, "/change", name), shown, "{name}");
    }
    let mended = form_to(&page, "/change").with("start_url", "https://wiki.example.org/mine");
    assert_eq!(browser.send(mended.sent()).await.status, StatusCode::SEE_OTHER);
    let app = test.call("GET", "/api/apps/wiki").await.json();
    assert_eq!(app["start_url"], "https://wiki.example.org/mine");
    assert_eq!((&app["name"], &app["alg"]), (&json!("Theirs"), &json!("ES256")));
    assert_eq!(app["redirect_uris"], json!([CALLBACK]));
}

#[tokio::test]
async fn a_field_of_an_app_that_is_sent_twice_is_an_error_at_that_field() {
    let test = TestApp::start().await;
    test.add_app(&json!({"client_id": "wiki"})).await;
    let pages = admin_pages(&test);
    let mut browser = operator(&pages).await;

    for (page, end, names) in [
        ("/apps/wiki/change", "/change", &["name", "redirect_uris", "alg"][..]),
        ("/new-app", "/new-app", &["name", "client_id", "type"]),
    ] {
        let form = form_to(&browser.get(&at(&test, page)).await, end);
        let form = form.with("name", "Mine").with("redirect_uris", CALLBACK);
        for name in names {
            let mut form = form.clone();
            let again = form.fields.iter().find(|(known, _)| known == name).cloned().unwrap();
            form.fields.push(again);
            let page = browser.send(form.sent()).await;
            assert_eq!(page.status, StatusCode::BAD_REQUEST, "{name}: {}", page.body);
            let said = format!("id=\"{name}-error\">It must be given once.");
            assert!(page.body.contains(&said), "{name}: {}", page.body);
            assert_eq!(page.body.matches("class=\"error\"").count(), 1, "{name}: {}", page.body);
        }
    }
    let apps = test.database.rows("SELECT client_id, name, revision FROM apps");
    assert_eq!(apps.len(), 1, "{apps:?}");
    assert_eq!(apps[0][2], "1", "{apps:?}");
}

#[tokio::test]
async fn of_many_who_save_an_app_at_once_one_does() {
    let test = TestApp::start().await;
    test.add_app(&json!({"client_id": "wiki"})).await;
    let pages = admin_pages(&test);
    let mut browser = operator(&pages).await;
    let form = form_to(&browser.get(&at(&test, "/apps/wiki/change")).await, "/change");

    let saves = (0..16).map(|number| {
        let (mut browser, form) = (browser.clone(), form.clone().with("name", &format!("Wiki {number}")));
        async move { browser.send(form.sent()).await.status }
    });
    let statuses = futures_util::future::join_all(saves).await;

    assert_eq!(statuses.iter().filter(|status| **status == StatusCode::SEE_OTHER).count(), 1, "{statuses:?}");
    assert_eq!(statuses.iter().filter(|status| **status == StatusCode::CONFLICT).count(), 15, "{statuses:?}");
    assert_eq!(test.number("SELECT revision FROM apps"), 2);
}
