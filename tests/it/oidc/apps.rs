//! Apps: added, changed, deleted, and their secrets.

use serde_json::{Value, json};

use crate::support::app::{TestApp, TestRequest, TestResponse};
use crate::support::relying_party::{RelyingParty, error_of, userinfo};

async fn call(test: &TestApp, method: &str, path: &str, body: &Value) -> TestResponse {
    test.send(TestRequest::of(method, path).bearer(&test.key).json(body)).await
}

#[tokio::test]
async fn an_app_is_added_shown_changed_and_deleted() {
    let test = TestApp::start().await;
    let added =
        call(&test, "POST", "/api/apps", &json!({"name": "Wiki", "redirect_uris": ["https://a.test/cb"]}))
            .await;
    assert_eq!(added.status, 201, "{}", added.body);
    let added = added.json();
    let id = added["client_id"].as_str().unwrap().to_owned();
    assert!(id.len() == 23 && id.starts_with("app") && id.bytes().all(|byte| byte.is_ascii_alphanumeric()));
    let secret = added["client_secret"].as_str().unwrap();
    assert!(secret.len() == 43 && secret.bytes().all(|byte| byte.is_ascii_alphanumeric()));
    for (name, value) in [
        ("issuer", json!("https://example.com")),
        ("name", json!("Wiki")),
        ("type", json!("confidential")),
        ("redirect_uris", json!(["https://a.test/cb"])),
        ("start_url", Value::Null),
        ("post_logout_redirect_uris", json!([])),
        ("backchannel_logout_uri", Value::Null),
        ("pkce", json!("required")),
        ("alg", json!("RS256")),
        ("slim_id_token", json!(false)),
    ] {
        assert_eq!(added[name], value, "{name}");
    }
    let path = format!("/api/apps/{id}");
    let shown = test.call("GET", &path).await.json();
    assert_eq!((shown.get("client_secret"), shown.get("issuer")), (None, None));
    assert_eq!(shown["secrets"].as_array().unwrap().len(), 1);
    assert_eq!(test.call("GET", "/api/apps").await.json()["data"], json!([shown]));

    test.advance(60);
    let change = json!({"name": "Shop", "client_id": "other", "type": "public", "start_url": "https://a.test/go?to={target}"});
    let changed = call(&test, "PUT", &path, &change).await;
    assert_eq!(changed.status, 200, "{}", changed.body);
    let changed = changed.json();
    assert_eq!(
        (&changed["name"], &changed["client_id"], &changed["type"]),
        (&json!("Shop"), &json!(id), &json!("confidential"))
    );
    assert_ne!(changed["updated_at"], shown["updated_at"]);
    assert_eq!(call(&test, "PUT", &path, &json!({"start_url": null})).await.json()["start_url"], Value::Null);
    // An object may be sent back as it came.
    let again = call(&test, "PUT", &path, &changed).await;
    assert_eq!(again.status, 200, "{}", again.body);

    assert_eq!(test.call("DELETE", &path).await.status, 204);
    for (method, path) in
        [("GET", path.clone()), ("DELETE", path.clone()), ("GET", format!("{path}/refusals"))]
    {
        let gone = test.call(method, &path).await;
        assert_eq!((gone.status.as_u16(), gone.code().as_str()), (404, "not_found"));
    }
    let events: Vec<_> = test.audit().into_iter().filter(|entry| entry.starts_with("app.")).collect();
    assert_eq!(
        events,
        ["added", "changed", "changed", "changed", "deleted"].map(|what| format!("app.{what} by api_key:1"))
    );
}

/// Each problem stands under its field; a list's under the list's name.
#[tokio::test]
async fn what_is_wrong_with_an_app_is_named_by_its_field() {
    let test = TestApp::start().await;
    test.add_app(&json!({"client_id": "taken-one"})).await;
    let many: Vec<_> = (0..21).map(|number| format!("https://a.test/{number}")).collect();
    for (fields, field, code) in [
        (json!({"name": null}), "name", "invalid"),
        (json!({"name": ""}), "name", "required"),
        (json!({"name": "x".repeat(101)}), "name", "too_long"),
        (json!({"redirect_uris": []}), "redirect_uris", "required"),
        (json!({"redirect_uris": "https://a.test/"}), "redirect_uris", "invalid"),
        (json!({"redirect_uris": ["https://a.test/#x"]}), "redirect_uris", "invalid"),
        (json!({"redirect_uris": ["http://a.test/"]}), "redirect_uris", "invalid"),
        (json!({"redirect_uris": ["com.example.app:/cb"]}), "redirect_uris", "invalid"),
        (json!({"redirect_uris": many}), "redirect_uris", "too_long"),
        (
            json!({"post_logout_redirect_uris": ["https://a.test/../"]}),
            "post_logout_redirect_uris",
            "invalid",
        ),
        (json!({"start_url": "https://{target}/"}), "start_url", "invalid"),
        (json!({"backchannel_logout_uri": "http://10.0.0.1/"}), "backchannel_logout_uri", "invalid"),
        (json!({"backchannel_logout_uri": "https://u@a.test/"}), "backchannel_logout_uri", "invalid"),
        (json!({"pkce": "none"}), "pkce", "invalid"),
        (json!({"pkce": "optional", "type": "public"}), "pkce", "invalid"),
        (json!({"alg": "HS256"}), "alg", "invalid"),
        (json!({"slim_id_token": "yes"}), "slim_id_token", "invalid"),
        (json!({"type": "native"}), "type", "invalid"),
        (json!({"client_id": "a_b"}), "client_id", "invalid"),
        (json!({"client_id": "taken-one"}), "client_id", "taken"),
        (json!({"colour": "red"}), "colour", "unknown"),
    ] {
        let mut body = json!({"name": "Wiki", "redirect_uris": ["https://a.test/cb"]});
        body.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
        let refused = call(&test, "POST", "/api/apps", &body).await;
        assert_eq!((refused.status.as_u16(), refused.code().as_str()), (400, "invalid"), "{fields}");
        assert_eq!(refused.json()["codes"], json!({field: [code]}), "{fields}");
    }
    let missing = call(&test, "POST", "/api/apps", &json!({})).await.json();
    assert_eq!(missing["codes"], json!({"name": ["required"], "redirect_uris": ["required"]}));
}

/// One secret takes the place of another while both are good.
#[tokio::test]
async fn an_app_has_one_or_two_secrets() {
    let test = TestApp::start().await;
    let (app, mut browser) = test.app_and_browser().await;
    let path = format!("/api/apps/{}/secrets", app.client_id);
    let first =
        test.call("GET", &format!("/api/apps/{}", app.client_id)).await.json()["secrets"][0]["id"].clone();
    let first = format!("{path}/{}", first.as_str().unwrap());
    let last = test.call("DELETE", &first).await;
    assert_eq!((last.status.as_u16(), last.code().as_str()), (409, "conflict"));

    let second = test.send(TestRequest::of("POST", &path).bearer(&test.key)).await;
    assert_eq!(second.status, 201, "{}", second.body);
    let second = RelyingParty { secret: second.json()["secret"].as_str().map(str::to_owned), ..app.clone() };
    let third = test.send(TestRequest::of("POST", &path).bearer(&test.key)).await;
    assert_eq!((third.status.as_u16(), third.code().as_str()), (409, "conflict"));
    for party in [&app, &second] {
        let code = app.code(&mut browser).await;
        party.tokens(&test, &code).await;
    }
    let code = app.code(&mut browser).await;
    assert_eq!(test.call("DELETE", &first).await.status, 204);
    assert_eq!(error_of(&test.send(app.exchange(&code)).await), (401, "invalid_client".to_owned()));
    second.tokens(&test, &code).await;
    assert_eq!(test.call("DELETE", &first).await.status, 404);
    let public = test.add_app(&json!({"type": "public"})).await;
    let none = test.call("POST", &format!("/api/apps/{}/secrets", public.client_id)).await;
    assert_eq!(none.code(), "conflict");
}

/// A deleted app's codes and tokens are dead at once.
#[tokio::test]
async fn nothing_of_a_deleted_app_is_good_any_more() {
    let test = TestApp::start().await;
    let (app, mut browser) = test.app_and_browser().await;
    let code = app.code(&mut browser).await;
    let tokens = app.tokens(&test, &code).await;
    let waiting = app.code(&mut browser).await;

    assert_eq!(test.call("DELETE", &format!("/api/apps/{}", app.client_id)).await.status, 204);

    assert_eq!(userinfo(&test, tokens["access_token"].as_str().unwrap()).await.status, 401);
    assert_eq!(error_of(&test.send(app.exchange(&waiting)).await), (401, "invalid_client".to_owned()));
    assert_eq!(browser.get(&app.authorize()).await.status, 400);
    assert_eq!(test.number("SELECT count(*) FROM app_codes"), 0);
}

/// The operator reads what the app's developer cannot see.
#[tokio::test]
async fn refused_requests_are_told_to_the_operator() {
    let test = TestApp::start().await;
    let (app, mut browser) = test.app_and_browser().await;
    browser.get(&app.authorize_with(&[("redirect_uri", "https://app.example.org/cb/")])).await;
    browser.get(&app.authorize_with(&[("scope", "email")])).await;
    let wrong = RelyingParty { secret: Some("x".repeat(43)), ..app.clone() };
    let refused = test.send(wrong.exchange("x")).await;
    browser.get(&app.authorize_with(&[("prompt", "none"), ("max_age", "0")])).await;
    doorkey::flow::oidc::refusals::write(&test.app).await.unwrap();

    let path = format!("/api/apps/{}/refusals", app.client_id);
    let told = test.call("GET", &path).await.json();
    let told: Vec<_> = told["data"].as_array().unwrap().clone();
    let errors: Vec<_> = told.iter().map(|refusal| refusal["error"].as_str().unwrap()).collect();
    assert_eq!(errors, ["invalid_client", "invalid_scope", "invalid_redirect_uri"]);
    assert_eq!(told[0]["request_id"], refused.header("x-api-identifier"));
    assert!(told[2]["message"].as_str().unwrap().contains("ends in `/` here"), "{told:?}");
}

/// An app row that somebody edited without the key is none.
#[tokio::test]
async fn an_edited_app_or_secret_is_none() {
    for edit in [
        "UPDATE apps SET redirect_uris = 'https://evil.test/cb'",
        "UPDATE apps SET pkce_optional = 1",
        "UPDATE apps SET is_public = 1",
        "UPDATE app_secrets SET client_id = client_id || 'x'",
        "UPDATE app_codes SET client_id = 'other'",
        "UPDATE app_codes SET created_at = created_at + 50000",
        "UPDATE app_codes SET user_id = 2",
        "UPDATE app_codes SET code_challenge = NULL",
        "UPDATE sessions SET expires_at = expires_at + 86400000",
    ] {
        let test = TestApp::start().await;
        let (app, mut browser) = test.app_and_browser().await;
        test.client("bob@example.org").await;
        let code = app.code(&mut browser).await;
        test.run_sql(edit);
        let answer = test.send(app.exchange(&code)).await;
        assert!([400, 401].contains(&answer.status.as_u16()), "{edit}: {}", answer.body);
    }
}

#[tokio::test]
async fn apps_need_a_scope_of_their_own() {
    use doorkey::domain::scope::Scope;
    let test = TestApp::start().await;
    let app = test.add_app(&json!({})).await;
    let path = format!("/api/apps/{}", app.client_id);
    let (_, reader) = test.key_with(&[Scope::AppsRead], None).await;
    let (_, other) = test.key_with(&[Scope::ClientsWrite], None).await;
    let ask = |method: &str, path: &str, key: &str| TestRequest::of(method, path).bearer(key);
    assert_eq!(test.send(ask("GET", &path, &reader)).await.status, 200);
    for (method, path, key) in [
        ("GET", path.clone(), &other),
        ("DELETE", path.clone(), &reader),
        ("PUT", path.clone(), &reader),
        ("POST", format!("{path}/secrets"), &reader),
        ("POST", "/api/apps".to_owned(), &reader),
    ] {
        assert_eq!(test.send(ask(method, &path, key)).await.code(), "insufficient_scope", "{method} {path}");
    }
}
