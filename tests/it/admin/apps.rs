//! The apps of a workspace on the admin pages: added, changed, their secrets, what was refused of them, deleted.

use axum::http::StatusCode;
use doorkey::domain::admin::AdminRole;
use doorkey::flow::oidc::apps;
use serde_json::json;

use crate::support::admin::{Form, admin_pages, form_to, forms, grant, links, signed_in};
use crate::support::app::{Browser, TestApp, TestResponse};

const CALLBACK: &str = "https://wiki.example.org/cb";

async fn operator(pages: &TestApp) -> Browser<'_> {
    signed_in(pages, grant("Grace", AdminRole::Operator, &[pages.acme.id])).await
}

/// The path of a page of Acme.
fn at(test: &TestApp, path: &str) -> String {
    format!("/w/{}{path}", test.acme.id.0)
}

/// What is there to copy on a page, by its name.
fn copied(page: &TestResponse, name: &str) -> Option<String> {
    let (_, rest) = page.body.split_once(&format!("<input readonly aria-label=\"{name}\" value=\""))?;
    rest.split('"').next().map(str::to_owned)
}

/// What a field of a page's form says.
fn value(page: &TestResponse, end: &str, name: &str) -> String {
    let (_, value) = form_to(page, end).fields.into_iter().find(|(known, _)| known == name).unwrap();
    value.replace("&#60;", "<").replace("&#62;", ">")
}

async fn is_secret(test: &TestApp, client_id: &str, secret: &str) -> bool {
    let found = apps::find(&test.app, test.acme.id, client_id).await.unwrap();
    let Some(found) = found else { return false };
    apps::check_secret(&test.app, test.acme.id, &found, secret).await.unwrap()
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

#[tokio::test]
async fn an_app_is_added_and_its_secret_shown_once_and_never_again() {
    let test = TestApp::start().await;
    let pages = admin_pages(&test);
    let mut browser = operator(&pages).await;

    let list = browser.get(&at(&test, "/apps")).await;
    assert!(list.body.contains("No app is there yet."), "{}", list.body);
    assert!(!list.body.contains("<table"), "{}", list.body);
    assert!(links(&list).contains(&at(&test, "/new-app")));
    let form = form_to(&browser.get(&at(&test, "/new-app")).await, "/new-app")
        .with("name", "Wiki <b>& Söhne")
        .with("redirect_uris", &format!("{CALLBACK}\r\nhttps://wiki.example.org/other\r\n"))
        .with("start_url", "https://wiki.example.org/start?t={target}");
    let made = browser.send(form.sent()).await;

    assert_eq!(made.status, StatusCode::OK, "{}", made.body);
    assert_eq!(copied(&made, "Issuer").as_deref(), Some("https://example.com"));
    let discovery = "https://example.com/.well-known/openid-configuration";
    assert_eq!(copied(&made, "Discovery address").as_deref(), Some(discovery));
    let (client_id, secret) = (copied(&made, "Client id").unwrap(), copied(&made, "Secret").unwrap());
    assert!(client_id.starts_with("app") && secret.len() == 43, "{client_id} {secret}");
    assert!(is_secret(&test, &client_id, &secret).await);
    let app = test.call("GET", &format!("/api/apps/{client_id}")).await.json();
    assert_eq!(app["name"], "Wiki <b>& Söhne");
    assert_eq!(app["redirect_uris"], json!([CALLBACK, "https://wiki.example.org/other"]));
    assert_eq!(
        (&app["pkce"], &app["alg"], &app["type"]),
        (&json!("required"), &json!("RS256"), &json!("confidential"))
    );
    for path in ["/apps", "/new-app", &format!("/apps/{client_id}"), &format!("/apps/{client_id}/change")] {
        let page = browser.get(&at(&test, path)).await;
        assert_eq!(page.status, StatusCode::OK, "{path}");
        assert!(!page.body.contains(&secret), "{path} shows the secret again");
        assert!(!page.body.contains("<b>&"), "{path}: {}", page.body);
    }
    let list = browser.get(&at(&test, "/apps")).await;
    assert!(list.body.contains("<bdi>Wiki &#60;b&#62;&#38; Söhne</bdi>"), "{}", list.body);
    let page = browser.get(&at(&test, &format!("/apps/{client_id}"))).await;
    assert_eq!(copied(&page, "Client id"), Some(client_id));
    assert_eq!(copied(&page, "Secret"), None);
    assert_eq!(test.audit().last().unwrap(), "app.added by admin:Grace");
}

#[tokio::test]
async fn a_public_app_has_no_secret_and_no_button_for_one() {
    let test = TestApp::start().await;
    let pages = admin_pages(&test);
    let mut browser = operator(&pages).await;
    let form = form_to(&browser.get(&at(&test, "/new-app")).await, "/new-app")
        .with("name", "Phone")
        .with("type", "public")
        .with("client_id", "phone")
        .with("redirect_uris", "com.example.app:/cb");

    let made = browser.send(form.sent()).await;

    assert_eq!((made.status, copied(&made, "Secret")), (StatusCode::OK, None), "{}", made.body);
    assert_eq!(copied(&made, "Client id").as_deref(), Some("phone"));
    let page = browser.get(&at(&test, "/apps/phone")).await;
    assert!(!forms(&page).iter().any(|form| form.action.ends_with("/secrets")), "{}", page.body);
    let asked = Form { action: at(&test, "/apps/phone/secrets"), ..form };
    let refused = browser.send(asked.sent()).await;
    assert_eq!(refused.status, StatusCode::CONFLICT);
    assert!(
        refused.body.contains("role=\"alert\">Nothing was done: an app of the type public"),
        "{}",
        refused.body
    );
}

#[tokio::test]
async fn what_is_wrong_with_an_app_is_told_at_its_field_and_nothing_typed_is_lost() {
    let test = TestApp::start().await;
    test.add_app(&json!({"client_id": "wiki"})).await;
    let pages = admin_pages(&test);
    let mut browser = operator(&pages).await;
    let typed = [
        ("name", "a\u{7}b"),
        ("redirect_uris", "http://a.test/<i>\nhttps://b.test/cb#part"),
        ("start_url", "ftp://a.test/"),
        ("post_logout_redirect_uris", "https://*.test/bye"),
        ("backchannel_logout_uri", "http://10.0.0.1/out"),
    ];
    let fresh = [("client_id", "x y"), ("type", "public"), ("pkce", "optional")];
    let form = form_to(&browser.get(&at(&test, "/new-app")).await, "/new-app");
    let form = typed.iter().chain(&fresh).fold(form, |form, (name, value)| form.with(name, value));
    let before = kept(&test);

    let page = browser.send(form.with("alg", "ES256").sent()).await;

    assert_eq!(page.status, StatusCode::BAD_REQUEST, "{}", page.body);
    assert!(page.body.contains("<title>Not saved: Add an app"), "{}", page.body);
    for (name, text) in typed.into_iter().chain(fresh) {
        assert_eq!(value(&page, "/new-app", name), text);
        if name != "type" {
            assert!(page.body.contains(&format!("<a href=\"#{name}\">")), "{name}: {}", page.body);
            assert!(page.body.contains(&format!("id=\"{name}-error\"")), "{name}: {}", page.body);
        }
    }
    assert_eq!(value(&page, "/new-app", "alg"), "ES256", "what was right is lost");
    assert_eq!(page.body.matches("class=\"error\"").count(), 7, "{}", page.body);
    let first = "id=\"redirect_uris-error\">&#34;http://a.test/&#60;i&#62;&#34; ";
    assert!(
        page.body.contains(first) && page.body.contains("&#34;https://b.test/cb#part&#34; "),
        "{}",
        page.body
    );
    assert_eq!(kept(&test), before);

    let form = form_to(&browser.get(&at(&test, "/apps/wiki/change")).await, "/change");
    let form = typed.iter().fold(form, |form, (name, value)| form.with(name, value));
    let page = browser.send(form.sent()).await;
    assert_eq!(page.status, StatusCode::BAD_REQUEST, "{}", page.body);
    for (name, text) in typed {
        assert_eq!(value(&page, "/change", name), text);
        assert!(page.body.contains(&format!("id=\"{name}-error\"")), "{name}: {}", page.body);
    }
    assert_eq!(kept(&test), before);
}

#[tokio::test]
async fn a_client_id_that_is_taken_is_told_at_its_field() {
    let test = TestApp::start().await;
    test.add_app(&json!({"client_id": "wiki"})).await;
    let pages = admin_pages(&test);
    let mut browser = operator(&pages).await;
    let form = form_to(&browser.get(&at(&test, "/new-app")).await, "/new-app")
        .with("name", "Another")
        .with("redirect_uris", CALLBACK)
        .with("client_id", "wiki");

    let page = browser.send(form.sent()).await;

    assert_eq!(page.status, StatusCode::BAD_REQUEST);
    assert!(page.body.contains("id=\"client_id-error\">It belongs to another app"), "{}", page.body);
    let mended = form_to(&page, "/new-app").with("client_id", "wiki-2");
    assert_eq!(browser.send(mended.sent()).await.status, StatusCode::OK);
}

#[tokio::test]
async fn an_app_is_changed_and_what_stayed_is_not_said_to_have_changed() {
    let test = TestApp::start().await;
    test.add_app(&json!({"client_id": "wiki", "name": "Wiki", "pkce": "optional"})).await;
    let pages = admin_pages(&test);
    let mut browser = operator(&pages).await;
    let change = at(&test, "/apps/wiki/change");

    let form = form_to(&browser.get(&change).await, "/change");
    let same = browser.send(form.sent()).await;
    assert_eq!(same.header("location"), at(&test, "/apps/wiki?done=saved"), "{}", same.body);
    assert_eq!(test.number("SELECT count(*) FROM audit_log WHERE event = 'app.changed'"), 0);
    let form =
        form.with("name", "The Wiki").with("pkce", "required").with("start_url", "https://wiki.example.org/");
    let saved = browser.send(form.sent()).await;

    assert_eq!(saved.status, StatusCode::SEE_OTHER, "{}", saved.body);
    let page = browser.get(saved.header("location")).await;
    assert!(page.body.contains("role=\"status\">Saved."), "{}", page.body);
    assert!(
        page.body.contains("<dt>Starts at</dt><dd><bdi>https://wiki.example.org/</bdi>"),
        "{}",
        page.body
    );
    let app = test.call("GET", "/api/apps/wiki").await.json();
    assert_eq!((&app["name"], &app["pkce"]), (&json!("The Wiki"), &json!("required")));
    let log = test.database.rows("SELECT actor, data FROM audit_log WHERE event = 'app.changed'");
    assert_eq!(log.len(), 1);
    assert_eq!(log[0][0], "admin:Grace");
    let data: serde_json::Value = serde_json::from_str(&log[0][1]).unwrap();
    assert_eq!(data["fields"], json!(["name", "start_url", "pkce"]));
}

#[tokio::test]
async fn a_second_secret_takes_the_place_of_the_first_and_the_last_one_stays() {
    let test = TestApp::start().await;
    let old = test.add_app(&json!({"client_id": "wiki"})).await.secret.unwrap();
    test.advance(60);
    let pages = admin_pages(&test);
    let mut browser = operator(&pages).await;
    let path = at(&test, "/apps/wiki");
    let page = browser.get(&path).await;
    assert!(
        !links(&page).iter().any(|link| link.ends_with("/remove")),
        "the last secret can go: {}",
        page.body
    );
    let add = form_to(&page, "/secrets");

    let made = browser.send(add.sent()).await;

    let new = copied(&made, "Secret").unwrap_or_else(|| panic!("{}", made.body));
    assert!(new != old && is_secret(&test, "wiki", &old).await && is_secret(&test, "wiki", &new).await);
    let page = browser.get(&path).await;
    assert!(!page.body.contains(&new), "{}", page.body);
    assert!(!forms(&page).iter().any(|form| form.action.ends_with("/secrets")), "a third may be made");
    let third = browser.send(add.sent()).await;
    assert_eq!(third.status, StatusCode::CONFLICT);
    assert!(
        third.body.contains("role=\"alert\">Nothing was done: the app has two secrets"),
        "{}",
        third.body
    );
    let removals: Vec<_> = links(&page).into_iter().filter(|link| link.ends_with("/remove")).collect();
    assert_eq!(removals.len(), 2);
    let forms_to_remove = [
        form_to(&browser.get(&removals[0]).await, "/remove"),
        form_to(&browser.get(&removals[1]).await, "/remove"),
    ];
    let removed = browser.send(forms_to_remove[0].sent()).await;
    assert_eq!(removed.header("location"), format!("{path}?done=removed"), "{}", removed.body);
    assert!(!is_secret(&test, "wiki", &old).await && is_secret(&test, "wiki", &new).await);
    let last = browser.send(forms_to_remove[1].sent()).await;
    assert_eq!(last.status, StatusCode::CONFLICT);
    assert!(last.body.contains("Nothing was done: it is the last secret of the app"), "{}", last.body);
    assert!(is_secret(&test, "wiki", &new).await);
    assert_eq!(browser.get(&removals[0]).await.status, StatusCode::NOT_FOUND);
    assert_eq!(browser.send(forms_to_remove[0].sent()).await.status, StatusCode::NOT_FOUND);
    let log = test.audit();
    let tail: Vec<_> = log.iter().filter(|entry| entry.contains("app.secret")).collect();
    assert_eq!(tail, ["app.secret_added by admin:Grace", "app.secret_removed by admin:Grace"]);
}

#[tokio::test]
async fn an_app_is_deleted_by_the_button_of_a_page_that_says_what_that_does() {
    let mut test = TestApp::start().await;
    let start = "https://app.example.org/start";
    let secret = test.add_app(&json!({"client_id": "wiki", "start_url": start})).await.secret.unwrap();
    test.set("default_app", "wiki").await;
    let pages = admin_pages(&test);
    let mut browser = operator(&pages).await;
    let page = browser.get(&at(&test, "/apps/wiki")).await;
    assert!(page.body.contains("people who ask for nothing else land here"), "{}", page.body);
    let ask = links(&page).into_iter().find(|link| link.ends_with("/apps/wiki/delete")).unwrap();
    let asked = browser.get(&ask).await;
    assert!(asked.body.contains("access tokens stop working at once"), "{}", asked.body);
    assert_eq!(kept(&test).len(), 2, "looking deletes");

    let deleted = browser.send(form_to(&asked, "/delete").sent()).await;

    assert_eq!(deleted.header("location"), at(&test, "/apps?done=deleted"), "{}", deleted.body);
    let list = browser.get(deleted.header("location")).await;
    assert!(list.body.contains("role=\"status\">The app is deleted."), "{}", list.body);
    assert!(!is_secret(&test, "wiki", &secret).await);
    assert_eq!(test.number("SELECT count(*) FROM workspaces WHERE default_app IS NOT NULL"), 0);
    for gone in [ask.as_str(), &at(&test, "/apps/wiki"), &at(&test, "/apps/wiki/change")] {
        assert_eq!(browser.get(gone).await.status, StatusCode::NOT_FOUND, "{gone}");
    }
    assert_eq!(browser.send(form_to(&asked, "/delete").sent()).await.status, StatusCode::NOT_FOUND);
    assert_eq!(test.audit().last().unwrap(), "app.deleted by admin:Grace");
}
