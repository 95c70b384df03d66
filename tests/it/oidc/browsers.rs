//! Sign-ins to applications in real browsers, of all three engines.

use std::time::Duration;

use serde_json::Value;
use thirtyfour::By;

use crate::support::browser::{Kind, WebBrowser};
use crate::support::browser_app::{CLIENT_ID, HoppingApp, ScriptApp};
use crate::support::server::Server;
use crate::support::wait::until_so;

/// A link for Ada that leads into the app.
async fn link_into_app(server: &Server) -> String {
    let response = server.call("GET", &format!("/api/login_links/1?app={CLIENT_ID}")).await;
    let body: Value = response.json().await.unwrap();
    body["link"].as_str().unwrap().to_owned()
}

/// No address of doorkey's that led on has told anybody a token or a code.
fn expect_no_secret_referers(app: &HoppingApp) {
    for request in app.reached() {
        let referer = request.referer.as_deref().unwrap_or_default();
        assert!(
            !["token=", "code=", "return=", "resume="].iter().any(|secret| referer.contains(secret)),
            "{request:?}"
        );
    }
}

async fn click(browser: &WebBrowser) {
    browser.driver().find(By::Css("main button")).await.unwrap().click().await.unwrap();
}

/// Waits until the browser is at an address with this in it.
async fn reaches(browser: &WebBrowser, part: &str) {
    let is_there = async || browser.address().await.contains(part);
    until_so(Duration::from_secs(10), is_there, || format!("it does not reach {part}")).await;
}

/// From the link, and from the app itself; with the code in the address, and in a form; then on to another origin of the app.
async fn arrives_in_an_app_that_hops_once_more(kind: Kind) {
    let server = Server::start();
    server.add_client("ada@example.org", "Ada", "Lovelace");
    let app = HoppingApp::start(&server).await;
    let browser = WebBrowser::start_kind(kind, None).await;

    browser.open(&link_into_app(&server).await).await;
    browser.press("Sign in").await;
    browser.arrives_at(&app.home_after("GET")).await;
    browser.open(&app.url("/start")).await;
    browser.arrives_at(&app.home_after("GET")).await;
    browser.open(&app.url("/start?form_post")).await;
    browser.arrives_at(&app.home_after("POST")).await;

    let codes = app.reached().into_iter().filter(|request| request.path.starts_with("/cb"));
    let codes: Vec<_> =
        codes.map(|request| (request.method.to_string(), request.path.contains("code="))).collect();
    assert_eq!(codes, [("GET".to_owned(), true), ("GET".to_owned(), true), ("POST".to_owned(), false)]);
    expect_no_secret_referers(&app);

    // Who comes from the app with nobody signed in goes on with its request, whatever stands between.
    let other = WebBrowser::start_kind(kind, None).await;
    other.open(&app.url("/start?form_post")).await;
    other.open(&server.ask_for_link(1).await).await;
    other.press("Sign in").await;
    other.arrives_at(&app.home_after("POST")).await;
    expect_no_secret_referers(&app);
}

/// The window that the app opened still knows who opened it when it is back, after a press on doorkey's page and without one.
async fn a_pop_up_keeps_its_opener(kind: Kind) {
    let server = Server::start();
    server.add_client("ada@example.org", "Ada", "Lovelace");
    let app = HoppingApp::start(&server).await;
    let link = server.ask_for_link(1).await;
    let browser = WebBrowser::start_kind(kind, None).await;
    let windows = async || browser.driver().windows().await.unwrap();

    browser.open(&app.url("/opener")).await;
    let opener = windows().await.remove(0);
    click(&browser).await;
    let sign_in = windows().await.into_iter().find(|window| *window != opener).expect("no window opened");
    browser.driver().switch_to_window(sign_in).await.unwrap();
    reaches(&browser, "/login?return=").await;
    browser.evaluate(&format!("location.href = '{link}'")).await;
    browser.arrives_at(&link).await;
    browser.press("Sign in").await;
    browser.arrives_at(&app.home_after("GET")).await;
    browser.driver().switch_to_window(opener.clone()).await.unwrap();
    browser.has_title("arrived").await;

    browser.open(&app.url("/opener")).await;
    click(&browser).await;
    browser.has_title("arrived").await;
    expect_no_secret_referers(&app);
}

/// The code flow of a script on its own page, in a window, and in a frame that nobody sees; and out again.
async fn a_script_signs_in_and_out(kind: Kind) {
    let server = Server::start();
    server.add_client("ada@example.org", "Ada", "Lovelace");
    let app = ScriptApp::start(&server).await;
    let browser = WebBrowser::start_kind(kind, None).await;

    browser.open(&app.url("/")).await;
    browser.evaluate("told('silent', app.signinSilent())").await;
    browser.has_title("silent failed: login_required").await;
    browser.evaluate("app.signinRedirect()").await;
    reaches(&browser, "/login?return=").await;
    browser.open(&server.ask_for_link(1).await).await;
    browser.press("Sign in").await;
    browser.has_title("redirect ada@example.org").await;
    browser.open(&app.url("/")).await;
    browser.evaluate("told('silent', app.signinSilent())").await;
    browser.has_title("silent ada@example.org").await;
    click(&browser).await;
    browser.has_title("popup ada@example.org").await;
    browser.evaluate("app.signoutRedirect()").await;
    browser.has_title("out done").await;
    browser.evaluate("told('silent', app.signinSilent())").await;
    browser.has_title("silent failed: login_required").await;
    assert_eq!(server.database.number("SELECT count(*) FROM sessions"), 0);
}

#[tokio::test]
async fn chromium_arrives_in_an_app_that_hops_once_more() {
    arrives_in_an_app_that_hops_once_more(Kind::Chromium).await;
}

#[tokio::test]
async fn firefox_arrives_in_an_app_that_hops_once_more() {
    arrives_in_an_app_that_hops_once_more(Kind::Firefox).await;
}

#[tokio::test]
async fn webkit_arrives_in_an_app_that_hops_once_more() {
    arrives_in_an_app_that_hops_once_more(Kind::WebKit).await;
}

#[tokio::test]
async fn a_pop_up_keeps_its_opener_in_chromium() {
    a_pop_up_keeps_its_opener(Kind::Chromium).await;
}

#[tokio::test]
async fn a_pop_up_keeps_its_opener_in_firefox() {
    a_pop_up_keeps_its_opener(Kind::Firefox).await;
}

#[tokio::test]
async fn a_pop_up_keeps_its_opener_in_webkit() {
    a_pop_up_keeps_its_opener(Kind::WebKit).await;
}

#[tokio::test]
async fn a_script_signs_in_and_out_in_chromium() {
    a_script_signs_in_and_out(Kind::Chromium).await;
}

#[tokio::test]
async fn a_script_signs_in_and_out_in_firefox() {
    a_script_signs_in_and_out(Kind::Firefox).await;
}
