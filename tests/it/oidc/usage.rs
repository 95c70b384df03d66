//! How much apps are used, as their pages tell: sign-ins by the day, the last one, and what they answered to the last sign-out.

use std::collections::HashMap;

use doorkey::domain::admin::AdminRole;
use doorkey::domain::audit::AuditContext;
use doorkey::domain::oidc::usage::AppUsage;
use doorkey::domain::outbound::OutboundAllow;
use doorkey::flow;
use doorkey::flow::oidc::sign_outs::Telling;
use doorkey::flow::oidc::{sign_outs, usage};
use doorkey::flow::operations::maintenance;
use doorkey::flow::operations::maintenance::Retention;
use doorkey::outbound::http::OutboundClient;
use serde_json::json;

use crate::support::admin::{admin_pages, grant, signed_in};
use crate::support::app::{Browser, TestApp, TestRequest, settings};
use crate::support::database::Database;
use crate::support::receiver::{Answer, Receiver};
use crate::support::relying_party::{RelyingParty, error_of};

const DAY: i64 = 86_400;

async fn used(test: &TestApp, client_id: &str) -> AppUsage {
    let all: HashMap<_, _> = usage::of_apps(&test.app, test.acme.id, &[client_id]).await.unwrap();
    all.get(client_id).copied().unwrap_or_default()
}

/// A sign-in at an app in a browser in which somebody is signed in.
async fn signs_in(test: &TestApp, app: &RelyingParty, browser: &mut Browser<'_>) {
    let code = app.code(browser).await;
    app.tokens(test, &code).await;
}

/// The only client, in another browser.
async fn in_another_browser(test: &TestApp) -> Browser<'_> {
    let mut browser = test.browser();
    browser.sign_in(&test.ask_for_link(doorkey::domain::user::UserId::from_number(1).unwrap()).await).await;
    browser
}

async fn sweep(test: &TestApp) {
    let kept = Retention { audit_log: 400 * DAY, dead_links: 90 * DAY };
    maintenance::sweep(&test.app, test.app.clock.now(), kept).await.unwrap();
}

#[tokio::test]
async fn an_exchange_is_counted_and_one_that_is_refused_is_not() {
    let test = TestApp::start().await;
    let (app, mut browser) = test.app_and_browser().await;
    let other = test.add_app(&json!({})).await;
    assert_eq!(used(&test, &app.client_id).await, AppUsage::default());

    signs_in(&test, &app, &mut browser).await;
    test.advance(60);
    let at = test.app.clock.now();
    let code = app.code(&mut browser).await;
    app.tokens(&test, &code).await;
    test.advance(5);
    assert_eq!(error_of(&test.send(app.exchange(&code)).await), (400, "invalid_grant".to_owned()));
    app.code(&mut browser).await;

    let expected = AppUsage { sign_ins: 2, last_at: Some(at), told: None };
    assert_eq!(used(&test, &app.client_id).await, expected);
    assert_eq!(used(&test, &other.client_id).await, AppUsage::default());
    assert_eq!(test.number("SELECT count(*) FROM app_usage WHERE workspace_id <> 1"), 0);
}

#[tokio::test]
async fn thirty_days_are_told_and_the_last_sign_in_for_ever() {
    let test = TestApp::start().await;
    let (app, mut browser) = test.app_and_browser().await;
    for _ in 0..2 {
        signs_in(&test, &app, &mut browser).await;
    }
    let first = test.app.clock.now();
    test.advance(DAY);
    let mut browser = in_another_browser(&test).await;
    signs_in(&test, &app, &mut browser).await;
    let last = test.app.clock.now();
    assert_eq!(used(&test, &app.client_id).await.sign_ins, 3);
    usage::merge(&test.app).await.unwrap();
    assert_eq!(used(&test, &app.client_id).await.sign_ins, 3);
    let rows = || test.number("SELECT count(*) FROM app_usage");
    assert_eq!(test.number("SELECT count(DISTINCT day) FROM app_usage"), 2);

    test.advance(28 * DAY);
    assert_eq!(used(&test, &app.client_id).await.sign_ins, 3, "the day of the first is the thirtieth");
    test.advance(DAY);
    assert_eq!(used(&test, &app.client_id).await.sign_ins, 1, "it was before {first}");
    usage::merge(&test.app).await.unwrap();
    assert_eq!((rows(), test.number("SELECT count(*) FROM app_usage WHERE slot > 0")), (2, 0));
    sweep(&test).await;
    assert_eq!(rows(), 2);
    test.advance(300 * DAY);
    sweep(&test).await;

    assert_eq!(rows(), 1);
    let expected = AppUsage { sign_ins: 0, last_at: Some(last), told: None };
    assert_eq!(used(&test, &app.client_id).await, expected);
}

/// Those who exchange at the same moment wait for no row of the app, and none is lost when they are merged meanwhile.
#[tokio::test(flavor = "multi_thread")]
async fn all_of_many_at_once_are_counted_however_they_are_merged() {
    let test = TestApp::start().await;
    let (app, mut browser) = test.app_and_browser().await;
    let mut codes = Vec::new();
    for _ in 0..40 {
        codes.push(app.code(&mut browser).await);
    }
    let (now, later) = codes.split_at(20);
    let exchange = async |codes: &[String]| {
        let all = codes.iter().map(|code| test.send(app.exchange(code)));
        for answer in futures_util::future::join_all(all).await {
            assert_eq!(answer.status, 200, "{}", answer.body);
        }
    };
    exchange(now).await;
    assert_eq!(used(&test, &app.client_id).await.sign_ins, 20);
    let is_slotted = matches!(*test.database, Database::Postgres(..));
    assert_eq!(test.number("SELECT count(*) FROM app_usage") > 1, is_slotted);
    // As if the day were over while they exchange.
    let tomorrow = test.app.clock.now().plus_seconds(DAY + 600);
    let merge = async || {
        for _ in 0..10 {
            test.app.store.merge_app_usage(test.acme.id, tomorrow).await.unwrap();
        }
    };

    tokio::join!(exchange(later), merge(), merge());

    assert_eq!(used(&test, &app.client_id).await.sign_ins, 40);
    merge().await;
    assert_eq!(used(&test, &app.client_id).await.sign_ins, 40);
    assert_eq!(test.number("SELECT count(*) FROM app_usage"), 1);
}

#[tokio::test]
async fn what_an_app_was_used_for_goes_with_it_and_with_its_workspace() {
    let test = TestApp::start().await;
    let (app, mut browser) = test.app_and_browser().await;
    let stays = test.add_app(&json!({})).await;
    let told = "INSERT INTO app_sign_outs (workspace_id, client_id, told_at, answer)
                SELECT workspace_id, client_id, 5, '200' FROM apps";
    signs_in(&test, &app, &mut browser).await;
    signs_in(&test, &stays, &mut browser).await;
    test.database.run(told);
    let count = |table: &str| test.number(&format!("SELECT count(*) FROM {table}"));

    let gone = test.call("DELETE", &format!("/api/apps/{}", app.client_id)).await;

    assert_eq!(gone.status, 204, "{}", gone.body);
    assert_eq!((count("app_usage"), count("app_sign_outs")), (1, 1));
    // Somebody counted while an app was deleted: the sweep takes that, or a new one of that name does.
    for name in ["gone", "back"] {
        test.database.run(&format!("INSERT INTO app_usage VALUES (1, '{name}', 0, 0, 7, 7)"));
        test.database.run(&format!("INSERT INTO app_sign_outs VALUES (1, '{name}', 7, '200')"));
    }
    test.add_app(&json!({"client_id": "back"})).await;
    assert_eq!(used(&test, "back").await, AppUsage::default());
    sweep(&test).await;
    assert_eq!((count("app_usage"), count("app_sign_outs")), (1, 1));
    flow::workspaces::delete(&test.app, &AuditContext::at_command_line(), "Acme").await.unwrap();
    assert_eq!((count("app_usage"), count("app_sign_outs")), (0, 0));
}

/// An app at a hook, and the page of it, where this much of it was told.
async fn told_by(answer: Answer, allowed: &str) -> (TestApp, RelyingParty, Receiver) {
    let test = TestApp::start().await;
    let client = OutboundClient::new(OutboundAllow::parse("127.0.0.0/8").unwrap(), []);
    let app = test.app.clone().calling(client);
    let test = TestApp { router: doorkey::http::router(app.clone(), settings()), app, ..test };
    let receiver = Receiver::start(answer).await;
    let uri = format!("http://{}/secret-hook", receiver.address);
    let app = test.add_app(&json!({"client_id": "wiki", "backchannel_logout_uri": uri})).await;
    test.client("ada@example.org").await;
    let mut browser = in_another_browser(&test).await;
    signs_in(&test, &app, &mut browser).await;
    let out = TestRequest::of("POST", "/logout").form(&[]).header("sec-fetch-site", "same-origin");
    assert_eq!(browser.send(out).await.status, 303);
    let client = OutboundClient::new(OutboundAllow::parse(allowed).unwrap(), []);
    let called = test.app.clone().calling(client);
    let test = TestApp { app: called, ..test };
    deliver(&test).await;
    (test, app, receiver)
}

async fn deliver(test: &TestApp) {
    let due = sign_outs::take_due(&test.app, 16, &Telling::default()).await.unwrap();
    assert_eq!(due.len(), 1);
    sign_outs::deliver(&test.app, due[0].item).await.unwrap();
}

/// The last answer alone is kept, as a status or a word: nothing of what was said, and no address.
#[tokio::test]
async fn the_last_answer_to_a_sign_out_is_told_with_its_moment() {
    let inside = "127.0.0.0/8";
    for (answer, allowed, word, sentence, sign) in [
        (Answer::status("204 No Content"), inside, "204", "answered 204", "ok"),
        (Answer::status("302 Found"), inside, "302", "answered 302", "bad"),
        (Answer::status("503 Oops"), inside, "503", "answered 503", "bad"),
        (Answer::Close, inside, "unanswered", "did not answer", "bad"),
        (Answer::status("200 OK"), "", "not_called", "may not be called, or leads nowhere", "bad"),
    ] {
        let (test, app, _receiver) = told_by(answer, allowed).await;
        let at = test.app.clock.now();

        let kept = test.database.rows("SELECT client_id, answer, told_at FROM app_sign_outs");
        assert_eq!(kept, [[app.client_id.as_str(), word, &at.millis().to_string()]]);
        let pages = admin_pages(&test);
        let mut browser = signed_in(&pages, grant("Vic", AdminRole::Viewer, &[])).await;
        let page = browser.get(&format!("/w/{}/apps/wiki", test.acme.id.0)).await.body;
        let told = format!("<span class=\"state {sign}\">{sentence}</span><small><time datetime=\"{at}\">");
        assert!(page.contains(&told), "{told}: {page}");
        assert!(
            page.contains("<dt>Sign-ins</dt><dd><bdi>1 in 30 days</bdi></dd><dd><small>the last one: <time")
        );
        let list = browser.get(&format!("/w/{}/apps", test.acme.id.0)).await.body;
        assert!(list.contains("data-label=\"Sign-ins:\">1<small>the last one: <time"), "{list}");
        assert_eq!(list.contains("did not hear of the last sign-out"), sign == "bad", "{list}");
        if sign == "bad" {
            test.advance(5);
            deliver(&test).await;
            let again = used(&test, "wiki").await.told.unwrap();
            assert_eq!((again.0, again.1.word()), (test.app.clock.now(), word.to_owned()));
        }
    }
}
