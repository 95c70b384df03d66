//! Queries, hosts and fields that are half right: each is judged as the contract has it, wherever it comes.

use axum::http::StatusCode;
use serde_json::json;

use crate::support::app::{TestApp, TestRequest};

#[tokio::test]
async fn a_query_that_cannot_be_decoded_is_told_of_at_each_endpoint() {
    let test = TestApp::start().await;
    let user = test.client("ada@example.org").await.number();
    for (method, path) in [
        ("GET", format!("/api/login_links/{user}")),
        ("GET", format!("/api/clients/{user}")),
        ("DELETE", format!("/api/clients/{user}")),
        ("GET", "/api/clients".to_owned()),
        ("GET", "/api/sessions".to_owned()),
        ("GET", "/api/apps".to_owned()),
    ] {
        for query in ["x=%zz", "%ff=1"] {
            let refused = test.call(method, &format!("{path}?{query}")).await;
            assert_eq!(refused.status, StatusCode::BAD_REQUEST, "{method} {path}?{query}");
            assert_eq!(refused.json()["code"], "malformed", "{method} {path}?{query}");
        }
    }
    assert_eq!(test.number("SELECT count(*) FROM users WHERE deleted_at IS NULL"), 1);
}

#[tokio::test]
async fn a_host_that_is_not_ascii_is_nobodys_and_named_escaped() {
    let test = TestApp::start().await;
    for host in ["bücher.test".as_bytes(), b"b\xfccher.test"] {
        for path in ["/login", "/api/clients"] {
            let request = TestRequest::of("GET", path).without("host").header("host", host);
            let refused = test.send(request).await;
            assert_eq!(refused.status, StatusCode::NOT_FOUND, "{path} {host:?}");
        }
        let request = TestRequest::of("GET", "/auth/verify").without("host").header("host", host);
        assert_eq!(test.send(request).await.status, StatusCode::UNAUTHORIZED);
    }
}

#[tokio::test]
async fn addresses_are_compared_as_texts_in_lower_case() {
    let test = TestApp::start().await;
    for email in ["ada@example.org", "Bob@example.org", "cy@example.org"] {
        test.client(email).await;
    }
    for (filter, found) in [
        ("filters[email][$eq]=ada", &[][..]),
        ("filters[email][$eq]=ADA@example.org", &["ada@example.org"]),
        ("filters[email][$gt]=B", &["Bob@example.org", "cy@example.org"]),
        ("filters[email][$lt]=bob@", &["ada@example.org"]),
    ] {
        let page = test.call("GET", &format!("/api/clients?sort=email&{filter}")).await;
        assert_eq!(page.status, StatusCode::OK, "{filter}: {}", page.body);
        let rows = page.json()["data"].as_array().unwrap().clone();
        let emails: Vec<_> = rows.iter().map(|row| row["email"].as_str().unwrap()).collect();
        assert_eq!(emails, found, "{filter}");
    }
    assert_eq!(
        test.call("GET", "/api/clients?filters[email][$eq]=%00").await.status,
        StatusCode::BAD_REQUEST
    );
}

#[tokio::test]
async fn no_list_links_to_a_page_that_is_not_there() {
    let test = TestApp::start().await;
    for number in 0..3 {
        test.client(&format!("c{number}@example.org")).await;
    }
    for (page, prev) in [(1, None), (2, Some("page=1")), (3, Some("page=2")), (4, None), (1_000_000, None)] {
        let list = test.call("GET", &format!("/api/clients?limit=2&page={page}")).await.json();
        let found = list["links"]["prev"].as_str();
        assert_eq!(found.and_then(|url| url.rsplit_once('&')).map(|(_, page)| page), prev, "{page}: {list}");
        assert_eq!(list["meta"]["last_page"], 2);
    }
}

#[tokio::test]
async fn a_field_that_is_needed_is_not_given_by_null_or_an_empty_address() {
    let test = TestApp::start().await;
    for (body, missing) in [
        (json!({"email": "", "name_f": "A", "name_l": "B"}), &["email"][..]),
        (json!({"email": null, "name_f": null, "name_l": null}), &["email", "name_f", "name_l"]),
        (json!({}), &["email", "name_f", "name_l"]),
    ] {
        let request = TestRequest::of("POST", "/api/clients").bearer(&test.key).json(&body);
        let refused = test.send(request).await.json();
        let codes = refused["codes"].as_object().unwrap();
        assert_eq!(codes.keys().collect::<Vec<_>>(), missing, "{body}");
        assert!(codes.values().all(|codes| *codes == json!(["required"])), "{body}: {refused}");
    }
}
