//! The admin pages in a browser: nothing keeps anybody from reading or using them, and they break no rule of their own policy.

use std::time::{Duration, Instant};

use doorkey::clock::Clock;

use crate::support::accessibility::{PAGE, is_for_everybody};
use crate::support::browser::WebBrowser;
use crate::support::ports::free_port;
use crate::support::server::Server;

/// A server with its admin pages, a browser of an operator on them, and where those of Acme are.
async fn desk() -> (Server, WebBrowser, String) {
    let (mut server, port) = (Server::prepare("Acme Studio"), free_port());
    let listen = format!("127.0.0.1:{port}");
    server.serve_with(&[("DOORKEY_ADMIN_LISTEN", &listen)]);
    let link = server.run(&["admin", "link", "--admin-listen", &listen, "--name", "Grace Hopper"]);
    let browser = WebBrowser::start().await;
    browser.open(link.trim()).await;
    browser.press("Sign in").await;
    (server, browser, format!("http://{listen}/w/1/"))
}

/// Expects that nothing keeps anybody from reading these pages.
async fn are_for_everybody(browser: &WebBrowser, base: &str, pages: &[&str]) {
    for path in pages {
        browser.open(&format!("{base}{path}")).await;
        assert!(!browser.heading().await.is_empty(), "{path}");
        is_for_everybody(browser, PAGE, path).await;
    }
}

#[tokio::test]
async fn pages_of_people_and_settings_are_for_everybody() {
    let (server, browser, base) = desk().await;
    let long = "katherine.johnson@flight-research-division.langley.example.org";
    for (email, first, last) in [("ada@example.org", "Ada", "Lovelace"), (long, "فاطمة", "الفهرية")]
    {
        server.add_client(email, first, last);
    }
    server.ask_for_link(1).await;

    let pages = [
        "find",
        "clients",
        "clients?q=nobody",
        "clients/1",
        "clients/2",
        "clients/1/kill",
        "logs",
        "logs?event=x&user_id=y&actor=z&from=1&to=2",
        "mails",
        "settings",
    ];
    are_for_everybody(&browser, &base, &pages).await;
    browser.send("link_lifetime", "x").await;
    browser.has_title("Not saved: Settings · Acme Studio").await;
    is_for_everybody(&browser, PAGE, "settings that are wrong").await;
    browser.send("q", "nobody@example.org").await;
    browser.has_title("Nothing found: Find · Acme Studio").await;
    is_for_everybody(&browser, PAGE, "nothing found").await;
    browser.send("q", "ada@example.org").await;
    browser.shows("Ada Lovelace").await;
    browser.evaluate("document.querySelector('form[action$=\"/link\"] button').click(); return 0").await;
    let begun = Instant::now();
    while browser.evaluate("return document.querySelectorAll('.copy').length").await != 1 {
        assert!(begun.elapsed() < Duration::from_secs(10), "no link: {}", browser.text().await);
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    is_for_everybody(&browser, PAGE, "a link to copy").await;
    assert_eq!(browser.complaints().await, Vec::<String>::new());
}

/// Two apps with long names of all kinds, of which one was refused twice for a reason that is long.
fn add_apps(server: &Server) {
    let uri =
        format!("https://{}.example.org/callback/of/the/application?tenant=acme", "very-long-name".repeat(4));
    for (name, client_id) in [("Wiki", "wiki"), ("الفهرية", &*"a-long-client-id".repeat(4))] {
        let words = ["app", "create", name, "--workspace", "Acme Studio", "--client-id", client_id];
        server.run(&[&words[..], &["--redirect-uri", &uri]].concat());
    }
    let now = Clock::System.now().millis();
    for number in ["01", "02"] {
        let id = format!("x'0190000000007000800000000000{number}00'");
        server.database.run(&format!(
            "INSERT INTO app_refusals (workspace_id, client_id, id, time, error, message, request_id)
             VALUES (1, 'wiki', {id}, {now}, 'invalid_redirect_uri', 'redirect_uri is none of the app''s: \"{uri}\"', {id})"
        ));
    }
}

#[tokio::test]
async fn pages_of_apps_are_for_everybody() {
    let (server, browser, base) = desk().await;
    are_for_everybody(&browser, &base, &["apps"]).await;
    add_apps(&server);

    let pages = ["apps", "apps/wiki", "apps/wiki/change", "apps/wiki/delete", "new-app"];
    are_for_everybody(&browser, &base, &pages).await;
    browser.send("client_id", "x y").await;
    browser.has_title("Not saved: Add an app · Acme Studio").await;
    is_for_everybody(&browser, PAGE, "an app that is wrong").await;
    browser.open(&format!("{base}apps/wiki")).await;
    browser.press("Make another secret").await;
    browser.has_title("Another secret of Wiki · Acme Studio").await;
    is_for_everybody(&browser, PAGE, "a secret to copy").await;
    are_for_everybody(&browser, &base, &["apps/wiki"]).await;
    assert_eq!(browser.complaints().await, Vec::<String>::new());
}
