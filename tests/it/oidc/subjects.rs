//! Who a person is to apps, and what of that stands in the database.

use serde_json::{Value, json};

use crate::support::app::TestApp;
use crate::support::relying_party::{query_of, userinfo};

/// Each scope has its claims, and empty ones are left out.
#[tokio::test]
async fn an_app_is_told_what_its_scopes_grant() {
    let test = TestApp::start().await;
    let (app, mut browser) = test.app_and_browser().await;
    let ada = doorkey::domain::user::UserId::from_number(1).unwrap();
    test.change(ada, "phone", "+41 44 000").await;
    test.change(ada, "locale", "de-AT").await;
    test.change(ada, "company", "Analytical").await;
    for (scope, names) in [
        ("openid", vec!["sub"]),
        ("openid email", vec!["email", "email_verified", "sub"]),
        ("openid phone", vec!["phone_number", "phone_number_verified", "sub"]),
        ("openid groups", vec!["groups", "sub"]),
        (
            "profile openid",
            vec![
                "company",
                "family_name",
                "given_name",
                "locale",
                "name",
                "preferred_username",
                "sub",
                "updated_at",
                "user_id",
            ],
        ),
    ] {
        let answer = browser.get(&app.authorize_with(&[("scope", scope)])).await;
        let code = query_of(answer.header("location"))["code"].clone();
        let tokens = app.tokens(&test, &code).await;
        let info = userinfo(&test, tokens["access_token"].as_str().unwrap()).await.json();
        let mut found: Vec<_> = info.as_object().unwrap().keys().cloned().collect();
        found.sort();
        assert_eq!(found, names, "{scope}");
    }
    test.change(ada, "phone", "").await;
    let answer = browser.get(&app.authorize_with(&[("scope", "openid phone")])).await;
    let code = query_of(answer.header("location"))["code"].clone();
    let tokens = app.tokens(&test, &code).await;
    let info = userinfo(&test, tokens["access_token"].as_str().unwrap()).await.json();
    assert_eq!(info.as_object().unwrap().len(), 1);
}

/// A slim ID token leaves the claims of scopes to userinfo.
#[tokio::test]
async fn a_slim_id_token_names_the_person_alone() {
    let test = TestApp::start().await;
    let app = test.add_app(&json!({"slim_id_token": true, "alg": "ES256"})).await;
    let ada = test.client("ada@example.org").await;
    let mut browser = test.browser();
    browser.sign_in(&test.ask_for_link(ada).await).await;
    let code = app.code(&mut browser).await;
    let tokens = app.tokens(&test, &code).await;
    let claims = test.verified(&app, tokens["id_token"].as_str().unwrap()).await;

    assert_eq!((claims.get("email"), claims.get("name")), (None, None));
    let info = userinfo(&test, tokens["access_token"].as_str().unwrap()).await.json();
    assert_eq!(info["email"], "ada@example.org");
    let alg = jsonwebtoken::decode_header(tokens["id_token"].as_str().unwrap()).unwrap().alg;
    assert_eq!(alg, jsonwebtoken::Algorithm::ES256);
}

/// The same person is the same subject to all apps, and never anybody else.
#[tokio::test]
async fn a_person_is_one_subject_to_every_app() {
    let test = TestApp::start().await;
    let mut subjects: Vec<Value> = Vec::new();
    let apps = [test.add_app(&json!({})).await, test.add_app(&json!({"name": "Shop"})).await];
    for email in ["ada@example.org", "bob@example.org"] {
        let user = test.client(email).await;
        let mut browser = test.browser();
        browser.sign_in(&test.ask_for_link(user).await).await;
        for app in &apps {
            let code = app.code(&mut browser).await;
            let tokens = app.tokens(&test, &code).await;
            subjects.push(test.verified(app, tokens["id_token"].as_str().unwrap()).await["sub"].clone());
        }
    }
    assert!(subjects[0] == subjects[1] && subjects[2] == subjects[3] && subjects[0] != subjects[2]);
}

/// Nobody who has a copy of the database has a code or a token.
#[tokio::test]
async fn no_code_and_no_token_stands_in_the_database_or_the_log() {
    let test = TestApp::start().await;
    let (app, mut browser) = test.app_and_browser().await;
    let code = app.code(&mut browser).await;
    let tokens = app.tokens(&test, &code).await;
    let secrets = [code.as_str(), tokens["access_token"].as_str().unwrap(), app.secret.as_deref().unwrap()];
    for columns in [
        "client_id, redirect_uri, coalesce(code_challenge, ''), coalesce(CAST(nonce AS TEXT), '') FROM app_codes",
        "client_id FROM app_secrets",
        "client_id, name, redirect_uris FROM apps",
        "actor, data FROM audit_log",
        "kid, public_key FROM signing_keys",
    ] {
        let rows = test.database.rows(&format!("SELECT {columns}"));
        assert!(!rows.is_empty(), "{columns}");
        for (row, secret) in rows.iter().flat_map(|row| secrets.map(|secret| (row, secret))) {
            // PostgreSQL writes bytes in hex.
            let hex = secret.bytes().fold(String::new(), |hex, byte| format!("{hex}{byte:02x}"));
            let has_it = |value: &String| value.contains(secret) || value.contains(&hex);
            assert!(!row.iter().any(has_it), "{columns}: {row:?}");
        }
    }
    assert!(test.audit().contains(&format!("app.authorized by app:{}", app.client_id)), "{:?}", test.audit());
}
