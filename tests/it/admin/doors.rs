//! A link lets an admin in once; the session holds until it ends, in that browser alone.

use std::time::Duration;

use axum::http::StatusCode;
use doorkey::domain::admin::{AdminGrant, AdminRole};
use doorkey::domain::audit::AuditContext;
use doorkey::flow::admin;
use doorkey::flow::operations::maintenance;
use uuid::Uuid;

use crate::support::admin::{
    Form, HOST, admin_pages, admin_pages_at, arrives, form_to, forms, grant, link, press, signed_in,
};
use crate::support::app::{TestApp, TestRequest};
use crate::support::at_once::at_once;
use crate::support::wait::until_so;

fn operator() -> AdminGrant {
    grant("Grace Hopper", AdminRole::Operator, &[])
}

/// How many links and sessions there are.
fn counts(test: &TestApp) -> (i64, i64) {
    (test.number("SELECT count(*) FROM admin_links"), test.number("SELECT count(*) FROM admin_sessions"))
}

/// Waits until one session is like that: when an admin was seen is written down beside the answer.
async fn until_one(test: &TestApp, condition: &str) {
    let sql = format!("SELECT count(*) FROM admin_sessions WHERE {condition}");
    let complaint = || format!("no session has {condition}");
    until_so(Duration::from_secs(10), async || test.number(&sql) == 1, complaint).await;
}

#[tokio::test]
async fn looking_at_an_admin_link_changes_nothing() {
    let test = TestApp::start().await;
    let pages = admin_pages(&test);
    let link = link(&pages, operator()).await;
    let mut browser = arrives(&pages);

    for method in ["GET", "HEAD", "GET"] {
        let page = browser.send(TestRequest::of(method, &link)).await;
        assert_eq!(page.status, StatusCode::OK);
        assert!(method == "HEAD" || page.body.contains("<bdi>Grace Hopper</bdi>, operator"), "{}", page.body);
    }
    assert_eq!(counts(&test), (1, 0));

    let page = browser.get(&link).await;
    let response = browser.send(press(&page)).await;
    assert_eq!((response.status, response.header("location")), (StatusCode::SEE_OTHER, "/"));
    assert_eq!(counts(&test), (0, 1));
    let home = browser.get("/").await;
    assert_eq!(
        (home.status.as_u16(), home.header("location")),
        (303, &*format!("/w/{}/", test.acme.id.0)),
        "there is one workspace"
    );
}

#[tokio::test]
async fn twenty_presses_at_once_give_one_session() {
    let test = TestApp::start().await;
    let pages = admin_pages(&test);
    let mut browser = arrives(&pages);
    let page = browser.get(&link(&pages, operator()).await).await;
    let cookies: Vec<_> = browser.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
    let request = press(&page).host(HOST).header("cookie", cookies.join("; "));

    let presses = (0..20).map(|_| {
        let (pages, request) = (admin_pages(&test), request.clone());
        async move { pages.send(request).await }
    });
    let responses = at_once(presses).await;

    let let_in = responses.iter().filter(|response| response.status == StatusCode::SEE_OTHER).count();
    let dead = responses.iter().filter(|response| response.status == StatusCode::GONE).count();
    assert_eq!((let_in, dead), (1, 19));
    assert_eq!(counts(&test), (0, 1));
}

#[tokio::test]
async fn a_link_that_was_used_has_ended_or_never_was_is_dead() {
    let test = TestApp::start().await;
    let pages = admin_pages(&test);
    let mut browser = arrives(&pages);
    let (used, late) = (link(&pages, operator()).await, link(&pages, operator()).await);
    test.advance(1);
    let ended = link(&pages, operator()).await;
    let mut opened = Vec::new();
    for link in [&used, &late, &ended] {
        opened.push(press(&browser.get(link).await));
    }

    assert_eq!(browser.send(opened[0].clone()).await.status, StatusCode::SEE_OTHER);
    let open = admin::list(&test.app).await.unwrap();
    let links: Vec<_> = open.iter().filter(|door| door.kind == admin::AdminKind::Link).collect();
    let (first, last) = (links[0].id, links[1].id);
    admin::end(&test.app, &AuditContext::at_command_line(), last).await.unwrap();
    // One of the two that were left.
    let is_late_dead = browser.get(&late).await.status == StatusCode::GONE;
    test.advance(600);
    for link in [&used, &late, &ended] {
        assert_eq!(browser.get(link).await.status, StatusCode::GONE);
    }
    for press in opened {
        assert_eq!(browser.send(press).await.status, StatusCode::GONE);
    }
    assert!(!is_late_dead, "links are listed oldest first: {first} was ended, not {last}");
    test.advance(-600);
    assert_eq!(browser.get(&late).await.status, StatusCode::GONE, "a clock set back revives nothing");
    let never = format!("/sign-in?token={}", "a".repeat(43));
    for link in [&never, "/sign-in?token=", "/sign-in?token=x", &format!("{never}a")] {
        let page = browser.get(link).await;
        assert_eq!(page.status, StatusCode::GONE, "{link}");
        assert!(!page.body.contains(&"a".repeat(43)), "the token comes back");
    }
    assert_eq!(counts(&test), (0, 1));
}

#[tokio::test]
async fn a_session_ends_by_idling_by_its_age_by_signing_out_and_by_command() {
    let test = TestApp::start().await;
    let pages = admin_pages(&test);
    let list = format!("/w/{}/keys", test.acme.id.0);

    let mut idle = signed_in(&pages, operator()).await;
    test.advance(29 * 60);
    assert_eq!(idle.get(&list).await.status, StatusCode::OK);
    // It is written down a moment later that it was seen.
    until_one(&test, "last_seen_at > created_at").await;
    test.advance(29 * 60);
    assert_eq!(idle.get(&list).await.status, StatusCode::OK);
    until_one(&test, "last_seen_at > created_at + 3000000").await;
    test.advance(30 * 60);
    let response = idle.get(&list).await;
    assert_eq!((response.status, response.header("location")), (StatusCode::SEE_OTHER, "/sign-in"));
    assert_eq!(counts(&test).1, 0, "it is gone, so that no clock set back revives it");

    let mut old = signed_in(&pages, operator()).await;
    for quarter in 1..=32 {
        test.advance(15 * 60);
        let status = old.get(&list).await.status;
        assert_eq!(status == StatusCode::OK, quarter < 32, "after {quarter} quarters of an hour: {status}");
        if quarter < 32 {
            until_one(&test, &format!("last_seen_at = created_at + {}", quarter * 15 * 60_000)).await;
        }
    }

    let mut leaving = signed_in(&pages, operator()).await;
    let copy = leaving.clone();
    let form = form_to(&leaving.get(&list).await, "/sign-out");
    let left = leaving.send(form.sent()).await;
    assert_eq!((left.status, left.header("location")), (StatusCode::SEE_OTHER, "/sign-in"));
    assert!(left.cookies()[0].contains("Max-Age=0"), "{:?}", left.cookies());
    assert_eq!(copy.clone().get(&list).await.status, StatusCode::SEE_OTHER);

    let mut ended = signed_in(&pages, operator()).await;
    let there = test.beside().await;
    let id = admin::list(&there.app).await.unwrap()[0].id;
    admin::end(&there.app, &AuditContext::at_command_line(), id).await.unwrap();
    maintenance::refresh_snapshot(&test.app).await.unwrap();
    assert_eq!(ended.get(&list).await.status, StatusCode::SEE_OTHER, "another node ended it");
    assert!(admin::end(&there.app, &AuditContext::at_command_line(), Uuid::now_v7()).await.is_err());
}

#[tokio::test]
async fn the_cookie_of_a_session_is_host_only_and_strict_and_secure_where_the_pages_are_https() {
    let test = TestApp::start().await;
    for (url, host, name, secure) in [
        ("http://127.0.0.1:8081", HOST, "doorkey_admin=", ""),
        ("https://admin.example.com", "admin.example.com", "__Host-doorkey_admin=", "; Secure"),
    ] {
        let pages = admin_pages_at(&test, url);
        let mut browser = pages.browser();
        host.clone_into(&mut browser.host);
        let page = browser.get(&link(&pages, operator()).await).await;
        let response = browser.send(press(&page)).await;

        let cookie = response.cookies()[0].to_owned();
        let (value, attributes) = cookie.strip_prefix(name).unwrap().split_once("; ").unwrap();
        assert!(value.len() == 43 && value.bytes().all(|byte| byte.is_ascii_alphanumeric()), "{value}");
        assert_eq!(attributes, format!("Path=/; Max-Age=28800; HttpOnly; SameSite=Strict{secure}"));
    }
}

#[tokio::test]
async fn a_form_from_elsewhere_or_without_its_value_does_nothing() {
    let test = TestApp::start().await;
    let pages = admin_pages(&test);
    let mut browser = signed_in(&pages, operator()).await;
    let mut other = signed_in(&pages, grant("Ada", AdminRole::Operator, &[])).await;
    let list = format!("/w/{}/keys", test.acme.id.0);
    let form = form_to(&browser.get(&list).await, "/keys").with("name", "forged");
    let others = form_to(&other.get(&list).await, "/keys").with("name", "forged");
    let keys = || test.number("SELECT count(*) FROM api_keys");
    let before = keys();

    let from = |site: &str| form.sent().without("sec-fetch-site").header("sec-fetch-site", site);
    let origin = |origin: &str| form.sent().without("sec-fetch-site").header("origin", origin);
    for request in [
        from("cross-site"),
        from("same-site"),
        origin("https://evil.test"),
        origin("null"),
        origin("http://127.0.0.1:8080"),
        from("same-origin").header("sec-fetch-site", "cross-site"),
        origin("http://127.0.0.1:8081").header("origin", "https://evil.test"),
        form.clone().without("proof").sent(),
        form.clone().with("proof", "x").sent(),
        others.sent(),
        TestRequest::of("POST", &form.action),
        TestRequest::of("POST", "/sign-out").form(&[]),
        TestRequest::of("POST", "/sign-in").form(&[]).header("sec-fetch-site", "cross-site"),
    ] {
        let response = browser.send(request.clone()).await;
        assert_eq!(response.status, StatusCode::FORBIDDEN, "{request:?}");
        assert!(response.body.contains("<h1>That was not done</h1>"), "{}", response.body);
    }
    assert_eq!((keys(), counts(&test).1), (before, 2));
    for request in [origin("http://127.0.0.1:8081"), form.sent().without("sec-fetch-site")] {
        assert_eq!(browser.send(request).await.status, StatusCode::OK);
    }
    assert_eq!(keys(), before + 2);
}

#[tokio::test]
async fn a_link_is_pressed_in_the_browser_it_was_shown_in() {
    let test = TestApp::start().await;
    let pages = admin_pages(&test);
    let link = link(&pages, operator()).await;
    let (mut one, mut other) = (arrives(&pages), arrives(&pages));
    let shown = form_to(&one.get(&link).await, "/sign-in");

    assert_eq!(other.send(shown.sent()).await.status, StatusCode::FORBIDDEN, "it has no cookie");
    other.get(&link).await;
    let again = other.send(shown.sent()).await;
    assert_eq!(again.status, StatusCode::OK, "it has another cookie, and gets the page once more");
    for forged in [shown.clone().without("proof"), shown.clone().without("token")] {
        assert_eq!(one.send(forged.sent()).await.status, StatusCode::FORBIDDEN);
    }
    assert_eq!(counts(&test), (1, 0));
    assert_eq!(other.send(press(&again)).await.status, StatusCode::SEE_OTHER);
    assert_eq!(counts(&test), (0, 1));
    let twice: Form = shown;
    assert_eq!(one.send(twice.sent()).await.status, StatusCode::GONE);
}

#[tokio::test]
async fn the_pages_are_at_their_own_host_and_port_alone() {
    let test = TestApp::start().await;
    let pages = admin_pages(&test);
    let mut browser = signed_in(&pages, operator()).await;

    for host in ["evil.test", "127.0.0.1", "127.0.0.1:8080", "example.com", "localhost:8080", "[::1]:8081"] {
        host.clone_into(&mut browser.host);
        for path in ["/", "/sign-in", "/admin.css", "/w/1/keys", "/nowhere"] {
            let response = browser.get(path).await;
            assert_eq!(response.status, StatusCode::NOT_FOUND, "{host}{path}");
            assert!(!response.body.contains("Acme") && response.header("location").is_empty());
        }
        assert_eq!(browser.send(TestRequest::of("POST", "/sign-in").form(&[])).await.status, 404);
    }
    for host in ["localhost:8081", "LOCALHOST:8081", HOST] {
        host.clone_into(&mut browser.host);
        assert_eq!(browser.get("/").await.status, StatusCode::SEE_OTHER, "{host}");
    }
    assert_eq!(counts(&test).1, 1);
}

#[tokio::test]
async fn cookies_of_the_portal_and_of_the_admin_pages_are_nothing_at_each_other() {
    let test = TestApp::start().await;
    let pages = admin_pages(&test);
    let ada = test.client("ada@example.org").await;
    let mut client = test.browser();
    client.sign_in(&test.ask_for_link(ada).await).await;
    let admin = signed_in(&pages, operator()).await;

    let mut stray = arrives(&pages);
    stray.cookies.clone_from(&client.cookies);
    // Under the name of an admin's cookie, too.
    for value in [client.session().unwrap().clone(), client.session().unwrap()[..43].to_owned()] {
        stray.cookies.insert("doorkey_admin".to_owned(), value);
        let response = stray.get("/").await;
        assert_eq!((response.status, response.header("location")), (StatusCode::SEE_OTHER, "/sign-in"));
    }
    let mut visitor = test.browser();
    visitor.cookies.clone_from(&admin.cookies);
    let own = admin.cookies["doorkey_admin"].clone();
    visitor.cookies.insert(client.session_name(), own);
    assert!(!visitor.is_signed_in().await);
    assert_eq!(visitor.get("/auth/verify").await.status, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn neither_listener_has_the_pages_of_the_other() {
    let test = TestApp::start().await;
    let pages = admin_pages(&test);
    let link = link(&pages, operator()).await;
    let mut browser = signed_in(&pages, operator()).await;

    let mut visitor = test.browser();
    for path in [&*link, "/sign-in", "/w/1/", "/w/1/keys", "/admin.css"] {
        assert_eq!(visitor.get(path).await.status, StatusCode::NOT_FOUND, "{path} is on the public listener");
    }
    for path in ["/login", "/logout", "/auth/verify", "/api/clients", "/docs", "/healthz", "/metrics"] {
        let response = browser.get(path).await;
        assert_eq!(response.status, StatusCode::NOT_FOUND, "{path} is on the admin listener");
        assert!(response.body.contains("<h1>"), "{}", response.body);
    }
    let refused = browser.send(TestRequest::of("DELETE", "/w/1/keys")).await;
    assert_eq!((refused.status, refused.header("allow")), (StatusCode::METHOD_NOT_ALLOWED, "GET,HEAD,POST"));
}

#[tokio::test]
async fn every_page_has_the_headers_of_pages_and_no_script() {
    let test = TestApp::start().await;
    let pages = admin_pages(&test);
    let mut browser = signed_in(&pages, operator()).await;
    let (mut stranger, list) = (arrives(&pages), format!("/w/{}/keys", test.acme.id.0));

    for page in [
        stranger.get("/sign-in").await,
        stranger.get("/sign-in?token=x").await,
        stranger.get(&link(&pages, operator()).await).await,
        stranger.get("/nowhere").await,
        browser.get(&list).await,
        browser.get(&format!("{list}?page=2")).await,
        browser.get("/w/77/keys").await,
    ] {
        for (name, value) in [
            ("cache-control", "no-store"),
            ("x-content-type-options", "nosniff"),
            ("x-robots-tag", "noindex"),
            (
                "content-security-policy",
                "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; \
                 frame-ancestors 'none'; base-uri 'none'",
            ),
        ] {
            assert_eq!(page.header(name), value);
        }
        let policy = if forms(&page).is_empty() { "no-referrer" } else { "strict-origin" };
        assert_eq!(page.header("referrer-policy"), policy);
        assert!(page.body.contains("<html lang=\"en\">") && !page.body.contains("style=\""));
        assert!(!page.body.contains("<script") && !page.body.contains("<style"), "{}", page.body);
    }
    let style = stranger.get("/admin.css").await;
    assert_eq!((style.status, style.header("content-type")), (StatusCode::OK, "text/css; charset=utf-8"));
    assert_eq!(stranger.get("/icon.svg").await.header("content-type"), "image/svg+xml");
}

/// What is signed in by a link takes the place of what this browser had, on the server too.
#[tokio::test]
async fn another_sign_in_ends_the_session_that_the_browser_had() {
    let test = TestApp::start().await;
    let pages = admin_pages(&test);
    let mut browser = signed_in(&pages, grant("Grace", AdminRole::Operator, &[])).await;
    let copy = browser.clone();
    let path = link(&test, grant("Sam", AdminRole::Support, &[])).await;

    let page = browser.get(&path).await;
    assert_eq!(browser.send(press(&page)).await.status, StatusCode::SEE_OTHER);

    assert_eq!(test.number("SELECT count(*) FROM admin_sessions"), 1);
    let page = format!("/w/{}/sessions", test.acme.id.0);
    assert_eq!(browser.get(&page).await.status, StatusCode::OK);
    assert_eq!(copy.clone().get(&page).await.header("location"), "/sign-in");
}
