//! Why requests of an app were refused, as its operator reads it.

use axum::http::StatusCode;
use doorkey::flow::oidc::{apps, refusals};
use serde_json::json;
use uuid::Uuid;

use crate::support::app::TestApp;

#[tokio::test]
async fn the_last_fifty_refusals_of_an_app_are_told_newest_first() {
    let test = TestApp::start().await;
    test.add_app(&json!({"client_id": "wiki"})).await;
    test.add_app(&json!({"client_id": "shop"})).await;
    let wiki = apps::find(&test.app, test.acme.id, "wiki").await.unwrap().unwrap();
    let requests: Vec<_> = (0..60).map(|_| Uuid::new_v4()).collect();
    for (number, request) in requests.iter().enumerate() {
        refusals::note(
            &test.app,
            &wiki,
            ("invalid_request", format!("é{}", "x".repeat(number * 20))),
            *request,
        );
        if number % 20 == 19 {
            refusals::write(&test.app).await.unwrap();
        }
    }

    let told = test.call("GET", "/api/apps/wiki/refusals").await.json();

    let told = told["data"].as_array().unwrap().clone();
    let ids: Vec<_> =
        told.iter().map(|one| Uuid::parse_str(one["request_id"].as_str().unwrap()).unwrap()).collect();
    assert_eq!(ids, requests.iter().rev().take(50).copied().collect::<Vec<_>>());
    assert_eq!(
        (&told[0]["error"], told[0]["message"].as_str().unwrap().len()),
        (&json!("invalid_request"), 1_000)
    );
    assert_eq!(test.call("GET", "/api/apps/shop/refusals").await.json(), json!({"data": []}));
    assert_eq!(test.call("GET", "/api/apps/nobody/refusals").await.status, StatusCode::NOT_FOUND);
    assert_eq!(test.number("SELECT count(*) FROM app_refusals"), 50);
}

/// They are written once a second, and all of a burst may come before that.
#[tokio::test]
async fn of_a_burst_the_last_fifty_are_told() {
    let test = TestApp::start().await;
    let app = test.add_app(&json!({"client_id": "wiki"})).await;
    let mut requests = Vec::new();
    for _ in 0..60 {
        let refused = test.browser().get(&app.authorize_with(&[("response_type", "token")])).await;
        requests.push(json!(refused.header("x-api-identifier")));
    }
    refusals::write(&test.app).await.unwrap();

    let told = test.call("GET", "/api/apps/wiki/refusals").await.json();

    let told: Vec<_> = told["data"].as_array().unwrap().iter().map(|one| one["request_id"].clone()).collect();
    assert_eq!(told, requests.into_iter().rev().take(50).collect::<Vec<_>>());
}
