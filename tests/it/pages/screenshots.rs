//! Every page as it looks: on a phone, in light and dark, and as pictures for the documentation.

use serde_json::json;

use crate::support::browser::WebBrowser;
use crate::support::console::Console;
use crate::support::pictures::{keep, keep_up_to};
use crate::support::server::Server;
use crate::support::third_party_site::ThirdPartySite;

/// What the picture of the console may weigh, which is full of text.
const MAX_WEIGHT_OF_CONSOLE: usize = 120_000;

/// How wide the window is, and how wide what stands in it.
const WIDTHS: &str = "const root = document.documentElement; return [innerWidth, root.scrollWidth];";

/// Every page by name, each the address that shows it and its heading. `go` is a page that cannot go on.
async fn show(page: &str, browser: &WebBrowser, stage: &Stage) {
    let heading = match page {
        "confirm" | "confirm-dark" => {
            browser.open(&stage.link().await).await;
            "Sign in"
        }
        "switch" => {
            browser.open(&stage.link_of_somebody_else().await).await;
            "Switch account?"
        }
        "home" => {
            browser.open(&stage.link().await).await;
            browser.press("Sign in").await;
            browser.arrives_at(&stage.server.url("/")).await;
            "You are signed in"
        }
        "go" => {
            browser.open(&stage.link_elsewhere().await).await;
            browser.press(&stage.button(browser).await).await;
            "Taking you to 127.0.0.1"
        }
        "dead" => {
            browser.open(&stage.server.url("/login?token=ewtGwgZ0b3IE1wq7a7vrjhONy0uVBPgT")).await;
            "This link does not work"
        }
        "problem" => {
            browser.open(&stage.server.url("/login/nothing-here")).await;
            ""
        }
        "signed-in" => {
            browser.open(&stage.server.url("/login?redirect=/orders/12")).await;
            "You are signed in"
        }
        "sign-out" => {
            browser.open(&stage.server.url("/logout")).await;
            "Sign out?"
        }
        "signed-out" => {
            browser.open(&stage.server.url("/logout")).await;
            browser.press("Sign out").await;
            "You are signed out"
        }
        _ => {
            browser.open(&stage.server.url("/login")).await;
            "How to sign in"
        }
    };
    browser.shows(heading).await;
}

/// In this order: the later ones need somebody who is signed in, up to the last.
const PAGES: &[&str] = &[
    "ask",
    "dead",
    "problem",
    "confirm",
    "confirm-dark",
    "home",
    "signed-in",
    "switch",
    "go",
    "sign-out",
    "signed-out",
];

#[tokio::test]
async fn pictures_of_every_page() {
    let stage = Stage::set("Acme Studio", "ada@example.org", ("Ada", "Lovelace")).await;
    let browser = WebBrowser::start().await;
    let window = json!({"width": 900, "height": 700, "deviceScaleFactor": 1, "mobile": false});
    browser.tell("Emulation.setDeviceMetricsOverride", window).await;

    for page in PAGES {
        let scheme = if page.ends_with("dark") { "dark" } else { "light" };
        let media = json!({"features": [{"name": "prefers-color-scheme", "value": scheme}]});
        browser.tell("Emulation.setEmulatedMedia", media).await;
        show(page, &browser, &stage).await;

        let picture = browser.picture().await;
        assert_eq!(browser.complaints().await, [""; 0], "{page}");
        let ground = browser.evaluate("return getComputedStyle(document.documentElement).colorScheme").await;
        assert!(ground.as_str().unwrap().contains("dark"), "{page} knows no dark: {ground}");
        keep(page, &picture);
    }
}

#[tokio::test]
async fn pictures_of_the_console() {
    let server = Server::start_named("Acme Studio");
    let console = Console::open(&server.url("")).await;
    let window = json!({"width": 900, "height": 960, "deviceScaleFactor": 1, "mobile": false});
    console.browser.tell("Emulation.setDeviceMetricsOverride", window).await;
    console.unfold("Login_links-getLoginLink").await;
    console.browser.evaluate("document.activeElement.blur(); scrollTo(0, 0)").await;
    let mut grounds = Vec::new();

    for (name, scheme) in [("docs", "light"), ("docs-dark", "dark")] {
        let media = json!({"features": [{"name": "prefers-color-scheme", "value": scheme}]});
        console.browser.tell("Emulation.setEmulatedMedia", media).await;

        let picture = console.browser.picture().await;
        grounds.push(ground(&console.browser).await);
        keep_up_to(MAX_WEIGHT_OF_CONSOLE, name, &picture);
    }

    assert!(grounds[0] > 600 && (0..165).contains(&grounds[1]), "{grounds:?}");
}

#[tokio::test]
async fn the_console_does_not_scroll_sideways_on_a_phone_of_320_pixels() {
    let long = "Donaudampfschifffahrtselektrizitaetenhauptbetriebswerkbauunterbeamtengesellschaft";
    let server = Server::start_named(long);
    let console = Console::open(&server.url("")).await;
    let phone = json!({"width": 320, "height": 640, "deviceScaleFactor": 2, "mobile": true});
    console.browser.tell("Emulation.setDeviceMetricsOverride", phone).await;

    for operation in ["Login_links-getLoginLink", "Clients-listClients"] {
        console.unfold(operation).await;

        assert_eq!(console.browser.evaluate(WIDTHS).await, json!([320, 320]), "{operation}");
    }
}

#[tokio::test]
async fn the_dark_page_is_dark_and_the_light_page_light() {
    let stage = Stage::set("Acme Studio", "ada@example.org", ("Ada", "Lovelace")).await;
    let browser = WebBrowser::start().await;
    let mut sums = Vec::new();

    for scheme in ["light", "dark"] {
        let media = json!({"features": [{"name": "prefers-color-scheme", "value": scheme}]});
        browser.tell("Emulation.setEmulatedMedia", media).await;
        browser.open(&stage.link().await).await;
        sums.push(ground(&browser).await);
    }

    assert!(sums[0] > 600, "the light page's ground is {sums:?}");
    assert!((0..165).contains(&sums[1]), "the dark page's ground is {sums:?}");
}

#[tokio::test]
async fn no_page_scrolls_sideways_on_a_phone_of_320_pixels_whatever_the_names() {
    let long = "Donaudampfschifffahrtselektrizitaetenhauptbetriebswerkbauunterbeamtengesellschaft";
    let email = format!("{}@{}.example.org", &long[..60], &long[..60]);
    let stage = Stage::set(long, &email, (long, long)).await;
    let browser = WebBrowser::start().await;
    let phone = json!({"width": 320, "height": 640, "deviceScaleFactor": 2, "mobile": true});
    browser.tell("Emulation.setDeviceMetricsOverride", phone).await;

    for page in PAGES {
        show(page, &browser, &stage).await;

        assert_eq!(browser.evaluate(WIDTHS).await, json!([320, 320]), "{page}");
        let small = "return [...document.querySelectorAll('main button')]
            .filter(button => button.getBoundingClientRect().height < 44).length";
        assert_eq!(browser.evaluate(small).await, 0, "{page} has a button too small for a thumb");
    }
}

/// How light the page's ground is: the sum of red, green and blue.
async fn ground(browser: &WebBrowser) -> i64 {
    let ground = "for (const it of [document.body, document.documentElement]) {
        const colour = getComputedStyle(it).backgroundColor;
        if (colour !== 'rgba(0, 0, 0, 0)') return colour.match(/\\d+/g).slice(0, 3).reduce((a, b) => +a + +b, 0);
    }
    return -1;";
    browser.evaluate(ground).await.as_i64().unwrap()
}

/// A workspace with two clients, and a site that they may be sent on to.
struct Stage {
    server: Server,
    shop: ThirdPartySite,
    ada: i64,
    bob: i64,
}

impl Stage {
    async fn set(workspace: &str, email: &str, (name_f, name_l): (&str, &str)) -> Self {
        let server = Server::start_named(workspace);
        let shop = ThirdPartySite::showing("<h1>The shop</h1>".to_owned()).await;
        server.workspace_set(&format!("allowed_redirect_origins={}", shop.url("")));
        let ada = server.add_client(email, name_f, name_l);
        let bob = server.add_client(&format!("bob.{email}"), name_f, name_l);
        Self { server, shop, ada, bob }
    }

    async fn link(&self) -> String {
        self.server.ask_for_link(self.ada).await
    }

    async fn link_of_somebody_else(&self) -> String {
        self.server.ask_for_link(self.bob).await
    }

    /// A browser that is sent to `/silent` has nothing to show and stays on the page that sent it.
    async fn link_elsewhere(&self) -> String {
        self.server.ask_for_link_to(self.bob, &self.shop.url("/silent")).await
    }

    async fn button(&self, browser: &WebBrowser) -> String {
        browser
            .evaluate("return document.querySelector('main button').innerText")
            .await
            .as_str()
            .unwrap()
            .to_owned()
    }
}
