//! The admin pages in a real Chromium, against the real binary: whoever reads them, and how, and what they look like.

use doorkey::clock::Clock;
use serde_json::{Value, json};
use thirtyfour::Key;

use crate::support::accessibility::{PAGE, is_for_everybody};
use crate::support::browser::WebBrowser;
use crate::support::pictures::keep_up_to;
use crate::support::ports::free_port;
use crate::support::server::Server;

/// What a picture of a page full of figures may weigh, in bytes.
const MAX_WEIGHT: usize = 120_000;

/// A server with its admin pages, and a browser of an operator on them.
async fn desk() -> (Server, WebBrowser, String) {
    let mut server = Server::prepare("Acme Studio");
    let port = free_port();
    let listen = format!("127.0.0.1:{port}");
    let mail = format!("file:{}", server.path("mail").display());
    server.serve_with(&[
        ("DOORKEY_ADMIN_LISTEN", &listen),
        ("DOORKEY_SMTP", &mail),
        ("DOORKEY_MAIL_FROM", "login@example.com"),
    ]);
    let url = format!("http://localhost:{port}");
    let made = server.run(&["admin", "link", "--name", "Grace Hopper", "--admin-url", &url, "--json"]);
    let made: Value = serde_json::from_str(&made).unwrap();
    let browser = WebBrowser::start().await;
    let link = made["url"].as_str().unwrap().replace(&format!("http://{listen}"), &url);
    browser.open(&link).await;
    browser.press(&button(&browser).await).await;
    (server, browser, url)
}

async fn button(browser: &WebBrowser) -> String {
    let text = browser.evaluate("return document.querySelector('main button').innerText").await;
    text.as_str().unwrap().to_owned()
}

/// Thirty days of links, as a server counts them: fewer at the weekend, about half used, a third too late.
fn fill(server: &Server) {
    let hour = Clock::System.now().start_of_hour().millis();
    for day in 0..30 {
        let made = [12, 58, 55, 52, 61, 44, 8][usize::try_from(day % 7).unwrap()] - day % 4;
        let (used, late) = (made / 2, made / 3);
        let at = hour - day * 86_400_000;
        server.database.run(&format!(
            "INSERT INTO link_stats (workspace_id, hour, kind, slot, issued, recorded, opened, opened_by_machines, signed_in, \
             too_late, handed_out_again, tried_60, tried_900, tried_3600, tried_7200, tried_28800, tried_86400, tried_259200)
             VALUES (1, {at}, 'api', 0, {made}, {made}, {}, 3, {used}, {late}, 9, {}, {}, {}, {}, {}, {}, {})",
            used + late,
            used / 5,
            used / 4,
            used / 3,
            used - used / 5 - used / 4 - used / 3,
            late / 2,
            late / 3,
            late - late / 2 - late / 3
        ));
    }
}

/// Every page that the navigation leads to, and a story, for each eye and each width.
#[tokio::test]
async fn nothing_keeps_anybody_from_reading_an_admin_page() {
    let (server, browser, url) = desk().await;
    fill(&server);
    let ada = server.add_client("ada@example.org", "Ada", "Lovelace");
    server.ask_for_link(ada).await;
    let links = "return [...document.querySelectorAll('nav.pages a')].map(link => link.getAttribute('href'))";
    browser.open(&format!("{url}/")).await;
    let pages = browser.evaluate(links).await;
    let mut pages: Vec<String> =
        pages.as_array().unwrap().iter().map(|page| page.as_str().unwrap().to_owned()).collect();
    assert!(pages.len() >= 3, "{pages:?}");
    let listed: Value = server.call("GET", "/api/login_links").await.json().await.unwrap();
    let link = listed["data"][0]["id"].as_str().unwrap();
    pages.extend(["/".to_owned(), "/w/1/?days=90".to_owned(), format!("/w/1/links/{link}")]);
    server.run(&["workspace", "create", "Empty", "--url", "https://empty.example"]);
    pages.extend(["/w/2/".to_owned(), "/w/9/".to_owned(), "/nothing".to_owned()]);

    for page in pages {
        browser.open(&format!("{url}{page}")).await;
        assert_ne!(browser.heading().await, "", "{page}");
        is_for_everybody(&browser, PAGE, &page).await;
        assert_eq!(browser.complaints().await, [""; 0], "{page}");
    }
    let stranger = WebBrowser::start().await;
    stranger.open(&format!("{url}/w/1/")).await;
    stranger.arrives_at(&format!("{url}/sign-in")).await;
    is_for_everybody(&stranger, PAGE, "/sign-in").await;
}

/// From the first page to a fresh link on its way: what a support desk does all day.
#[tokio::test]
async fn the_keyboard_alone_finds_a_story_and_sends_a_fresh_link() {
    let (server, browser, url) = desk().await;
    let ada = server.add_client("ada@example.org", "Ada", "Lovelace");
    let link = server.ask_for_link(ada).await;
    assert_eq!(server.call("DELETE", &format!("/api/login_links/{ada}")).await.status(), 204);
    browser.open(&format!("{url}/w/1/")).await;

    browser.tab_to("here.name === 'q'").await;
    browser.type_keys(link.as_str()).await;
    browser.type_keys(Key::Enter).await;
    browser.shows("The link for Ada Lovelace was revoked").await;
    let token = link.split_once("token=").unwrap().1;
    assert!(!browser.address().await.contains(token));
    browser.tab_to("here.innerText === 'Send a fresh one'").await;
    browser.type_keys(Key::Enter).await;

    let mail = server.next_mail(0).await;
    assert_eq!(mail.header("To"), "ada@example.org");
    assert_ne!(mail.token(), token);
    assert_eq!(browser.complaints().await, [""; 0]);
}

#[tokio::test]
async fn pictures_of_the_admin_pages() {
    let (server, browser, url) = desk().await;
    fill(&server);
    for (name, page, scheme) in
        [("overview", "/w/1/?days=30", "light"), ("overview-dark", "/w/1/?days=30", "dark")]
    {
        let media = json!({"features": [{"name": "prefers-color-scheme", "value": scheme}]});
        browser.tell("Emulation.setEmulatedMedia", media).await;
        let window = json!({"width": 1100, "height": 900, "deviceScaleFactor": 1, "mobile": false});
        browser.tell("Emulation.setDeviceMetricsOverride", window).await;
        browser.open(&format!("{url}{page}")).await;
        browser.shows("Overview").await;

        keep_up_to(MAX_WEIGHT, name, &browser.picture().await);
        assert_eq!(browser.complaints().await, [""; 0]);
    }
}
