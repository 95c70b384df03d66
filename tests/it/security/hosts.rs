//! Workspaces and hosts.

use axum::http::StatusCode;
use doorkey::domain::scope::Scope;
use doorkey::domain::user::UserChange;
use doorkey::flow;

use crate::support::app::{TestApp, TestRequest};

/// Two workspaces with the same people never meet.
#[tokio::test]
async fn a_link_of_one_workspace_opens_nothing_at_another() {
    let test = TestApp::start().await;
    let (other, other_key) = test.another("Other", "https://other.example").await;
    let ada = test.client("ada@example.org").await;
    let twin = test.add(&other, "ada@example.org", UserChange::default()).await;
    assert_eq!(ada, twin);

    let link = test.ask_for_link(ada).await;
    let twins = test
        .send(TestRequest::of("GET", "/api/login_links/1").host("other.example").bearer(&other_key))
        .await;
    let twins = twins.json()["link"].as_str().unwrap().to_owned();

    assert_ne!(link.split('=').nth(1), twins.split('=').nth(1));
    let mut stray = test.browser();
    stray.host = "other.example".to_owned();
    assert_eq!(stray.open(&link).await.status, StatusCode::GONE);
    assert_eq!(test.browser().open(&twins).await.status, StatusCode::GONE);
    assert_eq!(test.browser().sign_in(&link).await.status, StatusCode::SEE_OTHER);
    assert_eq!(stray.sign_in(&twins).await.status, StatusCode::SEE_OTHER);
}

/// No host, no workspace; never the first one that comes to hand.
#[tokio::test]
async fn a_host_that_no_workspace_has_gets_nothing() {
    let test = TestApp::start().await;
    test.client("ada@example.org").await;
    let api = TestRequest::of("GET", "/api/login_links/1").bearer(&test.key);
    let page = TestRequest::of("GET", "/login");

    for host in [
        "nobody.example",
        "127.0.0.1",
        "[::1]",
        "",
        "example.com.evil.test",
        "xexample.com",
        "exa mple.com",
        "example.com:99999999",
    ] {
        let response = test.send(api.clone().host(host)).await;
        assert_eq!(
            (response.status, response.code()),
            (StatusCode::NOT_FOUND, "workspace_not_found".to_owned()),
            "{host:?}"
        );
        let response = test.send(page.clone().host(host)).await;
        assert_eq!(response.status, StatusCode::NOT_FOUND, "{host:?}");
        assert!(response.body.contains("<h1>") && !response.body.contains("Acme"));
    }
    for ask in [
        api.clone().without("host"),
        api.clone().header("host", "nobody.example"),
        api.clone().header("host", "example.com"),
    ] {
        assert_eq!(test.send(ask).await.status, StatusCode::BAD_REQUEST);
    }
    let mut absolute = api.clone();
    absolute.path = "http://nobody.example/api/login_links/1".to_owned();
    assert_eq!(test.send(absolute).await.status, StatusCode::BAD_REQUEST);
    for host in ["example.com", "EXAMPLE.com", "example.com.", "example.com:1", "example.spp.co:8443"] {
        assert_eq!(test.send(api.clone().host(host)).await.status, StatusCode::OK, "{host}");
    }
}

/// Forwarded names choose no workspace.
#[tokio::test]
async fn forwarded_names_choose_no_workspace() {
    let test = TestApp::start().await;
    let (other, _) = test.another("Other", "https://other.example").await;
    for name in ["forwarded", "x-forwarded-host", "x-host", "x-original-host"] {
        let value = if name == "forwarded" { "host=other.example" } else { "other.example" };
        let page = test.send(TestRequest::of("GET", "/login").header(name, value)).await;
        assert!(page.body.contains("Acme") && !page.body.contains(&other.name), "{name}");
    }
}

/// Neither the session nor the form's cookie of one workspace is any good at another.
#[tokio::test]
async fn cookies_of_one_workspace_are_nothing_at_another() {
    let test = TestApp::start().await;
    let (other, other_key) = test.another("Other", "https://other.example").await;
    let ada = test.client("ada@example.org").await;
    test.add(&other, "ada@example.org", UserChange::default()).await;
    let mut browser = test.browser();
    let page = browser.open(&test.ask_for_link(ada).await).await;
    browser.press(&page).await;
    assert!(browser.is_signed_in().await);

    browser.host = "other.example".to_owned();
    assert!(!browser.is_signed_in().await);
    let response = test
        .send(TestRequest::of("GET", "/api/login_links/1").host("other.example").bearer(&other_key))
        .await;
    let twins = response.json()["link"].as_str().unwrap().to_owned();
    let token = twins.split('=').nth(1).unwrap();
    let form =
        TestRequest::of("POST", "/login").form(&[("token", token), ("proof", &page.field("proof").unwrap())]);
    let response = browser.send(form).await;
    assert_eq!(response.status, StatusCode::OK, "the page again, with a form that fits");
    assert!(!response.cookies().iter().any(|cookie| cookie.contains("session")));
    assert!(!browser.is_signed_in().await);
}

/// With a workspace goes all that it had, at once.
#[tokio::test]
async fn a_deleted_workspace_is_gone_with_all_it_had() {
    let test = TestApp::start().await;
    let ada = test.client("ada@example.org").await;
    let mut browser = test.browser();
    browser.sign_in(&test.ask_for_link(ada).await).await;
    let link = test.ask_for_link(ada).await;

    flow::workspaces::delete(&test.app, &doorkey::domain::audit::AuditContext::at_command_line(), "Acme")
        .await
        .unwrap();

    assert_eq!(test.call("GET", "/api/login_links/1").await.code(), "workspace_not_found");
    assert_eq!(browser.open(&link).await.status, StatusCode::NOT_FOUND);
    let (again, _) = test.another("Acme", "https://example.com").await;
    assert_ne!(again.id, test.acme.id);
    assert_eq!(test.call("GET", "/api/login_links/1").await.status, StatusCode::UNAUTHORIZED);
    assert_eq!(browser.open(&link).await.status, StatusCode::GONE);
    assert!(!browser.is_signed_in().await);
}

/// A host and a name belong to one workspace in the whole installation.
#[tokio::test]
async fn hosts_and_names_are_taken_once() {
    let mut test = TestApp::start().await;
    let act = doorkey::domain::audit::AuditContext::at_command_line();
    let url = |text: &str| doorkey::domain::origin::Origin::parse(text).unwrap();

    for (name, portal, said) in [
        ("New", "https://example.spp.co", "host: example.spp.co belongs"),
        ("Acme", "https://new.example", "name:"),
    ] {
        let refused = flow::workspaces::create(&test.app, &act, name.to_owned(), url(portal), Vec::new())
            .await
            .unwrap_err();
        assert!(refused.to_string().starts_with(said), "{refused}");
    }
    test.another("Other", "https://other.example").await;
    let stolen = [("host".to_owned(), "other.example".to_owned())];
    let refused = flow::workspaces::set(&test.app, &act, "Acme", &stolen).await.unwrap_err();
    assert!(refused.to_string().starts_with("host: other.example belongs"), "{refused}");
    test.set("host", "new.example").await;
    test.client("ada@example.org").await;
    let api = TestRequest::of("GET", "/api/login_links/1").bearer(&test.key);
    for (host, status) in [("example.com", 200), ("new.example", 200), ("example.spp.co", 404)] {
        assert_eq!(test.send(api.clone().host(host)).await.status.as_u16(), status, "{host}");
    }
}

/// A workspace that is known from before is believed only while it is the same: another process changes it, and the next
/// request goes by that.
#[tokio::test]
async fn a_setting_that_another_process_changes_binds_at_the_next_request() {
    let test = TestApp::start().await;
    let ada = test.client("ada@x.test").await;
    assert!(test.ask_for_link(ada).await.starts_with("https://example.com/login?token="));
    let mut elsewhere = test.beside().await;

    elsewhere.set("url", "https://portal.example.com").await;

    let response = test.call("GET", "/api/login_links/1").await;
    assert!(response.body.contains("https://portal.example.com/login?token="), "{}", response.body);
}

/// A key that is known from before gains nothing by edits of its row, whether that is read anew or not: its end, its scopes, or
/// another key's seal.
#[tokio::test]
async fn a_known_key_gains_nothing_by_edits_of_its_row() {
    const ANEW: &str = "UPDATE directory SET stamp = x'00112233445566778899aabbccddeeff'";
    for is_read_anew in [false, true] {
        for edit in [
            "UPDATE api_keys SET scopes = 68 WHERE id = 2",
            "UPDATE api_keys SET expires_at = expires_at + 3600000 WHERE id = 2",
            "UPDATE api_keys SET seal = (SELECT f.seal FROM api_keys f WHERE f.id = 1) WHERE id = 2",
        ] {
            let test = TestApp::start().await;
            let (_, key) = test.key_with(&[Scope::LogsRead], Some(60)).await;
            let status = async |path: &str| test.send(TestRequest::of("GET", path).bearer(&key)).await.status;
            assert_eq!(status("/api/logs").await, StatusCode::OK);
            assert_eq!(test.call("GET", "/api/clients").await.status, StatusCode::OK);

            test.run_sql(edit);
            if is_read_anew {
                test.run_sql(ANEW);
            }

            let refused = if is_read_anew { StatusCode::UNAUTHORIZED } else { StatusCode::FORBIDDEN };
            assert_eq!(status("/api/clients").await, refused, "{edit}");
            test.advance(60);
            assert_eq!(status("/api/logs").await, StatusCode::UNAUTHORIZED, "{edit}");
        }
    }
}

/// What another process takes away binds at the next request, for who was known before.
#[tokio::test]
async fn a_key_that_another_process_revokes_finds_nobody_at_its_next_request() {
    let test = TestApp::start().await;
    test.client("ada@x.test").await;
    let (id, key) = test.key_with(&Scope::ALL, None).await;
    let ask = |user: &str| TestRequest::of("GET", &format!("/api/login_links/{user}")).bearer(&key);
    assert_eq!(test.send(ask("1")).await.status, StatusCode::OK);
    assert_eq!(test.send(ask("2")).await.status, StatusCode::NOT_FOUND);
    let elsewhere = test.beside().await;

    elsewhere.revoke_key(id).await;

    for user in ["1", "2"] {
        assert_eq!(test.send(ask(user)).await.status, StatusCode::UNAUTHORIZED, "{user}");
    }
}

/// By a clock that was set back, a key that ends would last longer; also where it is not known from before.
#[tokio::test]
async fn a_key_made_ahead_of_the_clock_does_not_last_longer() {
    let test = TestApp::start().await;
    test.advance(3_600);
    let (_, key) = test.key_with(&[Scope::LogsRead], Some(7_200)).await;
    let status = async || test.send(TestRequest::of("GET", "/api/logs").bearer(&key)).await.status;
    test.advance(-3_600);

    for _ in 0..2 {
        assert_eq!(status().await, StatusCode::UNAUTHORIZED);
    }
    test.advance(3_600);
    assert_eq!(status().await, StatusCode::OK);
}
