//! The admin pages in a real Chromium, against the real binary: an operator's way from the link to a key and out again.

use std::time::Duration;

use thirtyfour::By;

use crate::support::browser::WebBrowser;
use crate::support::ports::free_port;
use crate::support::server::Server;
use crate::support::third_party_site::ThirdPartySite;

fn serve() -> (Server, String) {
    let (mut server, port) = (Server::prepare("Acme"), free_port());
    let admin = format!("127.0.0.1:{port}");
    server.serve_with(&[("DOORKEY_ADMIN_LISTEN", &admin)]);
    (server, admin)
}

fn link(server: &Server, admin: &str) -> String {
    server.run(&["admin", "link", "--admin-listen", admin, "--name", "Grace"]).trim_end().to_owned()
}

#[tokio::test]
async fn an_operator_signs_in_makes_and_revokes_a_key_and_signs_out() {
    let (server, admin) = serve();
    let browser = WebBrowser::start().await;
    let url = |path: &str| format!("http://{admin}{path}");

    // A browser that only looks, for a while.
    let link = link(&server, &admin);
    browser.open(&link).await;
    tokio::time::sleep(Duration::from_secs(2)).await;
    assert_eq!(server.database.number("SELECT count(*) FROM admin_sessions"), 0);
    browser.press("Sign in").await;
    browser.arrives_at(&url("/w/1/")).await;
    assert_eq!(browser.heading().await, "Nobody has come to the door yet");

    browser.open(&url("/w/1/keys")).await;
    browser.driver().find(By::Id("name")).await.unwrap().send_keys("newsletter").await.unwrap();
    browser.press("Make the key").await;
    assert!(browser.text().await.contains("it is shown this once, and never again"));
    let key = browser.evaluate("return document.querySelector('.copy input').value").await;
    assert!(key.as_str().unwrap().starts_with("doorkey_"), "{key}");
    browser.open(&url("/w/1/keys")).await;
    browser.open(&url("/w/1/keys/2/revoke")).await;
    browser.press("Revoke the key").await;
    browser.arrives_at(&url("/w/1/keys?done=revoked")).await;
    assert!(browser.text().await.contains("The key is revoked."));
    browser.driver().find(By::Css(".me button")).await.unwrap().click().await.unwrap();
    browser.arrives_at(&url("/sign-in")).await;
    browser.open(&url("/w/1/keys")).await;
    browser.arrives_at(&url("/sign-in")).await;
    browser.open(&link).await;
    assert_eq!(browser.heading().await, "This link does not work any more");

    // A dead link is told of on the console, as any failed load is; nothing else.
    let complaints = browser.complaints().await;
    assert!(complaints.iter().all(|one| one.contains("410")), "{complaints:?}");
    for sent in browser.requests().await {
        let referer = sent.referer.unwrap_or_default();
        assert!(!referer.contains("token"), "{} was told {referer}", sent.url);
    }
}

#[tokio::test]
async fn a_link_on_another_site_is_pressed_there_and_no_page_shows_in_a_frame() {
    let (server, admin) = serve();
    // To a browser, this is another site than that of 127.0.0.1.
    let admin = admin.replace("127.0.0.1", "localhost");
    let link = link(&server, &admin);
    let page = format!(
        "<a id=\"go\" href=\"{link}\">here</a><a id=\"in\" href=\"http://{admin}/w/1/keys\">there</a>"
    );
    let site = ThirdPartySite::showing(page).await;
    let browser = WebBrowser::start().await;
    let click = async |id: &str| {
        browser.open(&site.url("/")).await;
        browser.driver().find(By::Id(id)).await.unwrap().click().await.unwrap();
    };

    click("go").await;
    browser.shows("Sign in to the admin pages").await;
    browser.press("Sign in").await;
    browser.arrives_at(&format!("http://{admin}/w/1/")).await;
    // What another site asks for comes without the cookie.
    click("in").await;
    browser.shows("How to sign in").await;
    browser.open(&format!("http://{admin}/w/1/keys")).await;
    assert_eq!(browser.heading().await, "Keys");

    let frame = format!("<iframe src=\"http://{admin}/w/1/keys\"></iframe>");
    let site = ThirdPartySite::showing(frame).await;
    browser.open(&site.url("/")).await;
    let complaints = browser.complaints().await;
    assert!(complaints.iter().any(|one| one.contains("frame-ancestors")), "{complaints:?}");
}
