//! What was refused of apps, on the admin pages; and the list of apps.

use axum::http::StatusCode;
use doorkey::domain::admin::AdminRole;
use doorkey::flow::oidc::{apps, refusals};
use serde_json::json;
use uuid::Uuid;

use crate::support::admin::{admin_pages, grant, links, signed_in};
use crate::support::app::TestApp;

/// The path of a page of Acme.
fn at(test: &TestApp, path: &str) -> String {
    format!("/w/{}{path}", test.acme.id.0)
}

#[tokio::test]
async fn fifty_refusals_of_hostile_bytes_are_told_as_text() {
    let test = TestApp::start().await;
    test.add_app(&json!({"client_id": "wiki", "name": "<img src=x>"})).await;
    test.add_app(&json!({"client_id": "shop", "name": "Shop"})).await;
    let wiki = apps::find(&test.app, test.acme.id, "wiki").await.unwrap().unwrap();
    for number in 0..60 {
        let message = format!(
            "{number} <script>alert(1)</script>\"' --> </h3></main>\u{202e}\u{1b}[2J\r\n&lt;{}",
            "<".repeat(900)
        );
        refusals::note(&test.app, &wiki, ("<i>invalid", message), Uuid::new_v4());
        if number % 20 == 19 {
            refusals::write(&test.app).await.unwrap();
        }
    }
    let pages = admin_pages(&test);
    let mut browser = signed_in(&pages, grant("Vic", AdminRole::Viewer, &[])).await;

    let page = browser.get(&at(&test, "/apps/wiki")).await;

    assert_eq!(page.status, StatusCode::OK);
    assert_eq!(page.body.matches("<div class=\"state bad\">").count(), 50);
    assert!(
        page.body.contains("<bdi>59 &#60;script&#62;alert(1)&#60;/script&#62;&#34;&#39;"),
        "{}",
        page.body
    );
    assert!(!page.body.contains("<bdi>9 &#60;"), "an older one is told");
    assert!(page.body.contains("50 or more requests were refused in the last 24 hours"), "{}", page.body);
    let list = browser.get(&at(&test, "/apps")).await;
    assert!(list.body.contains("Requests of one of them were refused"), "{}", list.body);
    assert_eq!(list.body.matches("<div class=\"state bad\">").count(), 7, "{}", list.body);
    assert!(list.body.contains("data-label=\"Refused:\">50 or more<small>"), "{}", list.body);
    assert!(list.body.contains("data-label=\"Refused:\">–</td>"), "{}", list.body);
    for page in [page, list] {
        for raw in ["<script", "<img src=x", "<i>", "--> </h3>"] {
            assert!(!page.body.contains(raw), "{raw}: {}", page.body);
        }
        assert_eq!(page.body.matches("</main>").count(), 1);
        assert_eq!(page.body.matches("<h3").count(), page.body.matches("</h3>").count());
    }
}

#[tokio::test]
async fn refusals_for_one_reason_stand_together_and_say_what_to_do() {
    let test = TestApp::start().await;
    test.add_app(&json!({"client_id": "wiki"})).await;
    let wiki = apps::find(&test.app, test.acme.id, "wiki").await.unwrap().unwrap();
    let wrong_secret = ("invalid_client", "the secret is wrong or missing");
    let no_pkce = ("invalid_request", "code_challenge is missing");
    for (error, message) in [wrong_secret, no_pkce, wrong_secret, wrong_secret] {
        refusals::note(&test.app, &wiki, (error, message.to_owned()), Uuid::new_v4());
        test.advance(60);
    }
    refusals::write(&test.app).await.unwrap();
    let pages = admin_pages(&test);
    let mut browser = signed_in(&pages, grant("Vic", AdminRole::Viewer, &[])).await;

    let page = browser.get(&at(&test, "/apps/wiki")).await;

    assert_eq!(page.body.matches("<div class=\"state bad\">").count(), 2, "{}", page.body);
    let (before, after) = page.body.split_once("code_challenge is missing").unwrap();
    assert!(
        before.contains("the secret is wrong or missing") && before.contains("; 3 times since"),
        "{before}"
    );
    assert!(before.contains("The app has an old secret"), "{before}");
    assert!(after.contains("; once;") && after.contains("Switch PKCE on in the app"), "{after}");
    test.advance(2 * 86_400);
    let mut browser = signed_in(&pages, grant("Vic", AdminRole::Viewer, &[])).await;
    let page = browser.get(&at(&test, "/apps/wiki")).await;
    assert!(page.body.contains("Nothing was refused in the last 24 hours."), "{}", page.body);
    let list = browser.get(&at(&test, "/apps")).await;
    assert!(!list.body.contains("Refused lately"), "{}", list.body);
}

#[tokio::test]
async fn the_list_of_apps_is_a_page_of_fifty() {
    let test = TestApp::start().await;
    for number in 100..151 {
        test.add_app(&json!({"client_id": format!("app-{number}")})).await;
    }
    let pages = admin_pages(&test);
    let mut browser = signed_in(&pages, grant("Vic", AdminRole::Viewer, &[])).await;

    let page = browser.get(&at(&test, "/apps")).await;

    assert_eq!(page.body.matches("<th scope=\"row\">").count(), 50);
    assert!(page.body.contains("51 apps.") && page.body.contains("1 to 50 of 51"), "{}", page.body);
    let next = links(&page).into_iter().find(|path| path.contains("page=")).unwrap();
    let page = browser.get(&next).await;
    assert!(page.body.contains("51 to 51 of 51") && page.body.contains("app-150"), "{}", page.body);
    assert_eq!(browser.get(&at(&test, "/apps?page=x")).await.status, StatusCode::BAD_REQUEST);
}
