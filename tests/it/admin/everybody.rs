//! The admin pages in a browser: nothing keeps anybody from reading or using them, and they break no rule of their own policy.

use std::time::{Duration, Instant};

use crate::support::accessibility::{PAGE, is_for_everybody};
use crate::support::browser::WebBrowser;
use crate::support::ports::free_port;
use crate::support::server::Server;

#[tokio::test]
async fn pages_of_people_and_settings_are_for_everybody() {
    let (mut server, port) = (Server::prepare("Acme Studio"), free_port());
    let listen = format!("127.0.0.1:{port}");
    server.serve_with(&[("DOORKEY_ADMIN_LISTEN", &listen)]);
    let long = "katherine.johnson@flight-research-division.langley.example.org";
    for (email, first, last) in [("ada@example.org", "Ada", "Lovelace"), (long, "فاطمة", "الفهرية")]
    {
        server.add_client(email, first, last);
    }
    server.ask_for_link(1).await;
    let link = server.run(&["admin", "link", "--admin-listen", &listen, "--name", "Grace Hopper"]);
    let browser = WebBrowser::start().await;
    browser.open(link.trim()).await;
    browser.press("Sign in").await;
    let at = |path: &str| format!("http://{listen}/w/1/{path}");

    for path in [
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
    ] {
        browser.open(&at(path)).await;
        assert!(!browser.heading().await.is_empty(), "{path}");
        is_for_everybody(&browser, PAGE, path).await;
    }
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
