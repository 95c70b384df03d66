//! The back office has a link mailed, and sees what became of it.

use std::collections::BTreeSet;
use std::sync::Arc;

use doorkey::domain::scope::Scope;
use doorkey::domain::user::{UserChange, UserId};
use serde_json::{Value, json};

use super::asking::fill;
use crate::support::app::{TestApp, TestRequest, TestResponse};

fn ada() -> UserId {
    UserId::from_number(1).unwrap()
}

fn ask(test: &TestApp, user: &str, body: &Value) -> TestRequest {
    let path = format!("/api/login_links/{user}/mail");
    TestRequest::of("POST", &path).bearer(&test.key).json(body)
}

fn once(test: &TestApp, key: &str, user: &str, body: &Value) -> TestRequest {
    ask(test, user, body).header("idempotency-key", key)
}

fn status_and_code(response: &TestResponse) -> (u16, String) {
    (response.status.as_u16(), response.code())
}

async fn listed(test: &TestApp) -> Vec<Value> {
    test.call("GET", "/api/mails").await.json()["data"].as_array().unwrap().clone()
}

#[tokio::test]
async fn the_answer_names_the_masked_address_and_never_the_link_which_comes_by_mail() {
    let test = TestApp::start().await.mailing(10);
    test.client("ada@example.org").await;

    let answer = test.send(ask(&test, "1", &json!({ "redirect": "/orders/12?tab=a" }))).await;
    assert_eq!(answer.status.as_u16(), 202, "{}", answer.body);
    let mail = answer.json()["mail"].clone();
    assert_eq!(mail["to"], "a•••a@example.org");
    assert_eq!((&mail["state"], &mail["reused"]), (&json!("queued"), &json!(false)));
    assert!(mail["link_expires_at"].is_string() && !answer.body.contains("token"), "{}", answer.body);
    assert_eq!(mail.as_object().unwrap().len(), 5);

    let [sent] = &test.new_mails(0).await[..] else { panic!("one mail") };
    assert_eq!(sent.header("To"), "ada@example.org");
    let id = mail["id"].as_str().unwrap();
    assert_eq!(sent.header("Message-ID"), format!("<{id}@example.com>"));
    // It is the link that the call for a link hands out.
    let link = test.ask_for_link(ada()).await;
    assert_eq!(sent.link(), format!("{link}&redirect=%2Forders%2F12%3Ftab%3Da"));
    let landed = test.browser().sign_in(&sent.link()).await;
    assert_eq!(landed.header("location"), "/orders/12?tab=a");

    let [row] = &listed(&test).await[..] else { panic!("one row") };
    assert_eq!((&row["id"], &row["user_id"], &row["kind"]), (&json!(id), &json!(1), &json!("link")));
    assert_eq!((&row["state"], &row["attempts"]), (&json!("sent"), &json!(1)));
    assert!(row["sent_at"].is_string() && row["smtp_reply"].is_string(), "{row}");
    assert_eq!(row["request_id"], json!(answer.header("x-api-identifier")));
    assert_eq!(test.call("GET", &format!("/api/mails/{id}")).await.json(), *row);
    let audit = test.audit();
    assert!(audit.contains(&"mail.queued by api_key:1".to_owned()), "{audit:?}");
    assert!(audit.contains(&"mail.sent by doorkey".to_owned()), "{audit:?}");
}

#[tokio::test]
async fn no_body_is_an_empty_one_and_what_does_not_pass_is_named() {
    let test = TestApp::start().await.mailing(10);
    test.client("ada@example.org").await;
    let bare = TestRequest::of("POST", "/api/login_links/ada%40EXAMPLE.org/mail").bearer(&test.key);

    assert_eq!(test.send(bare.clone()).await.status.as_u16(), 202);
    assert!(test.send(bare).await.json()["mail"]["reused"].as_bool().unwrap());
    for (body, field) in [
        (json!({ "min_ttl": 7201 }), "min_ttl"),
        (json!({ "locale": "pt_BR" }), "locale"),
        (json!({ "locale": "de-x".repeat(9) }), "locale"),
        (json!({ "to": "eve@evil.test" }), "to"),
    ] {
        let refused = test.send(ask(&test, "1", &body)).await;
        assert_eq!(status_and_code(&refused), (400, "invalid".to_owned()), "{}", refused.body);
        assert!(refused.json()["errors"][field].is_array(), "{}", refused.body);
    }
    let elsewhere = test.send(ask(&test, "1", &json!({ "redirect": "https://evil.test/" }))).await;
    assert_eq!(status_and_code(&elsewhere), (400, "invalid_redirect".to_owned()));
    let as_text = TestRequest::of("POST", "/api/login_links/1/mail")
        .bearer(&test.key)
        .header("content-type", "text/plain");
    let as_text = TestRequest { body: b"{}".to_vec(), ..as_text };
    assert_eq!(test.send(as_text).await.status.as_u16(), 415);
    assert_eq!(test.number("SELECT count(*) FROM mails"), 2);
}

/// The address that is kept of the user is the only one there is.
#[tokio::test]
async fn no_request_names_another_recipient() {
    let test = TestApp::start().await.mailing(10);
    test.client("ada@example.org").await;
    let (path, eve) = ("/api/login_links/1/mail", [("to", "eve@evil.test"), ("email", "eve@evil.test")]);
    let by_query = TestRequest::of("POST", &format!("{path}?to=eve@evil.test&email=eve%40evil.test"));
    let by_form = TestRequest::of("POST", path).form(&eve);
    let by_page = {
        let mut browser = test.browser();
        let page = browser.get("/login").await;
        browser.send(fill(&page, "/login/mail", &[("email", "ada@example.org"), eve[0]])).await
    };

    assert_eq!(test.send(by_query.bearer(&test.key)).await.status.as_u16(), 202);
    assert_eq!(test.send(by_form.bearer(&test.key)).await.status.as_u16(), 415);
    assert_eq!(by_page.status.as_u16(), 303);
    let mails = test.new_mails(0).await;
    let recipients: Vec<_> = mails.iter().map(|mail| mail.header("To")).collect();
    assert_eq!(recipients, ["ada@example.org"; 2]);
    assert!(mails.iter().all(|mail| !mail.raw.contains("evil.test")));
}

#[tokio::test]
async fn whom_the_rule_refuses_gets_no_mail_and_without_a_mail_server_nobody_does() {
    let test = TestApp::start().await;
    let with = |fields: UserChange| fields;
    test.client("ada@example.org").await;
    let flags = [
        ("staff@x.test", UserChange { is_staff: Some(true), ..UserChange::default() }, "staff_user"),
        (
            "two@x.test",
            UserChange { has_two_factor: Some(true), ..UserChange::default() },
            "two_factor_enabled",
        ),
        ("off@x.test", UserChange { is_active: Some(false), ..UserChange::default() }, "user_disabled"),
    ];
    for (email, fields, _) in &flags {
        test.add(&test.acme, email, with(fields.clone())).await;
    }

    let unset = test.send(ask(&test, "99", &json!({}))).await;
    assert_eq!(status_and_code(&unset), (409, "mail_not_configured".to_owned()));
    assert_eq!(test.send(ask(&test, "1", &json!({ "min_ttl": -1 }))).await.status.as_u16(), 400);
    let test = test.mailing(10);
    assert_eq!(
        status_and_code(&test.send(ask(&test, "99", &json!({}))).await),
        (404, "user_not_found".to_owned())
    );
    for (email, _, code) in &flags {
        let refused = test.send(ask(&test, email, &json!({}))).await;
        assert_eq!(status_and_code(&refused), (403, (*code).to_owned()));
    }
    let (_, key) = test.key_with(&[Scope::LoginLinksWrite], None).await;
    let narrow = TestRequest::of("POST", "/api/login_links/1/mail").bearer(&key);
    assert_eq!(status_and_code(&test.send(narrow).await), (403, "insufficient_scope".to_owned()));
    assert_eq!(test.call("GET", "/api/login_links/1/mail").await.status.as_u16(), 405);
    assert_eq!(test.call("POST", "/api/login_links/1").await.status.as_u16(), 405);
    assert_eq!(test.call("GET", "/api/mails/5").await.status.as_u16(), 404);
    assert_eq!(test.new_mails(0).await.len(), 0);
}

#[tokio::test]
async fn the_same_request_again_gives_the_first_answer_and_mails_once() {
    let test = TestApp::start().await.mailing(10);
    test.client("ada@example.org").await;
    test.client("bob@example.org").await;
    let first = test.send(once(&test, "k1", "1", &json!({}))).await;
    assert_eq!(first.status.as_u16(), 202);
    assert_eq!(test.new_mails(0).await.len(), 1);

    // Whatever became of mail and user.
    test.change(ada(), "two_factor_enabled", "true").await;
    let again = test.send(once(&test, "k1", "1", &json!({}))).await;
    assert_eq!((again.status, &again.body), (first.status, &first.body));
    for other in [
        once(&test, "k1", "2", &json!({})),
        once(&test, "k1", "2", &json!({ "min_ttl": 0 })),
        TestRequest::of("POST", "/api/clients")
            .bearer(&test.key)
            .header("idempotency-key", "k1")
            .json(&json!({ "email": "cat@x.test", "name_f": "C", "name_l": "D" })),
    ] {
        assert_eq!(status_and_code(&test.send(other).await), (409, "conflict".to_owned()));
    }
    // What is wrong with the user comes before.
    let refused = test.send(once(&test, "k1", "1", &json!({ "min_ttl": 1 }))).await;
    assert_eq!(status_and_code(&refused), (403, "two_factor_enabled".to_owned()));
    // Another API key knows nothing of it, and a day later nobody does.
    let (_, key) = test.key_with(&Scope::ALL, None).await;
    let theirs = once(&test, "k1", "2", &json!({})).without("authorization").bearer(&key);
    assert_eq!(test.send(theirs).await.status.as_u16(), 202);
    test.advance(86_400);
    assert_eq!(test.send(once(&test, "k1", "2", &json!({}))).await.status.as_u16(), 202);
    for wrong in ["", "a b", &"a".repeat(256)] {
        assert_eq!(test.send(once(&test, wrong, "2", &json!({}))).await.status.as_u16(), 400);
    }
}

/// What it wished was allowed then. With another key it is a request of today.
#[tokio::test]
async fn the_same_request_gets_the_first_answer_also_where_it_would_be_refused_by_now() {
    let mut test = TestApp::start().await.mailing(10);
    test.client("ada@example.org").await;
    test.set("allowed_redirect_origins", "https://shop.test").await;
    let (both, redirect) = (
        json!({ "redirect": "https://shop.test/cart", "min_ttl": 7200 }),
        json!({ "redirect": "https://shop.test/cart" }),
    );
    let first = test.send(once(&test, "k1", "1", &both)).await;
    assert_eq!(first.status.as_u16(), 202, "{}", first.body);
    test.set("allowed_redirect_origins", "").await;
    test.set("link_lifetime", "3600").await;

    let again = test.send(once(&test, "k1", "1", &both)).await;
    assert_eq!((again.status, &again.body), (first.status, &first.body));
    for (key, body, code) in [
        ("k2", &both, "invalid"),
        ("k2", &redirect, "invalid_redirect"),
        ("k1", &redirect, "invalid_redirect"),
    ] {
        let refused = test.send(once(&test, key, "1", body)).await;
        assert_eq!(status_and_code(&refused), (400, code.to_owned()), "{key} {body}");
    }
    assert_eq!(test.new_mails(0).await.len(), 1);
}

/// However many send it at once, on however many nodes.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_64_that_race_on_three_nodes_one_mails_and_all_get_its_answer() {
    let test = TestApp::start().await.mailing(10);
    test.client("ada@example.org").await;
    let nodes = [test.beside().await.mailing(10), test.beside().await.mailing(10), test];
    let nodes = Arc::new(nodes);
    let racing: Vec<_> = (0..64)
        .map(|number| {
            let nodes = Arc::clone(&nodes);
            tokio::spawn(async move {
                let node = &nodes[number % 3];
                node.send(once(node, "k1", "1", &json!({}))).await
            })
        })
        .collect();
    let mut bodies = BTreeSet::new();
    for answer in racing {
        let answer = answer.await.unwrap();
        assert_eq!(answer.status.as_u16(), 202, "{}", answer.body);
        bodies.insert(answer.body);
    }

    assert_eq!(bodies.len(), 1);
    assert_eq!(nodes[0].number("SELECT count(*) FROM mails"), 1);
    assert_eq!(nodes[0].new_mails(0).await.len(), 1);
}

#[tokio::test]
async fn mails_are_listed_newest_first_filtered_and_kept_for_thirty_days() {
    let test = TestApp::start().await.mailing(10);
    for number in 1..=3 {
        test.client(&format!("c{number}@example.org")).await;
        test.send(ask(&test, &number.to_string(), &json!({}))).await;
        test.deliver().await;
        test.advance(60);
    }
    let users = async |filter: &str| {
        let page = test.call("GET", &format!("/api/mails?{filter}")).await.json();
        let users = page["data"].as_array().unwrap().iter().map(|row| row["user_id"].as_i64().unwrap());
        users.collect::<Vec<_>>()
    };
    assert_eq!(users("").await, [3, 2, 1]);
    assert_eq!(users("sort=created_at:asc").await, [1, 2, 3]);
    assert_eq!(users("filters[user_id][$eq]=2").await, [2]);
    assert_eq!(users("filters[state][$in][]=sent&filters[kind][$eq]=link&limit=1").await, [3]);
    assert_eq!(users("filters[state][$eq]=queued").await, [0_i64; 0]);
    assert_eq!(test.call("GET", "/api/mails?filters[to][$eq]=x").await.status.as_u16(), 400);
    let (_, key) = test.key_with(&[Scope::LoginLinksMail], None).await;
    assert_eq!(test.send(TestRequest::of("GET", "/api/mails").bearer(&key)).await.status.as_u16(), 403);

    test.advance(30 * 86_400 - 100);
    let kept = doorkey::flow::operations::maintenance::Retention { audit_log: 86_400, dead_links: 86_400 };
    doorkey::flow::operations::maintenance::sweep(&test.app, test.app.clock.now(), kept).await.unwrap();
    assert_eq!(users("").await, [3]);
}
