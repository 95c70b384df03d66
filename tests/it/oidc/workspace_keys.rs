//! What a workspace says of its apps: whose addresses are verified, and in which app people land.

use doorkey::domain::app_settings::VerifiedAddresses;
use doorkey::domain::audit::AuditContext;
use doorkey::domain::workspace::Workspace;
use doorkey::flow::workspaces;
use doorkey::flow::workspaces::WorkspaceError;
use serde_json::json;

use crate::support::app::{TestApp, TestRequest};

async fn set(test: &TestApp, setting: &str, value: &str) -> Result<Workspace, WorkspaceError> {
    let settings = [(setting.to_owned(), value.to_owned())];
    workspaces::set(&test.app, &AuditContext::at_command_line(), "Acme", &settings).await
}

async fn default_app(test: &TestApp) -> Option<String> {
    workspaces::show(&test.app, "Acme").await.unwrap().0.apps.default_app
}

async fn add_with_start(test: &TestApp) {
    test.add_app(&json!({"client_id": "wiki", "start_url": "https://wiki.example.org/"})).await;
}

#[tokio::test]
async fn a_workspace_vouches_for_addresses_unless_it_says_otherwise() {
    let test = TestApp::start().await;
    assert!(test.acme.vouches_for_addresses());

    assert!(!set(&test, "addresses", "proven").await.unwrap().vouches_for_addresses());

    assert_eq!(set(&test, "addresses", "").await.unwrap().apps.addresses, VerifiedAddresses::Vouched);
    assert!(set(&test, "addresses", "yes").await.is_err());
}

#[tokio::test]
async fn a_default_app_is_one_of_the_workspace_in_which_people_can_land() {
    let test = TestApp::start().await;
    test.add_app(&json!({"client_id": "shop"})).await;
    add_with_start(&test).await;
    let (_, other_key) = test.another("Other", "https://other.example.net").await;
    let theirs = json!({"name": "x", "client_id": "theirs", "redirect_uris": ["https://x.test/"], "start_url": "https://x.test/"});
    let ask = TestRequest::of("POST", "/api/apps").host("other.example.net").bearer(&other_key).json(&theirs);
    assert_eq!(test.send(ask).await.status, 201);

    for wrong in ["shop", "theirs", "nobody", "not an id"] {
        let refused = set(&test, "default_app", wrong).await.unwrap_err().to_string();
        assert!(refused.contains("default_app: must be the client id of an app"), "{wrong}: {refused}");
    }
    set(&test, "default_app", "wiki").await.unwrap();
    assert_eq!(default_app(&test).await.as_deref(), Some("wiki"));
    set(&test, "default_app", "").await.unwrap();
    assert_eq!(default_app(&test).await, None);
}

#[tokio::test]
async fn a_default_app_goes_with_the_app_and_with_its_start_url() {
    let test = TestApp::start().await;
    add_with_start(&test).await;
    test.add_app(&json!({"client_id": "shop", "start_url": "https://shop.example.org/"})).await;
    let put = async |body| {
        let ask = TestRequest::of("PUT", "/api/apps/wiki").bearer(&test.key).json(&body);
        assert_eq!(test.send(ask).await.status, 200);
    };

    set(&test, "default_app", "wiki").await.unwrap();
    assert_eq!(test.call("DELETE", "/api/apps/shop").await.status, 204);
    put(json!({"name": "Handbook"})).await;
    assert_eq!(default_app(&test).await.as_deref(), Some("wiki"), "what happens to others is nothing to it");
    put(json!({"start_url": null})).await;
    assert_eq!(default_app(&test).await, None);

    put(json!({"start_url": "https://wiki.example.org/"})).await;
    set(&test, "default_app", "wiki").await.unwrap();
    assert_eq!(test.call("DELETE", "/api/apps/wiki").await.status, 204);
    assert_eq!(default_app(&test).await, None);
}

/// Whichever is first.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn no_default_app_is_left_of_an_app_that_is_deleted_at_the_same_moment() {
    let test = TestApp::start().await;
    for _ in 0..10 {
        add_with_start(&test).await;

        let (made, deleted) =
            tokio::join!(set(&test, "default_app", "wiki"), test.call("DELETE", "/api/apps/wiki"));

        assert_eq!(deleted.status, 204, "{}", deleted.body);
        assert!(matches!(made, Ok(_) | Err(WorkspaceError::ValidationErrors(_))), "{made:?}");
        assert_eq!(default_app(&test).await, None);
    }
}
