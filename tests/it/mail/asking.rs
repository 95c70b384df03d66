//! A person asks for a link: by an address, by a code, once more; and nobody learns who is known.

use std::collections::BTreeSet;

use axum::http::StatusCode;
use doorkey::domain::user::{UserChange, UserId};
use serde_json::json;

use crate::support::app::{Browser, TestApp, TestRequest, TestResponse, UNLIMITED};
use crate::support::mailbox::Mail;

fn ada() -> UserId {
    UserId::from_number(1).unwrap()
}

/// What a browser sends when the form of a page is sent with some fields typed in.
pub fn fill(page: &TestResponse, action: &str, typed: &[(&str, &str)]) -> TestRequest {
    let (_, rest) = page
        .body
        .split_once(&format!("action=\"{action}\""))
        .unwrap_or_else(|| panic!("no form: {}", page.body));
    let form = TestResponse { body: rest.split("</form>").next().unwrap().to_owned(), ..page.clone() };
    let hidden = ["proof", "token", "app", "redirect", "again"].map(|name| (name, form.field(name)));
    let mut fields: Vec<_> =
        hidden.iter().filter_map(|(name, value)| Some((*name, value.as_deref()?))).collect();
    fields.extend(typed);
    TestRequest::of("POST", action)
        .form(&fields)
        .header("sec-fetch-site", "same-origin")
        .header("origin", "https://example.com")
}

/// Asks for a mail to an address, as a person does.
pub async fn ask(browser: &mut Browser<'_>, email: &str) -> TestResponse {
    let page = browser.get("/login").await;
    assert_eq!(page.status, StatusCode::OK, "{}", page.body);
    browser.send(fill(&page, "/login/mail", &[("email", email)])).await
}

/// Types a code on the page that waits for it.
pub async fn type_code(browser: &mut Browser<'_>, code: &str) -> TestResponse {
    let page = browser.get("/login/code").await;
    assert_eq!(page.status, StatusCode::OK, "{}", page.body);
    browser.send(fill(&page, "/login/code", &[("code", code)])).await
}

pub async fn one_mail(test: &TestApp, before: usize) -> Mail {
    let mails = test.new_mails(before).await;
    assert_eq!(mails.len(), 1, "{mails:?}");
    mails[0].clone()
}

#[tokio::test]
async fn who_asks_gets_a_mail_whose_link_works_anywhere_and_whose_code_works_here() {
    let test = TestApp::start().await.mailing(0);
    test.client("Ada@Example.org").await;
    let mut asking = test.browser();
    let page = asking.get("/login").await;
    assert_eq!(page.body.matches("<form").count(), 1);
    assert!(page.body.contains("name=\"email\"") && !page.body.contains("<script"));
    let asked = ask(&mut asking, " ADA@example.ORG ").await;
    assert_eq!((asked.status, asked.header("location")), (StatusCode::SEE_OTHER, "/login/code"));
    let cookie =
        asked.cookies().into_iter().find(|cookie| cookie.contains("doorkey_ask")).unwrap().to_owned();
    assert!(
        cookie.starts_with("__Host-doorkey_ask=")
            && cookie.contains("Max-Age=600; HttpOnly; SameSite=Lax; Secure")
    );
    let waiting = asking.get("/login/code").await;
    assert!(
        waiting.body.contains("ADA@example.ORG") && waiting.body.contains("name=\"code\""),
        "{}",
        waiting.body
    );

    // To the address that is kept, as it is kept.
    let mail = one_mail(&test, 0).await;
    assert_eq!(mail.header("To"), "Ada@Example.org");
    let code = mail.code().expect("no code");
    assert!(!mail.header("Subject").contains(&code) && !mail.header("Subject").contains("http"));
    // The code is right in the browser that asked.
    let spaced = format!("{} {}", &code[..3], &code[3..]);
    let landed = type_code(&mut asking, &spaced).await;
    assert_eq!((landed.status, landed.header("location")), (StatusCode::SEE_OTHER, "/"), "{}", landed.body);
    assert!(asking.is_signed_in().await);
    // It has used up the link.
    assert_eq!(test.browser().open(&mail.path()).await.status, StatusCode::GONE);
    let audit = test.audit();
    assert!(audit.contains(&"login_link.issued by visitor".to_owned()), "{audit:?}");

    // The link of another ask shows the page with the button in any browser, and its use ends the code.
    let mut second = test.browser();
    ask(&mut second, "ada@example.org").await;
    let mail = one_mail(&test, 1).await;
    let mut elsewhere = test.browser();
    assert_eq!(elsewhere.sign_in(&mail.path()).await.status, StatusCode::SEE_OTHER);
    assert!(elsewhere.is_signed_in().await);
    let late = type_code(&mut second, &mail.code().unwrap()).await;
    assert_eq!(late.status, StatusCode::GONE);
    assert!(!second.is_signed_in().await);
    // Neither touched the link of the back office, and neither is listed.
    let link = test.ask_for_link(ada()).await;
    assert_eq!(test.call("GET", "/api/login_links").await.json()["data"].as_array().unwrap().len(), 1);
    assert_eq!(test.browser().open(&link).await.status, StatusCode::OK);
    let kinds = test.call("GET", "/api/mails").await.json();
    assert!(kinds["data"].as_array().unwrap().iter().all(|row| row["kind"] == "self_service"));
}

/// Whoever is named, and however: the same answer, and at most one mail to the one stored address.
#[tokio::test]
async fn nobody_learns_who_is_known() {
    let test = TestApp::start().await.limited_to(&UNLIMITED).mailing(0);
    test.client("ada@example.org").await;
    for (email, fields) in [
        ("staff@x.test", UserChange { is_staff: Some(true), ..UserChange::default() }),
        ("two@x.test", UserChange { has_two_factor: Some(true), ..UserChange::default() }),
        ("off@x.test", UserChange { is_active: Some(false), ..UserChange::default() }),
    ] {
        test.add(&test.acme, email, fields).await;
    }
    let mut answers = BTreeSet::new();
    let mut mailed = Vec::new();
    for email in [
        "ada@example.org",
        "nobody@x.test",
        "staff@x.test",
        "two@x.test",
        "off@x.test",
        "",
        "ada@example.org,eve@evil.test",
        "ada@example.org;eve@evil.test",
        "ada@example.org\r\nBcc: eve@evil.test",
        "\"Ada\" <eve@evil.test>",
        "ada＠example.org",
        "ada﹫example.org",
        "аda@example.org",
        "ada@example.org\0",
        "1",
        &"a".repeat(5_000),
    ] {
        let mut browser = test.browser();
        let asked = ask(&mut browser, email).await;
        let shape = |response: &TestResponse| {
            let headers: BTreeSet<_> = response.headers.keys().map(ToString::to_string).collect();
            let cookies: Vec<_> = response.cookies().iter().map(|cookie| cookie.len()).collect();
            format!("{} {headers:?} {cookies:?} {}", response.status, response.body)
        };
        answers.insert((shape(&asked), asked.header("location").to_owned()));
        let before = test.mails().len();
        let mails = test.new_mails(before).await;
        mailed.extend(mails.iter().map(|mail| mail.header("To").to_owned()));
        let page = browser.get("/login/code").await;
        assert_eq!(page.status, StatusCode::OK, "{email}");
        assert_eq!(type_code(&mut browser, "12345").await.status, StatusCode::FORBIDDEN);
    }
    assert_eq!(answers.len(), 1, "{answers:?}");
    assert_eq!(mailed, ["ada@example.org"]);
    // No trace: neither a mail nor an entry tells of the others.
    assert_eq!(test.number("SELECT count(*) FROM mails"), 1);
    assert_eq!(test.number("SELECT count(*) FROM audit_log WHERE user_id > 1 AND event <> 'user.added'"), 0);
}

#[tokio::test]
async fn send_again_mails_the_same_link_and_code_after_a_minute() {
    let test = TestApp::start().await.mailing(0);
    test.client("ada@example.org").await;
    let mut browser = test.browser();
    ask(&mut browser, "ada@example.org").await;
    let first = one_mail(&test, 0).await;
    let again = async |browser: &mut Browser<'_>| {
        let page = browser.get("/login/code").await;
        let sent = browser.send(fill(&page, "/login/mail", &[])).await;
        assert_eq!((sent.status, sent.header("location")), (StatusCode::SEE_OTHER, "/login/code"));
    };
    test.advance(59);
    again(&mut browser).await;
    assert_eq!(test.new_mails(1).await.len(), 0);
    test.advance(1);
    again(&mut browser).await;
    let second = one_mail(&test, 1).await;
    assert_eq!((second.link(), second.code()), (first.link(), first.code()));
    assert_ne!(second.header("Message-ID"), first.header("Message-ID"));
    // It lives no longer by that.
    test.advance(540);
    assert_eq!(browser.get("/login/code").await.header("location"), "/login");
    assert_eq!(test.browser().open(&first.path()).await.status, StatusCode::GONE);
}

#[tokio::test]
async fn limits_keep_mails_back_and_say_so_once_an_hour() {
    let mut test = TestApp::start().await.mailing(10);
    for number in 1..=8 {
        test.client(&format!("c{number}@example.org")).await;
    }
    let withheld =
        |test: &TestApp| test.number("SELECT count(*) FROM audit_log WHERE event = 'mail.withheld'");
    // One address: three in a quarter of an hour, ten in a day.
    for _ in 0..5 {
        ask(&mut test.browser(), "c1@example.org").await;
    }
    assert_eq!((test.new_mails(0).await.len(), withheld(&test)), (3, 1));
    // One network: ten in ten minutes, known or not; another one is served.
    for number in 2..=5 {
        ask(&mut test.browser(), &format!("nobody{number}@example.org")).await;
    }
    ask(&mut test.browser(), "c2@example.org").await;
    assert_eq!((test.new_mails(3).await.len(), withheld(&test)), (1, 1));
    for email in ["c3@example.org", "nobody@example.org"] {
        let mut browser = test.browser();
        assert_eq!(ask(&mut browser, email).await.status, StatusCode::SEE_OTHER);
        assert_eq!(browser.get("/login/code").await.status, StatusCode::OK);
    }
    assert_eq!((test.new_mails(4).await.len(), withheld(&test)), (0, 2));
    let mut browser = test.browser();
    let page = browser.get("/login").await;
    let cookies: Vec<_> = browser.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
    let other =
        fill(&page, "/login/mail", &[("email", "c3@example.org")]).header("cookie", cookies.join("; "));
    assert_eq!(test.send_from("2001:db8:1::1", other).await.status, StatusCode::SEE_OTHER);
    assert_eq!(test.new_mails(4).await.len(), 1);
    // One workspace in a day. What the back office has mailed is not among it.
    test.advance(86_400);
    test.set("mail_budget", "1").await;
    for email in ["c4@example.org", "c5@example.org", "c6@example.org"] {
        ask(&mut test.browser(), email).await;
    }
    assert_eq!((test.new_mails(5).await.len(), withheld(&test)), (1, 3));
    let by_api = TestRequest::of("POST", "/api/login_links/7/mail").bearer(&test.key);
    assert_eq!(test.send(by_api).await.status, StatusCode::ACCEPTED);
    assert_eq!(test.new_mails(6).await.len(), 1);
    let metrics = test.app.metrics.text();
    for line in ["limit=\"address\"} 2", "limit=\"source\"} 2", "limit=\"workspace\"} 2"] {
        assert!(metrics.contains(&format!("doorkey_mails_withheld_total{{{line}")), "{metrics}");
    }
}

/// Whoever asks too often is shown what all others are, however many of them there are.
#[tokio::test]
async fn each_browser_over_the_limit_keeps_the_page_of_its_code() {
    let test = TestApp::start().await.mailing(10);
    test.client("ada@example.org").await;
    let mut browsers = Vec::new();
    for _ in 0..100 {
        let mut browser = test.browser();
        assert_eq!(ask(&mut browser, "ada@example.org").await.header("location"), "/login/code");
        browsers.push(browser);
    }
    for (number, browser) in browsers.iter_mut().enumerate() {
        let page = browser.get("/login/code").await;
        assert_eq!(page.status, StatusCode::OK, "{number}");
        assert!(page.body.contains("name=\"code\""), "{number}: {}", page.body);
    }
    // The newest is over the limit, and counts its wrong codes as any other.
    let last = browsers.last_mut().unwrap();
    for tries in 1..=5 {
        let status = type_code(last, "000000").await.status.as_u16();
        assert_eq!(status, if tries < 5 { 403 } else { 410 }, "{tries}");
    }
}

#[tokio::test]
async fn forms_from_elsewhere_or_without_their_pair_mail_nothing() {
    let test = TestApp::start().await.mailing(0);
    test.client("ada@example.org").await;
    let mut browser = test.browser();
    let page = browser.get("/login").await;
    let good = fill(&page, "/login/mail", &[("email", "ada@example.org")]);
    let cookie =
        browser.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join("; ");
    let elsewhere =
        good.clone().without("sec-fetch-site").without("origin").header("origin", "https://evil.test");
    let cases = [
        (elsewhere.header("cookie", &cookie), 403),
        (good.clone(), 403),
        (
            TestRequest::of("POST", "/login/mail")
                .form(&[("email", "ada@example.org")])
                .header("cookie", &cookie),
            403,
        ),
        (
            TestRequest::of("POST", "/login/mail")
                .json(&json!({ "email": "ada@example.org" }))
                .header("cookie", &cookie),
            415,
        ),
        (TestRequest::of("GET", "/login?email=ada@example.org"), 200),
    ];
    for (request, status) in cases {
        let answer = test.send(request.clone()).await;
        assert_eq!(answer.status.as_u16(), status, "{request:?}");
    }
    for (method, path, allowed) in
        [("GET", "/login/mail", "POST"), ("GET", "/login/again", "POST"), ("POST", "/login/sent", "GET,HEAD")]
    {
        let answer = test.send(TestRequest::of(method, path)).await;
        assert_eq!((answer.status.as_u16(), answer.header("allow")), (405, allowed), "{method} {path}");
    }
    let twice = fill(&page, "/login/mail", &[("email", "ada@example.org"), ("email", "eve@evil.test")]);
    assert_eq!(browser.send(twice).await.status, StatusCode::SEE_OTHER);
    let array = fill(&page, "/login/mail", &[("email[]", "ada@example.org")]);
    assert_eq!(browser.send(array).await.status, StatusCode::SEE_OTHER);
    assert_eq!(test.new_mails(0).await.len(), 0);
}

#[tokio::test]
async fn without_a_mail_server_or_where_it_is_switched_off_nothing_of_it_is_there() {
    let mut test = TestApp::start().await;
    for closed in [false, true] {
        if closed {
            test = test.mailing(0);
            test.set("self_service", "false").await;
        }
        for (method, path) in [
            ("POST", "/login/mail"),
            ("GET", "/login/mail"),
            ("GET", "/login/code"),
            ("POST", "/login/code"),
            ("POST", "/login/again"),
            ("GET", "/login/again"),
            ("GET", "/login/sent"),
            ("POST", "/login/sent"),
        ] {
            let request = TestRequest::of(method, path).form(&[]);
            for request in [request.clone(), request.header("sec-fetch-site", "cross-site")] {
                let answer = test.send(request).await;
                assert_eq!(answer.status, StatusCode::NOT_FOUND, "{method} {path}");
            }
        }
        let page = test.browser().get("/login").await;
        assert!(!page.body.contains("<form"), "{}", page.body);
    }
}

/// Where the person wished to go before.
#[tokio::test]
async fn link_and_code_lead_where_the_browser_wished_to_go() {
    let test = TestApp::start().await.mailing(0);
    test.client("ada@example.org").await;
    let mut browser = test.browser();
    browser.get("/login?redirect=%2Forders%2F7%3Ftab%3Da").await;
    ask(&mut browser, "ada@example.org").await;
    let mail = one_mail(&test, 0).await;
    assert!(mail.link().ends_with("&redirect=%2Forders%2F7%3Ftab%3Da"), "{}", mail.link());
    let landed = type_code(&mut browser, &mail.code().unwrap()).await;
    assert_eq!(landed.header("location"), "/orders/7?tab=a");
}

/// What strangers typed is gone within an hour.
#[tokio::test]
async fn nothing_that_was_typed_is_kept_for_an_hour() {
    let test = TestApp::start().await.mailing(0);
    test.client("ada@example.org").await;
    let mut browser = test.browser();
    browser.get("/login?redirect=%2Fcanary-path").await;
    ask(&mut browser, "ada@example.org").await;
    ask(&mut test.browser(), "canary@example.org").await;
    test.deliver().await;
    test.advance(3_600);
    let kept = doorkey::flow::operations::maintenance::Retention { audit_log: 86_400, dead_links: 86_400 };
    doorkey::flow::operations::maintenance::sweep(&test.app, test.app.clock.now(), kept).await.unwrap();

    assert_eq!(test.number("SELECT count(*) FROM asks"), 0);
    assert_eq!(test.number("SELECT count(*) FROM mails WHERE redirect IS NOT NULL"), 0);
    assert_eq!(test.number("SELECT count(*) FROM mails"), 1);
}
