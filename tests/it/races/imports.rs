//! Imports beside others who write to the same users.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use doorkey::domain::audit::AuditContext;
use doorkey::domain::import_row::ImportRow;
use doorkey::domain::user::{UserChange, UserRef};
use doorkey::flow;
use doorkey::flow::import::{Import, Tally};

use crate::support::app::TestApp;
use crate::support::at_once::at_once;
use crate::support::consistency::MISCOUNTED;

fn row(text: &str) -> ImportRow {
    ImportRow::parse_json(text).unwrap()
}

async fn import(test: &TestApp, rows: impl IntoIterator<Item = String>) -> Tally {
    let mut import = Import::begin(&test.app, &test.acme, AuditContext::at_command_line());
    for (line, text) in (1..).zip(rows) {
        import.put(line, row(&text)).await.unwrap();
    }
    import.finish().await.unwrap();
    assert!(import.take_refused().is_empty());
    import.tally()
}

/// Of several who import the same rows, each user is added by one, and the others find that it is there.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn whoever_is_in_several_imports_at_once_is_added_once() {
    const ROWS: u64 = 1_500;
    let one = Arc::new(TestApp::start().await);
    let two = Arc::new(one.beside().await);
    let new = |n: u64| format!(r#"{{"email":"n{n}@x.test","name_f":"N","name_l":"{n}"}}"#);
    let imports = [0, 1, 2].map(|number| {
        let test = Arc::clone([&one, &two][number % 2]);
        async move {
            let numbers: Vec<_> = if number == 2 { (0..ROWS).rev().collect() } else { (0..ROWS).collect() };
            import(&test, numbers.into_iter().map(new)).await
        }
    });

    let tallies = at_once(imports).await;

    assert_eq!(tallies.iter().map(|tally| tally.added).sum::<u64>(), ROWS, "{tallies:?}");
    assert_eq!(tallies.iter().map(|tally| tally.unchanged).sum::<u64>(), 2 * ROWS, "{tallies:?}");
    let all = i64::try_from(ROWS).unwrap();
    assert_eq!(one.number("SELECT count(*) FROM users"), all);
    assert_eq!(one.number("SELECT max(id) FROM users"), all, "no number was drawn and lost");
    assert_eq!(one.number(&format!("SELECT count(*) FROM ({MISCOUNTED}) m")), 0);
    assert_eq!(one.number("SELECT last_user_id FROM number_counters"), all);
    assert_eq!(one.number("SELECT count(DISTINCT user_id) FROM audit_log WHERE event = 'user.added'"), all);
    assert_eq!(one.number("SELECT count(*) FROM audit_log WHERE event = 'user.added'"), all);
}

/// Neither what the rows say nor what others do meanwhile is lost.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn an_import_and_others_who_change_the_same_users_lose_nothing_of_each_other() {
    const USERS: i64 = 1_200;
    let one = Arc::new(TestApp::start().await);
    let two = Arc::new(one.beside().await);
    let new = |n: i64| format!(r#"{{"id":{n},"email":"n{n}@x.test","name_f":"N","name_l":"{n}"}}"#);
    import(&one, (1..=USERS).map(new)).await;
    let is_over = Arc::new(AtomicBool::new(false));
    let other = tokio::spawn({
        let (test, is_over) = (Arc::clone(&two), Arc::clone(&is_over));
        async move {
            let change = UserChange { note: Some("by hand".to_owned()), ..UserChange::default() };
            let act = AuditContext::at_command_line();
            let mut changed = 0;
            for user in (1..=USERS).rev() {
                let user = UserRef::parse(&user.to_string()).unwrap();
                flow::users::set(&test.app, &test.acme, &act, &user, &change).await.unwrap();
                changed += 1;
                if is_over.load(Ordering::SeqCst) {
                    break;
                }
            }
            changed
        }
    });

    let mut changed = 0;
    while !other.is_finished() && changed < 20 {
        let company = format!("C{changed}");
        let rows = (1..=USERS).map(|n| format!(r#"{{"id":{n},"company":"{company}"}}"#));
        let tally = import(&one, rows).await;
        assert_eq!(tally.changed, u64::try_from(USERS).unwrap());
        changed += 1;
    }
    is_over.store(true, Ordering::SeqCst);
    let by_hand: i64 = other.await.unwrap();

    let last = format!("SELECT count(*) FROM users WHERE company = 'C{}'", changed - 1);
    assert_eq!(one.number(&last), USERS);
    assert_eq!(one.number("SELECT count(*) FROM users WHERE note = 'by hand'"), by_hand);
    let entries = one.number("SELECT count(*) FROM audit_log WHERE event = 'user.changed'");
    assert_eq!(entries, USERS * changed + by_hand);
    assert_eq!(one.number("SELECT sum(revision - 1) FROM users"), entries, "one entry a change");
}
