//! A real browser, driven over `WebDriver`: what a person does and sees. Chromium by Debian's chromedriver, Firefox by
//! geckodriver.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::wait::until_so;
use axum::http::Method;
use serde_json::{Value, json};
use tempfile::TempDir;
use thirtyfour::common::capabilities::chrome::ChromeCapabilities;
use thirtyfour::common::capabilities::firefox::FirefoxPreferences;
use thirtyfour::common::command::{Command as DriverCommand, ExtensionCommand};
use thirtyfour::{
    By, CapabilitiesHelper, ChromiumLikeCapabilities, DesiredCapabilities, Key, LoggingPrefsLogLevel,
    WebDriver,
};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

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
    driver: Option<WebDriver>,
    driver_process: Child,
    driver_port: u16,
    _profile: TempDir,
}

/// Which browser it is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Kind {
    Chromium,
    Firefox,
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
        let (driver_process, driver_port) = start_chromedriver();
        let mut wishes = DesiredCapabilities::chrome();
        wish(&mut wishes, &profile, preferences);
        for argument in arguments {
            wishes.add_arg(argument).unwrap();
        }
        let mut browser = Self { driver: None, driver_process, driver_port, _profile: profile };
        let address = format!("http://127.0.0.1:{driver_port}");
        browser.driver = Some(WebDriver::new(address, wishes).await.unwrap());
        browser
    }

    /// A browser of this kind; where there is a port, it finds every host there on this machine, and takes any certificate.
    pub async fn start_kind(kind: Kind, port: Option<u16>) -> Self {
        match (kind, port) {
            (Kind::Chromium, None) => Self::start().await,
            (Kind::Chromium, Some(port)) => Self::start_before(port).await,
            (Kind::Firefox, port) => Self::start_firefox(port).await,
        }
    }

    async fn start_firefox(port: Option<u16>) -> Self {
        let profile = tempfile::tempdir().unwrap();
        let (driver_process, driver_port) = start_geckodriver();
        let mut wishes = DesiredCapabilities::firefox();
        wishes.set_firefox_binary("/usr/bin/firefox-esr").unwrap();
        wishes.set_headless().unwrap();
        wishes.accept_insecure_certs(true).unwrap();
        let mut preferences = FirefoxPreferences::new();
        if let Some(port) = port {
            let tunnel = i32::from(tunnel_to(port).await);
            preferences.set("network.proxy.type", 1).unwrap();
            preferences.set("network.proxy.ssl", "127.0.0.1".to_owned()).unwrap();
            preferences.set("network.proxy.ssl_port", tunnel).unwrap();
        }
        wishes.set_preferences(preferences).unwrap();
        let mut browser = Self { driver: None, driver_process, driver_port, _profile: profile };
        browser.driver =
            Some(WebDriver::new(format!("http://127.0.0.1:{driver_port}"), wishes).await.unwrap());
        browser
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
        self.driver.as_ref().unwrap()
    }
}

impl Drop for WebBrowser {
    /// Also after a failed test: the driver is asked to close its browser before it ends.
    fn drop(&mut self) {
        if let Some(driver) = self.driver.take() {
            let session = driver.handle().session_id().to_string();
            let _ = driver.leak();
            ask(self.driver_port, &format!("DELETE /session/{session}"));
        }
        let _ = self.driver_process.kill();
        let _ = self.driver_process.wait();
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

fn start_chromedriver() -> (Child, u16) {
    start_driver(&mut Command::new("chromedriver"), |line| {
        let (_, port) = line.split_once("started successfully on port ")?;
        port.trim_end_matches('.').parse().ok()
    })
}

fn start_geckodriver() -> (Child, u16) {
    let target = std::env::var_os("CARGO_TARGET_DIR").unwrap_or_else(|| "target".into());
    let installed =
        PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(target).join("geckodriver/bin/geckodriver");
    assert!(installed.exists(), "geckodriver is missing: ./test installs it");
    let listens = |line: &str| line.rsplit_once("Listening on 127.0.0.1:")?.1.trim().parse().ok();
    start_driver(&mut Command::new(installed), listens)
}

/// On a port that it chooses itself and then says. Where another process took that port meanwhile it ends, and is started
/// again.
fn start_driver(command: &mut Command, port_of: impl Fn(&str) -> Option<u16>) -> (Child, u16) {
    command.arg("--port=0").stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null());
    for _ in 0..5 {
        let mut process = command.spawn().unwrap();
        let mut lines = BufReader::new(process.stdout.take().unwrap()).lines();
        if let Some(port) = lines.by_ref().map_while(Result::ok).find_map(|line| port_of(&line)) {
            // Whatever it says later is read and dropped, so that it never waits for a reader.
            std::thread::spawn(move || lines.map_while(Result::ok).for_each(drop));
            return (process, port);
        }
        process.wait().unwrap();
    }
    panic!("{command:?} does not start");
}

/// A proxy that leads every `CONNECT` to this port of this machine, whatever host it names.
async fn tunnel_to(port: u16) -> u16 {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let tunnel = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((mut client, _)) = listener.accept().await {
            tokio::spawn(async move {
                let mut head = Vec::new();
                while !head.ends_with(b"\r\n\r\n") {
                    head.push(client.read_u8().await?);
                }
                let mut server = tokio::net::TcpStream::connect((Ipv4Addr::LOCALHOST, port)).await?;
                client.write_all(b"HTTP/1.1 200 OK\r\n\r\n").await?;
                tokio::io::copy_bidirectional(&mut client, &mut server).await
            });
        }
    });
    tunnel
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
