//! The rest of the API: clients, team, logs, sessions, and lists of them.

use axum::http::StatusCode;
use doorkey::domain::scope::Scope;
use doorkey::domain::user::UserChange;
use serde_json::{Value, json};

use crate::support::app::{TestApp, TestRequest, TestResponse};
use crate::support::server::encode;

async fn send(test: &TestApp, method: &str, path: &str, body: &Value) -> TestResponse {
    test.send(TestRequest::of(method, path).bearer(&test.key).json(body)).await
}

async fn add(test: &TestApp, email: &str) -> TestResponse {
    send(test, "POST", "/api/clients", &json!({ "email": email, "name_f": "Ada", "name_l": "Lovelace" }))
        .await
}

#[tokio::test]
async fn a_client_is_added_shown_changed_and_deleted() {
    let test = TestApp::start().await;
    let given = json!({
        "email": "Ada@Example.org", "name_f": "Ada", "name_l": "Lovelace", "company": "Analytical", "phone": "+44",
        "locale": "en-GB", "note": "first", "custom_fields": {"tier": [1, {"a": null}]}, "status": 1, "two_factor_enabled": false,
    });

    let added = send(&test, "POST", "/api/clients", &given).await;

    assert_eq!(added.status, StatusCode::CREATED);
    let mut expected = given;
    for (name, value) in [
        ("id", json!(1)),
        ("name", json!("Ada Lovelace")),
        ("created_at", json!("2026-11-23T03:23:00.000Z")),
        ("updated_at", json!("2026-11-23T03:23:00.000Z")),
    ] {
        expected[name] = value;
    }
    assert_eq!(added.json(), expected);
    for path in ["/api/clients/1", "/api/clients/ada%40example.ORG"] {
        assert_eq!(test.call("GET", path).await.json(), expected, "{path}");
    }

    test.advance(5);
    let changed = send(
        &test,
        "PUT",
        "/api/clients/1",
        &json!({ "company": "Engine", "id": 9, "name": "x", "created_at": "y" }),
    )
    .await;
    expected["company"] = json!("Engine");
    expected["updated_at"] = json!("2026-11-23T03:23:05.000Z");
    assert_eq!((changed.status, changed.json()), (StatusCode::OK, expected.clone()));
    test.advance(5);
    assert_eq!(
        send(&test, "PUT", "/api/clients/1", &expected).await.json(),
        expected,
        "sent back as it came, nothing changes"
    );

    assert_eq!(test.call("DELETE", "/api/clients/1").await.status, StatusCode::NO_CONTENT);
    assert_eq!(test.call("GET", "/api/clients/1").await.code(), "user_not_found");
    assert_eq!(test.call("DELETE", "/api/clients/1").await.code(), "user_not_found");
    assert_eq!(add(&test, "ada@example.org").await.json()["id"], 2, "an address comes free, an id never");
}

#[tokio::test]
async fn a_client_that_does_not_pass_is_told_field_by_field() {
    let test = TestApp::start().await;
    add(&test, "ada@example.org").await;
    for (body, fields) in [
        (json!({}), vec!["email", "name_f", "name_l"]),
        (json!({ "email": "x", "name_f": 1, "name_l": null }), vec!["email", "name_f", "name_l"]),
        (json!({ "email": "b@x.test", "name_f": "B", "name_l": "", "status": 2 }), vec!["status"]),
        (json!({ "email": "b@x.test", "name_f": "B", "name_l": "", "status": "1" }), vec!["status"]),
        (
            json!({ "email": "b@x.test", "name_f": "B", "name_l": "", "two_factor_enabled": 1 }),
            vec!["two_factor_enabled"],
        ),
        (
            json!({ "email": "b@x.test", "name_f": "B", "name_l": "", "custom_fields": [1] }),
            vec!["custom_fields"],
        ),
        (
            json!({ "email": "b@x.test", "name_f": "B", "name_l": "", "colour": "red", "staff": true }),
            vec!["colour", "staff"],
        ),
        (json!({ "email": "b@x.test", "name_f": "B", "name_l": "", "note": "\u{0}" }), vec!["note"]),
        (json!({ "email": "ADA@example.org", "name_f": "B", "name_l": "" }), vec!["email"]),
        (json!({ "email": "b@x.test", "name_f": "B", "name_l": "", "id": 1 }), vec!["id"]),
        (json!({ "email": "b@x.test", "name_f": "B", "name_l": "", "id": 0 }), vec!["id"]),
        (
            json!({ "email": "b@x.test", "name_f": "B", "name_l": "", "id": 9_007_199_254_740_992_i64 }),
            vec!["id"],
        ),
        (json!({ "email": "b@x.test", "name_f": "B", "name_l": "", "id": "7" }), vec!["id"]),
        (json!({ "email": "b@x.test", "name_f": "B", "name_l": "", "id": 1.5 }), vec!["id"]),
    ] {
        let response = send(&test, "POST", "/api/clients", &body).await;
        assert_eq!((response.status.as_u16(), response.code().as_str()), (400, "invalid"), "{body}");
        assert_eq!(response.json()["message"], "The given data was invalid.");
        let named: Vec<_> = response.json()["errors"].as_object().unwrap().keys().cloned().collect();
        assert_eq!(named, fields, "{body}");
    }
    assert_eq!(test.number("SELECT count(*) FROM users"), 1);
}

/// One plain mailbox, or nothing; and no other spelling finds it.
#[tokio::test]
async fn an_address_that_is_not_one_plain_mailbox_is_refused() {
    let test = TestApp::start().await;
    for email in ["a@x.test", "b@evil.test", "i@x.test", "k@x.test", "fi@x.test"] {
        assert_eq!(add(&test, email).await.status, StatusCode::CREATED, "{email}");
    }
    for email in [
        "a@x.test,b@evil.test",
        "a@x.test;b@evil.test",
        "a@x.test b@evil.test",
        "\"A\" <b@evil.test>",
        "A <a@x.test>",
        "a@x.test\r\nBcc: b@evil.test",
        "a@x.test%0a",
        "\u{131}@x.test",
        "a\u{ff20}x.test",
        "a\u{fe6b}x.test",
        "\u{430}@x.test",
        "a@\u{445}.test",
        "a@x\u{3002}test",
        "\u{ff41}@x.test",
        "\u{fb01}@x.test",
        "\u{212a}@x.test",
        " a@x.test",
        "a@x.test ",
        "<a@x.test>",
        "a@x.test\n",
    ] {
        for response in
            [add(&test, email).await, send(&test, "PUT", "/api/clients/1", &json!({ "email": email })).await]
        {
            assert_eq!((response.status.as_u16(), response.code().as_str()), (400, "invalid"), "{email:?}");
        }
        let found = test.call("GET", &format!("/api/clients?filters[email][$eq]={}", encode(email))).await;
        assert_eq!(found.json()["data"], json!([]), "{email:?}");
        for noun in ["login_links", "clients"] {
            let response = test.call("GET", &format!("/api/{noun}/{}", encode(email))).await;
            assert_eq!(
                (response.status.as_u16(), response.code().as_str()),
                (404, "user_not_found"),
                "{email:?}"
            );
        }
    }
    let several = json!({ "email": ["a@x.test", "b@evil.test"], "name_f": "A", "name_l": "B" });
    assert_eq!(send(&test, "POST", "/api/clients", &several).await.code(), "invalid");
    assert_eq!(add(&test, "Ada@x.test").await.status, StatusCode::CREATED);
    assert_eq!(
        add(&test, "ada@X.test").await.code(),
        "invalid",
        "two spellings of one address are one account"
    );
    let taken = send(&test, "PUT", "/api/clients/1", &json!({ "email": "ADA@x.test" })).await;
    assert_eq!(taken.code(), "invalid", "and nobody takes over another's by its spelling");
    assert_eq!(test.number("SELECT count(*) FROM users"), 6);
}

#[tokio::test]
async fn bodies_are_json_objects_of_at_most_a_mebibyte() {
    let test = TestApp::start().await;
    let ask = || TestRequest::of("POST", "/api/clients").bearer(&test.key);
    for (kind, body, status, code) in [
        ("text/plain", "{}", 415, "unsupported_media_type"),
        ("application/x-www-form-urlencoded", "email=a", 415, "unsupported_media_type"),
        ("application/json", "", 400, "malformed"),
        ("application/json", "{", 400, "malformed"),
        ("application/json", "[]", 400, "malformed"),
        ("application/json; charset=utf-8", "{}", 400, "invalid"),
    ] {
        let mut ask = ask().header("content-type", kind);
        ask.body = body.into();
        let response = test.send(ask).await;
        assert_eq!((response.status.as_u16(), response.code().as_str()), (status, code), "{kind} {body}");
    }
    let mut large = ask().header("content-type", "application/json");
    large.body = vec![b' '; (1 << 20) + 1];
    assert_eq!(test.send(large).await.code(), "payload_too_large");
}

/// What is done to a client here kills as it does everywhere else.
#[tokio::test]
async fn changes_and_deletes_kill_links_and_sessions_at_once() {
    for (body, stays_signed_in) in [
        (json!({ "two_factor_enabled": true }), true),
        (json!({ "email": "new@example.org" }), true),
        (json!({ "status": 0 }), false),
        (Value::Null, false),
    ] {
        let test = TestApp::start().await;
        let ada = test.client("ada@example.org").await;
        let mut browser = test.browser();
        browser.sign_in(&test.ask_for_link(ada).await).await;
        let link = test.ask_for_link(ada).await;

        if body.is_null() {
            test.call("DELETE", "/api/clients/1").await;
        } else {
            send(&test, "PUT", "/api/clients/1", &body).await;
        }

        assert_eq!(test.browser().open(&link).await.status, StatusCode::GONE, "{body}");
        assert_eq!(browser.is_signed_in().await, stays_signed_in, "{body}");
    }
}

#[tokio::test]
async fn staff_and_clients_are_two_lists() {
    let test = TestApp::start().await;
    let client = test.client("c@x.test").await.number();
    let staff = UserChange { is_staff: Some(true), ..UserChange::default() };
    let staff = test.add(&test.acme, "s@x.test", staff).await.number();

    for (path, status) in [
        (format!("/api/clients/{client}"), 200),
        (format!("/api/clients/{staff}"), 404),
        ("/api/clients/s@x.test".to_owned(), 404),
        (format!("/api/team/{staff}"), 200),
        (format!("/api/team/{client}"), 404),
        ("/api/team/s@x.test".to_owned(), 200),
    ] {
        assert_eq!(test.call("GET", &path).await.status.as_u16(), status, "{path}");
    }
    assert_eq!(
        send(&test, "PUT", &format!("/api/clients/{staff}"), &json!({ "note": "x" })).await.status,
        StatusCode::NOT_FOUND
    );
    assert_eq!(test.call("DELETE", &format!("/api/clients/{staff}")).await.status, StatusCode::NOT_FOUND);
    let ids = |response: TestResponse| {
        response.json()["data"].as_array().unwrap().iter().map(|user| user["id"].clone()).collect::<Vec<_>>()
    };
    assert_eq!(ids(test.call("GET", "/api/clients").await), [client]);
    assert_eq!(ids(test.call("GET", "/api/team").await), [staff]);
    assert_eq!(test.call("POST", "/api/team").await.status, StatusCode::METHOD_NOT_ALLOWED);
}

#[tokio::test]
async fn lists_are_sorted_filtered_and_paged() {
    let test = TestApp::start().await;
    for number in 1..=7 {
        let name = ["Cy", "Al", "Bo"][number % 3];
        let fields = UserChange {
            name_l: Some(name.to_owned()),
            is_active: Some(number != 4),
            locale: (number == 6).then(|| "de".to_owned()),
            ..UserChange::default()
        };
        test.add(&test.acme, &format!("U{number}@x.test"), fields).await;
        test.advance(1);
    }
    for (query, ids) in [
        ("", vec![1, 2, 3, 4, 5, 6, 7]),
        ("limit=3", vec![1, 2, 3]),
        ("limit=3&page=3", vec![7]),
        ("limit=3&page=4", vec![]),
        ("sort=name_l:asc", vec![1, 4, 7, 2, 5, 3, 6]),
        ("sort=name_l:desc&limit=3", vec![3, 6, 2]),
        ("sort=id:desc&limit=2", vec![7, 6]),
        ("filters[status][$eq]=0", vec![4]),
        ("filters[locale][$eq]=de", vec![6]),
        ("sort=locale:desc&limit=1", vec![6]),
        ("filters[email][$eq]=u2@X.TEST", vec![2]),
        ("filters[email][$in][]=u2@x.test&filters[email][$in][]=u5@x.test", vec![2, 5]),
        ("filters[id][$gt]=3&filters[id][$lt]=6", vec![4, 5]),
        ("filters[created_at][$gt]=2026-11-23T03:23:05Z", vec![7]),
        ("filters[two_factor_enabled][$eq]=true", vec![]),
        ("filters%5Bname_l%5D%5B%24eq%5D=Bo", vec![2, 5]),
    ] {
        let response = test.call("GET", &format!("/api/clients?{query}")).await;
        assert_eq!(response.status, StatusCode::OK, "{query}: {}", response.body);
        let found: Vec<_> = response.json()["data"]
            .as_array()
            .unwrap()
            .iter()
            .map(|user| user["id"].as_i64().unwrap())
            .collect();
        assert_eq!(found, ids, "{query}");
    }
}

#[tokio::test]
async fn the_log_tells_who_did_what_to_whom_in_which_request() {
    let test = TestApp::start().await;
    let ada = test.client("ada@example.org").await;
    let issued = test.call("GET", "/api/login_links/1").await;
    let link = issued.json()["link"].as_str().unwrap().to_owned();
    test.browser().sign_in(&link).await;
    test.advance(1);
    let killed = test.call("DELETE", "/api/login_links/1").await;

    let log = test.call("GET", "/api/logs?limit=2&filters[user_id][$eq]=1").await;
    let events = test.call("GET", "/api/logs?filters[event][$eq]=login_link.issued").await.json();
    let late = test.call("GET", "/api/logs?filters[time][$gt]=2026-11-23T03:23:00.500Z").await.json();

    let data = &log.json()["data"];
    assert_eq!(data[0]["event"], "login_link.killed");
    assert_eq!(data[0]["actor"], "api_key:1");
    assert_eq!(data[0]["user_id"], ada.number());
    assert_eq!(data[0]["request_id"], killed.header("x-api-identifier"));
    assert_eq!(data[0]["data"], json!({ "reason": "revoked" }));
    assert_eq!(data[0]["time"], "2026-11-23T03:23:01.000Z");
    assert_eq!((&data[1]["event"], &data[1]["actor"]), (&json!("login_link.redeemed"), &json!("user:1")));
    assert_eq!(events["data"][0]["request_id"], issued.header("x-api-identifier"));
    assert_eq!(late["meta"]["total"], 1);
    let mut names: Vec<_> = data[0].as_object().unwrap().keys().cloned().collect();
    names.sort();
    assert_eq!(names, ["actor", "data", "event", "id", "request_id", "time", "user_id"]);
    assert!(!log.body.contains(link.split('=').nth(1).unwrap()) && !log.body.contains("ada@example.org"));
}

#[tokio::test]
async fn sessions_are_listed_and_ended() {
    let test = TestApp::start().await;
    let (ada, bob) = (test.client("ada@x.test").await, test.client("bob@x.test").await);
    let mut adas = test.browser();
    adas.sign_in(&test.ask_for_link(ada).await).await;
    test.advance(1);
    test.browser().sign_in(&test.ask_for_link(bob).await).await;

    let all = test.call("GET", "/api/sessions").await.json();
    let one = test.call("GET", "/api/sessions?filters[user_id][$eq]=1").await.json();

    assert_eq!(
        all["data"].as_array().unwrap().iter().map(|session| session["user_id"].clone()).collect::<Vec<_>>(),
        [2, 1]
    );
    let session = &one["data"][0];
    let id = session["id"].as_str().unwrap().to_owned();
    assert_eq!(
        *session,
        json!({ "id": id, "user_id": 1, "created_at": "2026-11-23T03:23:00.000Z",
        "last_seen_at": "2026-11-23T03:23:00.000Z", "expires_at": "2026-11-23T15:23:00.000Z" })
    );
    assert_eq!(test.call("DELETE", &format!("/api/sessions/{id}")).await.status, StatusCode::NO_CONTENT);
    assert!(!adas.is_signed_in().await);
    for unknown in [id.as_str(), "x", "1", "%FF", "00000000-0000-0000-0000-000000000000"] {
        let answer = test.call("DELETE", &format!("/api/sessions/{unknown}")).await;
        assert_eq!((answer.status.as_u16(), answer.code().as_str()), (404, "not_found"), "{unknown}");
        assert!(answer.body.contains("`GET /api/sessions` lists those"), "{}", answer.body);
    }
    assert!(test.audit().contains(&"session.ended by api_key:1 revoked".to_owned()));
    assert_eq!(test.call("GET", "/api/sessions").await.json()["meta"]["total"], 1);
}

/// Each endpoint has its scope.
#[tokio::test]
async fn every_endpoint_asks_for_its_scope() {
    let test = TestApp::start().await;
    let (id, uuid) = ("9", "00000000-0000-0000-0000-000000000000");
    for (method, path, scope) in [
        ("GET", "/api/clients".to_owned(), Scope::ClientsRead),
        ("POST", "/api/clients".to_owned(), Scope::ClientsWrite),
        ("GET", format!("/api/clients/{id}"), Scope::ClientsRead),
        ("PUT", format!("/api/clients/{id}"), Scope::ClientsWrite),
        ("DELETE", format!("/api/clients/{id}"), Scope::ClientsWrite),
        ("GET", "/api/team".to_owned(), Scope::TeamRead),
        ("GET", format!("/api/team/{id}"), Scope::TeamRead),
        ("GET", "/api/logs".to_owned(), Scope::LogsRead),
        ("GET", "/api/sessions".to_owned(), Scope::SessionsRead),
        ("DELETE", format!("/api/sessions/{uuid}"), Scope::SessionsWrite),
        ("GET", "/api/login_links".to_owned(), Scope::LoginLinksRead),
        ("DELETE", format!("/api/login_links/{id}"), Scope::LoginLinksWrite),
    ] {
        let others: Vec<_> = Scope::ALL.into_iter().filter(|other| *other != scope).collect();
        let (_, without) = test.key_with(&others, None).await;
        let (_, with) = test.key_with(&[scope], None).await;
        let ask = |key: &str| TestRequest::of(method, &path).bearer(key).json(&json!({}));
        let refused = test.send(ask(&without)).await;
        assert_eq!(
            (refused.status.as_u16(), refused.code().as_str()),
            (403, "insufficient_scope"),
            "{method} {path}"
        );
        assert_ne!(test.send(ask(&with)).await.status, StatusCode::FORBIDDEN, "{method} {path}");
    }
}
