//! The description of the API against the router itself: nothing missing, nothing invented, nothing untrue.

use std::collections::BTreeSet;

use axum::http::StatusCode;
use doorkey::domain::scope::Scope;
use serde_json::{Value, json};

use crate::support::app::{TestApp, TestRequest, TestResponse};

const METHODS: [&str; 5] = ["GET", "POST", "PUT", "DELETE", "PATCH"];

async fn document(test: &TestApp) -> Value {
    test.send(TestRequest::of("GET", "/api/openapi.json")).await.json()
}

/// Path, method, operation.
fn operations(document: &Value) -> Vec<(String, String, Value)> {
    let paths = document["paths"].as_object().unwrap();
    let all = paths.iter().flat_map(|(path, methods)| {
        let methods = methods.as_object().unwrap().iter();
        methods.map(|(method, operation)| (path.clone(), method.to_uppercase(), operation.clone()))
    });
    all.collect()
}

/// A path with something in its places that is nobody's.
fn filled(path: &str) -> String {
    let uuid = "00000000-0000-0000-0000-000000000000";
    path.replace("{user}", "9").replace("{client}", "9").replace("{id}", uuid)
}

/// Follows references until there is none.
fn resolved<'a>(document: &'a Value, mut value: &'a Value) -> &'a Value {
    while let Some(reference) = value["$ref"].as_str() {
        value =
            document.pointer(reference.strip_prefix('#').unwrap()).unwrap_or_else(|| panic!("{reference}"));
    }
    value
}

/// What of an answer the description does not allow. As much of JSON Schema as the description uses.
fn check(document: &Value, schema: &Value, value: &Value, place: &str) {
    let all = schema["allOf"].as_array().into_iter().flatten();
    all.for_each(|part| check(document, part, value, place));
    if let Some(choices) = schema["oneOf"].as_array() {
        let rest = choices.iter().find(|choice| choice["type"] != "null").unwrap();
        assert!(!value.is_null() || choices.len() > 1, "{place} is null");
        if !value.is_null() {
            check(document, rest, value, place);
        }
        return;
    }
    let schema = resolved(document, schema);
    let is = match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(_) => "integer",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    };
    let kinds = &schema["type"];
    let fits =
        kinds.is_null() || kinds == is || kinds.as_array().is_some_and(|some| some.contains(&json!(is)));
    assert!(fits, "{place} is {value}, not {kinds}");
    if let Some(words) = schema["enum"].as_array() {
        assert!(words.contains(value), "{place} is {value}, none of {words:?}");
    }
    for name in schema["required"].as_array().into_iter().flatten() {
        assert!(value.get(name.as_str().unwrap()).is_some(), "{place} lacks {name}");
    }
    for (name, inner) in value.as_object().into_iter().flatten() {
        match (schema["properties"].get(name), schema.get("additionalProperties")) {
            (Some(known), _) => check(document, known, inner, &format!("{place}.{name}")),
            (None, Some(others)) if others.is_object() => check(document, others, inner, place),
            (None, _) => assert!(schema.get("properties").is_none(), "{place}.{name} is not described"),
        }
    }
    for inner in value.as_array().into_iter().flatten() {
        check(document, &schema["items"], inner, &format!("{place}[]"));
    }
}

/// An answer must have a status that the description knows, its headers and its body.
fn check_answer(document: &Value, (method, path): (&str, &str), answer: &TestResponse) {
    let status = answer.status.as_u16().to_string();
    let operation = &document["paths"][path][method.to_lowercase()];
    let response = resolved(document, &operation["responses"][&status]);
    let place = format!("{method} {path} {status}");
    assert!(response.is_object(), "{place} is not described: {}", answer.body);
    for (name, _) in response["headers"].as_object().unwrap() {
        assert!(!answer.header(name).is_empty(), "{place} lacks {name}");
    }
    match response.get("content") {
        Some(content) => {
            assert_eq!(answer.header("content-type"), "application/json", "{place}");
            let schema = &content["application/json"]["schema"];
            // The code of an error is described twice, as a word and as one of some.
            let schema = schema.get("allOf").map_or(schema, |parts| {
                check_code(&parts[1], answer, &place);
                &parts[0]
            });
            check(document, schema, &answer.json(), &place);
        }
        None => assert_eq!(answer.body, "", "{place}"),
    }
}

fn check_code(schema: &Value, answer: &TestResponse, place: &str) {
    let codes = schema["properties"]["code"]["enum"].as_array().unwrap();
    assert!(codes.contains(&json!(answer.code())), "{place}: {}", answer.code());
}

#[tokio::test]
async fn the_description_needs_no_key_and_carries_the_headers_of_every_answer() {
    let test = TestApp::start().await;

    let answer = test.send(TestRequest::of("GET", "/api/openapi.json").host("example.spp.co")).await;

    assert_eq!(answer.status, StatusCode::OK);
    assert_eq!(answer.header("content-type"), "application/json");
    assert_eq!(answer.header("x-api-version"), "20240305");
    assert!(!answer.header("x-api-identifier").is_empty());
    assert!(answer.json()["openapi"].as_str().unwrap().starts_with("3.1."), "{}", answer.body);
    assert!(!answer.body.contains('<'), "plain text, no HTML");
    assert_eq!(
        test.send(TestRequest::of("GET", "/api/openapi.json").host("nobody.test")).await.code(),
        "workspace_not_found"
    );
    assert_eq!(test.send(TestRequest::of("POST", "/api/openapi.json")).await.code(), "method_not_allowed");
    let asked = TestRequest::of("GET", "/api/openapi.json").header("x-api-version", "soon");
    assert_eq!(test.send(asked).await.code(), "invalid_version");
}

/// The route table is read as text, since a router does not tell its routes; each method is then tried.
#[tokio::test]
async fn every_route_is_described_and_none_is_invented() {
    let test = TestApp::start().await;
    let document = document(&test).await;
    let table = include_str!("../../../src/http/mod.rs");
    let routes: BTreeSet<_> = table.split('"').filter(|text| text.starts_with("/api")).collect();

    let described: BTreeSet<_> = document["paths"].as_object().unwrap().keys().map(String::as_str).collect();

    assert_eq!(described, routes);
    assert!(!table.contains(".nest"), "what is nested would not be seen here");
    for path in described {
        for method in METHODS {
            let answer =
                test.send(TestRequest::of(method, &filled(path)).bearer(&test.key).json(&json!({}))).await;
            let is_described = document["paths"][path].get(method.to_lowercase()).is_some();
            assert_eq!(answer.status != StatusCode::METHOD_NOT_ALLOWED, is_described, "{method} {path}");
        }
    }
}

#[tokio::test]
async fn every_operation_says_all_that_a_caller_needs() {
    let test = TestApp::start().await;
    let document = document(&test).await;
    let mut names = BTreeSet::new();
    for (path, method, operation) in operations(&document) {
        let place = format!("{method} {path}");
        assert!(names.insert(operation["operationId"].as_str().unwrap().to_owned()), "{place}");
        assert!(!operation["summary"].as_str().unwrap().is_empty(), "{place}");
        assert_eq!(operation["tags"].as_array().unwrap().len(), 1, "{place}");
        let parameters = operation["parameters"].as_array().unwrap();
        let parameters: Vec<_> = parameters.iter().map(|one| resolved(&document, one)).collect();
        assert!(
            parameters.iter().any(|one| one["name"] == "X-Api-Version" && one["in"] == "header"),
            "{place}"
        );
        for part in path.split('/').filter_map(|part| part.strip_prefix('{')?.strip_suffix('}')) {
            let is_it = |one: &&Value| one["name"] == part && one["in"] == "path" && one["required"] == true;
            assert!(parameters.iter().any(is_it), "{place} {part}");
        }
        let is_open = path == "/api/openapi.json";
        let has_body = operation.get("requestBody").is_some();
        let is_needed = operation["operationId"] != "mailLoginLink";
        assert!(!has_body || operation["requestBody"]["required"] == is_needed, "{place}");
        // Only a secret is made without a word.
        let takes_none = operation["operationId"] == "addAppSecret";
        assert_eq!(has_body, ["POST", "PUT"].contains(&method.as_str()) && !takes_none, "{place}");
        for (status, expected) in [
            ("400", true),
            ("401", !is_open),
            ("403", !is_open),
            ("404", true),
            ("405", true),
            ("413", has_body),
            ("415", has_body),
            ("500", true),
            ("503", true),
        ] {
            assert_eq!(operation["responses"].get(status).is_some(), expected, "{place} {status}");
        }
        check_scope(&test, &path, &method, &operation).await;
    }
}

/// The scope that is named is the one that is asked for.
async fn check_scope(test: &TestApp, path: &str, method: &str, operation: &Value) {
    let Some(scope) = operation["security"][0]["key"][0].as_str() else {
        assert_eq!((path, &operation["security"]), ("/api/openapi.json", &json!([{}])));
        return;
    };
    let (named, others): (Vec<_>, Vec<_>) = Scope::ALL.into_iter().partition(|one| one.name() == scope);
    for (scopes, is_refused) in [(named, false), (others, true)] {
        let (_, key) = test.key_with(&scopes, None).await;
        let answer = test.send(TestRequest::of(method, &filled(path)).bearer(&key).json(&json!({}))).await;
        assert_eq!(answer.status == StatusCode::FORBIDDEN, is_refused, "{method} {path} {}", answer.body);
    }
}

/// A stranger sends a parameter under the name that is described, so each must be one that is taken.
#[tokio::test]
async fn every_parameter_of_a_list_is_taken_as_it_is_described() {
    let test = TestApp::start().await;
    let document = document(&test).await;
    let uuid = "00000000-0000-0000-0000-000000000000";
    for (path, filters) in [
        ("/api/login_links", 24),
        ("/api/clients", 44),
        ("/api/team", 44),
        ("/api/logs", 24),
        ("/api/sessions", 16),
    ] {
        let parameters = document["paths"][path]["get"]["parameters"].as_array().unwrap();
        let in_query: Vec<_> = parameters.iter().filter(|one| one["in"] == "query").collect();
        assert_eq!(in_query.len(), 3 + filters, "{path}");
        for parameter in in_query {
            let name = parameter["name"].as_str().unwrap();
            let schema = &parameter["schema"];
            assert!(schema["type"] != "object" && parameter.get("style").is_none(), "{name}");
            assert_eq!(schema["type"] == "array", name.ends_with("[]"), "{name}");
            let schema = schema.get("items").unwrap_or(schema);
            let value = match (&schema["type"], &schema["format"]) {
                _ if schema.get("enum").is_some() => schema["enum"][0].as_str().unwrap(),
                (kind, _) if kind == "integer" => "1",
                (kind, _) if kind == "boolean" => "true",
                (_, format) if format == "date-time" => "2026-11-23T03:23:00Z",
                (_, format) if format == "email" => "ada@example.org",
                (_, format) if format == "uuid" => uuid,
                _ => "Ada",
            };
            let query =
                url::form_urlencoded::Serializer::new(String::new()).append_pair(name, value).finish();
            let answer = test.call("GET", &format!("{path}?{query}")).await;
            assert_eq!(answer.status, StatusCode::OK, "{path} {name}={value}: {}", answer.body);
        }
    }
}

/// A reference to nothing, or an example that is not of its own kind, would mislead a generator.
#[tokio::test]
async fn references_lead_somewhere_and_bodies_are_exact() {
    let test = TestApp::start().await;
    let document = document(&test).await;
    let whole = document.to_string();
    for reference in whole.split("\"$ref\":\"#").skip(1) {
        let reference = reference.split('"').next().unwrap();
        assert!(document.pointer(reference).is_some(), "{reference}");
    }
    let schemas = &document["components"]["schemas"];
    for (name, required) in
        [("NewClient", json!(["email", "name_f", "name_l"])), ("ClientChange", Value::Null)]
    {
        let schema = &schemas[name];
        assert_eq!(
            (&schema["additionalProperties"], &schema["required"]),
            (&json!(false), &required),
            "{name}"
        );
        let shown: Vec<_> = schemas["User"]["properties"].as_object().unwrap().keys().collect();
        assert_eq!(schema["properties"].as_object().unwrap().keys().collect::<Vec<_>>(), shown, "{name}");
    }
    for row in ["ListedEntry", "ListedLink", "ListedSession", "User"] {
        let rows = &schemas[format!("List_{row}")]["properties"]["data"]["items"];
        assert_eq!(*rows, json!({ "$ref": format!("#/components/schemas/{row}") }));
    }
    let id = &schemas["UserId"];
    assert_eq!((&id["minimum"], &id["maximum"]), (&json!(1), &json!(9_007_199_254_740_991_i64)));
    let issue = &document["paths"]["/api/login_links/{user}"]["get"]["responses"]["200"];
    let example = &issue["content"]["application/json"]["example"];
    assert_eq!(*example, json!({"link": "https://example.com/login?token=ewtGwgZ0b3IE1wq7a7vrjhONy0uVBPgT"}));
}

#[tokio::test]
async fn answers_are_as_they_are_described() {
    let mut test = TestApp::start().await;
    test.set("allowed_redirect_origins", "https://shop.example").await;
    let document = document(&test).await;
    let client = json!({ "email": "ada@example.org", "name_f": "Ada", "name_l": "Lovelace", "custom_fields": {"a": 1} });
    let staff = json!({ "email": "x", "name_f": 1 });
    let uuid = "00000000-0000-0000-0000-000000000000";
    for (method, path, query, body, status) in [
        ("GET", "/api/openapi.json", "", None, 200),
        ("POST", "/api/clients", "", Some(&client), 201),
        ("POST", "/api/clients", "", Some(&staff), 400),
        ("POST", "/api/clients", "", None, 415),
        ("GET", "/api/clients", "?sort=id:desc&filters[id][$in][]=1", None, 200),
        ("GET", "/api/clients", "?sort=x", None, 400),
        ("GET", "/api/clients/{client}", "", None, 200),
        ("PUT", "/api/clients/{client}", "", Some(&json!({"company": "Engine"})), 200),
        ("PUT", "/api/clients/{client}", "", Some(&json!({"company": 1})), 400),
        ("GET", "/api/login_links/{user}", "?min_ttl=60&redirect=/a", None, 200),
        ("GET", "/api/login_links/{user}", "?min_ttl=x", None, 400),
        ("GET", "/api/login_links", "", None, 200),
        ("DELETE", "/api/login_links/{user}", "", None, 204),
        ("GET", "/api/team", "", None, 200),
        ("GET", "/api/team/{user}", "", None, 404),
        ("GET", "/api/logs", "?limit=100", None, 200),
        ("GET", "/api/sessions", "", None, 200),
        ("DELETE", "/api/sessions/{id}", "", None, 404),
        ("DELETE", "/api/clients/{client}", "", None, 204),
        ("DELETE", "/api/clients/{client}", "", None, 404),
    ] {
        let target = path.replace("{user}", "1").replace("{client}", "1").replace("{id}", uuid) + query;
        let ask = TestRequest::of(method, &target).bearer(&test.key).header("x-api-version", "2026-12-01");
        let ask = body.map_or(ask.clone(), |body| ask.json(body));
        let answer = test.send(ask.clone()).await;
        assert_eq!(answer.status.as_u16(), status, "{method} {target}: {}", answer.body);
        check_answer(&document, (method, path), &answer);
        let answer = test.send(ask.without("authorization")).await;
        check_answer(&document, (method, path), &answer);
    }
    let signed_in = test.client("grace@example.org").await;
    let link = test.ask_for_link(signed_in).await;
    test.browser().sign_in(&link).await;
    let sessions = test.call("GET", "/api/sessions").await;
    assert_eq!(sessions.json()["meta"]["total"], 1);
    check_answer(&document, ("GET", "/api/sessions"), &sessions);
}
