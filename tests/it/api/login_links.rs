//! Login links over the API: when one is made, handed out again or refused.

use axum::http::StatusCode;
use doorkey::domain::user::UserChange;
use doorkey::domain::user::UserId;

use crate::support::app::{TestApp, TestRequest};

fn staff() -> UserChange {
    UserChange { is_staff: Some(true), ..UserChange::default() }
}

/// The same link until its end, which never moves.
#[tokio::test]
async fn a_live_link_is_handed_out_again_with_its_expiry_untouched() {
    let test = TestApp::start().await;
    let ada = test.client("ada@example.org").await;
    let link = test.ask_for_link(ada).await;

    for minutes in [1, 118] {
        test.advance(minutes * 60);
        let response = test.call("GET", "/api/login_links/1").await;
        assert_eq!(response.json()["link"], link);
        assert_eq!(response.header("x-login-link-reused"), "true");
        assert_eq!(response.header("x-login-link-expires-at"), "2026-11-23T05:23:00.000Z");
    }
}

/// After two hours there is a new link, and the old one is dead.
#[tokio::test]
async fn after_two_hours_there_is_a_new_link_and_the_old_one_is_dead() {
    let test = TestApp::start().await;
    let ada = test.client("ada@example.org").await;
    let old = test.ask_for_link(ada).await;

    test.advance(7_201);
    let new = test.ask_for_link(ada).await;

    assert_ne!(new, old);
    assert_eq!(test.browser().open(&old).await.status, StatusCode::GONE);
    assert_eq!(test.browser().open(&new).await.status, StatusCode::OK);
}

/// A used link is never handed out again.
#[tokio::test]
async fn a_used_link_is_never_handed_out_again() {
    let test = TestApp::start().await;
    let ada = test.client("ada@example.org").await;
    let used = test.ask_for_link(ada).await;
    test.browser().sign_in(&used).await;

    assert_ne!(test.ask_for_link(ada).await, used);
}

/// The rule's refusals, in its order, with nothing stored but the entry.
#[tokio::test]
async fn whoever_may_not_use_links_gets_none() {
    let test = TestApp::start().await;
    for (email, fields, status, code) in [
        ("s@x.test", staff(), 403, "staff_user"),
        (
            "t@x.test",
            UserChange { has_two_factor: Some(true), ..UserChange::default() },
            403,
            "two_factor_enabled",
        ),
        ("d@x.test", UserChange { is_active: Some(false), ..UserChange::default() }, 403, "user_disabled"),
        ("sd@x.test", UserChange { is_active: Some(false), ..staff() }, 403, "staff_user"),
    ] {
        let user = test.add(&test.acme, email, fields).await;
        let response = test.call("GET", &format!("/api/login_links/{}", user.number())).await;
        assert_eq!((response.status.as_u16(), response.code().as_str()), (status, code), "{email}");
        assert_eq!(test.audit().last().unwrap(), &format!("login_link.refused by api_key:1 {code}"));
    }
    let gone = test.client("gone@x.test").await;
    test.delete(gone).await;
    let response = test.call("GET", &format!("/api/login_links/{}", gone.number())).await;

    assert_eq!((response.status.as_u16(), response.code().as_str()), (404, "user_not_found"));
    assert_eq!(test.number("SELECT count(*) FROM login_links"), 0);
}

/// Somebody of another workspace is nobody here, to the byte.
#[tokio::test]
async fn a_user_of_another_workspace_is_nobody_here() {
    let test = TestApp::start().await;
    let (other, _) = test.another("Other", "https://other.example").await;
    for _ in 0..3 {
        let email = format!("u{}@x.test", test.number("SELECT count(*) FROM users"));
        test.add(&other, &email, UserChange::default()).await;
    }

    let foreign = test.call("GET", "/api/login_links/2").await;
    let never = test.call("GET", "/api/login_links/77").await;

    assert_eq!((foreign.status, &foreign.body), (never.status, &never.body));
    assert_eq!(foreign.status, StatusCode::NOT_FOUND);
}

/// What kills a link kills it for good, and undoing it revives nothing.
#[tokio::test]
async fn a_killed_link_stays_dead_whatever_is_undone() {
    for (field, bad, good) in [
        ("two_factor_enabled", "true", "false"),
        ("staff", "true", "false"),
        ("status", "0", "1"),
        ("email", "eve@example.org", "ada@example.org"),
    ] {
        let test = TestApp::start().await;
        let ada = test.client("ada@example.org").await;
        let link = test.ask_for_link(ada).await;
        let mut prepared = test.browser();
        let page = prepared.open(&link).await;

        test.change(ada, field, bad).await;
        assert_eq!(test.browser().open(&link).await.status, StatusCode::GONE, "{field}");
        test.change(ada, field, good).await;

        assert_eq!(test.browser().open(&link).await.status, StatusCode::GONE, "{field}");
        assert_eq!(prepared.press(&page).await.status, StatusCode::GONE, "{field}");
        assert!(!prepared.is_signed_in().await);
        assert_ne!(test.ask_for_link(ada).await, link, "{field}");
    }
}

#[tokio::test]
async fn revoked_links_are_dead_and_sessions_go_on() {
    let test = TestApp::start().await;
    let ada = test.client("ada@example.org").await;
    let mut browser = test.browser();
    browser.sign_in(&test.ask_for_link(ada).await).await;
    let link = test.ask_for_link(ada).await;

    let revoked = test.call("DELETE", "/api/login_links/ADA@example.org").await;

    assert_eq!((revoked.status, revoked.body.as_str()), (StatusCode::NO_CONTENT, ""));
    assert_eq!(test.browser().open(&link).await.status, StatusCode::GONE);
    assert!(browser.is_signed_in().await);
    assert_eq!(test.call("DELETE", "/api/login_links/1").await.status, StatusCode::NO_CONTENT);
    assert_eq!(test.call("DELETE", "/api/login_links/9").await.code(), "user_not_found");
    assert_ne!(test.ask_for_link(ada).await, link);
    assert!(test.audit().contains(&"login_link.killed by api_key:1 revoked".to_owned()));
}

#[tokio::test]
async fn min_ttl_asks_for_a_link_with_enough_life_and_older_ones_stay_good() {
    let test = TestApp::start().await;
    let ada = test.client("ada@example.org").await;
    let first = test.ask_for_link(ada).await;
    test.advance(3_600);

    let enough = test.call("GET", "/api/login_links/1?min_ttl=3600").await;
    let more = test.call("GET", "/api/login_links/1?min_ttl=3601").await;

    assert_eq!(enough.json()["link"], first);
    let second = more.json()["link"].as_str().unwrap().to_owned();
    assert_ne!(second, first);
    assert_eq!(test.ask_for_link(ada).await, second);
    assert_eq!(test.browser().open(&first).await.status, StatusCode::OK);
    test.browser().sign_in(&second).await;
    let third = test.ask_for_link(ada).await;
    assert!(third != first && third != second, "only the newest link is ever handed out");
    test.advance(1);
    let fresh = test.call("GET", "/api/login_links/1?min_ttl=7200").await;
    assert_eq!(
        fresh.header("x-login-link-reused"),
        "false",
        "nothing made earlier has a whole lifetime left"
    );
    for bad in ["7201", "-1", "x", "", "1.5", "1&min_ttl=2"] {
        let response = test.call("GET", &format!("/api/login_links/1?min_ttl={bad}")).await;
        assert_eq!((response.status.as_u16(), response.code().as_str()), (400, "invalid"), "{bad}");
        assert_eq!(response.json()["message"], "The given data was invalid.");
        assert!(response.json()["errors"]["min_ttl"][0].is_string());
    }
}

/// In small; a million tokens are counted in `security/token_randomness.rs`.
#[tokio::test]
async fn no_two_links_are_alike() {
    let test = TestApp::start().await;
    let ada = test.client("ada@example.org").await;
    let mut links = std::collections::HashSet::new();

    for _ in 0..200 {
        assert!(links.insert(test.ask_for_link(ada).await));
        test.call("DELETE", "/api/login_links/1").await;
    }
}

/// A link starts with the workspace's URL, whatever a request's headers say.
#[tokio::test]
async fn a_link_starts_with_the_portal_whatever_the_headers_say() {
    let test = TestApp::start().await;
    test.client("ada@example.org").await;

    let ask = TestRequest::of("GET", "/api/login_links/1").host("EXAMPLE.spp.co.:8443").bearer(&test.key);
    let ask = ask.header("x-forwarded-host", "evil.test").header("x-forwarded-proto", "http");
    let response =
        test.send(ask.header("forwarded", "host=evil.test;proto=http").header("x-host", "evil.test")).await;

    assert!(response.json()["link"].as_str().unwrap().starts_with("https://example.com/login?token="));
}

#[tokio::test]
async fn live_links_are_listed_without_tokens() {
    let test = TestApp::start().await;
    let mut tokens = Vec::new();
    for number in 1..=5_i64 {
        let user = test.client(&format!("u{number}@x.test")).await;
        let link = test.ask_for_link(user).await;
        tokens.push(link.split('=').nth(1).unwrap().to_owned());
        test.advance(1);
    }
    test.ask_for_link(UserId::from_number(2).unwrap()).await;
    test.call("DELETE", "/api/login_links/5").await;

    let page = test.call("GET", "/api/login_links?limit=3&filters[user_id][$gt]=0").await;
    let body = page.json();

    assert!(tokens.iter().all(|token| !page.body.contains(token)));
    let users: Vec<_> =
        body["data"].as_array().unwrap().iter().map(|link| link["user_id"].as_i64().unwrap()).collect();
    assert_eq!(users, [4, 3, 2]);
    let second = &body["data"][2];
    assert_eq!(second["times_issued"], 2);
    assert_eq!(second["created_at"], "2026-11-23T03:23:01.000Z");
    assert_eq!(second["last_issued_at"], "2026-11-23T03:23:05.000Z");
    assert_eq!(second["expires_at"], "2026-11-23T05:23:01.000Z");
    let mut names: Vec<_> = second.as_object().unwrap().keys().collect();
    names.sort();
    assert_eq!(names, ["created_at", "expires_at", "id", "last_issued_at", "times_issued", "user_id"]);
    let base = "https://example.com/api/login_links?limit=3&filters[user_id][$gt]=0&page=";
    assert_eq!(
        body["links"],
        serde_json::json!({
            "first": format!("{base}1"), "last": format!("{base}2"), "prev": null, "next": format!("{base}2"),
        })
    );
    assert_eq!(
        body["meta"],
        serde_json::json!({
            "current_page": 1, "from": 1, "to": 3, "last_page": 2, "per_page": 3, "total": 4,
            "path": "https://example.com/api/login_links",
        })
    );
    let one = test
        .call("GET", &format!("/api/login_links?filters[id][$eq]={}", second["id"].as_str().unwrap()))
        .await;
    assert_eq!(one.json()["data"], serde_json::json!([second]));
    let many = "filters[user_id][$in][]=1&filters[user_id][$in][]=2&".repeat(45);
    assert_eq!(test.call("GET", &format!("/api/login_links?{many}")).await.json()["meta"]["total"], 2);
    assert_eq!(test.call("GET", &format!("/api/login_links?{many}{many}")).await.code(), "invalid");
    for bad in
        ["page=1&page=2", "limit=101", "sort=token:asc", "filters[token][$eq]=x", "page=0", "colour=red"]
    {
        assert_eq!(test.call("GET", &format!("/api/login_links?{bad}")).await.code(), "invalid", "{bad}");
    }
}

#[tokio::test]
async fn drawn_ids_skip_given_ones_and_no_id_comes_back() {
    let test = TestApp::start().await;
    let act = doorkey::domain::audit::AuditContext::at_command_line();
    for id in [2, 3] {
        let email = doorkey::domain::email::EmailAddress::parse(&format!("given{id}@x.test")).unwrap();
        let user =
            doorkey::store::NewUser { id: UserId::from_number(id), email, fields: UserChange::default() };
        doorkey::flow::users::add(&test.app, &test.acme, &act, &user).await.unwrap();
    }

    let first = test.client("a@x.test").await;
    let second = test.client("b@x.test").await;
    test.delete(second).await;
    let third = test.client("b@x.test").await;

    assert_eq!([first, second, third].map(UserId::number), [1, 4, 5]);
    let email = doorkey::domain::email::EmailAddress::parse("c@x.test").unwrap();
    let again = doorkey::store::NewUser { id: Some(second), email, fields: UserChange::default() };
    let refused = doorkey::flow::users::add(&test.app, &test.acme, &act, &again).await.unwrap_err();
    assert!(refused.to_string().starts_with("id:"), "{refused}");
}
