//! The client object: what its fields take to the letter, what is said of those that do not pass, and who may open what the
//! rule closes.

use axum::http::StatusCode;
use doorkey::domain::api_key::ApiKeySecret;
use doorkey::domain::host::HostName;
use doorkey::domain::scope::Scope;
use doorkey::domain::user::UserChange;
use doorkey::domain::user::{UserId, UserRef};
use doorkey::flow::request_lookup;
use doorkey::flow::request_lookup::Credentials;
use serde_json::{Value, json};

use crate::support::app::{START, TestApp, TestRequest, TestResponse};

/// A call whose body is written by hand.
async fn send(test: &TestApp, method: &str, path: &str, body: impl Into<Vec<u8>>) -> TestResponse {
    let mut ask = TestRequest::of(method, path).bearer(&test.key).header("content-type", "application/json");
    ask.body = body.into();
    test.send(ask).await
}

/// A body that adds somebody, with more fields of its own.
fn body(email: &str, more: &str) -> String {
    format!("{{\"email\":\"{email}\",\"name_f\":\"A\",\"name_l\":\"B\"{more}}}")
}

/// A refusal's `errors` and `codes`, field by field.
fn refusals(response: &TestResponse) -> (Vec<String>, Value) {
    assert_eq!((response.status.as_u16(), response.code().as_str()), (400, "invalid"), "{response:?}");
    let refusal = response.json();
    let names = |what: &str| refusal[what].as_object().unwrap().keys().cloned().collect::<Vec<_>>();
    assert_eq!(names("errors"), names("codes"), "{response:?}");
    for (name, sentences) in refusal["errors"].as_object().unwrap() {
        let codes = refusal["codes"][name].as_array().unwrap();
        assert_eq!(sentences.as_array().unwrap().len(), codes.len(), "{response:?}");
    }
    (names("errors"), refusal["codes"].clone())
}

/// To the character and to the byte, whatever the characters weigh.
#[tokio::test]
async fn each_field_takes_as_much_as_it_says_and_not_a_character_more() {
    let test = TestApp::start().await;
    test.client("ada@example.org").await;
    let object = |bytes: usize| json!({ "a": "x".repeat(bytes - 8) });
    assert_eq!(object(16_384).to_string().len(), 16_384);
    for (field, longest) in
        [("name_f", 200), ("name_l", 200), ("company", 200), ("phone", 50), ("note", 10_000)]
    {
        for letter in ["x", "é", "😀"] {
            let fits = json!({ field: letter.repeat(longest) });
            let response = send(&test, "PUT", "/api/clients/1", fits.to_string()).await;
            assert_eq!(response.json()[field], fits[field], "{field} {letter}");

            let too_long = json!({ field: letter.repeat(longest + 1) });
            let response = send(&test, "PUT", "/api/clients/1", too_long.to_string()).await;
            assert_eq!(refusals(&response), (vec![field.to_owned()], json!({ field: ["too_long"] })));
        }
    }
    for tag in ["", "de", "pt-BR", "gsw-CH"] {
        let response = send(&test, "PUT", "/api/clients/1", json!({ "locale": tag }).to_string()).await;
        assert_eq!(response.json()["locale"], tag);
    }
    for (tag, code) in
        [("pt_BR", "invalid"), ("d", "invalid"), ("de-", "invalid"), (&"de-x".repeat(9), "too_long")]
    {
        let response = send(&test, "PUT", "/api/clients/1", json!({ "locale": tag }).to_string()).await;
        assert_eq!(refusals(&response), (vec!["locale".to_owned()], json!({ "locale": [code] })), "{tag}");
        assert_eq!(test.call("GET", "/api/clients/1").await.json()["locale"], "gsw-CH");
    }
    let address = |labels: usize| format!("a@{}example.org", "b.".repeat(labels));
    assert_eq!(address(120).len(), 253);
    for (field, fits, too_long) in [
        ("custom_fields", object(16_384), object(16_385)),
        ("email", json!(format!("a{}", address(120))), json!(address(121))),
    ] {
        let response = send(&test, "PUT", "/api/clients/1", json!({ field: fits }).to_string()).await;
        assert_eq!(response.json()[field], fits, "{response:?}");
        let response = send(&test, "PUT", "/api/clients/1", json!({ field: too_long }).to_string()).await;
        assert_eq!(refusals(&response), (vec![field.to_owned()], json!({ field: ["too_long"] })));
    }
}

/// What is read is what was sent, digit for digit, alone and in a list; layout is nobody's business.
#[tokio::test]
async fn custom_fields_come_back_digit_for_digit() {
    let test = TestApp::start().await;
    let kept = "{\"n\":18446744073709551616,\"m\":[1.10,-0,1E+400],\"b\":{\"é\":\"\\n\\\"\"},\"a\":null}";
    let sent = kept.replace(':', " : ").replace("é", "\\u00e9");
    let added =
        send(&test, "POST", "/api/clients", body("a@x.test", &format!(",\"custom_fields\":{sent}"))).await;

    let shown = test.call("GET", "/api/clients/1").await;
    let listed = test.call("GET", "/api/clients").await;

    for response in [&added, &shown, &listed] {
        assert!(response.body.contains(&format!("\"custom_fields\":{kept},")), "{}", response.body);
    }
    let again = send(&test, "PUT", "/api/clients/1", shown.body.clone()).await;
    assert_eq!(again.body, shown.body, "and an object may be sent back as it came: nothing of it is changed");
    assert_eq!(test.number("SELECT count(*) FROM audit_log WHERE event = 'user.changed'"), 0);

    let emptied = send(&test, "PUT", "/api/clients/1", "{\"custom_fields\":[ ]}").await;
    assert!(emptied.body.contains("\"custom_fields\":{},"), "PHP writes [] where it means {{}}");
}

/// Nesting is refused by its field, and costs no stack.
#[tokio::test]
async fn nesting_is_refused_by_its_field() {
    let test = TestApp::start().await;
    let deep = |levels: usize| format!("{{\"a\":{}{}}}", "[".repeat(levels - 1), "]".repeat(levels - 1));
    for (levels, status) in [(100, 201), (101, 400), (8_000, 400), (10_000, 400), (250_000, 400)] {
        let fields = format!(",\"custom_fields\":{}", deep(levels));
        let response = send(&test, "POST", "/api/clients", body("a@x.test", &fields)).await;
        assert_eq!(response.status.as_u16(), status, "{levels}: {response:?}");
        if status == 400 {
            assert_eq!(refusals(&response).0, ["custom_fields"]);
        }
    }
    let unknown = format!(",\"x\":{}", deep(250_000));
    assert_eq!(refusals(&send(&test, "POST", "/api/clients", body("b@x.test", &unknown)).await).0, ["x"]);
}

/// Readers of JSON differ in which of two they take, so nobody has to.
#[tokio::test]
async fn a_name_that_stands_twice_in_one_object_is_malformed_wherever_it_stands() {
    let test = TestApp::start().await;
    test.client("ada@example.org").await;
    let many = (0..100_000).map(|number| format!("\"{number}\":0")).collect::<Vec<_>>().join(",");
    for twice in [
        "{\"email\":\"a@x.test\",\"email\":\"b@x.test\",\"name_f\":\"\",\"name_l\":\"\"}".to_owned(),
        body("a@x.test", ",\"\\u0065mail\":\"b@x.test\""),
        body("a@x.test", ",\"custom_fields\":{\"a\":[{\"b\":1,\"c\":2,\"b\":1}]}"),
        body("a@x.test", ",\"x\":{\"a\":1,\"a\":1}"),
        body("a@x.test", ",\"x\":1,\"x\":1"),
        body("a@x.test", ",\"created_at\":1,\"created_at\":1"),
        format!("{{{many},\"99\":0}}"),
    ] {
        for (method, path) in [("POST", "/api/clients"), ("PUT", "/api/clients/1")] {
            let response = send(&test, method, path, twice.clone()).await;
            assert_eq!(
                (response.status.as_u16(), response.code().as_str()),
                (400, "malformed"),
                "{response:?}"
            );
            assert!(response.json()["message"].as_str().unwrap().contains("twice"), "{response:?}");
        }
    }
    assert_eq!(test.number("SELECT count(*) FROM users WHERE email_folded = 'ada@example.org'"), 1);
    assert_eq!(test.number("SELECT count(*) FROM users"), 1);
}

/// However many there are, twenty are named, cut; what is wrong with fields that exist comes first.
#[tokio::test]
async fn twenty_fields_are_named_however_many_are_wrong() {
    let test = TestApp::start().await;
    let many = (0..110_000).map(|number| format!(",\"{number:x}\":0")).collect::<Vec<_>>().concat();
    let response = send(&test, "POST", "/api/clients", body("nobody", &many)).await;
    let (names, codes) = refusals(&response);
    assert_eq!((names.len(), names.contains(&"email".to_owned())), (20, true), "{names:?}");
    assert_eq!((&codes["0"], &codes["email"]), (&json!(["unknown"]), &json!(["invalid"])));
    assert!(response.body.len() < 4_000, "{}", response.body.len());

    let long = "é\n".repeat(100_000);
    let response = send(&test, "POST", "/api/clients", json!({ long: 1, "name_f": 1 }).to_string()).await;
    let (names, codes) = refusals(&response);
    let [unknown] = names.iter().filter(|name| name.starts_with('é')).collect::<Vec<_>>()[..] else {
        panic!("{names:?}")
    };
    assert!(unknown.len() <= 103 && unknown.starts_with("é\\u{a}é"), "{unknown}");
    assert_eq!(
        (&codes["email"], &codes["name_f"], &codes[unknown]),
        (&json!(["required"]), &json!(["invalid"]), &json!(["unknown"]))
    );

    let query: Vec<_> = (0..60).map(|number| format!("filters[x{number}][$eq]=1")).collect();
    let (names, codes) = refusals(&test.call("GET", &format!("/api/clients?{}", query.join("&"))).await);
    assert_eq!((names.len(), &codes["filters[x0][$eq]"]), (20, &json!(["unknown"])));

    test.client("ada@example.org").await;
    let taken = send(&test, "POST", "/api/clients", body("ADA@example.org", ",\"id\":1")).await;
    assert_eq!(refusals(&taken).1, json!({ "email": ["taken"], "id": ["taken"] }));
}

/// What is sent compressed is refused, not guessed at; and every refusal says what to do.
#[tokio::test]
async fn a_body_that_cannot_be_read_is_refused_with_a_sentence_that_helps() {
    let test = TestApp::start().await;
    let ask = || TestRequest::of("POST", "/api/clients").bearer(&test.key).json(&json!({}));
    for encoding in ["gzip", "br", "identity"] {
        let response = test.send(ask().header("content-encoding", encoding)).await;
        assert_eq!((response.status.as_u16(), response.code().as_str()), (415, "unsupported_media_type"));
        assert!(response.json()["message"].as_str().unwrap().contains("without Content-Encoding"));
    }
    let plain = test.send(ask().without("content-type").header("content-type", "text/plain")).await;
    assert!(plain.json()["message"].as_str().unwrap().contains("application/json"));

    let untyped = test.send(ask().without("content-type")).await;
    assert_eq!((untyped.status.as_u16(), untyped.code().as_str()), (415, "unsupported_media_type"));
    let message = untyped.json()["message"].to_string();
    assert!(
        message.contains("has no Content-Type: send it with `Content-Type: application/json`"),
        "{message}"
    );

    for (broken, place) in [
        ("{\"a\":1,\n\"b\":}", "line 2, column 5, and must be a JSON object, such as {"),
        ("[]", "it is an array, and must be a JSON object, such as {"),
        ("", "it is empty, and must be a JSON object"),
        (" \n", "it is empty, and must be a JSON object"),
        ("null", "must be a JSON object, such as {"),
    ] {
        let answer = send(&test, "POST", "/api/clients", broken).await;
        assert_eq!((answer.status.as_u16(), answer.code().as_str()), (400, "malformed"));
        let message = answer.json()["message"].as_str().unwrap().to_owned();
        assert!(message.contains("body") && message.contains(place), "{message}");
    }
    let not_utf8 = send(&test, "POST", "/api/clients", b"{\"a\":\"\xff\"}".to_vec()).await;
    assert!(not_utf8.json()["message"].to_string().contains("line 1, column 7"), "{not_utf8:?}");
    let message = test.call("GET", "/api/clients?page=1&sort=%zz").await.json()["message"].to_string();
    assert!(message.contains("query") && message.contains("parameter 2"), "{message}");
}

/// Any moment that can be written can be compared with.
#[tokio::test]
async fn any_moment_of_rfc_3339_is_a_filter() {
    let test = TestApp::start().await;
    test.client("ada@example.org").await;
    assert_eq!(START.to_string(), "2026-11-23T03:23:00.000Z");
    for (operator, moment, total) in [
        ("$lt", "9999-12-31T23:59:59Z", 1),
        ("$lt", "9999-12-31T23:59:60.999999999-23:59", 1),
        ("$gt", "0000-01-01T00:00:00%2B23:59", 1),
        ("$lt", "0000-01-01t00:00:00z", 0),
        ("$eq", "2026-11-23T08:53:00.0%2B05:30", 1),
        ("$lt", "2026-11-23T03:23:00.0000001Z", 1),
        ("$gt", "2026-11-23T03:23:00.0000001Z", 0),
        ("$gt", "2026-11-23T03:22:60Z", 0),
        ("$lt", "2026-11-23T03:23:60Z", 1),
    ] {
        for list in ["clients?filters[created_at]", "clients?filters[updated_at]"] {
            let response = test.call("GET", &format!("/api/{list}[{operator}]={moment}")).await;
            assert_eq!(response.json()["meta"]["total"], total, "{operator} {moment}: {response:?}");
        }
    }
    let response = test
        .call("GET", "/api/logs?filters[time][$lt]=9999-12-31T23:59:59Z&filters[event][$eq]=user.added")
        .await;
    assert_eq!(response.json()["meta"]["total"], 1);
}

/// A client that has two-factor, and one that is disabled.
async fn locked(test: &TestApp) -> [UserId; 2] {
    let fields = |has_two_factor, is_active| UserChange {
        has_two_factor: Some(has_two_factor),
        is_active: Some(is_active),
        ..UserChange::default()
    };
    [
        test.add(&test.acme, "two@x.test", fields(true, true)).await,
        test.add(&test.acme, "off@x.test", fields(false, false)).await,
    ]
}

/// A key that may ask for links does not open for itself what the rule closes.
#[tokio::test]
async fn a_key_without_the_scope_to_unlock_opens_nothing_that_the_rule_closes() {
    let test = TestApp::start().await;
    let [two, off] = locked(&test).await;
    let without: Vec<_> = Scope::ALL.into_iter().filter(|scope| *scope != Scope::ClientsUnlock).collect();
    let (_, usual) = test.key_with(&without, None).await;
    let (_, alone) = test.key_with(&[Scope::ClientsUnlock], None).await;
    let (_, both) = test.key_with(&[Scope::ClientsUnlock, Scope::ClientsWrite], None).await;
    let put = |key: &str, user: UserId, body: Value| {
        test.send(TestRequest::of("PUT", &format!("/api/clients/{}", user.number())).bearer(key).json(&body))
    };
    let rows =
        || test.database.rows("SELECT id, is_active, two_factor, note, revision FROM users ORDER BY id");
    let before = rows();

    for (user, unlocks) in [(two, json!({ "two_factor_enabled": false })), (off, json!({ "status": 1 }))] {
        let mut more = unlocks.clone();
        more["note"] = json!("changed");
        for key in [&usual, &alone] {
            for body in [&unlocks, &more] {
                let response = put(key, user, body.clone()).await;
                assert_eq!((response.status.as_u16(), response.code().as_str()), (403, "insufficient_scope"));
            }
        }
        let named = put(&usual, user, unlocks).await.json()["message"].to_string();
        assert!(named.contains("clients:unlock"), "{named}");
    }
    assert_eq!(rows(), before, "nothing is changed");
    assert_eq!(test.number("SELECT count(*) FROM audit_log WHERE event = 'user.changed'"), 0);

    for (user, other) in [
        (two, json!({ "two_factor_enabled": true, "status": 0, "note": "x" })),
        (off, json!({ "two_factor_enabled": true, "status": 0, "email": "new@x.test" })),
    ] {
        assert_eq!(put(&usual, user, other).await.status, StatusCode::OK, "all else it may");
    }
    for user in [two, off] {
        let response = put(&both, user, json!({ "two_factor_enabled": false, "status": 1 })).await;
        assert_eq!(
            (&response.json()["two_factor_enabled"], &response.json()["status"]),
            (&json!(false), &json!(1))
        );
    }
}

/// The log outlives who is in it: addresses are masked, and still told apart.
#[tokio::test]
async fn the_entry_of_a_change_says_from_what_to_what() {
    let test = TestApp::start().await;
    let ada = test.client("ada@example.org").await;
    let change =
        json!({ "two_factor_enabled": true, "status": 0, "email": "amy@example.org", "note": "secret" });
    send(&test, "PUT", "/api/clients/1", change.to_string()).await;
    test.change(ada, "staff", "true").await;
    test.change(ada, "company", "Engines").await;

    let entries = test.call("GET", "/api/logs?filters[event][$eq]=user.changed&sort=time:asc").await;
    let entries: Vec<_> =
        entries.json()["data"].as_array().unwrap().iter().rev().map(|entry| entry["data"].clone()).collect();
    let expected = [
        json!({
            "fields": ["email", "note", "status", "two_factor_enabled"],
            "email": { "from": "a•••a@example.org", "to": "a•••y@example.org" },
            "status": { "from": 1, "to": 0 },
            "two_factor_enabled": { "from": false, "to": true },
        }),
        json!({ "fields": ["staff"], "staff": { "from": false, "to": true } }),
        json!({ "fields": ["company"] }),
    ];
    assert_eq!(entries, expected);
}

/// A key finds the user of a link by the scope to ask for links and by no other, also in the lookup that finds both at once.
#[tokio::test]
async fn a_key_finds_the_user_of_a_link_by_the_whole_scope_alone() {
    let test = TestApp::start().await;
    let user = UserRef::Id(test.client("ada@example.org").await);
    let host = HostName::parse("example.com").unwrap();
    for scope in Scope::ALL {
        let asks = scope == Scope::LoginLinksWrite;
        let others: Vec<_> = Scope::ALL.into_iter().filter(|other| *other != scope).collect();
        for (scopes, finds) in [(&[scope][..], asks), (&others, !asks)] {
            let (_, key) = test.key_with(scopes, None).await;
            let shown = Credentials::Key(ApiKeySecret::parse(&key).unwrap(), Some(user.clone()));
            // The second time the key is known.
            for _ in 0..2 {
                let found = request_lookup::look_up(&test.app, &host, &shown).await.unwrap().unwrap();
                assert!(found.api_key.is_some());
                assert_eq!(found.issue_state.is_some(), finds, "{scopes:?}");
            }
        }
    }
}
