//! Nobody is left without a way on: by old links, bookmarks, frames, proxies that name an odd scheme, and unknown hosts.

use axum::http::StatusCode;

use crate::support::app::{TestApp, TestRequest, button};

/// A mailbox has many links of the same person; a used one leads on while that person is signed in, and nobody else.
#[tokio::test]
async fn an_older_link_of_who_is_signed_in_leads_on() {
    let test = TestApp::start().await;
    let ada = test.client("ada@example.org").await;
    let bob = test.client("bob@example.org").await;
    let mut browser = test.browser();
    let first = test.ask_for_link(ada).await;
    browser.sign_in(&first).await;
    browser.sign_in(&format!("{}&redirect=%2Forders%2F5", test.ask_for_link(ada).await)).await;

    let again = browser.open(&first).await;

    assert_eq!((again.status, again.header("location")), (StatusCode::SEE_OTHER, "/orders/5"));
    let mut other = test.browser();
    other.sign_in(&test.ask_for_link(bob).await).await;
    assert_eq!(other.open(&first).await.status, StatusCode::GONE, "it is another person's");
}

#[tokio::test]
async fn the_home_page_leads_to_the_landing_url() {
    let mut test = TestApp::start().await;
    let ada = test.client("ada@example.org").await;
    let mut browser = test.browser();
    browser.sign_in(&test.ask_for_link(ada).await).await;
    assert!(!browser.get("/").await.body.contains("<a class=\"button\""));

    test.set("landing_url", "/shop").await;
    let mut browser = test.browser();
    browser.sign_in(&test.ask_for_link(ada).await).await;

    let page = browser.get("/").await.body;
    assert!(page.contains("<a class=\"button\" href=\"/shop\""), "{page}");
}

/// In a sandboxed frame the button does nothing, or its form comes from nowhere.
#[tokio::test]
async fn in_a_frame_of_webmail_the_page_says_to_open_the_link_in_a_window_of_its_own() {
    let test = TestApp::start().await;
    let ada = test.client("ada@example.org").await;
    let page = test.browser().open(&test.ask_for_link(ada).await).await;
    assert!(page.body.contains("window of its own"), "{}", page.body);

    let sandboxed = button(&page).without("sec-fetch-site").without("origin").header("origin", "null");
    let refused = test.send(sandboxed.header("sec-fetch-site", "cross-site")).await;

    assert_eq!(refused.status, StatusCode::FORBIDDEN);
    assert!(refused.body.contains("window of its own"), "{}", refused.body);
}

/// Who presses a sign-out button on another site has no link to open: the way on is the page with the button of this one.
#[tokio::test]
async fn a_sign_out_from_another_site_leads_to_the_page_that_signs_out() {
    let test = TestApp::start().await;
    let foreign = TestRequest::of("POST", "/logout").header("sec-fetch-site", "cross-site");

    let refused = test.send(foreign).await;

    assert_eq!(refused.status, StatusCode::FORBIDDEN);
    assert!(!refused.body.contains("pen your link"), "{}", refused.body);
    assert!(refused.body.contains("you are still signed in"), "{}", refused.body);
    assert!(refused.body.contains("<a class=\"button\" href=\"/logout\">"), "{}", refused.body);
}

/// A poll, an image or a frame of an open tab is not where the person wants to go.
#[tokio::test]
async fn only_a_navigations_wish_is_remembered() {
    let test = TestApp::start().await;
    for (mode, destination, is_remembered) in [
        ("navigate", "document", true),
        ("navigate", "iframe", false),
        ("cors", "empty", false),
        ("no-cors", "image", false),
    ] {
        let ask = TestRequest::of("GET", "/login?redirect=/orders/13").header("sec-fetch-mode", mode);
        let response = test.send(ask.header("sec-fetch-dest", destination)).await;
        assert_eq!(!response.cookies().is_empty(), is_remembered, "{mode} {destination}");
    }
}

/// Where a proxy is told to send somebody who is not signed in.
async fn way_to_login(test: &TestApp, query: &str, schemes: &[&str], uri: impl AsRef<[u8]>) -> String {
    let ask =
        TestRequest::of("GET", &format!("/auth/verify?{query}")).header("x-forwarded-host", "example.com");
    let ask = ask.header("x-forwarded-uri", uri);
    let ask = schemes.iter().fold(ask, |ask, scheme| ask.header("x-forwarded-proto", scheme));
    test.send_from("10.1.2.3", ask).await.header("location").to_owned()
}

#[tokio::test]
async fn an_odd_forwarded_scheme_gives_way_to_the_portals() {
    let test = TestApp::start().await;
    let (login, page) = ("https://example.com/login", "?redirect=https://example.com/orders/12");
    for schemes in [&["https,http"][..], &["https", "http"], &["wss"], &["https"], &[]] {
        let location = way_to_login(&test, "redirect=1", schemes, "/orders/12").await;
        assert_eq!(location, format!("{login}{page}"), "{schemes:?}");
    }
    // One that counts, and that people are not sent to.
    assert_eq!(way_to_login(&test, "redirect=1", &["http"], "/orders/12").await, login);
}

#[tokio::test]
async fn a_page_is_found_again_whatever_stands_beside_it_and_however_its_address_is_written() {
    let test = TestApp::start().await;
    for (query, uri, page) in [
        ("redirect=1&x=%zz", "/a", "/a"),
        ("redirect=1", "/caf\u{e9}", "/caf%C3%A9"),
        ("redirect=1", "/caf%C3%A9?a=b", "/caf%C3%A9?a=b"),
    ] {
        let location = way_to_login(&test, query, &[], uri).await;
        let decoded = percent_encoding::percent_decode_str(&location).decode_utf8_lossy();
        let page = format!("https://example.com{page}");
        assert_eq!(decoded, format!("https://example.com/login?redirect={page}"), "{query} {uri}");
    }
}

#[tokio::test]
async fn a_host_of_nobody_is_named() {
    let test = TestApp::start().await;
    for path in ["/login", "/api/clients"] {
        let refused = test.send(TestRequest::of("GET", path).host("nobody.example")).await;
        assert_eq!(refused.status, StatusCode::NOT_FOUND, "{path}");
        assert!(refused.body.contains("nobody.example"), "{path}: {}", refused.body);
        // A caller of the API can do something about it, or knows who can; a person cannot.
        let is_advised = refused.body.contains("doorkey workspace list");
        assert_eq!(is_advised, path.starts_with("/api/"), "{path}: {}", refused.body);
    }
}
