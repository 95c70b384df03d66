//! A call that adds a client may be sent again: `Idempotency-Key` says that it is the same one.

use std::collections::BTreeSet;

use serde_json::json;

use crate::support::app::{TestApp, TestRequest, TestResponse};

/// A day, in seconds.
const DAY: i64 = 86_400;

fn ask(test: &TestApp, key: &str, email: &str) -> TestRequest {
    let body = json!({ "email": email, "name_f": "Ada", "name_l": "Byron", "custom_fields": { "n": 1.5 }, "status": 0 });
    TestRequest::of("POST", "/api/clients").bearer(&test.key).header("idempotency-key", key).json(&body)
}

fn status_and_code(response: &TestResponse) -> (u16, String) {
    (response.status.as_u16(), response.code())
}

#[tokio::test]
async fn the_same_call_again_gets_the_first_answer_whatever_became_of_the_client() {
    let test = TestApp::start().await;
    let first = test.send(ask(&test, "k1", "ada@x.test")).await;
    assert_eq!(first.status.as_u16(), 201, "{first:?}");
    assert_eq!(first.json()["custom_fields"], json!({ "n": 1.5 }));
    let shown = test.call("GET", "/api/clients/1").await;
    assert_eq!(shown.body, first.body);

    test.advance(60);
    let again = test.send(ask(&test, "k1", "ada@x.test")).await;
    assert_eq!((again.status, &again.body), (first.status, &first.body));
    let id = doorkey::domain::user::UserId::from_number(1).unwrap();
    test.change(id, "email", "eva@x.test").await;
    assert_eq!(test.send(ask(&test, "k1", "ada@x.test")).await.body, first.body);
    test.delete(id).await;
    assert_eq!(test.send(ask(&test, "k1", "ada@x.test")).await.body, first.body);

    assert_eq!(test.number("SELECT count(*) FROM users"), 1);
    assert_eq!(test.number("SELECT count(*) FROM audit_log WHERE event = 'user.added'"), 1);
}

#[tokio::test]
async fn another_request_with_the_same_key_is_a_conflict_until_a_day_is_over() {
    let test = TestApp::start().await;
    assert_eq!(test.send(ask(&test, "k1", "ada@x.test")).await.status.as_u16(), 201);

    let other = test.send(ask(&test, "k1", "bob@x.test")).await;
    assert_eq!(status_and_code(&other), (409, "conflict".to_owned()));
    assert!(other.json()["message"].as_str().unwrap().contains("give another"), "{}", other.body);
    assert_eq!(test.number("SELECT count(*) FROM users"), 1);

    // Without the key, and with another, it is only an address that is taken.
    for retried in [ask(&test, "k2", "ada@x.test"), ask(&test, "", "ada@x.test").without("idempotency-key")] {
        let refused = test.send(retried).await;
        assert_eq!(
            (refused.status.as_u16(), &refused.json()["codes"]),
            (400, &json!({ "email": ["taken"] }))
        );
    }
    // Another API key knows nothing of it.
    let (_, key) = test.key_with(&doorkey::domain::scope::Scope::ALL, None).await;
    let mut theirs = ask(&test, "k1", "cat@x.test").without("authorization");
    theirs = theirs.bearer(&key);
    assert_eq!(test.send(theirs).await.status.as_u16(), 201);

    test.advance(DAY - 1);
    assert_eq!(test.send(ask(&test, "k1", "bob@x.test")).await.status.as_u16(), 409);
    test.advance(1);
    assert_eq!(test.send(ask(&test, "k1", "bob@x.test")).await.status.as_u16(), 201);
    assert_eq!(test.send(ask(&test, "k1", "ada@x.test")).await.status.as_u16(), 409);
}

/// Nothing is remembered of a call that added nobody.
#[tokio::test]
async fn errors_are_not_kept() {
    let test = TestApp::start().await;
    test.client("ada@x.test").await;

    assert_eq!(test.send(ask(&test, "k1", "ada@x.test")).await.status.as_u16(), 400);
    assert_eq!(test.send(ask(&test, "k1", "bob@x.test")).await.status.as_u16(), 201);
}

#[tokio::test]
async fn a_key_that_is_none_is_refused_by_its_name() {
    let test = TestApp::start().await;
    let twice = ask(&test, "a", "ada@x.test").header("idempotency-key", "a");
    let long = "a".repeat(256);
    for wrong in [
        ask(&test, "", "ada@x.test"),
        ask(&test, "a b", "ada@x.test"),
        ask(&test, &long, "ada@x.test"),
        twice,
    ] {
        let refused = test.send(wrong).await;
        assert_eq!(status_and_code(&refused), (400, "invalid".to_owned()));
        assert_eq!(refused.json()["codes"], json!({ "Idempotency-Key": ["invalid"] }));
    }
    assert_eq!(test.number("SELECT count(*) FROM users"), 0);
}

/// However many send it at once, one client is added, and all get one answer.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_32_that_race_all_get_one_client() {
    let test = std::sync::Arc::new(TestApp::start().await);
    let racing: Vec<_> = (0..32)
        .map(|number| {
            let test = std::sync::Arc::clone(&test);
            // Half of them send another request under the same key.
            let email = if number % 2 == 0 { "ada@x.test" } else { "bob@x.test" };
            tokio::spawn(async move { test.send(ask(&test, "k1", email)).await })
        })
        .collect();
    let (mut bodies, mut conflicts) = (BTreeSet::new(), 0);
    for answer in racing {
        let answer = answer.await.unwrap();
        match answer.status.as_u16() {
            201 => drop(bodies.insert(answer.body)),
            409 => conflicts += 1,
            status => panic!("{status}: {}", answer.body),
        }
    }

    assert_eq!((bodies.len(), conflicts), (1, 16));
    assert_eq!(test.number("SELECT count(*) FROM users"), 1);
}
