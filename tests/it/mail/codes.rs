//! Codes that are typed, and links that the asking browser opens: who gets in by them, how often, and who does not.

use axum::http::StatusCode;
use doorkey::domain::user::UserId;

use super::asking::{ask, fill, one_mail, type_code};
use crate::support::app::{TestApp, TestRequest, UNLIMITED};

fn ada() -> UserId {
    UserId::from_number(1).unwrap()
}

fn wrong(code: &str) -> String {
    let number: u32 = code.parse().unwrap();
    format!("{:06}", (number + 1) % 1_000_000)
}

#[tokio::test]
async fn five_wrong_codes_end_the_ask_and_its_link_and_what_is_no_code_does_not_count() {
    let test = TestApp::start().await.mailing(0);
    test.client("ada@example.org").await;
    let mut browser = test.browser();
    ask(&mut browser, "ada@example.org").await;
    let mail = one_mail(&test, 0).await;
    let code = mail.code().unwrap();
    for none in ["", "12345", "1234567", "abcdef", "１２３４５６"] {
        assert_eq!(type_code(&mut browser, none).await.status, StatusCode::FORBIDDEN, "{none}");
    }
    for _ in 0..4 {
        let page = type_code(&mut browser, &wrong(&code)).await;
        assert_eq!(page.status, StatusCode::FORBIDDEN);
        assert!(page.body.contains("name=\"code\""));
    }
    let page = browser.get("/login/code").await;
    assert_eq!(type_code(&mut browser, &wrong(&code)).await.status, StatusCode::GONE);
    assert_eq!(browser.send(fill(&page, "/login/code", &[("code", &code)])).await.status, StatusCode::GONE);
    assert_eq!(test.browser().open(&mail.path()).await.status, StatusCode::GONE);
    let gone = browser.get("/login/code").await;
    assert_eq!((gone.status, gone.header("location")), (StatusCode::SEE_OTHER, "/login"));
    assert!(!browser.is_signed_in().await);
}

#[tokio::test]
async fn two_codes_at_once_and_a_long_one_are_none_and_a_hyphen_is_passed_over() {
    let test = TestApp::start().await.mailing(0);
    test.client("ada@example.org").await;
    let mut browser = test.browser();
    ask(&mut browser, "ada@example.org").await;
    let code = one_mail(&test, 0).await.code().unwrap();
    let page = browser.get("/login/code").await;
    let long = code.repeat(8_192 / 6);
    for typed in [&[("code", &*code), ("code", &*code)][..], &[("code", &*long)][..]] {
        let answer = browser.send(fill(&page, "/login/code", typed)).await;
        assert_eq!(answer.status, StatusCode::FORBIDDEN, "{typed:?}");
    }
    assert_eq!(test.number("SELECT tries FROM asks"), 0);

    let hyphened = format!("{}-{}", &code[..3], &code[3..]);
    assert_eq!(type_code(&mut browser, &hyphened).await.status, StatusCode::SEE_OTHER);
    assert!(browser.is_signed_in().await);
}

/// However many are typed at once, on however many nodes.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_32_codes_typed_at_once_on_three_nodes_five_are_looked_at() {
    let test = TestApp::start().await.mailing(0);
    test.client("ada@example.org").await;
    let nodes = [test.beside().await.mailing(0), test.beside().await.mailing(0)];
    let mut browser = test.browser();
    ask(&mut browser, "ada@example.org").await;
    let mail = one_mail(&test, 0).await;
    let page = browser.get("/login/code").await;
    let cookies: Vec<_> = browser.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
    let send =
        |code: &str| fill(&page, "/login/code", &[("code", code)]).header("cookie", cookies.join("; "));
    let bad = wrong(&mail.code().unwrap());
    let racing = (0..32).map(|number| {
        let node = [&test, &nodes[0], &nodes[1]][number % 3];
        node.send(send(&bad))
    });
    let answers = futures_util::future::join_all(racing).await;
    let looked_at = answers.iter().filter(|answer| answer.status == StatusCode::FORBIDDEN).count();
    assert!(looked_at <= 4, "{looked_at}");
    assert!(answers.iter().all(|answer| [StatusCode::FORBIDDEN, StatusCode::GONE].contains(&answer.status)));
    assert_eq!(test.send(send(&mail.code().unwrap())).await.status, StatusCode::GONE);
    assert_eq!(test.browser().open(&mail.path()).await.status, StatusCode::GONE);
    assert_eq!(test.number("SELECT tries FROM asks"), 5);
}

/// Link and code at once: one session.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn link_and_code_used_at_once_give_one_session() {
    let test = TestApp::start().await.limited_to(&UNLIMITED).mailing(0);
    for round in 0..20 {
        let email = format!("c{round}@example.org");
        test.client(&email).await;
        let (mut asking, mut other) = (test.browser(), test.browser());
        ask(&mut asking, &email).await;
        let mail = one_mail(&test, round).await;
        let (waiting, opened) = (asking.get("/login/code").await, other.open(&mail.path()).await);
        let code = mail.code().unwrap();
        let typed = asking.send(fill(&waiting, "/login/code", &[("code", &code)]));
        let (typed, pressed) = tokio::join!(typed, other.press(&opened));
        let in_by = [typed.status, pressed.status].map(|status| status == StatusCode::SEE_OTHER);
        assert!(in_by[0] ^ in_by[1], "{} {}", typed.status, pressed.status);
    }
    assert_eq!(test.number("SELECT count(*) FROM sessions"), 20);
}

#[tokio::test]
async fn a_code_is_right_in_its_browser_its_workspace_and_its_newest_ask_alone() {
    let test = TestApp::start().await.mailing(0);
    test.client("ada@example.org").await;
    test.client("bob@example.org").await;
    let (mut one, mut other) = (test.browser(), test.browser());
    ask(&mut one, "ada@example.org").await;
    ask(&mut other, "bob@example.org").await;
    let mails = test.new_mails(0).await;
    let ada_mail = mails.iter().find(|mail| mail.header("To").starts_with("ada")).unwrap().clone();
    let code = ada_mail.code().unwrap();

    assert_eq!(type_code(&mut other, &code).await.status, StatusCode::FORBIDDEN);
    let page = one.get("/login/code").await;
    let bare = fill(&page, "/login/code", &[("code", &code)]);
    assert_eq!(test.send(bare.clone()).await.status, StatusCode::FORBIDDEN, "without a cookie");
    let mut without_ask = one.clone();
    without_ask.cookies.retain(|name, _| !name.contains("ask"));
    assert_eq!(without_ask.send(bare.clone()).await.status, StatusCode::GONE);
    // A newer ask in the same browser: the older code is right no more, its link lives on.
    let old = one.clone();
    ask(&mut one, "ada@example.org").await;
    let newer = one_mail(&test, 2).await;
    assert_eq!(type_code(&mut one, &code).await.status, StatusCode::FORBIDDEN);
    assert_eq!(old.clone().send(bare).await.status, StatusCode::GONE);
    assert_eq!(test.browser().open(&ada_mail.path()).await.status, StatusCode::OK);
    // A double click gives the same session.
    let page = one.get("/login/code").await;
    let press = fill(&page, "/login/code", &[("code", &newer.code().unwrap())]);
    let mut twice = one.clone();
    let (first, second) = (one.send(press.clone()).await, twice.send(press).await);
    assert_eq!((first.status, second.status), (StatusCode::SEE_OTHER, StatusCode::SEE_OTHER));
    assert_eq!(one.session(), twice.session());
    // What kills links kills codes.
    let mut third = test.browser();
    test.advance(901);
    ask(&mut third, "ada@example.org").await;
    let mail = one_mail(&test, 3).await;
    assert_eq!(test.call("DELETE", "/api/login_links/1").await.status, StatusCode::NO_CONTENT);
    assert_eq!(type_code(&mut third, &mail.code().unwrap()).await.status, StatusCode::GONE);
}

#[tokio::test]
async fn ten_wrong_codes_for_an_address_close_its_codes_until_the_day_is_over_but_not_its_links() {
    let test = TestApp::start().await.mailing(0);
    test.client("ada@example.org").await;
    test.client("bob@example.org").await;
    for number in 0..10 {
        let mut browser = test.browser();
        ask(&mut browser, "ADA@example.org").await;
        // Three mails in a quarter of an hour, and no more are needed to guess.
        test.deliver().await;
        let guess = format!("{number:06}");
        assert_eq!(type_code(&mut browser, &guess).await.status, StatusCode::FORBIDDEN);
    }
    test.advance(901);
    let sent = test.mails().len();
    let mut browser = test.browser();
    ask(&mut browser, "ada@example.org").await;
    let mail = one_mail(&test, sent).await;
    assert_eq!(type_code(&mut browser, &mail.code().unwrap()).await.status, StatusCode::FORBIDDEN);
    assert_eq!(test.browser().sign_in(&mail.path()).await.status, StatusCode::SEE_OTHER);
    let mut of_bob = test.browser();
    ask(&mut of_bob, "bob@example.org").await;
    let mail = one_mail(&test, sent + 1).await;
    assert_eq!(type_code(&mut of_bob, &mail.code().unwrap()).await.status, StatusCode::SEE_OTHER);
}

/// Whoever has pressed the link elsewhere guesses nothing by typing its code too.
#[tokio::test]
async fn the_right_code_of_a_link_that_is_dead_counts_as_no_wrong_one() {
    let test = TestApp::start().await.limited_to(&UNLIMITED).mailing(0);
    test.client("ada@example.org").await;
    for sent in 0..2 {
        let mut browser = test.browser();
        ask(&mut browser, "ada@example.org").await;
        let mail = one_mail(&test, sent).await;
        test.browser().sign_in(&mail.path()).await;
        // One ask has five tries.
        for _ in 0..5 {
            assert_eq!(type_code(&mut browser, &mail.code().unwrap()).await.status, StatusCode::GONE);
        }
    }

    let mut browser = test.browser();
    ask(&mut browser, "ada@example.org").await;
    let mail = one_mail(&test, 2).await;
    assert_eq!(type_code(&mut browser, &mail.code().unwrap()).await.status, StatusCode::SEE_OTHER);
}

/// Off unless asked for, and then in the browser of the very ask alone, for a person who goes there.
#[tokio::test]
async fn one_click_signs_in_the_browser_that_asked_and_no_other() {
    let mut test = TestApp::start().await.mailing(0);
    test.client("ada@example.org").await;
    let mut browser = test.browser();
    ask(&mut browser, "ada@example.org").await;
    let mail = one_mail(&test, 0).await;
    let go = |path: &str| {
        TestRequest::of("GET", path).header("sec-fetch-mode", "navigate").header("sec-fetch-dest", "document")
    };
    assert_eq!(browser.send(go(&mail.path())).await.status, StatusCode::OK, "off");
    test.set("one_click", "true").await;
    let mut browser = test.browser();
    ask(&mut browser, "ada@example.org").await;
    let mail = one_mail(&test, 1).await;
    let mut of_another_ask = test.browser();
    ask(&mut of_another_ask, "nobody@example.org").await;
    let path = mail.path();
    for refused in [
        TestRequest::of("GET", &path),
        go(&path).header("sec-purpose", "prefetch"),
        go(&path).header("purpose", "prefetch"),
        go(&path).header("x-moz", "prefetch"),
        go(&path).without("sec-fetch-dest").header("sec-fetch-dest", "iframe"),
        TestRequest { method: axum::http::Method::HEAD, ..go(&path) },
    ] {
        assert_eq!(browser.send(refused).await.status, StatusCode::OK);
    }
    assert_eq!(test.browser().send(go(&path)).await.status, StatusCode::OK);
    assert_eq!(of_another_ask.send(go(&path)).await.status, StatusCode::OK);
    let link = test.ask_for_link(ada()).await;
    let by_api = link.strip_prefix("https://example.com").unwrap();
    assert_eq!(browser.send(go(by_api)).await.status, StatusCode::OK);
    assert_eq!(test.number("SELECT count(*) FROM sessions"), 0);

    let landed = browser.send(go(&path)).await;
    assert_eq!((landed.status, landed.header("location")), (StatusCode::SEE_OTHER, "/"));
    assert!(browser.is_signed_in().await);
    assert_eq!(test.browser().open(&path).await.status, StatusCode::GONE);
    assert_eq!(test.number("SELECT count(*) FROM sessions"), 1);
}

/// Whoever guesses before anything is mailed has ended the ask all the same.
#[tokio::test]
async fn five_wrong_codes_before_the_mail_leave_no_link_to_be_mailed() {
    let test = TestApp::start().await.mailing(0);
    test.client("ada@example.org").await;
    let mut browser = test.browser();
    ask(&mut browser, "ada@example.org").await;
    for number in 0..5 {
        let status = type_code(&mut browser, &format!("{number:06}")).await.status;
        assert_eq!(status, if number < 4 { StatusCode::FORBIDDEN } else { StatusCode::GONE });
    }

    assert_eq!(test.new_mails(0).await.len(), 0);
    assert_eq!(test.number("SELECT count(*) FROM login_links"), 0);
}

/// Also where it is the last try that there is, and a right one is not counted.
#[tokio::test]
async fn a_double_click_on_the_right_code_after_four_wrong_ones_gives_one_session() {
    let test = TestApp::start().await.mailing(0);
    test.client("ada@example.org").await;
    let mut browser = test.browser();
    ask(&mut browser, "ada@example.org").await;
    let code = one_mail(&test, 0).await.code().unwrap();
    for _ in 0..4 {
        type_code(&mut browser, &wrong(&code)).await;
    }
    let page = browser.get("/login/code").await;
    let press = fill(&page, "/login/code", &[("code", &code)]);
    let mut twice = browser.clone();
    let (first, second) = (browser.send(press.clone()).await, twice.send(press).await);

    assert_eq!((first.status, second.status), (StatusCode::SEE_OTHER, StatusCode::SEE_OTHER));
    assert_eq!(browser.session(), twice.session());
    assert_eq!(test.number("SELECT count(*) FROM sessions"), 1);
    assert_eq!(test.number("SELECT count FROM mail_counters WHERE what = 'wrong_codes'"), 4);
}

/// Once, however often it is pressed, and where the ask was to lead.
#[tokio::test]
async fn send_again_pressed_ten_times_at_once_mails_the_first_link_once() {
    let test = TestApp::start().await.mailing(0);
    test.client("ada@example.org").await;
    let mut browser = test.browser();
    browser.get("/login?redirect=%2Fa").await;
    ask(&mut browser, "ada@example.org").await;
    let first = one_mail(&test, 0).await;
    browser.get("/login?redirect=%2Fb").await;
    let page = browser.get("/login/code").await;
    let cookies: Vec<_> = browser.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
    let again = fill(&page, "/login/mail", &[]).header("cookie", cookies.join("; "));
    test.advance(60);
    let pressed = futures_util::future::join_all((0..10).map(|_| test.send(again.clone()))).await;

    assert!(pressed.iter().all(|answer| answer.status == StatusCode::SEE_OTHER));
    assert_eq!(one_mail(&test, 1).await.link(), first.link());
}

#[tokio::test]
async fn one_click_leads_where_the_browser_wished_to_go() {
    let mut test = TestApp::start().await.mailing(0);
    test.set("one_click", "true").await;
    test.client("ada@example.org").await;
    let mut browser = test.browser();
    ask(&mut browser, "ada@example.org").await;
    let mail = one_mail(&test, 0).await;
    browser.get("/login?redirect=%2Forders%2F7").await;
    let go = TestRequest::of("GET", &mail.path());
    let go = go.header("sec-fetch-mode", "navigate").header("sec-fetch-dest", "document");

    assert_eq!(browser.send(go).await.header("location"), "/orders/7");
    assert!(!browser.cookies.keys().any(|name| name.contains("redirect")));
}
