//! A trusted proxy names the admin by a header: once, not empty, to the letter, and only while the name is allowed.

use axum::http::StatusCode;
use doorkey::domain::admin::{AdminName, AdminRole};
use doorkey::domain::audit::AuditContext;
use doorkey::flow::admin;
use doorkey::flow::operations::maintenance;

use crate::support::admin::{HEADER, HOST, admin_pages, allow, form_to, grant, link, signed_in};
use crate::support::app::{TestApp, TestRequest, TestResponse};

/// An address of a trusted proxy, and one of somebody else.
const PROXY: &str = "10.0.0.7";
const STRANGER: &str = "192.0.2.1";

async fn get_from(pages: &TestApp, peer: &str, path: &str, names: &[&[u8]]) -> TestResponse {
    let request = TestRequest::of("GET", path).host(HOST);
    let request = names.iter().fold(request, |request, name| request.header(HEADER, name));
    pages.send_from(peer, request).await
}

#[tokio::test]
async fn a_name_that_is_allowed_is_let_in_with_its_role() {
    let test = TestApp::start().await;
    let pages = admin_pages(&test);
    allow(&test, grant("grace@example.org", AdminRole::Viewer, &[])).await;
    let list = format!("/w/{}/keys", test.acme.id.0);

    let page = get_from(&pages, PROXY, &list, &[b"grace@example.org"]).await;
    assert_eq!(page.status, StatusCode::OK);
    assert!(page.body.contains("<bdi>grace@example.org</bdi>, viewer"), "{}", page.body);
    assert!(!page.body.contains("/sign-out"), "there is no session to end");
    for path in ["/sign-in", "/sign-in?token=x"] {
        let response = get_from(&pages, PROXY, path, &[b"grace@example.org"]).await;
        assert_eq!((response.status, response.header("location")), (StatusCode::SEE_OTHER, "/"));
    }
}

#[tokio::test]
async fn whatever_else_a_proxy_brings_is_refused_with_the_command_to_run() {
    let test = TestApp::start().await;
    let pages = admin_pages(&test);
    allow(&test, grant("grace@example.org", AdminRole::Operator, &[])).await;
    let too_long = "a".repeat(101);
    let cookie =
        signed_in(&pages, grant("Ada", AdminRole::Operator, &[])).await.cookies["doorkey_admin"].clone();

    let cases: [(&[&[u8]], &str); 10] = [
        (&[], "NAME"),
        (&[b""], "NAME"),
        (&[b"grace@example.org", b"grace@example.org"], "NAME"),
        (&[b"", b"grace@example.org"], "NAME"),
        (&[b"\xff"], "NAME"),
        (&[too_long.as_bytes()], "NAME"),
        (&[b"Grace@example.org"], "Grace@example.org"),
        (&[b"grace@example.orgx"], "grace@example.orgx"),
        (&[b"grace@example.org, ada"], "&#39;grace@example.org, ada&#39;"),
        (&[b"<script>"], "&#39;&#60;script&#62;&#39;"),
    ];
    for (names, named) in cases {
        for path in ["/", "/sign-in", "/w/1/keys", "/nowhere"] {
            let page = get_from(&pages, PROXY, path, names).await;
            assert_eq!(page.status, StatusCode::FORBIDDEN, "{names:?} {path}");
            let command = format!("<pre>doorkey admin allow {named} --role viewer</pre>");
            assert!(page.body.contains(&command), "{command}: {}", page.body);
            assert!(!page.body.contains("<script>"));
        }
    }
    // Nor does a session count beside it; and what pages need is for everybody.
    let request = TestRequest::of("GET", "/").host(HOST).header("cookie", format!("doorkey_admin={cookie}"));
    assert_eq!(pages.send_from(PROXY, request.clone()).await.status, StatusCode::FORBIDDEN);
    assert_eq!(pages.send_from(STRANGER, request).await.status, StatusCode::SEE_OTHER);
    assert_eq!(get_from(&pages, PROXY, "/admin.css", &[]).await.status, StatusCode::OK);
}

#[tokio::test]
async fn the_header_is_as_not_sent_from_anybody_else() {
    let test = TestApp::start().await;
    let pages = admin_pages(&test);
    allow(&test, grant("grace@example.org", AdminRole::Operator, &[])).await;

    for names in [&[&b"grace@example.org"[..]][..], &[b"nobody"], &[b"", b""]] {
        let response = get_from(&pages, STRANGER, "/", names).await;
        assert_eq!((response.status, response.header("location")), (StatusCode::SEE_OTHER, "/sign-in"));
        let link = link(&pages, grant("Ada", AdminRole::Viewer, &[])).await;
        assert_eq!(get_from(&pages, STRANGER, &link, names).await.status, StatusCode::OK);
    }
}

#[tokio::test]
async fn a_name_that_is_disallowed_on_another_node_is_out_at_the_next_request() {
    let test = TestApp::start().await;
    let pages = admin_pages(&test);
    let there = test.beside().await;
    let act = AuditContext::at_command_line();
    let name = AdminName::parse("grace@example.org").unwrap();
    let list = format!("/w/{}/keys", test.acme.id.0);
    let ask = async || {
        // What every server does ten times a second.
        maintenance::refresh_snapshot(&test.app).await.unwrap();
        get_from(&pages, PROXY, &list, &[b"grace@example.org"]).await
    };

    allow(&there, grant("grace@example.org", AdminRole::Operator, &[])).await;
    let page = ask().await;
    assert_eq!(page.status, StatusCode::OK);
    let form = form_to(&page, "/keys").with("name", "late").sent().host(HOST);
    let form = form.header(HEADER, "grace@example.org");
    admin::disallow(&there.app, &act, &name).await.unwrap();
    assert_eq!(ask().await.status, StatusCode::FORBIDDEN);
    assert_eq!(pages.send_from(PROXY, form.clone()).await.status, StatusCode::FORBIDDEN);
    assert!(admin::disallow(&there.app, &act, &name).await.is_err(), "it is out already");

    // Allowed anew, with less; and a form of before is of another allowance.
    allow(&there, grant("grace@example.org", AdminRole::Viewer, &[])).await;
    assert!(ask().await.body.contains("</bdi>, viewer"));
    allow(&there, grant("grace@example.org", AdminRole::Operator, &[])).await;
    maintenance::refresh_snapshot(&test.app).await.unwrap();
    assert_eq!(pages.send_from(PROXY, form).await.status, StatusCode::FORBIDDEN);
    assert_eq!(test.number("SELECT count(*) FROM api_keys"), 1);
}

#[tokio::test]
async fn what_an_allowed_admin_does_stands_in_the_log_by_that_name() {
    let test = TestApp::start().await;
    let pages = admin_pages(&test);
    allow(&test, grant("grace@example.org", AdminRole::Operator, &[test.acme.id])).await;
    let list = format!("/w/{}/keys", test.acme.id.0);

    let page = get_from(&pages, PROXY, &list, &[b"grace@example.org"]).await;
    let form = form_to(&page, "/keys").with("name", "by grace").sent().host(HOST);
    let made = pages.send_from(PROXY, form.header(HEADER, "grace@example.org")).await;

    assert_eq!(made.status, StatusCode::OK, "{}", made.body);
    assert_eq!(
        test.audit()[2..],
        ["admin.allowed by command_line", "api_key.added by admin:grace@example.org"]
    );
}
