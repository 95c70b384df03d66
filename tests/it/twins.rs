//! Two workspaces with the same people: nothing crosses from one to the other.

use axum::http::StatusCode;
use doorkey::domain::user::UserId;
use doorkey::domain::user_change::UserChange;
use serde_json::{Value, json};

use crate::support::app::{Ask, TestApp};

/// O74, O75: the whole API runs on A while its twin B, with the same ids and addresses, stays as it was.
#[tokio::test]
async fn nothing_done_in_one_workspace_touches_its_twin() {
    let test = TestApp::start().await;
    let (twin, twin_key) = test.another("Twin", "https://twin.example").await;
    for number in 1..=3 {
        let email = format!("u{number}@x.test");
        test.client(&email).await;
        test.add(&twin, &email, UserChange::default()).await;
    }
    let at_twin = |path: &str| test.send(Ask::of("GET", path).host("twin.example").bearer(&twin_key));
    let link = at_twin("/api/login_links/1").await.json()["link"].as_str().unwrap().to_owned();
    let mut browser = test.browser();
    browser.host = "twin.example".to_owned();
    browser.sign_in(&link).await;
    at_twin("/api/login_links/2").await;
    let watched = ["/api/clients", "/api/team", "/api/logs", "/api/sessions", "/api/login_links"];
    let mut before = Vec::new();
    for path in watched {
        before.push(at_twin(path).await.body);
    }

    test.browser().sign_in(&test.ask_for_link(UserId::from_number(1).unwrap()).await).await;
    let session =
        test.call("GET", "/api/sessions").await.json()["data"][0]["id"].as_str().unwrap().to_owned();
    let twins_session =
        serde_json::from_str::<Value>(&before[3]).unwrap()["data"][0]["id"].as_str().unwrap().to_owned();
    assert_eq!(
        test.call("DELETE", &format!("/api/sessions/{twins_session}")).await.status,
        StatusCode::NOT_FOUND
    );
    assert_eq!(test.call("DELETE", &format!("/api/sessions/{session}")).await.status, StatusCode::NO_CONTENT);
    send(&test, "POST", "/api/clients", &json!({ "email": "new@x.test", "name_f": "N", "name_l": "" })).await;
    send(&test, "PUT", "/api/clients/2", &json!({ "two_factor_enabled": true, "email": "other@x.test" }))
        .await;
    send(&test, "PUT", "/api/clients/1", &json!({ "status": 0 })).await;
    test.call("DELETE", "/api/login_links/1").await;
    test.call("DELETE", "/api/clients/3").await;

    for (path, before) in watched.into_iter().zip(before) {
        assert_eq!(at_twin(path).await.body, before, "{path}");
    }
    assert!(browser.is_signed_in().await);
}

async fn send(test: &TestApp, method: &str, path: &str, body: &Value) {
    let answer = test.send(Ask::of(method, path).bearer(&test.key).json(body)).await;
    assert!(answer.status.is_success(), "{method} {path}: {}", answer.body);
}
