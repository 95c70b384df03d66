//! What Chromium and Firefox do by themselves about cookies, tabs and what a page loads; the outcome is the same in both.

use thirtyfour::By;

use super::reverse_proxies::{email_at, page_of};
use crate::support::browser::{Kind, WebBrowser};
use crate::support::reverse_proxy::{ReverseProxies, Way};
use crate::support::server::Server;
use crate::support::third_party_site::ThirdPartySite;

/// Each of these promises is tried in both browsers.
macro_rules! in_both_browsers {
    ($($promise:ident)+) => {
        mod chromium {
            $(#[tokio::test] async fn $promise() { super::$promise(super::Kind::Chromium).await; })+
        }
        mod firefox {
            $(#[tokio::test] async fn $promise() { super::$promise(super::Kind::Firefox).await; })+
        }
    };
}

in_both_browsers! {
    a_changed_cookie_domain_leaves_nobody_outside
    only_pages_that_the_person_went_to_are_remembered
    whoever_is_signed_in_is_told_so_on_the_login_page
    a_form_sent_after_the_session_ended_is_not_asked_again
    a_link_opened_in_two_tabs_at_once_signs_in
    a_page_whose_link_was_revoked_says_that_the_link_does_not_work
}

/// A cookie of an earlier `cookie_domain` stays in the browser for days, and is sent along with the new one.
async fn a_changed_cookie_domain_leaves_nobody_outside(kind: Kind) {
    let front = ReverseProxies::start();
    let way = sibling(&front);
    let client = way.add_client(&front.server, &email_at(&way), "Ada", "Lovelace");
    let browser = WebBrowser::start_kind(kind, Some(way.port())).await;
    sign_in(&browser, &way.ask_for_link(&front.server, &client)).await;

    for domain in ["login.example.com", "example.com", "", "example.com"] {
        front.server.run(&["workspace", "set", way.workspace, &format!("cookie_domain={domain}")]);
        assert!(!browser.is_signed_in(way.portal).await, "{domain}: a session of before came back");
        sign_in(&browser, &way.ask_for_link(&front.server, &client)).await;
        assert!(browser.is_signed_in(way.portal).await, "{domain}");
    }
    front.application.visits();
    browser.open(&page_of(&way)).await;
    let reached = front.application.visits();
    assert!(
        reached.iter().any(|visit| page_of(&way).ends_with(&visit.uri)),
        "not signed in on the sibling host"
    );
}

/// A tab that is left open polls, and shows images and frames: nobody wants to land on those.
async fn only_pages_that_the_person_went_to_are_remembered(kind: Kind) {
    let server = Server::start();
    let ada = server.add_client("ada@example.org", "Ada", "Lovelace");
    let link = server.ask_for_link(ada).await;
    let asked = |path: &str| server.url(&format!("/login?redirect={path}"));
    let (feed, image, style, frame) =
        (asked("/feed.json"), asked("/a.png"), asked("/a.css"), asked("/frame"));
    // Of the same site, so that the cookies are taken: only the port is another one.
    let tab = ThirdPartySite::showing(format!(
        "<h1>Orders</h1><img src='{image}'><link rel=stylesheet href='{style}'><iframe src='{frame}'></iframe>
         <script>fetch('{feed}', {{mode: 'no-cors', credentials: 'include'}})
                     .finally(() => document.title = 'polled')</script>"
    ))
    .await;
    let tab = format!("http://localhost:{}/", tab.port);
    let browser = WebBrowser::start_kind(kind, None).await;

    browser.open(&asked("/orders/13")).await;
    browser.open(&tab).await;
    browser.has_title("polled").await;
    browser.open(&link).await;
    browser.press("Sign in").await;

    browser.arrives_at(&server.url("/orders/13")).await;
}

async fn whoever_is_signed_in_is_told_so_on_the_login_page(kind: Kind) {
    let server = Server::start();
    let ada = server.add_client("ada@example.org", "Ada", "Lovelace");
    let browser = WebBrowser::start_kind(kind, None).await;
    sign_in(&browser, &server.ask_for_link(ada).await).await;

    browser.open(&server.url("/login")).await;
    assert!(browser.text().await.contains("ada@example.org"), "{}", browser.text().await);
    assert!(!browser.text().await.contains("How to sign in"));

    // A bank posts to the shop, whose answer leads here: the browser sends no cookie with the first, and one with the last.
    let shop = ThirdPartySite::leading_to(server.url("/login?redirect=/orders/12")).await;
    let bank = format!("<h1>Paid</h1><form method=post action='{}'></form>", shop.url("/paid"));
    let bank = ThirdPartySite::showing(bank).await;
    browser.open(&bank.url("/")).await;
    browser.evaluate("document.forms[0].submit()").await;
    browser.arrives_at(&server.url("/login?redirect=/orders/12")).await;
    browser.driver().find(By::Css("main a")).await.unwrap().click().await.unwrap();
    browser.arrives_at(&server.url("/orders/12")).await;
}

async fn a_form_sent_after_the_session_ended_is_not_asked_again(kind: Kind) {
    let front = ReverseProxies::start();
    let way = sibling(&front);
    let client = way.add_client(&front.server, &email_at(&way), "Ada", "Lovelace");
    let browser = WebBrowser::start_kind(kind, Some(way.port())).await;
    sign_in(&browser, &way.ask_for_link(&front.server, &client)).await;
    browser.open(&page_of(&way)).await;
    let sessions = front.server.run(&["session", "list", "--workspace", way.workspace, "--json"]);
    let sessions: serde_json::Value = serde_json::from_str(&sessions).unwrap();
    let session = sessions[0]["id"].as_str().unwrap();
    front.server.run(&["session", "end", session, "--workspace", way.workspace]);
    front.application.visits();

    let form = "const form = document.createElement('form'); form.method = 'post';
        form.action = '/orders/12/cancel'; document.body.append(form); form.submit();";
    browser.evaluate(form).await;
    browser.arrives_at(&format!("{}/login", way.portal)).await;
    browser.open(&way.ask_for_link(&front.server, &client)).await;
    browser.press("Sign in").await;

    browser.arrives_at(&format!("{}/", way.portal)).await;
    assert_eq!(front.application.visits().len(), 0);
}

/// Either tab came before the other one's cookie was there.
async fn a_link_opened_in_two_tabs_at_once_signs_in(kind: Kind) {
    let server = Server::start();
    let ada = server.add_client("ada@example.org", "Ada", "Lovelace");
    let link = server.ask_for_link_to(ada, "/orders/5").await;
    let browser = WebBrowser::start_kind(kind, None).await;
    let driver = browser.driver();
    browser.open(&link).await;
    let first = driver.window().await.unwrap();
    driver.delete_all_cookies().await.unwrap();
    let second = driver.new_tab().await.unwrap();
    driver.switch_to_window(second).await.unwrap();
    browser.open(&link).await;

    driver.switch_to_window(first).await.unwrap();
    browser.press("Sign in").await;
    assert_eq!(browser.heading().await, "Sign in");
    browser.press("Sign in").await;

    browser.arrives_at(&server.url("/orders/5")).await;
    assert!(browser.is_signed_in(&server.url("")).await);
}

async fn a_page_whose_link_was_revoked_says_that_the_link_does_not_work(kind: Kind) {
    let server = Server::start();
    let ada = server.add_client("ada@example.org", "Ada", "Lovelace");
    let link = server.ask_for_link(ada).await;
    let browser = WebBrowser::start_kind(kind, None).await;
    browser.open(&link).await;
    server.run(&["link", "revoke", &ada.to_string(), "--workspace", "Acme"]);

    browser.press("Sign in").await;

    assert_eq!(browser.heading().await, "This link does not work");
}

/// nginx with an application on a sibling host of the portal.
fn sibling(front: &ReverseProxies) -> Way {
    front.ways().into_iter().find(|way| way.name == "nginx, sibling host").unwrap()
}

async fn sign_in(browser: &WebBrowser, link: &str) {
    browser.open(link).await;
    browser.press("Sign in").await;
    browser.shows("You are signed in").await;
}
