//! The console at `/docs` in a real Chromium: what its reader fills in, presses and reads, and what watches it.

use std::time::{Duration, Instant};

use serde_json::json;
use thirtyfour::{By, Key, WebElement};

use super::browser::WebBrowser;

/// How long something may take to appear.
const TIMEOUT: Duration = Duration::from_secs(15);

/// Notes every violation of the page's policy, from before its first script on.
const WATCH: &str = "window.violations = []; document.addEventListener('securitypolicyviolation', \
                     event => violations.push(`${event.violatedDirective} ${event.blockedURI}`))";

/// A browser that shows the console of a server.
pub struct Console {
    pub browser: WebBrowser,
    portal: String,
}

/// An answer as the console shows it.
#[derive(Debug)]
pub struct Shown {
    pub status: String,
    pub body: String,
    pub headers: String,
    pub curl: String,
    pub url: String,
}

impl Console {
    /// Opens the console of the server at this origin.
    pub async fn open(portal: &str) -> Self {
        let browser = WebBrowser::start().await;
        browser.tell("Page.enable", json!({})).await;
        browser.tell("Page.addScriptToEvaluateOnNewDocument", json!({ "source": WATCH })).await;
        let console = Self { browser, portal: portal.to_owned() };
        console.open_at("/docs").await;
        console
    }

    /// Opens an address of the same server, and waits until the calls stand there.
    pub async fn open_at(&self, path: &str) {
        self.browser.open(&format!("{}{path}", self.portal)).await;
        self.find(".opblock").await;
    }

    /// Waits until something is there.
    pub async fn find(&self, css: &str) -> WebElement {
        let start = Instant::now();
        loop {
            if let Ok(found) = self.browser.driver().find(By::Css(css)).await {
                return found;
            }
            assert!(start.elapsed() < TIMEOUT, "no {css} in:\n{}", self.browser.text().await);
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    pub async fn press(&self, css: &str) {
        self.find(css).await.click().await.unwrap();
    }

    /// Writes into a field in place of what stands there.
    pub async fn fill(&self, css: &str, text: &str) {
        let field = self.find(css).await;
        field.send_keys(Key::Control + "a").await.unwrap();
        field.send_keys(text).await.unwrap();
    }

    /// Gives the page an API key.
    pub async fn authorize(&self, key: &str) {
        self.press(".auth-wrapper .btn.authorize").await;
        self.fill("#auth-bearer-value", key).await;
        self.press(".modal-btn.authorize").await;
        self.find(".modal-btn[aria-label='Remove authorization']").await;
        self.press(".btn-done").await;
    }

    /// Unfolds a call, named by its tag and operation: `Login_links-getLoginLink`.
    pub async fn unfold(&self, operation: &str) {
        self.press(&format!("#operations-{operation} .opblock-summary-control")).await;
        self.find(&format!("#operations-{operation} .execute")).await;
    }

    /// Fills in a parameter of a call.
    pub async fn set(&self, operation: &str, parameter: &str, value: &str) {
        self.fill(&format!("#operations-{operation} tr[data-param-name='{parameter}'] input"), value).await;
    }

    /// Sends a call and waits for its answer.
    pub async fn execute(&self, operation: &str) -> Shown {
        self.press(&format!("#operations-{operation} .execute")).await;
        self.shown(operation).await
    }

    /// Waits for the answer of a call that was sent.
    pub async fn shown(&self, operation: &str) -> Shown {
        self.find(&format!("#operations-{operation} .live-responses-table .headerline")).await;
        let part = async |css: &str| {
            let css = format!("#operations-{operation} {css}");
            self.find(&css).await.text().await.unwrap()
        };
        let response = ".live-responses-table .response";
        Shown {
            status: part(&format!("{response} > .response-col_status")).await,
            body: part(&format!("{response} .highlight-code pre")).await,
            headers: part(&format!("{response} > .response-col_description > div:last-child pre")).await,
            curl: part(".curl-command pre").await,
            url: part(".request-url pre").await,
        }
    }

    /// What broke the page's policy since it was opened.
    pub async fn violations(&self) -> Vec<String> {
        let seen = self.browser.evaluate("return violations").await;
        seen.as_array().unwrap().iter().map(|one| one.as_str().unwrap().to_owned()).collect()
    }

    /// What the browser's own log says of policies, and of anything else but Swagger UI's search for input fields of
    /// every format, which it falls back from.
    pub async fn complaints(&self) -> Vec<String> {
        let all = self.browser.complaints().await;
        all.into_iter().filter(|one| !one.contains("Could not find component:")).collect()
    }

    /// The addresses that were asked since the last time, but those of the server itself.
    pub async fn asked_elsewhere(&self) -> Vec<String> {
        let asked = self.browser.requests().await.into_iter().map(|sent| sent.url);
        let own = format!("{}/", self.portal);
        asked.filter(|url| url.starts_with("http") && !url.starts_with(&own)).collect()
    }

    /// Everything that would outlive the page, by name.
    pub async fn kept(&self) -> Vec<String> {
        let stored = "return (async () => [...Object.keys(localStorage), ...Object.keys(sessionStorage), window.name,
            ...(await indexedDB.databases()).map(one => one.name), ...(await caches.keys())].filter(Boolean))()";
        let stored = self.browser.evaluate(stored).await;
        let cookies = self.browser.driver().get_all_cookies().await.unwrap();
        let stored = stored.as_array().unwrap().iter().map(|name| name.as_str().unwrap().to_owned());
        stored.chain(cookies.into_iter().map(|cookie| cookie.name)).collect()
    }

    /// Goes from field to field with the Tab key until it stands on this one.
    pub async fn tab_to(&self, css: &str) {
        let is_alive = format!("return document.activeElement.matches(\"{css}\")");
        for _ in 0..60 {
            self.type_keys(Key::Tab).await;
            if self.browser.evaluate(&is_alive).await == true {
                let outline = "return getComputedStyle(document.activeElement).outlineStyle";
                assert_ne!(
                    self.browser.evaluate(outline).await,
                    "none",
                    "{css} does not show that it has the focus"
                );
                return;
            }
        }
        panic!("sixty presses of Tab did not reach {css}");
    }

    /// Types where the focus is.
    pub async fn type_keys(&self, keys: impl Into<thirtyfour::TypingData>) {
        self.browser.driver().action_chain().send_keys(keys).perform().await.unwrap();
    }
}
