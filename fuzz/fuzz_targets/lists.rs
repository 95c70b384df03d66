//! A list's query is answered with a page within its bounds, or named invalid; no filter breaks the store.

#![no_main]

use std::sync::LazyLock;

use axum::body::Body;
use axum::http::{Request, StatusCode, Uri};
use doorkey_fuzz::Installation;
use libfuzzer_sys::fuzz_target;

static SERVER: LazyLock<Installation> = LazyLock::new(Installation::start);

const LISTS: [&str; 5] = ["clients", "team", "logs", "sessions", "login_links"];

// An input is a digit that chooses the list, then the query.
fuzz_target!(|input: &str| {
    let Some((which, query)) = input.split_at_checked(1) else { return };
    let list = LISTS[usize::from(which.as_bytes()[0]) % LISTS.len()];
    let Ok(uri) = format!("/api/{list}?{query}").parse::<Uri>() else { return };
    let request = Request::get(uri).header("host", "example.com");
    let request = request.header("authorization", format!("Bearer {}", SERVER.key));
    let answer = SERVER.send(request.body(Body::empty()).expect("a request"));
    let body: serde_json::Value = serde_json::from_slice(&answer.body).expect("every answer is JSON");

    if answer.status == StatusCode::OK {
        let number = |name: &str| body["meta"][name].as_i64().expect("a number");
        let (limit, total) = (number("per_page"), number("total"));
        let rows = body["data"].as_array().expect("rows").len();
        assert!((1..=100).contains(&limit) && number("current_page") >= 1, "{query:?}");
        assert!(i64::try_from(rows).expect("few") <= limit.min(total), "{query:?}: {rows} rows");
        assert!(body["links"]["first"].as_str().expect("a link").starts_with("https://example.com/api/"));
    } else {
        assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{query:?}");
        assert!(
            ["invalid", "malformed"].contains(&body["code"].as_str().expect("a code")),
            "{query:?}: {body}"
        );
    }
});
