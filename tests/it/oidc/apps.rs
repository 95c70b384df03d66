//! Apps in the API: added, changed, deleted, their secrets, and what is said of their refused requests.

use axum::http::StatusCode;
use doorkey::domain::scope::Scope;
use doorkey::flow::oidc::apps;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::support::app::{TestApp, TestRequest, TestResponse};

const WIKI: &str = "https://wiki.example.org/cb";

async fn send(test: &TestApp, method: &str, path: &str, body: &Value) -> TestResponse {
    test.send(TestRequest::of(method, path).bearer(&test.key).json(body)).await
}

async fn add(test: &TestApp, fields: Value) -> TestResponse {
    let mut body = json!({"name": "Wiki", "redirect_uris": [WIKI]});
    body.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
    send(test, "POST", "/api/apps", &body).await
}

/// The name of an app of the usual kind, and its secret.
async fn added(test: &TestApp, fields: Value) -> (String, String) {
    let answer = add(test, fields).await;
    assert_eq!(answer.status, StatusCode::CREATED, "{}", answer.body);
    let answer = answer.json();
    let text = |name: &str| answer[name].as_str().unwrap_or_default().to_owned();
    (text("client_id"), text("client_secret"))
}

async fn is_secret(test: &TestApp, client_id: &str, secret: &str) -> bool {
    let found = apps::find(&test.app, test.acme.id, client_id).await.unwrap();
    let Some(found) = found else { return false };
    apps::check_secret(&test.app, test.acme.id, &found, secret).await.unwrap()
}

fn codes(answer: &TestResponse) -> Vec<(String, Value)> {
    assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{}", answer.body);
    answer.json()["codes"].as_object().unwrap().clone().into_iter().collect()
}

#[tokio::test]
async fn an_app_is_added_and_its_secret_shown_this_once() {
    let test = TestApp::start().await;

    let answer = add(&test, json!({"start_url": "https://wiki.example.org/start?t={target}"})).await;

    assert_eq!(answer.status, StatusCode::CREATED, "{}", answer.body);
    let mut object = answer.json();
    let secret = object["client_secret"].as_str().unwrap().to_owned();
    let client_id = object["client_id"].as_str().unwrap().to_owned();
    assert!(secret.len() == 43 && secret.bytes().all(|byte| byte.is_ascii_alphanumeric()), "{secret}");
    assert!(client_id.len() == 23 && client_id.starts_with("app"), "{client_id}");
    assert_eq!(object["issuer"], "https://example.com");
    assert_eq!(object["secrets"].as_array().unwrap().len(), 1);
    assert!(is_secret(&test, &client_id, &secret).await);
    for name in ["client_secret", "issuer"] {
        object.as_object_mut().unwrap().remove(name);
    }
    let shown = test.call("GET", &format!("/api/apps/{client_id}")).await;
    assert_eq!(shown.json(), object, "all else is shown again");
    assert!(!shown.body.contains(&secret));
    let (id, made) = (&object["secrets"][0]["id"], &object["created_at"]);
    assert_eq!(
        object,
        json!({
            "client_id": client_id, "name": "Wiki", "type": "confidential", "redirect_uris": [WIKI],
            "start_url": "https://wiki.example.org/start?t={target}", "post_logout_redirect_uris": [],
            "backchannel_logout_uri": null, "pkce": "required", "alg": "RS256", "slim_id_token": false,
            "secrets": [{"id": id, "created_at": made}], "created_at": made, "updated_at": made,
        })
    );
}

#[tokio::test]
async fn a_public_app_has_no_secret() {
    let test = TestApp::start().await;

    let answer = add(&test, json!({"type": "public", "redirect_uris": ["com.example.app:/cb"]})).await;

    assert_eq!(answer.status, StatusCode::CREATED, "{}", answer.body);
    let object = answer.json();
    assert_eq!((object.get("client_secret"), &object["secrets"]), (None, &json!([])));
    let path = format!("/api/apps/{}/secrets", object["client_id"].as_str().unwrap());
    let refused = test.call("POST", &path).await;
    assert_eq!((refused.status, &refused.json()["code"]), (StatusCode::CONFLICT, &json!("conflict")));
    assert_eq!(codes(&add(&test, json!({"type": "public", "pkce": "optional"})).await)[0].0, "pkce");
}

#[tokio::test]
async fn a_client_id_may_be_chosen_and_is_nobody_elses_in_the_workspace() {
    let test = TestApp::start().await;
    let (_, other_key) = test.another("Other", "https://other.example.net").await;
    added(&test, json!({"client_id": "my-wiki"})).await;

    assert_eq!(
        codes(&add(&test, json!({"client_id": "my-wiki"})).await),
        [("client_id".to_owned(), json!(["taken"]))]
    );
    for wrong in ["ab", &"a".repeat(65), "my wiki", "my_wiki", "é-wiki"] {
        let refused = add(&test, json!({"client_id": wrong})).await;
        assert_eq!(codes(&refused), [("client_id".to_owned(), json!(["invalid"]))], "{wrong}");
    }
    let body = json!({"name": "Theirs", "redirect_uris": [WIKI], "client_id": "my-wiki"});
    let ask = TestRequest::of("POST", "/api/apps").host("other.example.net").bearer(&other_key).json(&body);
    assert_eq!(test.send(ask).await.status, StatusCode::CREATED);
    assert_eq!(test.call("GET", "/api/apps/my-wiki").await.json()["name"], "Wiki");
}

#[tokio::test]
async fn what_does_not_pass_is_named_under_the_name_of_its_list() {
    let test = TestApp::start().await;
    let many: Vec<_> = (0..21).map(|number| format!("https://a{number}.test/cb")).collect();
    for (fields, name, code) in [
        (json!({"name": ""}), "name", "invalid"),
        (json!({"name": "x".repeat(101)}), "name", "too_long"),
        (json!({"redirect_uris": []}), "redirect_uris", "invalid"),
        (json!({"redirect_uris": many}), "redirect_uris", "invalid"),
        (json!({"redirect_uris": [WIKI, "http://wiki.example.org/cb"]}), "redirect_uris", "invalid"),
        (json!({"redirect_uris": ["com.example.app:/cb"]}), "redirect_uris", "invalid"),
        (json!({"post_logout_redirect_uris": many}), "post_logout_redirect_uris", "invalid"),
        (json!({"post_logout_redirect_uris": ["https://a.test/#x"]}), "post_logout_redirect_uris", "invalid"),
        (json!({"start_url": "https://{iss}/"}), "start_url", "invalid"),
        (json!({"start_url": "com.example.app:/start"}), "start_url", "invalid"),
        (
            json!({"backchannel_logout_uri": "http://wiki.example.org/out"}),
            "backchannel_logout_uri",
            "invalid",
        ),
        (json!({"backchannel_logout_uri": "https://127.0.0.1/out"}), "backchannel_logout_uri", "invalid"),
        (json!({"backchannel_logout_uri": "https://10.0.0.1/out"}), "backchannel_logout_uri", "invalid"),
        (json!({"backchannel_logout_uri": "https://192.0.2.7:8444/x"}), "backchannel_logout_uri", "invalid"),
        (json!({"type": "native"}), "type", "invalid"),
        (json!({"alg": "none"}), "alg", "invalid"),
        (json!({"grant_types": []}), "grant_types", "unknown"),
    ] {
        let refused = add(&test, fields.clone()).await;
        assert_eq!(codes(&refused), [(name.to_owned(), json!([code]))], "{fields}: {}", refused.body);
    }
    let nothing = send(&test, "POST", "/api/apps", &json!({})).await;
    let needed = json!(["required"]);
    assert_eq!(codes(&nothing), [("name".to_owned(), needed.clone()), ("redirect_uris".to_owned(), needed)]);
    assert_eq!(test.number("SELECT count(*) FROM apps"), 0);
    assert_eq!(test.number("SELECT count(*) FROM signing_keys"), 0, "nothing is made for what is refused");
}

#[tokio::test]
async fn a_change_changes_the_fields_that_are_sent_and_says_so_in_the_log() {
    let test = TestApp::start().await;
    let (wiki, secret) = added(&test, json!({"client_id": "wiki", "slim_id_token": true})).await;
    let path = "/api/apps/wiki";
    test.advance(60);

    let change = json!({
        "client_id": "other", "type": "public", "secrets": [], "name": "Handbook", "alg": "ES256", "pkce": "optional",
        "redirect_uris": [WIKI, "https://b.test/cb"],
    });
    let answer = send(&test, "PUT", path, &change).await;

    assert_eq!(answer.status, StatusCode::OK, "{}", answer.body);
    let object = answer.json();
    let facts =
        ["client_id", "type", "name", "alg", "pkce", "slim_id_token"].map(|name| object[name].clone());
    assert_eq!(json!(facts), json!(["wiki", "confidential", "Handbook", "ES256", "optional", true]));
    assert_ne!(object["updated_at"], object["created_at"]);
    assert_eq!(test.call("GET", path).await.json(), object);
    assert!(is_secret(&test, &wiki, &secret).await);
    assert_eq!(test.number("SELECT count(*) FROM signing_keys WHERE alg = 'ES256'"), 2);
    let logged = test.database.rows("SELECT data FROM audit_log WHERE event = 'app.changed'");
    let logged: Value = serde_json::from_str(&logged[0][0]).unwrap();
    assert_eq!(logged["fields"], json!(["name", "redirect_uris", "pkce", "alg"]));
    assert_eq!(logged["from"]["redirect_uris"], json!([WIKI]));
    assert_eq!(logged["to"]["redirect_uris"], json!([WIKI, "https://b.test/cb"]));
    // What comes back as it was changes nothing, and is not told of.
    assert_eq!(send(&test, "PUT", path, &object).await.json(), object);
    assert_eq!(test.number("SELECT count(*) FROM audit_log WHERE event = 'app.changed'"), 1);
    let refused = send(&test, "PUT", path, &json!({"redirect_uris": ["com.example.app:/cb"]})).await;
    assert_eq!(codes(&refused)[0].0, "redirect_uris");
}

#[tokio::test]
async fn of_changes_at_the_same_moment_none_is_lost() {
    let test = TestApp::start().await;
    added(&test, json!({"client_id": "wiki"})).await;

    let changes = [json!({"name": "Handbook"}), json!({"pkce": "optional"}), json!({"slim_id_token": true})];
    let sent = changes.iter().map(|change| send(&test, "PUT", "/api/apps/wiki", change));
    for answer in futures_util::future::join_all(sent).await {
        assert_eq!(answer.status, StatusCode::OK, "{}", answer.body);
    }

    let object = test.call("GET", "/api/apps/wiki").await.json();
    assert_eq!(
        json!([object["name"], object["pkce"], object["slim_id_token"]]),
        json!(["Handbook", "optional", true])
    );
}

#[tokio::test]
async fn a_deleted_app_leaves_nothing_that_opens_anything() {
    let test = TestApp::start().await;
    let (wiki, secret) = added(&test, json!({"client_id": "wiki"})).await;

    assert_eq!(test.call("DELETE", "/api/apps/wiki").await.status, StatusCode::NO_CONTENT);

    for method in ["GET", "DELETE"] {
        assert_eq!(test.call(method, "/api/apps/wiki").await.status, StatusCode::NOT_FOUND);
    }
    assert!(!is_secret(&test, &wiki, &secret).await);
    added(&test, json!({"client_id": "wiki"})).await;
    assert!(
        !is_secret(&test, &wiki, &secret).await,
        "the secret of an app that is gone is none of its successor"
    );
    let events: Vec<_> = test.audit().into_iter().filter(|entry| entry.starts_with("app.")).collect();
    assert_eq!(events, ["app.added by api_key:1", "app.deleted by api_key:1", "app.added by api_key:1"]);
}

#[tokio::test]
async fn an_app_has_one_or_two_secrets_and_a_removed_one_is_wrong_at_once() {
    let test = TestApp::start().await;
    let (wiki, first) = added(&test, json!({"client_id": "wiki"})).await;
    let secrets = "/api/apps/wiki/secrets";
    let ids = async || {
        let object = test.call("GET", "/api/apps/wiki").await.json();
        object["secrets"]
            .as_array()
            .unwrap()
            .iter()
            .map(|one| one["id"].as_str().unwrap().to_owned())
            .collect::<Vec<_>>()
    };
    let old = ids().await.remove(0);

    let last = test.call("DELETE", &format!("{secrets}/{old}")).await;
    let made = test.call("POST", secrets).await;
    let third = test.call("POST", secrets).await;

    assert_eq!((last.status, &last.json()["code"]), (StatusCode::CONFLICT, &json!("conflict")));
    assert_eq!(made.status, StatusCode::CREATED, "{}", made.body);
    assert_eq!((third.status, &third.json()["code"]), (StatusCode::CONFLICT, &json!("conflict")));
    let second = made.json()["secret"].as_str().unwrap().to_owned();
    assert_eq!(ids().await, [old.clone(), made.json()["id"].as_str().unwrap().to_owned()]);
    assert!(is_secret(&test, &wiki, &first).await && is_secret(&test, &wiki, &second).await);
    let path = format!("{secrets}/{old}");
    assert_eq!(test.call("DELETE", &path).await.status, StatusCode::NO_CONTENT);
    assert!(!is_secret(&test, &wiki, &first).await && is_secret(&test, &wiki, &second).await);
    for unknown in [path, format!("{secrets}/{}", Uuid::nil()), format!("{secrets}/x")] {
        assert_eq!(test.call("DELETE", &unknown).await.status, StatusCode::NOT_FOUND, "{unknown}");
    }
    assert_eq!(test.call("POST", "/api/apps/nobody/secrets").await.status, StatusCode::NOT_FOUND);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_those_who_make_or_remove_secrets_at_once_two_and_one_are_left() {
    let test = TestApp::start().await;
    added(&test, json!({"client_id": "wiki"})).await;
    let beside = test.beside().await;

    let made = (0..8).flat_map(|_| [&test, &beside].map(|node| node.call("POST", "/api/apps/wiki/secrets")));
    let made = futures_util::future::join_all(made).await;
    let live = "SELECT count(*) FROM app_secrets WHERE removed_at IS NULL";
    let most = test.number(live);
    let object = test.call("GET", "/api/apps/wiki").await.json();
    let removed = object["secrets"].as_array().unwrap().iter().flat_map(|one| {
        let path = format!("/api/apps/wiki/secrets/{}", one["id"].as_str().unwrap());
        [&test, &beside].map(|node| {
            let path = path.clone();
            async move { node.call("DELETE", &path).await }
        })
    });
    let removed = futures_util::future::join_all(removed).await;

    assert_eq!(made.iter().filter(|answer| answer.status == StatusCode::CREATED).count(), 1);
    assert_eq!(most, 2);
    assert_eq!(removed.iter().filter(|answer| answer.status == StatusCode::NO_CONTENT).count(), 1);
    assert_eq!(test.number(live), 1);
}

#[tokio::test]
async fn apps_need_their_scopes_and_belong_to_one_workspace() {
    let test = TestApp::start().await;
    added(&test, json!({"client_id": "wiki"})).await;
    let (_, reader) = test.key_with(&[Scope::AppsRead], None).await;
    let (_, writer) = test.key_with(&[Scope::AppsWrite], None).await;
    let (_, other_key) = test.another("Other", "https://other.example.net").await;
    let body = json!({"name": "x", "redirect_uris": [WIKI]});
    for (method, path, reads) in [
        ("GET", "/api/apps", true),
        ("GET", "/api/apps/wiki", true),
        ("GET", "/api/apps/wiki/refusals", true),
        ("POST", "/api/apps", false),
        ("PUT", "/api/apps/wiki", false),
        ("POST", "/api/apps/wiki/secrets", false),
        ("DELETE", "/api/apps/wiki/secrets/00000000-0000-0000-0000-000000000000", false),
        ("DELETE", "/api/apps/wiki", false),
    ] {
        let wrong = if reads { &writer } else { &reader };
        let ask = TestRequest::of(method, path).bearer(wrong).json(&body);
        let refused = test.send(ask.clone()).await;
        assert_eq!(refused.json()["code"], "insufficient_scope", "{method} {path}");
        let elsewhere =
            TestRequest::of(method, path).host("other.example.net").bearer(&other_key).json(&body);
        let elsewhere = test.send(elsewhere).await;
        if path != "/api/apps" {
            assert_eq!(elsewhere.status, StatusCode::NOT_FOUND, "{method} {path}: {}", elsewhere.body);
        } else if reads {
            assert_eq!(elsewhere.json()["data"], json!([]));
        }
    }
    assert_eq!(test.call("GET", "/api/apps/wiki").await.json()["name"], "Wiki");
}

#[tokio::test]
async fn a_list_has_all_apps_in_pages() {
    let test = TestApp::start().await;
    for name in ["cat", "ada", "bob"] {
        added(&test, json!({"client_id": name, "name": name.to_uppercase(), "alg": "ES256"})).await;
    }
    let names = async |query: &str| {
        let list = test.call("GET", &format!("/api/apps?{query}")).await.json();
        let rows = list["data"].as_array().unwrap_or_else(|| panic!("{list}")).clone();
        assert!(rows.iter().all(|row| row["secrets"].as_array().unwrap().len() == 1), "{rows:?}");
        let names: Vec<_> = rows.iter().map(|row| row["client_id"].as_str().unwrap().to_owned()).collect();
        (names.join(" "), list["meta"]["total"].clone())
    };

    assert_eq!(names("").await, ("ada bob cat".to_owned(), json!(3)));
    assert_eq!(names("limit=2&page=2").await, ("cat".to_owned(), json!(3)));
    assert_eq!(names("sort=client_id:desc").await, ("cat bob ada".to_owned(), json!(3)));
    assert_eq!(names("filters[name][$eq]=BOB").await, ("bob".to_owned(), json!(1)));
}

/// Whoever has the database, and not the key file.
#[tokio::test]
async fn edited_apps_and_secrets_give_nobody_anything() {
    let zeros = format!("x'{}'", "00".repeat(32));
    for edit in [
        "apps SET redirect_uris = 'https://evil.test/cb'".to_owned(),
        "apps SET start_url = 'https://evil.test/'".to_owned(),
        "apps SET post_logout_redirect_uris = 'https://evil.test/'".to_owned(),
        "apps SET backchannel_logout_uri = 'https://evil.test/'".to_owned(),
        "apps SET is_public = 1 - is_public".to_owned(),
        "apps SET pkce_optional = 1".to_owned(),
        "apps SET alg = 'ES256'".to_owned(),
        "apps SET slim_id_token = 1".to_owned(),
        "apps SET name = 'Bank'".to_owned(),
        "apps SET client_id = 'bank'".to_owned(),
        "apps SET workspace_id = 2".to_owned(),
        "apps SET revision = 9".to_owned(),
        format!("apps SET seal = {zeros}"),
        "app_secrets SET client_id = 'bank'".to_owned(),
        "app_secrets SET workspace_id = 2".to_owned(),
        format!("app_secrets SET hash = {zeros}"),
        format!("app_secrets SET seal = {zeros}"),
        "app_secrets SET created_at = 1".to_owned(),
        "app_secrets SET removed_at = 1".to_owned(),
    ] {
        let test = TestApp::start().await;
        let (_, secret) = added(&test, json!({"client_id": "wiki"})).await;
        assert!(is_secret(&test, "wiki", &secret).await);

        test.run_sql(&format!("UPDATE {edit}"));

        for client_id in ["wiki", "bank"] {
            assert!(!is_secret(&test, client_id, &secret).await, "{edit}");
            if edit.starts_with("apps") {
                let shown = test.call("GET", &format!("/api/apps/{client_id}")).await;
                assert_eq!(shown.status, StatusCode::NOT_FOUND, "{edit}: {}", shown.body);
            }
        }
    }
}

#[tokio::test]
async fn no_secret_of_an_app_lies_in_the_database() {
    let test = TestApp::start().await;
    let (_, secret) = added(&test, json!({})).await;

    let dump = test.database.stolen();

    let hex = secret.bytes().fold(String::new(), |hex, byte| format!("{hex}{byte:02x}"));
    for form in [secret, hex] {
        assert!(!dump.windows(form.len()).any(|window| window == form.as_bytes()), "{form}");
    }
}
