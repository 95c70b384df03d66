//! Each role against each page and each form; and no workspace but those of the session.

use std::collections::BTreeSet;

use axum::http::StatusCode;
use doorkey::domain::admin::AdminRole;
use doorkey::domain::user::UserChange;
use doorkey::domain::workspace::Workspace;
use serde_json::json;

use crate::support::admin::{Form, admin_pages, form_to, forms, grant, links, signed_in};
use crate::support::app::{Browser, TestApp, TestRequest, button};

/// Everything that is written down but the audit log and when somebody was seen.
fn state(test: &TestApp) -> Vec<Vec<String>> {
    let mut rows = Vec::new();
    for sql in [
        "SELECT workspace_id, id, name, coalesce(revoked_at, 0) FROM api_keys ORDER BY 1, 2",
        "SELECT workspace_id, user_id, expires_at FROM sessions ORDER BY 1, 2",
        "SELECT workspace_id, user_id, coalesce(ended_at, 0), times_issued FROM login_links ORDER BY 1, 2, created_at",
        "SELECT workspace_id, user_id, state, attempts FROM mails ORDER BY 1, 2, created_at",
        "SELECT workspace_id, id, email, revision FROM users ORDER BY 1, 2",
        "SELECT id, name, revision, 0 FROM workspaces ORDER BY 1",
        "SELECT workspace_id, client_id, name, revision FROM apps ORDER BY 1, 2",
        "SELECT workspace_id, client_id, created_at, coalesce(removed_at, 0) FROM app_secrets ORDER BY 1, 2, id",
    ] {
        rows.extend(test.database.rows(sql));
    }
    rows
}

/// Every page of a workspace that an operator can walk to, and every form that stands there.
async fn walked(browser: &mut Browser<'_>, start: &str) -> (BTreeSet<String>, Vec<Form>) {
    let (mut seen, mut all) = (BTreeSet::new(), Vec::<Form>::new());
    let mut open = vec![start.to_owned()];
    while let Some(path) = open.pop() {
        if !path.starts_with(start) || !seen.insert(path.clone()) {
            continue;
        }
        let page = browser.get(&path).await;
        if page.status == StatusCode::SEE_OTHER {
            open.push(page.header("location").to_owned());
            continue;
        }
        assert_eq!(page.status, StatusCode::OK, "{path}: {}", page.body);
        open.extend(links(&page));
        for form in forms(&page) {
            if !all.iter().any(|known| known.action == form.action) {
                all.push(form);
            }
        }
    }
    (seen, all)
}

/// What comes after `/w/W`.
fn page_of(path: &str) -> &str {
    path.strip_prefix("/w/").and_then(|rest| rest.find('/').map(|at| &rest[at..])).unwrap_or("")
}

/// What the contract says of each kind of page.
fn may_see(role: AdminRole, page: &str) -> bool {
    let operators = ["/apps", "/new-app", "/keys", "/settings"];
    role != AdminRole::Support || !operators.iter().any(|operators| page.starts_with(operators))
}

/// And of each form.
fn may_do(role: AdminRole, page: &str) -> bool {
    if page == "/find" {
        // A look.
        return true;
    }
    match role {
        AdminRole::Operator => true,
        AdminRole::Support => page.starts_with("/sessions") || page.starts_with("/clients"),
        AdminRole::Viewer => false,
    }
}

/// A workspace with somebody signed in to it, and a neighbour that looks the same.
async fn two_tenants() -> (TestApp, Workspace) {
    let test = TestApp::start().await;
    let (other, others_key) = test.another("Other", "https://other.example").await;
    for (workspace, key, host) in
        [(&test.acme, &test.key, "example.com"), (&other, &others_key, "other.example")]
    {
        for (client_id, secrets) in [("wiki", 2), ("shop", 1)] {
            let app =
                json!({"client_id": client_id, "name": client_id, "redirect_uris": ["https://a.test/cb"]});
            let added = TestRequest::of("POST", "/api/apps").host(host).bearer(key).json(&app);
            assert_eq!(test.send(added).await.status, StatusCode::CREATED);
            for _ in 1..secrets {
                let path = format!("/api/apps/{client_id}/secrets");
                let made = test.send(TestRequest::of("POST", &path).host(host).bearer(key)).await;
                assert_eq!(made.status, StatusCode::CREATED, "{}", made.body);
            }
        }
        for name in ["ada", "bob"] {
            let user = test.add(workspace, &format!("{name}@example.org"), UserChange::default()).await;
            let ask = TestRequest::of("GET", &format!("/api/login_links/{}", user.number()));
            let link = test.send(ask.host(host).bearer(key)).await.json()["link"].clone();
            let mut browser = test.browser();
            host.clone_into(&mut browser.host);
            let page = browser.open(link.as_str().unwrap()).await;
            assert_eq!(browser.send(button(&page).without("origin")).await.status, StatusCode::SEE_OTHER);
        }
    }
    (test, other)
}

#[tokio::test]
async fn each_role_sees_and_does_what_the_table_says_and_nothing_else() {
    let (test, _) = two_tenants().await;
    let pages = admin_pages(&test);
    let mut operator = signed_in(&pages, grant("Operator", AdminRole::Operator, &[])).await;
    let (paths, forms) = walked(&mut operator, &format!("/w/{}/", test.acme.id.0)).await;
    let actions: Vec<_> = forms.iter().map(|form| page_of(&form.action)).collect();
    for action in ["/new-app", "/apps/wiki/change", "/apps/wiki/delete", "/apps/shop/secrets"] {
        assert!(actions.contains(&action), "{actions:?}");
    }
    let removals = actions.iter().filter(|action| action.starts_with("/apps/wiki/secrets/"));
    assert_eq!(removals.count(), 2, "{actions:?}");
    assert!(actions.contains(&"/keys") && actions.contains(&"/keys/1/revoke"), "{actions:?}");
    assert!(actions.iter().filter(|action| action.starts_with("/sessions/")).count() == 2, "{actions:?}");

    for role in [AdminRole::Viewer, AdminRole::Support] {
        let mut browser = signed_in(&pages, grant("Somebody", role, &[])).await;
        let own = form_to(&browser.get(&format!("/w/{}/sessions", test.acme.id.0)).await, "/sign-out");
        let proof = own.fields[0].1.clone();
        for path in &paths {
            let (page, status) = (page_of(path), browser.get(path).await.status);
            let expected = match (may_see(role, page), status) {
                (false, status) => status == StatusCode::FORBIDDEN,
                (true, status) => status == StatusCode::OK || status == StatusCode::SEE_OTHER,
            };
            assert!(expected, "{} sees {path}: {status}", role.name());
        }
        let untouched = state(&test);
        for form in forms.iter().filter(|form| form.action.starts_with("/w/")) {
            let page = page_of(&form.action);
            if may_do(role, page) {
                continue;
            }
            // As it stood on the operator's page, and with this admin's own value.
            for form in [form.clone(), form.clone().with("proof", &proof).with("name", "replayed")] {
                let response = browser.send(form.sent()).await;
                assert_eq!(response.status, StatusCode::FORBIDDEN, "{} does {}", role.name(), form.action);
                assert!(response.body.contains("<h1>"), "{}", response.body);
            }
        }
        assert_eq!(state(&test), untouched, "{} changed something", role.name());
        for path in &paths {
            let page = browser.get(path).await;
            let buttons = crate::support::admin::forms(&page);
            let forbidden = buttons
                .iter()
                .find(|form| form.action.starts_with("/w/") && !may_do(role, page_of(&form.action)));
            assert_eq!(forbidden, None, "{} has a button on {path}", role.name());
        }
    }
    let mut support = signed_in(&pages, grant("Support", AdminRole::Support, &[])).await;
    for browser in [&mut support, &mut operator] {
        let list = browser.get(&format!("/w/{}/sessions", test.acme.id.0)).await;
        let ask = links(&list).into_iter().find(|path| path.ends_with("/end")).unwrap();
        let form = form_to(&browser.get(&ask).await, "/end");
        assert_eq!(browser.send(form.sent()).await.status, StatusCode::SEE_OTHER);
    }
    let left = format!("SELECT count(*) FROM sessions WHERE workspace_id = {}", test.acme.id.0);
    assert_eq!(test.number(&left), 0);
}

#[tokio::test]
async fn an_admin_of_one_workspace_finds_nothing_of_another_and_changes_nothing_there() {
    let (test, other) = two_tenants().await;
    let pages = admin_pages(&test);
    let mut everywhere = signed_in(&pages, grant("Everywhere", AdminRole::Operator, &[])).await;
    let (paths, forms) = walked(&mut everywhere, &format!("/w/{}/", other.id.0)).await;
    let mut browser = signed_in(&pages, grant("Of Acme", AdminRole::Operator, &[test.acme.id])).await;
    let own = form_to(&browser.get(&format!("/w/{}/keys", test.acme.id.0)).await, "/sign-out");
    let proof = own.fields[0].1.clone();
    let untouched = state(&test);

    let home = browser.get("/").await;
    assert_eq!(home.header("location"), format!("/w/{}/", test.acme.id.0));
    for path in paths.iter().filter(|path| path.starts_with(&format!("/w/{}/", other.id.0))) {
        let page = browser.get(path).await;
        assert_eq!(page.status, StatusCode::NOT_FOUND, "{path}");
        assert!(!page.body.contains("Other") && !page.body.contains("@example.org"), "{}", page.body);
    }
    let theirs = forms.iter().filter(|form| form.action.starts_with("/w/"));
    for form in theirs.clone().map(|form| form.clone().with("proof", &proof).with("name", "forged")) {
        assert_eq!(browser.send(form.sent()).await.status, StatusCode::NOT_FOUND, "{}", form.action);
    }
    // The ids of the other workspace below this one.
    for form in theirs.filter(|form| form.action.contains("/sessions/")) {
        let here = form.action.replace(&format!("/w/{}/", other.id.0), &format!("/w/{}/", test.acme.id.0));
        let form = Form { action: here, ..form.clone().with("proof", &proof) };
        assert_eq!(browser.send(form.sent()).await.status, StatusCode::NOT_FOUND, "{}", form.action);
        assert_eq!(browser.get(&form.action).await.status, StatusCode::NOT_FOUND, "{}", form.action);
    }
    let stories: Vec<_> = paths.iter().filter(|path| path.contains("/links/")).collect();
    assert_eq!(stories.len(), 2, "{paths:?}");
    for path in stories {
        let here = path.replace(&format!("/w/{}/", other.id.0), &format!("/w/{}/", test.acme.id.0));
        assert_eq!(browser.get(&here).await.status, StatusCode::NOT_FOUND, "{here}");
    }
    for path in
        ["/w/0/keys", "/w/-1/keys", "/w/01/keys", "/w/99999999999999999999/keys", "/w/x/keys", "/w/%FF/keys"]
    {
        assert_eq!(browser.get(path).await.status, StatusCode::NOT_FOUND, "{path}");
    }
    assert_eq!(state(&test), untouched);

    let (later, _) = test.another("Later", "https://later.example").await;
    let path = format!("/w/{}/keys", later.id.0);
    assert_eq!(browser.get(&path).await.status, StatusCode::NOT_FOUND, "it was made later");
    assert_eq!(everywhere.get(&path).await.status, StatusCode::OK);
    let all = everywhere.get("/").await;
    for name in ["Acme", "Other", "Later"] {
        assert!(all.body.contains(&format!("<bdi>{name}</bdi>")), "{}", all.body);
    }
}

#[tokio::test]
async fn who_is_not_signed_in_is_sent_to_the_page_that_says_how() {
    let test = TestApp::start().await;
    let pages = admin_pages(&test);
    let mut operator = signed_in(&pages, grant("Operator", AdminRole::Operator, &[])).await;
    let (paths, forms) = walked(&mut operator, &format!("/w/{}/", test.acme.id.0)).await;
    let mut stranger = crate::support::admin::arrives(&pages);
    let untouched = state(&test);

    for request in paths.iter().map(|path| TestRequest::of("GET", path)).chain(forms.iter().map(Form::sent)) {
        let response = stranger.send(request.clone()).await;
        assert_eq!(
            (response.status, response.header("location")),
            (StatusCode::SEE_OTHER, "/sign-in"),
            "{request:?}"
        );
    }
    assert_eq!(state(&test), untouched);
}
