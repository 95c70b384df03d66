//! A real browser, driven over `WebDriver`: what a person does and sees.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpStream};
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::wait::until_so;
use super::web_driver::{self, Driver};
use axum::http::Method;
use serde_json::{Value, json};
use tempfile::TempDir;
use thirtyfour::common::capabilities::chrome::ChromeCapabilities;
use thirtyfour::common::capabilities::firefox::FirefoxPreferences;
use thirtyfour::common::command::{Command as DriverCommand, ExtensionCommand};
use thirtyfour::{
    By, Capabilities, CapabilitiesHelper, ChromiumLikeCapabilities, DesiredCapabilities, Key,
    LoggingPrefsLogLevel, WebDriver,
};

/// How long a page may take.
const TIMEOUT: Duration = Duration::from_secs(10);

/// Without these Chromium talks to its maker, or does not start in a container.
const ARGUMENTS: &[&str] = &[
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-default-apps",
    "--disable-extensions",
    "--disable-sync",
    "--no-default-browser-check",
    "--no-first-run",
    "--hide-scrollbars",
    "--window-size=900,700",
];

/// One person's browser with a profile of its own; it closes when it is dropped.
pub struct WebBrowser {
    session: Option<WebDriver>,
    driver: Driver,
    _profile: TempDir,
}

/// Which browser it is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Kind {
    Chromium,
    Firefox,
    WebKit,
}

impl Kind {
    pub const ALL: [Self; 3] = [Self::Chromium, Self::Firefox, Self::WebKit];
}

/// A request that the browser sent.
#[derive(Clone, Debug)]
pub struct Sent {
    pub url: String,
    pub referer: Option<String>,
}

impl WebBrowser {
    pub async fn start() -> Self {
        Self::start_preferring(json!({})).await
    }

    /// A browser whose owner changed these preferences.
    pub async fn start_preferring(preferences: Value) -> Self {
        Self::start_with(&[], preferences).await
    }

    /// A browser that finds every host at this port of this machine, and takes any certificate there.
    pub async fn start_before(port: u16) -> Self {
        let every_host = format!("--host-resolver-rules=MAP * 127.0.0.1:{port}");
        Self::start_with(&[&every_host, "--ignore-certificate-errors"], json!({})).await
    }

    async fn start_with(arguments: &[&str], preferences: Value) -> Self {
        let profile = tempfile::tempdir().unwrap();
        let mut wishes = DesiredCapabilities::chrome();
        wish(&mut wishes, &profile, preferences);
        for argument in arguments {
            wishes.add_arg(argument).unwrap();
        }
        Self::start_by(web_driver::chromium(), wishes.into(), profile).await
    }

    async fn start_by(driver: Driver, wishes: Capabilities, profile: TempDir) -> Self {
        let mut browser = Self { session: None, driver, _profile: profile };
        let address = format!("http://127.0.0.1:{}", browser.driver.port);
        browser.session = Some(WebDriver::new(address, wishes).await.unwrap());
        browser
    }

    /// A browser of this kind; where there is a port, it finds every host there on this machine, and takes any certificate.
    pub async fn start_kind(kind: Kind, port: Option<u16>) -> Self {
        match (kind, port) {
            (Kind::Chromium, None) => Self::start().await,
            (Kind::Chromium, Some(port)) => Self::start_before(port).await,
            (Kind::Firefox, port) => Self::start_firefox(port).await,
            (Kind::WebKit, None) => Self::start_webkit().await,
            (Kind::WebKit, Some(_)) => panic!("WebKit has no switch that leads every host to a port"),
        }
    }

    async fn start_firefox(port: Option<u16>) -> Self {
        let profile = tempfile::tempdir().unwrap();
        let mut wishes = DesiredCapabilities::firefox();
        wishes.set_firefox_binary("/usr/bin/firefox-esr").unwrap();
        wishes.set_headless().unwrap();
        wishes.accept_insecure_certs(true).unwrap();
        let mut preferences = FirefoxPreferences::new();
        if let Some(port) = port {
            let tunnel = i32::from(web_driver::tunnel_to(port).await);
            preferences.set("network.proxy.type", 1).unwrap();
            preferences.set("network.proxy.ssl", "127.0.0.1".to_owned()).unwrap();
            preferences.set("network.proxy.ssl_port", tunnel).unwrap();
        }
        wishes.set_preferences(preferences).unwrap();
        Self::start_by(web_driver::firefox(), wishes.into(), profile).await
    }

    async fn start_webkit() -> Self {
        let options = json!({"binary": web_driver::mini_browser(), "args": ["--automation"]});
        let wishes = json!({"browserName": "MiniBrowser", "webkitgtk:browserOptions": options});
        let wishes = Capabilities::from(wishes.as_object().unwrap().clone());
        let profile = tempfile::tempdir().unwrap();
        Self::start_by(web_driver::webkit(profile.path()), wishes, profile).await
    }

    pub async fn open(&self, url: &str) {
        self.driver().goto(url).await.unwrap();
    }

    /// Presses the button with this text and waits until its page is gone.
    pub async fn press(&self, text: &str) {
        let button = self.driver().find(By::Css("main button")).await.unwrap();
        assert_eq!(button.text().await.unwrap(), text);
        button.click().await.unwrap();
        let is_gone = async || button.tag_name().await.is_err();
        until_so(TIMEOUT, is_gone, || format!("pressing {text:?} led nowhere")).await;
    }

    /// Types into a field, and Enter.
    pub async fn send(&self, field: &str, text: &str) {
        let input = self.driver().find(By::Css(format!("[name={field}]"))).await.unwrap();
        input.send_keys(text + Key::Enter).await.unwrap();
        let is_gone = async || input.tag_name().await.is_err();
        until_so(TIMEOUT, is_gone, || format!("sending {text:?} led nowhere")).await;
    }

    /// Presses Tab until the element that has the focus is the one, by a condition on `here`, and shows that it has it.
    pub async fn tab_to(&self, is_there: &str) {
        let script = format!(
            "const here = document.activeElement;
             return Boolean({is_there}) && getComputedStyle(here).outlineStyle !== 'none'"
        );
        for _ in 0..30 {
            self.type_keys(Key::Tab).await;
            if self.evaluate(&script).await == true {
                return;
            }
        }
        panic!("thirty presses of Tab did not reach {is_there}, or it does not show that it has the focus");
    }

    /// Types where the focus is.
    pub async fn type_keys(&self, keys: impl Into<thirtyfour::TypingData>) {
        self.driver().action_chain().send_keys(keys).perform().await.unwrap();
    }

    pub async fn go_back(&self) {
        self.driver().back().await.unwrap();
    }

    pub async fn address(&self) -> String {
        self.driver().current_url().await.unwrap().to_string()
    }

    pub async fn heading(&self) -> String {
        let heading = self.evaluate("return document.querySelector('h1')?.innerText ?? ''").await;
        heading.as_str().unwrap().to_owned()
    }

    /// Waits until the heading holds these words: a page that sends people on comes and goes by itself.
    pub async fn shows(&self, words: &str) {
        let start = Instant::now();
        while !self.heading().await.contains(words) {
            assert!(start.elapsed() < TIMEOUT, "no {words:?} but:\n{}", self.text().await);
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// Waits until the page has this title, which a script of it may set.
    pub async fn has_title(&self, title: &str) {
        let is_there = async || self.driver().title().await.unwrap() == title;
        until_so(TIMEOUT, is_there, || format!("the title does not become {title}")).await;
    }

    /// What a person can read on the page.
    pub async fn text(&self) -> String {
        self.driver().find(By::Css("body")).await.unwrap().text().await.unwrap()
    }

    /// Waits until the browser is at an address.
    pub async fn arrives_at(&self, url: &str) {
        let start = Instant::now();
        while self.address().await != url {
            let here = self.address().await;
            assert!(start.elapsed() < TIMEOUT, "not at {url} but at {here}:\n{}", self.text().await);
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    pub async fn has_cookie(&self, prefix: &str) -> bool {
        let cookies = self.driver().get_all_cookies().await.unwrap();
        cookies.iter().any(|cookie| cookie.name.starts_with(prefix))
    }

    pub async fn is_signed_in(&self, portal: &str) -> bool {
        self.open(&format!("{portal}/")).await;
        self.heading().await == "You are signed in"
    }

    /// Runs a script in the page, as its author could not: the test may, whatever the page's policy.
    pub async fn evaluate(&self, script: &str) -> Value {
        self.driver().execute(script, vec![]).await.unwrap().json().clone()
    }

    /// A command of Chromium for its developers.
    pub async fn tell(&self, command: &str, parameters: Value) -> Value {
        let command = DevTools(json!({"cmd": command, "params": parameters}));
        let command = DriverCommand::ExtensionCommand(Box::new(command));
        self.driver().cmd(command).await.unwrap().value_json().unwrap()
    }

    /// What the browser complained about since the last time, without the plain news that an answer was an error.
    pub async fn complaints(&self) -> Vec<String> {
        let entries = self.driver().browser_log().await.unwrap();
        let complaints = entries.into_iter().map(|entry| entry.message);
        complaints.filter(|message| !message.contains("Failed to load resource")).collect()
    }

    /// What the network saw since the last time, event by event.
    pub async fn network_events(&self) -> Vec<Value> {
        let entries = self.driver().get_log("performance").await.unwrap();
        let events = entries.iter().map(|entry| serde_json::from_str::<Value>(&entry.message).unwrap());
        events.map(|event| event["message"].clone()).collect()
    }

    /// Every request since the last time, with the `Referer` that went over the wire.
    pub async fn requests(&self) -> Vec<Sent> {
        let events = self.network_events().await;
        let of = |method: &'static str| events.iter().filter(move |event| event["method"] == method);
        let known = of("Network.requestWillBeSent").map(|event| Sent {
            url: event["params"]["request"]["url"].as_str().unwrap().to_owned(),
            referer: referer(&event["params"]["request"]["headers"]),
        });
        let on_the_wire = of("Network.requestWillBeSentExtraInfo")
            .map(|event| Sent { url: String::new(), referer: referer(&event["params"]["headers"]) });
        known.chain(on_the_wire).collect()
    }

    /// A PNG of the window.
    pub async fn picture(&self) -> Vec<u8> {
        self.driver().screenshot_as_png().await.unwrap()
    }

    pub fn driver(&self) -> &WebDriver {
        self.session.as_ref().unwrap()
    }
}

impl Drop for WebBrowser {
    /// Also after a failed test: the driver is asked to close its browser before it ends.
    fn drop(&mut self) {
        if let Some(session) = self.session.take() {
            let number = session.handle().session_id().to_string();
            let _ = session.leak();
            ask(self.driver.port, &format!("DELETE /session/{number}"));
        }
    }
}

#[derive(Debug)]
struct DevTools(Value);

impl ExtensionCommand for DevTools {
    fn parameters_json(&self) -> Option<Value> {
        Some(self.0.clone())
    }

    fn method(&self) -> Method {
        Method::POST
    }

    fn endpoint(&self) -> Arc<str> {
        "/goog/cdp/execute".into()
    }
}

fn wish(wishes: &mut ChromeCapabilities, profile: &TempDir, preferences: Value) {
    wishes.set_binary("/usr/bin/chromium").unwrap();
    for argument in ARGUMENTS {
        wishes.add_arg(argument).unwrap();
    }
    wishes.add_arg(&format!("--user-data-dir={}", profile.path().display())).unwrap();
    wishes.add_experimental_option("prefs", preferences).unwrap();
    wishes.set_logging_prefs("browser", LoggingPrefsLogLevel::All).unwrap();
    wishes.set_logging_prefs("performance", LoggingPrefsLogLevel::All).unwrap();
}

/// A request without a runtime: a test may be falling over.
fn ask(port: u16, line: &str) {
    let Ok(mut stream) = TcpStream::connect((Ipv4Addr::LOCALHOST, port)) else { return };
    let _ = stream.set_read_timeout(Some(TIMEOUT));
    let _ = write!(stream, "{line} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nConnection: close\r\n\r\n");
    let _ = stream.read(&mut [0; 1024]);
}

fn referer(headers: &Value) -> Option<String> {
    let headers = headers.as_object()?;
    let found = headers.iter().find(|(name, _)| name.eq_ignore_ascii_case("referer"));
    found.map(|(_, value)| value.as_str().unwrap().to_owned())
}
