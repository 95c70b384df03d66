//! People who ask for a link themselves, in real browsers: the mail's link, its code, and the way on from a dead link.

use std::fs;

use serde_json::json;

use crate::support::accessibility::{MAIL, PAGE, is_for_everybody};
use crate::support::browser::{Kind, WebBrowser};
use crate::support::pictures::keep;
use crate::support::server::Server;

const PERSON: &str = "ada@example.org";

/// A server with one client, whose number is given.
fn with_a_client() -> (Server, i64) {
    let server = Server::start_mailing("Acme Studio");
    let ada = server.add_client(PERSON, "Ada", "Lovelace");
    (server, ada)
}

/// Asks on the login page, which remembers where the person wished to go.
async fn ask(browser: &WebBrowser, server: &Server, email: &str) {
    browser.open(&server.url("/login?redirect=/orders/5")).await;
    browser.send("email", email).await;
    browser.arrives_at(&server.url("/login/code")).await;
}

/// In the browser that asked, in another one, and by its code where the person waits.
async fn a_mail_that_was_asked_for_leads_where_the_person_wished_to_go(kind: Kind) {
    let (server, _) = with_a_client();
    let deep = server.url("/orders/5");

    let asking = WebBrowser::start_kind(kind, None).await;
    ask(&asking, &server, PERSON).await;
    assert!(asking.text().await.contains(PERSON));
    asking.open(&server.next_mail(0).await.link()).await;
    asking.press("Sign in").await;
    asking.arrives_at(&deep).await;
    asking.open(&server.url("/logout")).await;
    asking.press("Sign out").await;

    ask(&asking, &server, PERSON).await;
    let mail = server.next_mail(1).await;
    let elsewhere = WebBrowser::start_kind(kind, None).await;
    elsewhere.open(&mail.link()).await;
    elsewhere.press("Sign in").await;
    elsewhere.arrives_at(&deep).await;
    assert!(elsewhere.is_signed_in(&server.url("")).await);
    // The link is used, and the code with it.
    asking.send("code", &mail.code().unwrap()).await;
    assert_eq!(asking.heading().await, "That code can no longer be used");
    assert!(!asking.is_signed_in(&server.url("")).await);

    ask(&asking, &server, PERSON).await;
    let code = server.next_mail(2).await.code().unwrap();
    let wrong = if code.starts_with('1') { "2" } else { "1" };
    asking.send("code", &format!("{wrong}{}", &code[1..])).await;
    asking.shows("Look into your mail").await;
    assert!(asking.text().await.contains("That code was not right"));
    asking.send("code", &format!("{} {}", &code[..3], &code[3..])).await;
    asking.arrives_at(&deep).await;
    assert!(asking.is_signed_in(&server.url("")).await);
}

async fn a_dead_link_has_one_button_that_mails_a_fresh_one(kind: Kind) {
    let (server, ada) = with_a_client();
    let link = server.ask_for_link_to(ada, "/orders/5").await;
    let first = WebBrowser::start_kind(kind, None).await;
    first.open(&link).await;
    first.press("Sign in").await;
    first.arrives_at(&server.url("/orders/5")).await;

    let second = WebBrowser::start_kind(kind, None).await;
    second.open(&link).await;
    assert_eq!(second.heading().await, "This link does not work");
    second.press("Mail me a fresh link").await;
    second.arrives_at(&server.url("/login/sent")).await;
    second.open(&server.next_mail(0).await.link()).await;
    second.press("Sign in").await;
    second.arrives_at(&server.url("/orders/5")).await;
    assert!(second.is_signed_in(&server.url("")).await);
    assert!(first.is_signed_in(&server.url("")).await, "the other browser was signed out");
}

#[tokio::test]
async fn a_mail_leads_where_the_person_wished_to_go_in_chromium() {
    a_mail_that_was_asked_for_leads_where_the_person_wished_to_go(Kind::Chromium).await;
}

#[tokio::test]
async fn a_mail_leads_where_the_person_wished_to_go_in_firefox() {
    a_mail_that_was_asked_for_leads_where_the_person_wished_to_go(Kind::Firefox).await;
}

#[tokio::test]
async fn a_dead_link_has_a_way_on_in_chromium() {
    a_dead_link_has_one_button_that_mails_a_fresh_one(Kind::Chromium).await;
}

#[tokio::test]
async fn a_dead_link_has_a_way_on_in_firefox() {
    a_dead_link_has_one_button_that_mails_a_fresh_one(Kind::Firefox).await;
}

/// The link in the mail is opened in the browser of the ask: no press, and no page between.
#[tokio::test]
async fn with_one_click_the_mails_link_signs_in_at_once_where_it_was_asked_for() {
    let (server, _) = with_a_client();
    server.workspace_set("one_click=true");
    let (asking, elsewhere) = (WebBrowser::start().await, WebBrowser::start().await);
    ask(&asking, &server, PERSON).await;
    let mail = server.next_mail(0).await;

    elsewhere.open(&mail.link()).await;
    assert_eq!(elsewhere.heading().await, "Sign in");
    asking.open(&mail.link()).await;
    asking.arrives_at(&server.url("/orders/5")).await;
    assert!(asking.is_signed_in(&server.url("")).await);
}

#[tokio::test]
async fn nothing_keeps_anybody_from_reading_a_page_or_a_mail() {
    let (server, ada) = with_a_client();
    server.workspace_set("support_contact=help@example.com");
    let browser = WebBrowser::start().await;
    let link = server.ask_for_link(ada).await;

    browser.open(&server.url("/login")).await;
    is_for_everybody(&browser, PAGE, "the login page").await;
    browser.send("email", PERSON).await;
    browser.arrives_at(&server.url("/login/code")).await;
    is_for_everybody(&browser, PAGE, "the page of the code").await;
    let mail = server.next_mail(0).await;
    for round in 0..5 {
        browser.send("code", "000 000").await;
        if round == 0 {
            is_for_everybody(&browser, PAGE, "the page of a wrong code").await;
        }
    }
    assert_eq!(browser.heading().await, "That code can no longer be used");
    is_for_everybody(&browser, PAGE, "the page of an ask that has ended").await;
    browser.open(&mail.link()).await;
    assert_eq!(browser.heading().await, "This link does not work");
    is_for_everybody(&browser, PAGE, "the page of a dead link").await;
    browser.press("Mail me a fresh link").await;
    browser.arrives_at(&server.url("/login/sent")).await;
    is_for_everybody(&browser, PAGE, "the page after that").await;
    browser.open(&link).await;
    is_for_everybody(&browser, PAGE, "the page of a live link").await;
    browser.press("Sign in").await;
    browser.arrives_at(&server.url("/")).await;
    is_for_everybody(&browser, PAGE, "the page of who is signed in").await;
    for path in ["/login", "/logout", "/login/nothing-here"] {
        browser.open(&server.url(path)).await;
        is_for_everybody(&browser, PAGE, path).await;
    }
    assert_eq!(browser.complaints().await, [""; 0]);

    show_mail(&browser, &server, mail.html()).await;
    is_for_everybody(&browser, MAIL, "the mail").await;
    assert_eq!(browser.complaints().await, [""; 0]);
}

/// Shows a mail as it is, from a file, as a mail program shows it.
async fn show_mail(browser: &WebBrowser, server: &Server, html: &str) {
    let file = server.path("mail.html");
    fs::write(&file, html).unwrap();
    browser.open(&format!("file://{}", file.display())).await;
}

/// The page that asks, the page that waits, and the mail, on a phone, each in another language.
#[tokio::test]
async fn pictures_of_asking_in_three_languages() {
    let (server, _) = with_a_client();
    let languages = [
        ("en", "Look into your mail", "asking"),
        ("de", "Sehen Sie in Ihr Postfach", "waiting"),
        ("pl", "Sprawdź pocztę", "mail"),
    ];
    for (at, (language, words, name)) in languages.into_iter().enumerate() {
        let keep = |what: &str, picture: Vec<u8>| {
            if what == name {
                keep(&format!("{name}-{language}"), &picture);
            }
        };
        let browser = WebBrowser::start_preferring(json!({"intl.accept_languages": language})).await;
        let phone = json!({"width": 360, "height": 640, "deviceScaleFactor": 1, "mobile": true});
        browser.tell("Emulation.setDeviceMetricsOverride", phone).await;

        browser.open(&server.url("/login")).await;
        assert_eq!(browser.evaluate("return document.documentElement.lang").await, *language);
        keep("asking", browser.picture().await);
        browser.send("email", PERSON).await;
        browser.shows(words).await;
        keep("waiting", browser.picture().await);
        assert_eq!(browser.complaints().await, [""; 0]);

        let mail = server.next_mail(at).await;
        assert_eq!(mail.header("Content-Language"), language);
        show_mail(&browser, &server, mail.html()).await;
        let widths = "const root = document.documentElement; return [innerWidth, root.scrollWidth];";
        assert_eq!(browser.evaluate(widths).await, json!([360, 360]), "the mail in {language}");
        keep("mail", browser.picture().await);
    }
}
