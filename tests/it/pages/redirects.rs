//! Where a person lands.

use axum::http::StatusCode;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

use crate::support::app::{TestApp, TestRequest, button};

fn encoded(text: &str) -> String {
    utf8_percent_encode(text, NON_ALPHANUMERIC).to_string()
}

/// A bad redirect is a 400 to the back office, and the default page to the person.
#[tokio::test]
async fn a_bad_redirect_leads_nobody_astray() {
    let mut test = TestApp::start().await;
    test.set("landing_url", "/start").await;
    let ada = test.client("ada@example.org").await;
    let long = format!("/{}", "a".repeat(3_000));

    for bad in [
        "//evil.test",
        "/\\evil.test",
        "https:evil.test",
        "https://example.com@evil.test",
        "https://example.com.evil.test",
        "javascript:alert(1)",
        "data:text/html,x",
        "/\t/evil.test",
        "/a\r\nSet-Cookie: a=b",
        "/a\0b",
        "orders",
        "",
        &long,
    ] {
        let response = test.call("GET", &format!("/api/login_links/1?redirect={}", encoded(bad))).await;
        assert_eq!(
            (response.status.as_u16(), response.code().as_str()),
            (400, "invalid_redirect"),
            "{bad:?}"
        );
        let link = test.ask_for_link(ada).await;
        let landed = test.browser().sign_in(&format!("{link}&redirect={}", encoded(bad))).await;
        assert_eq!((landed.status, landed.header("location")), (StatusCode::SEE_OTHER, "/start"), "{bad:?}");
        assert_eq!(landed.headers.get_all("set-cookie").iter().count(), 1);
    }
}

/// A deep link arrives as it was given.
#[tokio::test]
async fn a_deep_link_arrives_as_it_was_given() {
    let test = TestApp::start().await;
    let ada = test.client("ada@example.org").await;
    let plain = test.ask_for_link(ada).await;

    let response =
        test.call("GET", &format!("/api/login_links/1?redirect={}", encoded("/orders/5?x=1#part"))).await;
    let link = response.json()["link"].as_str().unwrap().to_owned();

    assert_eq!(link, format!("{plain}&redirect=%2Forders%2F5%3Fx%3D1%23part"));
    assert_eq!(response.header("x-login-link-reused"), "true");
    assert_eq!(test.browser().sign_in(&link).await.header("location"), "/orders/5?x=1#part");
}

/// What the form's MAC does not cover does not count.
#[tokio::test]
async fn a_redirect_changed_in_the_form_does_not_count() {
    let test = TestApp::start().await;
    let ada = test.client("ada@example.org").await;
    let mut browser = test.browser();
    let page = browser.open(&format!("{}&redirect=%2Forders", test.ask_for_link(ada).await)).await;
    let fields = ["token", "proof", "destination_proof"].map(|name| page.field(name).unwrap());

    let changed = [
        ("token", fields[0].as_str()),
        ("proof", &fields[1]),
        ("redirect", "/other"),
        ("destination_proof", &fields[2]),
    ];
    let landed = browser.send(TestRequest::of("POST", "/login").form(&changed)).await;

    assert_eq!((landed.status, landed.header("location")), (StatusCode::SEE_OTHER, "/"));
}

/// Another origin must be allowed to the letter, and is reached over a page of this host.
#[tokio::test]
async fn another_origin_must_be_allowed_to_the_letter() {
    let mut test = TestApp::start().await;
    test.set("allowed_redirect_origins", "https://shop.example.org").await;
    test.set("landing_url", "https://home.example.org/start").await;
    let ada = test.client("ada@example.org").await;

    for (redirect, target) in [
        ("https://shop.example.org/cart?a=1&b=%22", "https://shop.example.org/cart?a=1&b=%22"),
        ("https://home.example.org/other", "https://home.example.org/other"),
        ("https://sub.shop.example.org/", "https://home.example.org/start"),
        ("https://shop.example.org:8443/", "https://home.example.org/start"),
        ("http://shop.example.org/", "https://home.example.org/start"),
    ] {
        let mut browser = test.browser();
        let landed = browser
            .sign_in(&format!("{}&redirect={}", test.ask_for_link(ada).await, encoded(redirect)))
            .await;
        let over = landed.header("location").to_owned();
        assert!(over.starts_with("/login/go?"), "{over}");

        let page = browser.get(&over).await;
        assert_eq!(
            (page.status, page.header("refresh")),
            (StatusCode::OK, format!("0; url={target}").as_str())
        );
        assert!(page.body.contains(&format!("href=\"{}\"", target.replace('&', "&#38;"))), "{}", page.body);
        let forged = over.replace("cart", "theft").replace("other", "theft").replace("start", "theft");
        let refused = browser.get(&forged).await;
        assert_eq!((refused.status, refused.header("location")), (StatusCode::SEE_OTHER, "/"), "{forged}");
        assert_eq!(browser.get("/login/go").await.header("location"), "/");
    }
    let own = encoded("https://example.com/orders");
    let landed = test.browser().sign_in(&format!("{}&redirect={own}", test.ask_for_link(ada).await)).await;
    assert_eq!(landed.header("location"), "/orders");
}

/// What is accepted is appended as it was given, and is where the person lands; what would not fit is refused at once.
#[tokio::test]
async fn what_is_accepted_is_appended_as_given_and_arrives() {
    let test = TestApp::start().await;
    let ada = test.client("ada@example.org").await;
    for (given, landed) in [
        ("/é", "/%C3%A9"),
        ("https://example.com", "/"),
        ("https://example.com:443/z", "/z"),
        ("/a/../b?c=[d]|\"e\"", "/b?c=[d]|%22e%22"),
    ] {
        let response = test.call("GET", &format!("/api/login_links/1?redirect={}", encoded(given))).await;
        let link = response.json()["link"].as_str().unwrap().to_owned();
        assert!(
            link.ends_with(&format!("&redirect={}", encoded(given).replace("%2E", ".").replace("%2D", "-"))),
            "{link}"
        );
        assert_eq!(test.browser().sign_in(&link).await.header("location"), landed, "{given}");
        assert_ne!(test.ask_for_link(ada).await, link);
    }
    let long = format!("/{}", "é".repeat(900));
    let response = test.call("GET", &format!("/api/login_links/1?redirect={}", encoded(&long))).await;
    assert_eq!(response.code(), "invalid_redirect");
}

#[tokio::test]
async fn a_wish_made_before_there_was_a_link_is_remembered() {
    let test = TestApp::start().await;
    let ada = test.client("ada@example.org").await;
    let mut browser = test.browser();
    let page = browser.get("/login?redirect=%2Forders%2F7").await;
    assert_eq!(page.status, StatusCode::OK);
    assert!(page.cookies()[0].starts_with("__Host-doorkey_redirect="), "{:?}", page.cookies());

    let landed = browser.sign_in(&test.ask_for_link(ada).await).await;

    assert_eq!(landed.header("location"), "/orders/7");
    assert!(!browser.cookies.keys().any(|name| name.contains("redirect")));
    assert!(test.browser().get("/login?redirect=%2F%2Fevil.test").await.cookies().is_empty());
    let mut browser = test.browser();
    browser.get("/login?redirect=%2Forders%2F8").await;
    let own = browser.sign_in(&format!("{}&redirect=%2Fown", test.ask_for_link(ada).await)).await;
    assert_eq!(own.header("location"), "/own");
    let next = browser.sign_in(&test.ask_for_link(ada).await).await;
    assert_eq!(next.header("location"), "/orders/8", "it waits for a sign-in without a redirect of its own");
    let mut browser = test.browser();
    browser.get("/login?redirect=/orders/9").await;
    let bad = browser.sign_in(&format!("{}&redirect=%2F%2Fevil.test", test.ask_for_link(ada).await)).await;
    assert_eq!(
        bad.header("location"),
        "/",
        "a bad wish of its own leads to the default, not to an older wish"
    );
    browser.cookies.insert("__Host-doorkey_redirect".to_owned(), "Ly9ldmlsLnRlc3Q".to_owned());
    assert_eq!(browser.sign_in(&test.ask_for_link(ada).await).await.header("location"), "/");
}

/// Browsers drop a cookie of more than 4,096 bytes.
#[tokio::test]
async fn the_longest_wish_fits_into_a_cookie() {
    let test = TestApp::start().await;
    let ada = test.client("ada@example.org").await;
    for letter in [",", "%2C", "%C3%A9"] {
        let wish = format!("/{}", letter.repeat(1_990 / letter.len()));
        let mut browser = test.browser();
        let page = browser.get(&format!("/login?redirect={}", encoded(&wish))).await;
        assert!(page.cookies()[0].len() < 4_096, "{} bytes", page.cookies()[0].len());
        let landed = browser.sign_in(&test.ask_for_link(ada).await).await;
        assert_eq!(landed.header("location"), wish);
    }
}

#[tokio::test]
async fn a_redirect_is_judged_again_when_the_link_is_used() {
    let mut test = TestApp::start().await;
    test.set("allowed_redirect_origins", "https://shop.example.org").await;
    let ada = test.client("ada@example.org").await;
    let mut browser = test.browser();
    let shop = encoded("https://shop.example.org/");
    let page = browser.open(&format!("{}&redirect={shop}", test.ask_for_link(ada).await)).await;
    let cookies = browser.cookies;
    test.set("allowed_redirect_origins", "").await;
    let mut browser = test.browser();
    browser.cookies = cookies;

    assert_eq!(browser.send(button(&page)).await.header("location"), "/");
}
