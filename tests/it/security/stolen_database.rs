//! What somebody with the database, or with the keys, can do.

use axum::http::StatusCode;
use doorkey::clock::Clock;
use doorkey::domain::scope::Scope;
use doorkey::domain::user::UserId;
use doorkey::flow;

use crate::support::app::{self, TestApp, TestRequest, UNLIMITED};

fn ada() -> UserId {
    UserId::from_number(1).unwrap()
}

/// Whatever stands in the database, none of it opens anything.
#[tokio::test]
async fn nothing_in_the_database_opens_anything() {
    let test = TestApp::start().await.limited_to(&UNLIMITED);
    test.client("ada@example.org").await;
    let link = test.ask_for_link(ada()).await;
    let mut browser = test.browser();
    browser.sign_in(&link).await;
    test.call("GET", "/api/login_links/1").await;
    let token = link.split('=').nth(1).unwrap().to_owned();
    let session = browser.session().unwrap().clone();

    let dump = test.database.stolen();
    assert!(dump.len() > 10_000);
    let hex = |text: &str| text.bytes().fold(String::new(), |hex, byte| format!("{hex}{byte:02x}"));
    for secret in
        [&token, &session[32..], &browser.cookies["__Host-doorkey_browser"], &test.key, &test.key[8..51]]
    {
        for form in [secret.to_owned(), hex(secret)] {
            assert!(!dump.windows(form.len()).any(|window| window == form.as_bytes()), "{form}");
        }
    }
    for run in dump.split(|byte| !byte.is_ascii_alphanumeric() && *byte != b'_').filter(|run| run.len() >= 20)
    {
        let candidates = std::str::from_utf8(run).unwrap();
        for start in 0..candidates.len().saturating_sub(31).min(8) {
            let candidate = &candidates[start..(start + 64).min(candidates.len())];
            let as_token = test
                .send(TestRequest::of(
                    "GET",
                    &format!("/login?token={}", &candidate[..candidate.len().min(32)]),
                ))
                .await;
            assert_ne!(as_token.status, StatusCode::OK, "{candidate}");
            let as_cookie = TestRequest::of("GET", "/auth/verify")
                .header("cookie", format!("{}={candidate}", browser.session_name()));
            assert_eq!(test.send(as_cookie).await.status, StatusCode::UNAUTHORIZED, "{candidate}");
            assert_eq!(
                test.send(TestRequest::of("GET", "/api/login_links/1").bearer(candidate)).await.status,
                StatusCode::UNAUTHORIZED
            );
        }
    }
}

/// Edited links open nothing, and are not handed out. What is handed out is what the user's row says of the newest link.
#[tokio::test]
async fn edited_links_open_nothing() {
    const ZEROS: &str = "x'0000000000000000000000000000000000000000000000000000000000000000'";
    let anothers =
        |column: &str| format!("(SELECT o.newest_{column} FROM users o WHERE o.id = 3 - users.id)");
    for (edit, newest) in [
        (
            "user_id = 3 - user_id",
            ["link", "id", "seed", "seal"]
                .map(|column| format!("newest_{column} = {}", anothers(column)))
                .join(", "),
        ),
        ("expires_at = expires_at + 86400000", "newest_expires_at = newest_expires_at + 86400000".to_owned()),
        (
            "link_epoch = link_epoch + 1",
            "newest_epoch = newest_epoch + 1, link_epoch = link_epoch + 1".to_owned(),
        ),
        ("single_use = 0", "newest_single_use = 0".to_owned()),
        (
            "seed = x'00112233445566778899aabbccddeeff'",
            "newest_seed = x'00112233445566778899aabbccddeeff'".to_owned(),
        ),
        ("created_at = created_at + 1", "newest_created_at = newest_created_at + 1".to_owned()),
        (&format!("seal = {ZEROS}"), format!("newest_seal = {ZEROS}")),
        ("key_id = key_id + 1", "newest_key_id = newest_key_id + 1".to_owned()),
        (
            "id = x'00112233445566778899aabbccddeeff'",
            "newest_id = x'00112233445566778899aabbccddeeff'".to_owned(),
        ),
    ] {
        let edit = format!("UPDATE login_links SET {edit}; UPDATE users SET {newest}");
        let test = TestApp::start().await;
        test.client("ada@example.org").await;
        test.client("bob@example.org").await;
        let link = test.ask_for_link(ada()).await;
        let bobs = test.ask_for_link(UserId::from_number(2).unwrap()).await;
        let mut browser = test.browser();
        let page = browser.open(&link).await;

        test.run_sql(&edit);

        assert_eq!(browser.press(&page).await.status, StatusCode::GONE, "{edit}");
        assert_eq!(test.browser().open(&link).await.status, StatusCode::GONE, "{edit}");
        let next = test.ask_for_link(ada()).await;
        assert!(next != link && next != bobs, "{edit}");
        assert_eq!(test.browser().sign_in(&next).await.status, StatusCode::SEE_OTHER, "{edit}");
    }
}

#[tokio::test]
async fn a_link_copied_into_another_workspace_opens_nothing_there() {
    let test = TestApp::start().await;
    let (other, _) = test.another("Other", "https://other.example").await;
    test.client("ada@example.org").await;
    test.add(&other, "ada@example.org", doorkey::domain::user::UserChange::default()).await;
    let link = test.ask_for_link(ada()).await;
    test.run_sql(&format!("UPDATE login_links SET workspace_id = {}", other.id.0));

    let mut browser = test.browser();
    browser.host = "other.example".to_owned();
    assert_eq!(browser.open(&link).await.status, StatusCode::GONE);
    assert_eq!(test.browser().open(&link).await.status, StatusCode::GONE);
}

/// A used link made unused, or an ended one live, is no link.
#[tokio::test]
async fn a_used_link_is_not_revived_by_clearing_its_columns() {
    let test = TestApp::start().await;
    test.client("ada@example.org").await;
    let link = test.ask_for_link(ada()).await;
    test.browser().sign_in(&link).await;
    test.run_sql(
        "UPDATE login_links SET used_at = NULL, ended_at = NULL; UPDATE users SET newest_ended_at = NULL",
    );

    assert_eq!(test.browser().open(&link).await.status, StatusCode::GONE);
    assert_ne!(test.ask_for_link(ada()).await, link);
}

#[tokio::test]
async fn edited_sessions_sign_nobody_in() {
    for edit in [
        "UPDATE sessions SET user_id = 2",
        "UPDATE sessions SET expires_at = expires_at + 86400000",
        "UPDATE sessions SET last_seen_at = last_seen_at + 1000",
        "UPDATE sessions SET session_epoch = 1; UPDATE users SET session_epoch = 1",
        "UPDATE sessions SET landing = '/theft'",
        "UPDATE sessions SET secret_hash = x'0000000000000000000000000000000000000000000000000000000000000000'",
        "UPDATE sessions SET created_at = created_at + 1",
    ] {
        let test = TestApp::start().await;
        test.client("ada@example.org").await;
        test.client("bob@example.org").await;
        let mut browser = test.browser();
        browser.sign_in(&test.ask_for_link(ada()).await).await;

        test.run_sql(edit);

        assert!(!browser.is_signed_in().await, "{edit}");
    }
}

#[tokio::test]
async fn edited_api_keys_let_nobody_in() {
    for edit in [
        "UPDATE api_keys SET scopes = 3 WHERE id = 2",
        "UPDATE api_keys SET expires_at = NULL WHERE id = 3",
        "UPDATE api_keys SET revoked_at = NULL WHERE id = 4",
        "UPDATE api_keys SET workspace_id = 2, id = 99 WHERE id = 1 AND workspace_id = 1",
    ] {
        let test = TestApp::start().await;
        test.another("Other", "https://other.example").await;
        let (_, reader) = test.key_with(&[Scope::LoginLinksRead], None).await;
        let (_, short) = test.key_with(&Scope::ALL, Some(1)).await;
        let (revoked_id, revoked) = test.key_with(&Scope::ALL, None).await;
        test.revoke_key(revoked_id).await;
        test.advance(2);

        test.run_sql(edit);

        for key in [&reader, &short, &revoked] {
            let response = test.send(TestRequest::of("GET", "/api/login_links/7").bearer(key)).await;
            assert!(matches!(response.status.as_u16(), 401 | 403), "{edit}: {}", response.body);
        }
        let moved = test
            .send(TestRequest::of("GET", "/api/login_links/7").host("other.example").bearer(&test.key))
            .await;
        assert_eq!(moved.status, StatusCode::UNAUTHORIZED, "{edit}");
    }
}

/// The keys without the database open nothing.
#[tokio::test]
async fn the_keys_without_the_database_open_nothing() {
    let test = TestApp::start().await;
    test.client("ada@example.org").await;
    let mut browser = test.browser();
    browser.sign_in(&test.ask_for_link(ada()).await).await;
    let link = test.ask_for_link(ada()).await;

    let mut fresh = TestApp::start_with_key(&test.key_file()).await;
    fresh.client("ada@example.org").await;
    let mut elsewhere = fresh.browser();
    elsewhere.cookies = browser.cookies.clone();

    assert!(!elsewhere.is_signed_in().await);
    assert_eq!(elsewhere.open(&link).await.status, StatusCode::GONE);
    assert_ne!(fresh.ask_for_link(ada()).await, link);
    fresh.key = test.key.clone();
    assert_eq!(fresh.call("GET", "/api/login_links/1").await.status, StatusCode::UNAUTHORIZED);
}

/// A database opens with the keys it was made with, or not at all.
#[tokio::test]
async fn another_databases_keys_are_refused() {
    let (one, two) = (TestApp::start().await, TestApp::start().await);

    let refused =
        flow::operations::startup::open(&one.database.parsed(), &two.key_file(), true, Clock::System)
            .await
            .unwrap_err();

    assert!(refused.to_string().contains("does not belong to this database"), "{refused}");
}

#[tokio::test]
async fn a_database_that_is_newer_is_left_alone() {
    let test = TestApp::start().await;
    test.run_sql("INSERT INTO migrations (number) VALUES (99)");

    let refused =
        flow::operations::startup::open(&test.database.parsed(), &test.key_file(), true, Clock::System)
            .await
            .unwrap_err();

    assert!(refused.to_string().contains("newer than this version"), "{refused}");
}

/// The sweep takes what has been dead for a day, and the audit log past its retention; nothing else.
#[tokio::test]
async fn the_sweep_takes_the_long_dead_alone() {
    let test = TestApp::start().await;
    test.client("ada@example.org").await;
    let mut browser = test.browser();
    browser.sign_in(&test.ask_for_link(ada()).await).await;
    test.advance(7_200 + 86_399);
    let live = test.ask_for_link(ada()).await;
    let year = 365 * 86_400;
    let sweep = |audit_log| {
        let kept = flow::operations::maintenance::Retention { audit_log, dead_links: 86_400 };
        flow::operations::maintenance::sweep(&test.app, test.app.clock.now(), kept)
    };

    let early = sweep(year).await.unwrap();
    assert_eq!((early.login_links, early.sessions, early.audit_entries), (0, 0, 0));
    test.advance(2);
    assert_eq!(sweep(year).await.unwrap().login_links, 1);
    assert_eq!(test.ask_for_link(ada()).await, live);
    test.advance(8 * 86_400);
    let late = sweep(86_400).await.unwrap();
    assert_eq!((late.login_links, late.sessions), (1, 1));
    assert_eq!(
        test.number("SELECT count(*) FROM users WHERE newest_link IS NOT NULL OR newest_seal IS NOT NULL"),
        0
    );
    assert!(late.audit_entries > 0);
    assert_eq!(test.number("SELECT count(*) FROM audit_log"), 0);
}

/// A store that cannot commit is said to be unavailable, nothing is acknowledged, and it recovers by itself.
#[tokio::test]
async fn a_store_that_cannot_commit_is_said_to_be_unavailable() {
    let test = TestApp::start().await;
    test.client("ada@example.org").await;
    let hold = test.database.hold();

    let refused = test.call("GET", "/api/login_links/1").await;

    assert_eq!((refused.status, refused.code()), (StatusCode::SERVICE_UNAVAILABLE, "unavailable".to_owned()));
    hold.let_go();
    assert_eq!(test.number("SELECT count(*) FROM login_links"), 0);
    test.ask_for_link(ada()).await;
}

/// A command that only reads does not wait for whoever writes.
#[tokio::test]
async fn a_database_that_is_locked_can_be_opened_and_read() {
    let test = TestApp::start().await;
    test.client("ada@example.org").await;
    let _hold = test.database.hold();

    let again = app::open(&test.database, &test.key_file()).await;

    assert_eq!(flow::users::list_after(&again, &test.acme, 0, 10).await.unwrap().len(), 1);
}
