//! What a person sees and does in a real Chromium, against the real binary.

use std::time::Duration;

use serde_json::json;
use thirtyfour::{By, Key};

use crate::support::browser::WebBrowser;
use crate::support::server::{Server, encode};
use crate::support::third_party_site::ThirdPartySite;

const SESSION: &str = "doorkey_session";

#[tokio::test]
async fn one_press_lands_on_the_deep_link_and_the_link_is_then_used_up() {
    let server = Server::start();
    let ada = server.add_client("ada@example.org", "Ada", "Lovelace");
    let link = server.ask_for_link_to(ada, "/orders/5?x=1#part").await;
    let deep = server.url("/orders/5?x=1#part");
    let browser = WebBrowser::start().await;

    browser.open(&link).await;
    assert_eq!(browser.heading().await, "Sign in");
    assert!(browser.text().await.contains("Acme"));
    assert!(!browser.text().await.contains("ada@example.org"), "the address is not masked");
    browser.press("Sign in").await;
    browser.arrives_at(&deep).await;
    assert!(browser.has_cookie(SESSION).await);

    // Again in the browser that used it: it leads where it led.
    browser.open(&link).await;
    browser.arrives_at(&deep).await;

    browser.open(&server.url("/")).await;
    assert!(browser.text().await.contains("Ada Lovelace"));
    browser.press("Sign out").await;
    browser.arrives_at(&server.url("/logout")).await;
    assert_eq!(browser.heading().await, "You are signed out");
    assert!(!browser.is_signed_in(&server.url("")).await);
    browser.open(&link).await;
    assert_eq!(browser.heading().await, "This link does not work");

    let somebody_elses = WebBrowser::start().await;
    somebody_elses.open(&link).await;
    assert_eq!(somebody_elses.heading().await, "This link does not work");
    assert!(!somebody_elses.has_cookie(SESSION).await);
}

/// Scanners load the page, run what there is to run, and wait.
#[tokio::test]
async fn thirty_seconds_on_the_page_without_a_press_change_nothing() {
    let server = Server::start();
    let ada = server.add_client("ada@example.org", "Ada", "Lovelace");
    let link = server.ask_for_link(ada).await;
    let browser = WebBrowser::start().await;

    browser.open(&link).await;
    tokio::time::sleep(Duration::from_secs(30)).await;

    assert_eq!(browser.heading().await, "Sign in");
    assert!(!browser.has_cookie(SESSION).await);
    assert_eq!(server.ask_for_link(ada).await, link);
    browser.press("Sign in").await;
    browser.arrives_at(&server.url("/")).await;
    assert_eq!(browser.heading().await, "You are signed in");
}

/// Even the whole form, proof and all, is worth nothing from a page of another origin.
#[tokio::test]
async fn a_form_copied_to_a_data_page_or_a_sandbox_is_refused_and_the_link_lives() {
    let server = Server::start();
    let ada = server.add_client("ada@example.org", "Ada", "Lovelace");
    let link = server.ask_for_link(ada).await;
    let browser = WebBrowser::start().await;
    browser.open(&link).await;
    let form = browser.evaluate("return document.forms[0].outerHTML").await;
    let form = form.as_str().unwrap().replace("\"/login\"", &format!("\"{}\"", server.url("/login")));
    let page = format!("<!doctype html><main>{form}</main>");

    browser.open(&format!("data:text/html,{}", encode(&page))).await;
    browser.press("Sign in").await;
    browser.arrives_at(&server.url("/login")).await;
    assert_ne!(browser.heading().await, "You are signed in");
    assert!(!browser.has_cookie(SESSION).await);

    let inner = format!("{form}<script>document.forms[0].submit()</script>");
    let sandbox =
        format!("<iframe sandbox='allow-forms allow-scripts' src='data:text/html,{}'>", encode(&inner));
    let evil = ThirdPartySite::showing(sandbox).await;
    browser.open(&evil.url("/")).await;
    server.counts("doorkey_http_answers_total{route=\"/login\",status=\"403\"} 2").await;

    browser.open(&server.url("/login")).await;
    assert!(!browser.has_cookie(SESSION).await);
    assert_eq!(server.ask_for_link(ada).await, link);
    browser.open(&link).await;
    browser.press("Sign in").await;
    assert_eq!(browser.heading().await, "You are signed in");
}

#[tokio::test]
async fn the_page_shows_in_no_frame_of_another_site() {
    let server = Server::start();
    let link = server.ask_for_link(server.add_client("ada@example.org", "Ada", "Lovelace")).await;
    let evil = ThirdPartySite::showing(format!("<h1>Win a prize</h1><iframe src='{link}'></iframe>")).await;
    let browser = WebBrowser::start().await;

    browser.open(&evil.url("/")).await;
    assert_eq!(browser.heading().await, "Win a prize");
    let complaints = browser.complaints().await.join("\n");
    let frame = browser.driver().find(By::Css("iframe")).await.unwrap();
    frame.enter_frame().await.unwrap();

    assert!(browser.driver().find(By::Css("form")).await.is_err(), "the form shows in a frame");
    assert!(complaints.contains("frame-ancestors"), "{complaints}");
}

/// Also on the way over `/login/go`: no policy of ours stops it.
#[tokio::test]
async fn no_request_tells_the_token_to_anybody_on_the_way_to_another_origin() {
    let server = Server::start();
    let shop = ThirdPartySite::showing("<h1>The shop</h1>".to_owned()).await;
    server.workspace_set(&format!("allowed_redirect_origins={}", shop.url("")));
    let ada = server.add_client("ada@example.org", "Ada", "Lovelace");
    let link = server.ask_for_link_to(ada, &shop.url("/cart?x=1")).await;
    let token = link.split_once("token=").unwrap().1.split('&').next().unwrap().to_owned();
    let browser = WebBrowser::start().await;

    browser.open(&link).await;
    browser.press("Sign in").await;
    browser.arrives_at(&shop.url("/cart?x=1")).await;
    assert_eq!(browser.heading().await, "The shop");

    assert_eq!(browser.complaints().await, [""; 0]);
    let requests = browser.requests().await;
    let urls: Vec<&str> =
        requests.iter().map(|sent| sent.url.as_str()).filter(|url| url.starts_with("http")).collect();
    assert!(urls.iter().any(|url| url.contains(&token)), "the record misses the flow: {urls:?}");
    assert!(urls.iter().any(|url| url.contains("/login/go")), "it did not go over the page: {urls:?}");
    let ours = [server.url("/"), shop.url("/")];
    let is_foreign = |url: &&&str| !ours.iter().any(|origin| url.starts_with(origin));
    assert_eq!(urls.iter().find(is_foreign), None);
    let referers: Vec<String> = requests.into_iter().filter_map(|sent| sent.referer).collect();
    assert_eq!(referers.iter().find(|referer| referer.contains(&token)), None);
    assert!(referers.contains(&server.url("/")), "the record has no referers: {referers:?}");
    assert_eq!(shop.visits()[0].path, "/cart?x=1");
    assert_eq!(shop.visits()[0].referer, None);
}

#[tokio::test]
async fn the_back_button_shows_no_live_form() {
    let server = Server::start();
    let link = server.ask_for_link(server.add_client("ada@example.org", "Ada", "Lovelace")).await;
    let browser = WebBrowser::start().await;
    browser.open(&link).await;
    browser.press("Sign in").await;
    browser.arrives_at(&server.url("/")).await;

    browser.go_back().await;
    assert_eq!(browser.heading().await, "You are signed in");
    assert_eq!(browser.address().await, server.url("/"));

    browser.press("Sign out").await;
    browser.arrives_at(&server.url("/logout")).await;
    browser.go_back().await;
    assert_ne!(browser.heading().await, "You are signed in");
    browser.open(&link).await;
    assert_eq!(browser.heading().await, "This link does not work");
}

#[tokio::test]
async fn with_cookies_off_the_person_is_told_so_and_the_link_lives() {
    let server = Server::start();
    let ada = server.add_client("ada@example.org", "Ada", "Lovelace");
    let link = server.ask_for_link(ada).await;
    let no_cookies = json!({"profile.default_content_setting_values.cookies": 2});
    let browser = WebBrowser::start_preferring(no_cookies).await;

    browser.open(&link).await;
    browser.press("Sign in").await;

    let text = browser.text().await;
    assert!(text.to_lowercase().contains("cookie"), "{text}");
    assert_eq!(server.ask_for_link(ada).await, link);
}

#[tokio::test]
async fn without_scripts_everything_works() {
    let server = Server::start();
    let shop =
        ThirdPartySite::showing("<h1>The shop</h1><script>document.title = 'scripted'</script>".to_owned())
            .await;
    server.workspace_set(&format!("allowed_redirect_origins={}", shop.url("")));
    let ada = server.add_client("ada@example.org", "Ada", "Lovelace");
    let browser = WebBrowser::start().await;
    browser.tell("Emulation.setScriptExecutionDisabled", json!({"value": true})).await;

    browser.open(&server.ask_for_link_to(ada, &shop.url("/")).await).await;
    browser.press("Sign in").await;
    browser.arrives_at(&shop.url("/")).await;
    assert_ne!(browser.driver().title().await.unwrap(), "scripted");

    browser.open(&server.url("/")).await;
    browser.press("Sign out").await;
    browser.arrives_at(&server.url("/logout")).await;
}

#[tokio::test]
async fn somebody_else_who_is_signed_in_is_asked_before_the_account_changes() {
    let server = Server::start();
    let ada = server.add_client("ada@example.org", "Ada", "Lovelace");
    let bob = server.add_client("bob@example.com", "Bob", "Babbage");
    let browser = WebBrowser::start().await;
    browser.open(&server.ask_for_link(ada).await).await;
    browser.press("Sign in").await;
    browser.arrives_at(&server.url("/")).await;

    let for_bob = server.ask_for_link(bob).await;
    browser.open(&for_bob).await;
    assert_eq!(browser.heading().await, "Switch account?");
    let button = browser.driver().find(By::Css("main button")).await.unwrap().text().await.unwrap();
    assert!(button.starts_with("Continue as "), "{button}");
    assert!(browser.is_signed_in(&server.url("")).await);
    assert!(browser.text().await.contains("Ada Lovelace"), "the page alone changed the account");

    browser.open(&for_bob).await;
    browser.press(&button).await;
    browser.arrives_at(&server.url("/")).await;
    assert!(browser.text().await.contains("Bob Babbage"));
    assert!(!browser.text().await.contains("Ada"));
}

#[tokio::test]
async fn the_keyboard_alone_signs_in_and_out() {
    let server = Server::start();
    let link = server.ask_for_link(server.add_client("ada@example.org", "Ada", "Lovelace")).await;
    let browser = WebBrowser::start().await;

    browser.open(&link).await;
    tab_to_the_button_and_press_enter(&browser).await;
    browser.arrives_at(&server.url("/")).await;
    assert_eq!(browser.heading().await, "You are signed in");

    tab_to_the_button_and_press_enter(&browser).await;
    browser.arrives_at(&server.url("/logout")).await;
}

async fn tab_to_the_button_and_press_enter(browser: &WebBrowser) {
    browser.tab_to("here.tagName === 'BUTTON'").await;
    browser.type_keys(Key::Enter).await;
}
