//! Thirty-two callers, one winner: each of these fails when the guard it is about is taken out.

use std::collections::HashSet;

use axum::http::StatusCode;
use doorkey::domain::audit::{AuditContext, AuditEvent};
use doorkey::domain::login_link::{LinkClaims, LoginLink};
use doorkey::domain::session::{Session, SignInMethod};
use doorkey::domain::timestamp::Timestamp;
use doorkey::domain::token::Token;
use doorkey::domain::user::{UserId, UserRef};
use doorkey::store::{FoundLink, Outcome, Redemption};

use crate::support::app::{TestApp, TestRequest, TestResponse, button};
use crate::support::at_once::{CALLERS, at_once};

/// Everything that a prepared browser needs to press the button.
async fn prepared(test: &TestApp, link: &str) -> TestRequest {
    let mut browser = test.browser();
    let page = browser.open(link).await;
    let cookies: Vec<_> = browser.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
    button(&page).header("cookie", cookies.join("; "))
}

fn sessions_of(responses: &[TestResponse]) -> HashSet<String> {
    let cookies = responses
        .iter()
        .flat_map(|response| response.cookies().into_iter().map(str::to_owned).collect::<Vec<_>>());
    cookies.filter(|cookie| cookie.contains("session")).collect()
}

/// However many ask at once, with whatever `min_ttl`, there is one link.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn thirty_two_callers_get_one_link() {
    let test = std::sync::Arc::new(TestApp::start().await);
    for (round, min_ttl) in [0, 7_200, 0, 7_200, 0, 7_200].into_iter().enumerate() {
        let user = test.client(&format!("u{round}@x.test")).await.number();
        let calls = (0..CALLERS).map(|_| {
            let test = std::sync::Arc::clone(&test);
            async move { test.call("GET", &format!("/api/login_links/{user}?min_ttl={min_ttl}")).await }
        });

        let responses = at_once(calls).await;

        let links: HashSet<_> = responses.iter().map(|response| response.body.clone()).collect();
        assert_eq!(links.len(), 1, "round {round}");
        assert_eq!(
            responses.iter().filter(|response| response.header("x-login-link-reused") == "false").count(),
            1
        );
        assert_eq!(test.number(&format!("SELECT count(*) FROM login_links WHERE user_id = {user}")), 1);
        assert_eq!(
            test.number(&format!(
                "SELECT count(*) FROM audit_log WHERE event = 'login_link.issued' AND user_id = {user}"
            )),
            1
        );
    }
}

/// Two processes on one database hand out one link, begin one session, and see each other at once.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn two_processes_on_one_database_agree() {
    let one = std::sync::Arc::new(TestApp::start().await);
    let two = std::sync::Arc::new(one.beside().await);
    for round in 0..4 {
        let user = one.client(&format!("u{round}@x.test")).await;
        let both = [&one, &two].map(std::sync::Arc::clone);
        let calls = (0..CALLERS).map(|number| {
            let test = std::sync::Arc::clone(&both[number % 2]);
            async move { test.ask_for_link(user).await }
        });
        let links: HashSet<_> = at_once(calls).await.into_iter().collect();
        assert_eq!(links.len(), 1, "round {round}");

        let link = links.into_iter().next().unwrap();
        let mut asks = Vec::new();
        for number in 0..CALLERS {
            asks.push((number, prepared(&both[number % 2], &link).await));
        }
        let presses = asks.into_iter().map(|(number, ask)| {
            let test = std::sync::Arc::clone(&both[number % 2]);
            async move { test.send(ask).await }
        });
        let responses = at_once(presses).await;
        assert_eq!(responses.iter().filter(|response| response.status == StatusCode::SEE_OTHER).count(), 1);
        assert_eq!(
            responses.iter().filter(|response| response.status == StatusCode::GONE).count(),
            CALLERS - 1
        );
    }
}

/// Across the instant of expiry there are the old link and one new one at most.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn across_the_expiry_there_is_one_new_link() {
    let test = std::sync::Arc::new(TestApp::start().await);
    let user = test.client("ada@x.test").await;
    let old = test.ask_for_link(user).await;
    test.advance(7_199);

    let calls = (0..CALLERS).map(|number| {
        let test = std::sync::Arc::clone(&test);
        async move {
            if number == CALLERS / 2 {
                test.advance(2);
            }
            test.ask_for_link(UserId::from_number(1).unwrap()).await
        }
    });
    let mut links: HashSet<_> = at_once(calls).await.into_iter().collect();
    links.remove(&old);

    assert_eq!(links.len(), 1);
    assert_eq!(test.number("SELECT count(*) FROM login_links"), 2);
}

/// Of any number of confirms from as many browsers, one gets a session.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn thirty_two_browsers_get_one_session() {
    let test = std::sync::Arc::new(TestApp::start().await);
    for round in 0..4 {
        let user = test.client(&format!("u{round}@x.test")).await;
        let link = test.ask_for_link(user).await;
        let mut asks = Vec::new();
        for _ in 0..CALLERS {
            asks.push(prepared(&test, &link).await);
        }

        let presses = asks.into_iter().map(|ask| {
            let test = std::sync::Arc::clone(&test);
            async move { test.send(ask).await }
        });
        let responses = at_once(presses).await;

        assert_eq!(responses.iter().filter(|response| response.status == StatusCode::SEE_OTHER).count(), 1);
        assert_eq!(
            responses.iter().filter(|response| response.status == StatusCode::GONE).count(),
            CALLERS - 1
        );
        assert_eq!(
            test.number(&format!("SELECT count(*) FROM sessions WHERE user_id = {}", user.number())),
            1
        );
    }
}

/// A double click: the same browser, any number of times at once, gets the same session, for links of either kind.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn one_browser_pressing_thirty_two_times_gets_one_session() {
    for single_use in ["true", "false"] {
        let mut test = TestApp::start().await;
        test.set("single_use", single_use).await;
        let test = std::sync::Arc::new(test);
        let user = test.client("ada@x.test").await;
        let ask = prepared(&test, &test.ask_for_link(user).await).await;

        let presses = (0..CALLERS).map(|_| {
            let (test, ask) = (std::sync::Arc::clone(&test), ask.clone());
            async move { test.send(ask).await }
        });
        let responses = at_once(presses).await;

        assert!(responses.iter().all(|response| response.status == StatusCode::SEE_OTHER));
        assert_eq!(sessions_of(&responses).len(), 1);
        assert_eq!(test.number("SELECT count(*) FROM sessions"), 1);
    }
}

/// A link that is being used is not handed out by a call that comes after the session.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn issue_against_confirm_never_hands_out_a_used_link_again() {
    let test = std::sync::Arc::new(TestApp::start().await);
    for round in 0..24 {
        let user = test.client(&format!("u{round}@x.test")).await;
        let link = test.ask_for_link(user).await;
        let press = prepared(&test, &link).await;

        let confirm = tokio::spawn({
            let test = std::sync::Arc::clone(&test);
            async move { test.send(press).await }
        });
        let calls = (0..8).map(|_| {
            let test = std::sync::Arc::clone(&test);
            async move { test.ask_for_link(user).await }
        });
        let issued: HashSet<_> = at_once(calls).await.into_iter().collect();
        let confirmed = confirm.await.unwrap();

        assert_eq!(confirmed.status, StatusCode::SEE_OTHER);
        let fresh: HashSet<_> = issued.into_iter().filter(|other| *other != link).collect();
        assert!(fresh.len() <= 1, "{fresh:?}");
        let after = test.ask_for_link(user).await;
        assert_ne!(after, link);
        assert!(fresh.is_empty() || fresh.contains(&after));
    }
}

/// 2FA against confirm: whoever comes first, an acknowledged kill is final.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn two_factor_against_confirm_leaves_no_session_begun_after_the_kill() {
    let test = std::sync::Arc::new(TestApp::start().await);
    for round in 0..CALLERS {
        let user = test.client(&format!("u{round}@x.test")).await;
        let link = test.ask_for_link(user).await;
        let press = prepared(&test, &link).await;

        let kill = tokio::spawn({
            let test = std::sync::Arc::clone(&test);
            async move { test.change(user, "two_factor_enabled", "true").await }
        });
        let confirm = tokio::spawn({
            let test = std::sync::Arc::clone(&test);
            async move { test.send(press).await }
        });
        kill.await.unwrap();
        let confirmed = confirm.await.unwrap();

        let entries = test.audit();
        let names = entries.iter().rev().take(3).map(|entry| entry.split(' ').next().unwrap());
        let last: HashSet<_> = names.collect();
        let sessions =
            test.number(&format!("SELECT count(*) FROM sessions WHERE user_id = {}", user.number()));
        let (ending, expected) = match confirmed.status {
            StatusCode::SEE_OTHER => ("login_link.redeemed", 1),
            StatusCode::GONE => ("login_link.refused", 0),
            other => panic!("{other}"),
        };
        assert_eq!(sessions, expected);
        assert_eq!(last, HashSet::from(["login_link.killed", "user.changed", ending]));
        assert_eq!(test.browser().open(&link).await.status, StatusCode::GONE);
    }
}

/// The same, step by step: what was decided before a kill or a change of the user loses after it, since the
/// conditions are in the write.
#[tokio::test]
async fn what_was_decided_before_a_kill_loses_after_it() {
    for kill in ["epoch", "two_factor", "is_staff", "is_active", "expires_at", "ended_at"] {
        let test = TestApp::start().await;
        let user = test.client("ada@x.test").await;
        let link = test.ask_for_link(user).await;
        let token = Token::parse(link.split('=').nth(1).unwrap()).unwrap();
        let (store, keys, acme) = (&test.app.store, test.app.keys(), test.acme.id);
        let seen = store.find_issue_state(acme, &UserRef::Id(user)).await.unwrap().unwrap();
        let hashes = keys.link_hashes(acme, &token);
        let FoundLink { link: found, standing, .. } =
            store.find_login_link(acme, &hashes).await.unwrap().unwrap();

        match kill {
            "epoch" => test.run_sql("UPDATE users SET link_epoch = link_epoch + 1"),
            "is_active" => test.run_sql("UPDATE users SET is_active = 0"),
            "expires_at" => test.advance(7_200),
            "ended_at" => test.run_sql("UPDATE login_links SET ended_at = 1"),
            flag => test.run_sql(&format!("UPDATE users SET {flag} = 1")),
        }
        let now = test.app.clock.now();
        let browser = doorkey::keys::random_browser_cookie().unwrap();
        let session = session_of(&found, standing.session_epoch, now);
        let (session, _) = keys.begin_session(session, &token, &browser);
        let claimed = store
            .claim_login_link(
                &Redemption { link: &keys.seal_link(found.used(now)), by_code: false, client_id: None },
                &session,
                None,
                &[],
            )
            .await
            .unwrap();

        assert_eq!(claimed, Outcome::Conflict, "{kill}");
        assert_eq!(test.number("SELECT count(*) FROM sessions"), 0);
        if kill != "expires_at" && kill != "ended_at" {
            let draft = LinkClaims::for_user(user, standing.link_epoch, &test.acme, now, [7; 16]);
            let entry = AuditContext::at_command_line().entry(AuditEvent::LinkIssued);
            let added =
                store.add_login_link((&keys.issue_token(draft).0, true), &seen, None, &entry).await.unwrap();
            assert_eq!(added, Outcome::Conflict, "{kill}");
            assert_eq!(test.number("SELECT count(*) FROM login_links"), 1);
        }
    }
}

fn session_of(link: &LoginLink, epoch: i64, now: Timestamp) -> Session {
    Session {
        workspace: link.draft.workspace,
        id: uuid::Uuid::now_v7(),
        user: link.draft.user,
        epoch,
        link: link.hash,
        confirm_hash: [7; 32],
        seed: [7; 16],
        secret_hash: [0; 32],
        key: link.key,
        landing: "/".to_owned(),
        created_at: now,
        last_seen_at: now,
        expires_at: now.plus_seconds(60),
        method: SignInMethod::Link,
        seal: [0; 32],
    }
}

/// Two callers see no link; the second, a second younger, wishes for a whole lifetime. Whoever loses the write takes
/// the winner's link: it was made while the request ran, and satisfies whatever it wished.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_link_made_while_a_request_runs_satisfies_any_min_ttl_of_it() {
    let test = std::sync::Arc::new(TestApp::start().await);
    test.client("ada@x.test").await;
    let hold = test.database.hold();
    let ask = |test: &std::sync::Arc<TestApp>| {
        let test = std::sync::Arc::clone(test);
        tokio::spawn(async move { test.call("GET", "/api/login_links/1?min_ttl=7200").await })
    };

    let first = ask(&test);
    tokio::time::sleep(std::time::Duration::from_millis(200)).await;
    test.advance(1);
    let second = ask(&test);
    tokio::time::sleep(std::time::Duration::from_millis(200)).await;
    hold.let_go();
    let (first, second) = (first.await.unwrap(), second.await.unwrap());

    assert_eq!(first.json()["link"], second.json()["link"]);
    assert_eq!(test.number("SELECT count(*) FROM login_links"), 1);
    test.advance(1);
    let later = test.call("GET", "/api/login_links/1?min_ttl=7200").await;
    assert_ne!(
        later.json()["link"],
        first.json()["link"],
        "a request of its own wishes for a whole lifetime"
    );
}

/// Flags set in the database itself, behind doorkey's back, between the page and the press.
#[tokio::test]
async fn flags_set_in_the_database_itself_are_seen_by_the_press() {
    let test = TestApp::start().await;
    let user = test.client("ada@x.test").await;
    for (column, value) in [("two_factor", 1), ("is_staff", 1), ("is_active", 0)] {
        let mut browser = test.browser();
        let page = browser.open(&test.ask_for_link(user).await).await;
        test.run_sql(&format!("UPDATE users SET {column} = {value}"));
        assert_eq!(browser.press(&page).await.status, StatusCode::GONE, "{column}");
        assert_eq!(test.audit().last().unwrap(), "login_link.refused by visitor refused");
        test.run_sql(&format!("UPDATE users SET {column} = {}", 1 - value));
        assert_eq!(
            browser.press(&page).await.status,
            StatusCode::GONE,
            "{column}: what was refused stays dead"
        );
        assert_eq!(test.number("SELECT count(*) FROM sessions"), 0);
    }

    assert_eq!(test.browser().sign_in(&test.ask_for_link(user).await).await.status, StatusCode::SEE_OTHER);
}
