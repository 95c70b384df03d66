//! Pages look like their workspace: name, colour, logo, help.

use axum::http::StatusCode;
use doorkey::domain::audit::AuditContext;
use doorkey::domain::branding::Logo;
use doorkey::domain::workspace::LogoChange;
use doorkey::flow;

use crate::support::app::{TestApp, TestRequest};

const EVIL: &str = "</title><script>alert(1)</script>{{ 7 * 7 }}";

async fn set_logo(test: &TestApp, change: &LogoChange) {
    let act = AuditContext::at_command_line();
    flow::workspaces::set_with_logo(&test.app, &act, "Acme", &[], change).await.unwrap();
}

fn svg(text: &str) -> LogoChange {
    LogoChange::Replace(Logo::parse(text.as_bytes().to_vec()).unwrap())
}

#[tokio::test]
async fn the_page_name_stands_for_the_workspaces_name_and_is_text_everywhere() {
    let mut test = TestApp::start().await;
    let ada = test.client("ada@example.org").await;
    let link = test.ask_for_link(ada).await;
    test.set("page_name", EVIL).await;
    for request in [
        TestRequest::of("GET", link.strip_prefix("https://example.com").unwrap()),
        TestRequest::of("GET", "/login"),
        TestRequest::of("GET", "/login?token=x"),
        TestRequest::of("GET", "/nowhere"),
    ] {
        let page = test.send(request.clone()).await;
        assert!(!page.body.contains("Acme") && !page.body.contains("<script"), "{}", page.body);
        assert!(page.body.contains("{{ 7 * 7 }}") && !page.body.contains("49"), "{}", page.body);
        let isolated = "<bdi>&#60;/title&#62;&#60;script&#62;alert(1)&#60;/script&#62;{{ 7 * 7 }}</bdi>";
        assert!(page.body.contains(isolated), "{}", page.body);
    }
    test.set("page_name", "").await;
    assert!(test.send(TestRequest::of("GET", "/login")).await.body.contains("Acme"));
}

#[tokio::test]
async fn help_is_offered_on_dead_and_problem_pages_alone() {
    let mut test = TestApp::start().await;
    for (contact, href) in [
        ("help+a%b&c@example.org", "mailto:help+a%25b%26c@example.org"),
        ("https://example.org/help?a=1&b='", "https://example.org/help?a=1&#38;b=&#39;"),
    ] {
        test.set("support_contact", contact).await;
        for (path, has_help) in
            [("/login?token=x", true), ("/nowhere", true), ("/login", false), ("/logout", false)]
        {
            let page = test.send(TestRequest::of("GET", path)).await;
            let link = format!("<a href=\"{href}\" rel=\"noreferrer\"><bdi>");
            assert_eq!(page.body.contains(&link), has_help, "{path}: {}", page.body);
        }
    }
    test.set("support_contact", "").await;
    assert!(!test.send(TestRequest::of("GET", "/nowhere")).await.body.contains("noreferrer"));
}

#[tokio::test]
async fn the_buttons_have_the_workspaces_colour_within_five_minutes() {
    let mut test = TestApp::start().await;
    let style = async |test: &TestApp| test.send(TestRequest::of("GET", "/login/style.css")).await;
    assert!(!style(&test).await.body.contains("#123456"));
    test.set("brand_color", "#123456").await;
    let branded = style(&test).await;
    assert!(branded.body.contains("--button: #123456;") && branded.body.contains("--on-button: #ffffff;"));
    assert_eq!(branded.header("cache-control"), "public, max-age=300");
    let beside = test.beside().await;
    assert!(style(&beside).await.body.contains("--button: #123456;"), "every node shows it");
    test.set("brand_color", "").await;
    assert!(!style(&beside).await.body.contains("#123456"));

    test.another("Other", "https://other.test").await;
    test.set("brand_color", "#123456").await;
    let others = test.send(TestRequest::of("GET", "/login/style.css").host("other.test")).await;
    assert!(!others.body.contains("#123456"), "another workspace has its own");
}

#[tokio::test]
async fn a_logo_is_shown_on_pages_and_runs_nothing_when_opened_by_itself() {
    let test = TestApp::start().await;
    let evil = "<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'><script>alert(1)</script>\
                <image href='https://evil.test/a.png'/><foreignObject><p>a</p></foreignObject></svg>";
    let logo = || TestRequest::of("GET", "/login/logo");
    assert_eq!(test.send(logo()).await.status, StatusCode::NOT_FOUND);
    assert!(!test.send(TestRequest::of("GET", "/login")).await.body.contains("/login/logo"));

    set_logo(&test, &svg(evil)).await;
    let beside = test.beside().await;
    let shown = beside.send(logo()).await;
    assert_eq!((shown.status, shown.body.as_str()), (StatusCode::OK, evil));
    for (name, value) in [
        ("content-type", "image/svg+xml"),
        ("x-content-type-options", "nosniff"),
        ("content-security-policy", "default-src 'none'; style-src 'unsafe-inline'; sandbox"),
        ("cache-control", "public, max-age=300"),
    ] {
        assert_eq!(shown.header(name), value);
    }
    let page = test.send(TestRequest::of("GET", "/login?token=x")).await;
    assert!(page.body.contains("<img class=\"logo\" src=\"/login/logo\" alt=\"\">"), "{}", page.body);
    assert!(!page.body.contains("evil.test"));

    let (_, _) = test.another("Other", "https://other.test").await;
    assert_eq!(test.send(logo().host("other.test")).await.status, StatusCode::NOT_FOUND);
    set_logo(&test, &svg("<svg/>")).await;
    assert_eq!(beside.send(logo()).await.body, "<svg/>");
    set_logo(&test, &LogoChange::Remove).await;
    assert_eq!(beside.send(logo()).await.status, StatusCode::NOT_FOUND);
    assert_eq!(test.number("SELECT count(*) FROM workspace_logos"), 0);
}
