//! What a caller did wrong is told with what would be right.

use serde_json::json;

use crate::support::app::{TestApp, TestRequest};

#[tokio::test]
async fn what_is_unknown_or_out_of_bounds_is_told_with_what_there_is() {
    let test = TestApp::start().await;
    let coloured = json!({ "email": "a@example.org", "name_f": "A", "name_l": "B", "colour": "red" });
    let send = async |method: &str, path: String| {
        test.send(TestRequest::of(method, &path).bearer(&test.key).json(&coloured)).await
    };
    let added = send("POST", "/api/clients".to_owned()).await.json();
    assert!(added["errors"]["colour"][0].as_str().unwrap().contains("; there are id, email, "), "{added}");
    test.client("ada@example.org").await;
    let changed = send("PUT", "/api/clients/1".to_owned()).await.json();
    assert!(changed["errors"]["colour"][0].as_str().unwrap().contains("; there are email, "), "{changed}");

    for (parameter, value, code, sentence) in [
        (
            "colour",
            "red",
            "unknown",
            "is no parameter of this list; there are page, limit, sort and filters[FIELD][OPERATOR], where OPERATOR is $eq, \
             $lt, $gt or $in (as filters[FIELD][$in][])",
        ),
        (
            "filters[email][$foo]",
            "1",
            "unknown",
            "uses an unknown operator; there are [$eq], [$lt], [$gt] and [$in][] (or [$in][0], …)",
        ),
        ("filters[email][$eq]", "%00", "invalid", "must be compared with text without NUL"),
        ("page", "0", "invalid", "must be a whole number, 1 or more"),
        ("page", "x", "invalid", "must be a whole number, 1 or more"),
        (
            "page",
            "99999999999999999999",
            "invalid",
            "is beyond the end of every list: `last_page` in `meta` says where this one ends",
        ),
        ("limit", "101", "invalid", "must be a whole number from 1 to 100"),
        ("limit", "0", "invalid", "must be a whole number from 1 to 100"),
    ] {
        let refused = test.call("GET", &format!("/api/clients?{parameter}={value}")).await.json();
        assert_eq!(refused["codes"][parameter], json!([code]), "{refused}");
        assert_eq!(refused["errors"][parameter], json!([sentence]), "{refused}");
    }
}
