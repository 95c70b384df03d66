//! The console at `/docs`: what it is served with, and what its reader does in a real Chromium, against the real binary.

use std::process::Command;

use axum::http::StatusCode;
use serde_json::{Value, json};
use thirtyfour::Key;

use crate::support::app::{TestApp, TestRequest};
use crate::support::console::Console;
use crate::support::server::{Server, visitor};
use crate::support::third_party_site::ThirdPartySite;

const LINK: &str = "Login_links-getLoginLink";
const CLIENTS: &str = "Clients-listClients";

const PATHS: [&str; 5] =
    ["/docs", "/docs/console.js", "/docs/console.css", "/docs/swagger-ui.js", "/docs/swagger-ui.css"];

#[tokio::test]
async fn the_console_is_a_page_of_every_host_under_a_strict_policy() {
    let test = TestApp::start().await;

    for host in ["example.com", "example.spp.co:8443"] {
        let page = test.send(TestRequest::of("GET", "/docs?url=https://evil.test").host(host)).await;

        assert_eq!(page.status, StatusCode::OK);
        assert!(page.body.contains(&format!("https://{host}")), "{}", page.body);
        assert!(!page.body.contains("evil.test"));
        assert_eq!(
            page.header("content-security-policy"),
            "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; \
             form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
        );
        for (name, value) in [
            ("content-type", "text/html; charset=utf-8"),
            ("cache-control", "no-store"),
            ("x-content-type-options", "nosniff"),
            ("x-robots-tag", "noindex"),
            ("referrer-policy", "no-referrer"),
        ] {
            assert_eq!(page.header(name), value, "{name}");
        }
        let scripts = page.body.matches("<script").count();
        assert_eq!(page.body.matches("<script src=\"/docs/").count(), scripts, "an inline script");
        assert!(!page.body.contains("style="), "an inline style");
    }
    assert_eq!(
        test.send(TestRequest::of("GET", "/docs").host("nobody.test")).await.status,
        StatusCode::NOT_FOUND
    );
    assert_eq!(test.send(TestRequest::of("POST", "/docs")).await.status, StatusCode::METHOD_NOT_ALLOWED);
}

/// What a crate carries is unpacked by a stranger, who checks its checksum.
#[test]
fn the_script_and_the_style_are_whole() {
    let server = Server::start();
    for (path, kind, begins, size) in [
        ("/docs/swagger-ui.js", "text/javascript", "/*! For license information", 1_000_000),
        ("/docs/swagger-ui.css", "text/css", ".swagger-ui", 100_000),
    ] {
        let output = Command::new("curl")
            .args(["-sS", "--fail", "--compressed", "--noproxy", "*", "-w", "%{content_type}"])
            .arg(server.url(path))
            .output()
            .unwrap();

        let text = String::from_utf8(output.stdout).unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        assert!(text.starts_with(begins) && text.len() > size, "{path}: {:?}…", text.get(..80));
        assert!(text.ends_with(&format!("{kind}; charset=utf-8")), "{path}");
    }
}

#[tokio::test]
async fn without_the_console_its_addresses_are_like_any_other_that_is_not_there() {
    let mut server = Server::prepare("Acme");
    server.serve_with(&[("DOORKEY_NO_DOCS", "true")]);
    let nothing = server.call("GET", "/nothing").await;
    let nothing = (nothing.status(), nothing.text().await.unwrap());

    for path in PATHS {
        let response = server.call("GET", path).await;
        assert_eq!((response.status(), response.text().await.unwrap()), nothing, "{path}");
    }

    server.stop();
    server.serve_with(&[("DOORKEY_NO_DOCS", "")]);
    for path in PATHS {
        assert_eq!(visitor().get(server.url(path)).send().await.unwrap().status(), 200, "{path}");
    }
}

#[tokio::test]
async fn a_reader_authorizes_fills_in_executes_and_reads_the_whole_answer() {
    let server = Server::start();
    let ada = server.add_client("ada@example.org", "Ada", "Lovelace").to_string();
    let console = Console::open(&server.url("")).await;

    assert_eq!(console.browser.heading().await, "API console");
    assert!(console.browser.text().await.contains(&server.url("")), "the host is not named");
    console.authorize(&server.key).await;
    console.unfold(LINK).await;
    for (parameter, value) in [
        ("user", &*ada),
        ("min_ttl", "60"),
        ("redirect", "/orders/12?tab=a"),
        ("X-Api-Version", "2026-12-01"),
    ] {
        console.set(LINK, parameter, value).await;
    }
    let shown = console.execute(LINK).await;

    let body: Value = serde_json::from_str(&shown.body).unwrap();
    assert_eq!(shown.status, "200");
    assert_eq!(body["link"], server.ask_for_link_to(1, "/orders/12?tab=a").await);
    assert_eq!(body["reused"], false);
    assert!(shown.headers.contains("x-api-version: 20261201"), "{shown:?}");
    let (_, number) = shown.headers.split_once("x-api-identifier: ").unwrap();
    assert!(server.log().contains(number.split_whitespace().next().unwrap()), "{shown:?}");
    assert_eq!(shown.url, server.url("/api/login_links/1?min_ttl=60&redirect=%2Forders%2F12%3Ftab%3Da"));

    let pasted =
        Command::new("sh").args(["-c", &format!("{} -sS --noproxy '*'", shown.curl)]).output().unwrap();
    let again: Value = serde_json::from_slice(&pasted.stdout).unwrap_or_else(|_| panic!("{pasted:?}"));
    assert_eq!((&again["link"], &again["reused"]), (&body["link"], &json!(true)));
    stayed_at_home(&console).await;
}

#[tokio::test]
async fn a_reader_filters_a_list() {
    let server = Server::start();
    for name in ["ada", "bob", "cyd", "dan"] {
        server.add_client(&format!("{name}@example.org"), name, "Lovelace");
    }
    let console = Console::open(&server.url("")).await;
    console.authorize(&server.key).await;
    console.unfold(CLIENTS).await;

    console.set(CLIENTS, "filters[id][$gt]", "1").await;
    let several = format!("#operations-{CLIENTS} tr[data-param-name='filters[email][$in][]']");
    for (place, name) in ["ada@example.org", "BOB@example.org", "dan@example.org"].iter().enumerate() {
        console.press(&format!("{several} .json-schema-form-item-add")).await;
        console
            .fill(&format!("{several} .json-schema-form-item:nth-of-type({}) input", place + 1), name)
            .await;
    }
    let shown = console.execute(CLIENTS).await;

    let body: Value = serde_json::from_str(&shown.body).unwrap();
    let found: Vec<_> = body["data"].as_array().unwrap().iter().map(|row| row["email"].clone()).collect();
    assert_eq!(found, [json!("bob@example.org"), json!("dan@example.org")], "{shown:?}");
    let sent = url::Url::parse(&shown.url).unwrap();
    let sent: Vec<_> = sent.query_pairs().filter(|(name, _)| name.starts_with("filters")).collect();
    let expected = [
        ("filters[email][$in][]", "ada@example.org"),
        ("filters[email][$in][]", "BOB@example.org"),
        ("filters[email][$in][]", "dan@example.org"),
        ("filters[id][$gt]", "1"),
    ];
    let mut sent: Vec<_> = sent.iter().map(|(name, value)| (&**name, &**value)).collect();
    sent.sort_by_key(|pair| pair.0);
    assert_eq!(sent, expected);
    stayed_at_home(&console).await;
}

#[tokio::test]
async fn a_key_lives_in_the_memory_of_the_page_alone() {
    let server = Server::start();
    server.add_client("ada@example.org", "Ada", "Lovelace");
    let console = Console::open(&server.url("")).await;
    console.authorize(&server.key).await;
    console.unfold(LINK).await;
    assert_eq!(console.execute(LINK).await.status, "200");
    assert_eq!(console.kept().await, [""; 0]);
    assert!(!console.browser.address().await.contains("doorkey_"));

    let go_back_to_it = "dispatchEvent(new PageTransitionEvent('pageshow', {persisted: true}))";
    console.browser.evaluate(go_back_to_it).await;
    console.find(".auth-wrapper .btn.authorize.unlocked").await;
    console.authorize(&server.key).await;
    console.browser.driver().refresh().await.unwrap();
    // The address still names the call, so it unfolds by itself.
    let shown = console.execute(LINK).await;
    assert!(shown.status.starts_with("401"), "{shown:?}");
    assert!(!shown.curl.contains("Authorization"), "{shown:?}");
    console.press(".auth-wrapper .btn.authorize").await;
    let field = console.find("#auth-bearer-value").await;
    assert_eq!(field.value().await.unwrap().unwrap_or_default(), "");
    for (name, value) in [("autocomplete", "off"), ("spellcheck", "false")] {
        assert_eq!(field.attr(name).await.unwrap().as_deref(), Some(value), "{name}");
    }
    assert_eq!(console.kept().await, [""; 0]);

    console.browser.evaluate("localStorage.mine = 1; document.cookie = 'mine=1'").await;
    assert_eq!(console.kept().await, ["mine", "mine"], "what is kept would not be seen");
}

#[tokio::test]
async fn the_keyboard_alone_authorizes_and_executes() {
    let server = Server::start();
    server.add_client("ada@example.org", "Ada", "Lovelace");
    let console = Console::open(&server.url("")).await;

    console.tab_to(".btn.authorize").await;
    console.type_keys(Key::Enter).await;
    console.find("#auth-bearer-value:focus").await;
    console.type_keys(server.key.as_str()).await;
    console.type_keys(Key::Enter).await;
    console.find(".modal-btn[aria-label='Remove authorization']").await;
    console.tab_to(".btn-done").await;
    console.type_keys(Key::Enter).await;
    console.tab_to(&format!("#operations-{LINK} .opblock-summary-control")).await;
    console.type_keys(Key::Enter).await;
    console.find(&format!("#operations-{LINK} .execute")).await;
    console.tab_to(&format!("#operations-{LINK} .execute")).await;
    console.type_keys(Key::Enter).await;

    assert_eq!(console.shown(LINK).await.status, "200");
}

/// Swagger UI once took the description, and so where calls and keys go, from its own address.
#[tokio::test]
async fn no_address_makes_the_console_ask_somebody_else() {
    let server = Server::start();
    let evil = ThirdPartySite::showing("{}".to_owned()).await;
    let console = Console::open(&server.url("")).await;

    let elsewhere = evil.url("/x.json");
    console.open_at(&format!("/docs?url={elsewhere}&configUrl={elsewhere}&validatorUrl={elsewhere}")).await;

    stayed_at_home(&console).await;
    assert!(evil.visits().is_empty());
}

/// Nothing broke the policy and nobody else was asked; and those who say so would have noticed.
async fn stayed_at_home(console: &Console) {
    assert_eq!(console.violations().await, [""; 0]);
    assert_eq!(console.complaints().await, [""; 0]);
    assert_eq!(console.asked_elsewhere().await, [""; 0]);

    let elsewhere = ThirdPartySite::showing(String::new()).await;
    let address = elsewhere.url("/picture.png");
    let draw = format!("document.body.append(Object.assign(new Image(), {{ src: '{address}' }}));
        const script = document.createElement('script'); script.text = 'window.ran = true'; document.body.append(script);
        return window.ran ?? false");
    assert_eq!(console.browser.evaluate(&draw).await, false, "an inline script ran");
    assert_eq!(
        console.violations().await,
        ["script-src-elem inline".to_owned(), format!("img-src {address}")]
    );
    assert_eq!(console.complaints().await.len(), 2);
    assert!(elsewhere.visits().is_empty());
    console.browser.open(&elsewhere.url("/")).await;
    assert_eq!(console.asked_elsewhere().await[..2], [address, elsewhere.url("/")]);
}
