//! Apps on the admin pages: who may not change them, whatever is sent, and whose they are.

use axum::http::StatusCode;
use doorkey::domain::admin::AdminRole;
use serde_json::json;

use crate::support::admin::{Form, admin_pages, form_to, forms, grant, links, signed_in};
use crate::support::app::{Browser, TestApp};

const CALLBACK: &str = "https://wiki.example.org/cb";

async fn operator(pages: &TestApp) -> Browser<'_> {
    signed_in(pages, grant("Grace", AdminRole::Operator, &[pages.acme.id])).await
}

/// The path of a page of Acme.
fn at(test: &TestApp, path: &str) -> String {
    format!("/w/{}{path}", test.acme.id.0)
}

/// What is kept of apps and their secrets.
fn kept(test: &TestApp) -> Vec<Vec<String>> {
    let mut rows = test.database.rows("SELECT client_id, name, redirect_uris, revision FROM apps ORDER BY 1");
    rows.extend(
        test.database
            .rows("SELECT client_id, created_at, coalesce(removed_at, 0) FROM app_secrets ORDER BY id"),
    );
    rows
}

/// Every form about an app, as an operator sees it.
async fn forms_of_app(browser: &mut Browser<'_>, test: &TestApp, client_id: &str) -> Vec<Form> {
    let path = at(test, &format!("/apps/{client_id}"));
    let page = browser.get(&path).await;
    let mut pages = vec![at(test, "/new-app"), path.clone()];
    pages.extend(links(&page).into_iter().filter(|link| link.starts_with(&format!("{path}/"))));
    let mut all = Vec::new();
    for page in pages {
        let own = forms(&browser.get(&page).await);
        all.extend(
            own.into_iter().filter(|form| form.action.contains("app") && !form.action.ends_with("/sign-out")),
        );
    }
    let all: Vec<_> =
        all.into_iter().map(|form| form.with("name", "changed").with("redirect_uris", CALLBACK)).collect();
    all
}

#[tokio::test]
async fn who_may_only_look_changes_no_app_and_support_sees_none() {
    let test = TestApp::start().await;
    for client_id in ["wiki", "shop"] {
        test.add_app(&json!({"client_id": client_id})).await;
    }
    assert_eq!(test.call("POST", "/api/apps/wiki/secrets").await.status, StatusCode::CREATED);
    let pages = admin_pages(&test);
    let mut grace = operator(&pages).await;
    let mut all = forms_of_app(&mut grace, &test, "wiki").await;
    all.extend(forms_of_app(&mut grace, &test, "shop").await);
    // Two each to add, change and delete; two removals; and one place for another secret.
    assert_eq!(all.len(), 9, "{all:?}");
    let before = kept(&test);

    for role in [AdminRole::Viewer, AdminRole::Support] {
        let mut browser = signed_in(&pages, grant("Vic", role, &[])).await;
        let own = form_to(&browser.get(&at(&test, "/")).await, "/sign-out");
        for form in &all {
            let response = browser.send(form.clone().with("proof", &own.fields[0].1).sent()).await;
            assert_eq!(response.status, StatusCode::FORBIDDEN, "{role:?} does {}", form.action);
        }
        for path in ["/apps", "/apps/wiki", "/apps/wiki/delete"] {
            let page = browser.get(&at(&test, path)).await;
            let expected = if role == AdminRole::Viewer { StatusCode::OK } else { StatusCode::FORBIDDEN };
            assert_eq!(page.status, expected, "{role:?} sees {path}");
            assert!(!forms(&page).iter().any(|form| form.action.contains("app")), "{}", page.body);
            assert!(!links(&page).iter().any(|link| link.ends_with("-app") || link.ends_with("/change")));
        }
    }
    let mut viewer = signed_in(&pages, grant("Vic", AdminRole::Viewer, &[])).await;
    for (path, to) in [("/new-app", "/apps"), ("/apps/wiki/change", "/apps/wiki")] {
        let sent = viewer.get(&at(&test, path)).await;
        assert_eq!((sent.status, sent.header("location")), (StatusCode::SEE_OTHER, &*at(&test, to)));
    }
    assert_eq!(kept(&test), before);
}

#[tokio::test]
async fn a_form_about_an_app_that_was_not_made_for_this_admin_does_nothing() {
    let test = TestApp::start().await;
    test.add_app(&json!({"client_id": "wiki"})).await;
    let pages = admin_pages(&test);
    let mut browser = operator(&pages).await;
    let all = forms_of_app(&mut browser, &test, "wiki").await;
    assert_eq!(all.len(), 4, "{all:?}");
    let mut other = operator(&pages).await;
    let others = form_to(&other.get(&at(&test, "/apps")).await, "/sign-out").fields[0].1.clone();
    let before = kept(&test);

    for form in all {
        for forged in [
            form.clone().without("proof"),
            form.clone().with("proof", "x"),
            form.clone().with("proof", &others),
        ] {
            assert_eq!(browser.send(forged.sent()).await.status, StatusCode::FORBIDDEN, "{forged:?}");
        }
        let foreign = form
            .sent()
            .without("sec-fetch-site")
            .header("origin", "https://evil.test")
            .header("sec-fetch-site", "cross-site");
        assert_eq!(browser.send(foreign).await.status, StatusCode::FORBIDDEN, "{form:?}");
    }
    assert_eq!(kept(&test), before);
}

#[tokio::test]
async fn an_app_of_another_workspace_is_not_there() {
    let test = TestApp::start().await;
    test.add_app(&json!({"client_id": "wiki"})).await;
    assert_eq!(test.call("POST", "/api/apps/wiki/secrets").await.status, StatusCode::CREATED);
    let (other, _) = test.another("Other", "https://other.example").await;
    let pages = admin_pages(&test);
    let mut browser = signed_in(&pages, grant("Grace", AdminRole::Operator, &[])).await;
    let here = |path: &str| path.replace(&at(&test, "/"), &format!("/w/{}/", other.id.0));
    let all = forms_of_app(&mut browser, &test, "wiki").await;
    let before = kept(&test);

    let of_app = all.iter().filter(|form| form.action.contains("/apps/wiki/"));
    assert_eq!(of_app.clone().count(), 4, "{all:?}");
    for form in of_app {
        let form = Form { action: here(&form.action), ..form.clone() };
        assert_eq!(browser.send(form.sent()).await.status, StatusCode::NOT_FOUND, "{}", form.action);
        assert_eq!(browser.get(&form.action).await.status, StatusCode::NOT_FOUND, "{}", form.action);
    }
    for path in ["/apps/wiki", "/apps/%00", "/apps/%FF", "/apps/wiki%2Fchange", "/apps/%3Cb%3E", "/apps/wi"] {
        let page = browser.get(&here(&at(&test, path))).await;
        assert_eq!(page.status, StatusCode::NOT_FOUND, "{path}");
        assert!(!page.body.contains("<b>"), "{}", page.body);
    }
    let list = browser.get(&here(&at(&test, "/apps"))).await;
    assert!(list.body.contains("No app is there yet."), "{}", list.body);
    assert_eq!(kept(&test), before);
}
