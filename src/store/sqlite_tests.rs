//! What the embedded engine promises, whatever the nouns do with it.

use super::arrivals::{Named, look};
use super::sqlite::Sqlite;
use super::unit::{Unit, Written, sql};
use super::value::values;
use super::{StoreError, Value};
use crate::domain::host::HostName;
use crate::domain::login_link::{Draft, KeyId, LoginLink};
use crate::domain::session::Session;
use crate::domain::timestamp::Timestamp;
use crate::domain::user::{UserId, UserRef};
use crate::domain::workspace::Workspace;
use uuid::Uuid;

fn engine() -> (tempfile::TempDir, Sqlite) {
    let folder = tempfile::tempdir().unwrap();
    let sqlite = Sqlite::open(&folder.path().join("doorkey.db"), true).unwrap();
    (folder, sqlite)
}

fn host(name: &str) -> super::Statement {
    sql("INSERT INTO hosts (host, workspace_id) VALUES ($1, 1)", values![name])
}

fn hosts(sqlite: &Sqlite) -> Vec<String> {
    let [rows] = sqlite.read(&[sql("SELECT host FROM hosts ORDER BY host", values![])]).unwrap();
    rows.into_iter().map(|mut row| row.take().unwrap()).collect()
}

#[tokio::test]
async fn a_lost_guard_leaves_nothing_of_its_unit() {
    let (_folder, sqlite) = engine();
    let lost = sql("UPDATE hosts SET workspace_id = 2 WHERE host = $1", values!["nobody"]);

    let written = sqlite.write(Unit::new().and(host("a")).guard(lost).and(host("b"))).await.unwrap();

    assert!(matches!(written, Written::Lost));
    assert!(hosts(&sqlite).is_empty());
}

#[tokio::test]
async fn a_unit_that_fails_takes_none_of_its_neighbours_along() {
    let (_folder, sqlite) = engine();
    let bad = Unit::new().and(host("b")).and(sql("INSERT INTO hosts (host) VALUES ($1)", values!["c"]));

    let (first, second, third) = tokio::join!(
        sqlite.write(Unit::new().and(host("a"))),
        sqlite.write(bad),
        sqlite.write(Unit::new().and(host("d"))),
    );

    assert!(first.is_ok() && third.is_ok());
    assert!(matches!(second, Err(StoreError::Refused(_))));
    assert_eq!(hosts(&sqlite), ["a", "d"]);
}

#[tokio::test]
async fn after_a_commit_that_failed_the_next_one_works() {
    let (folder, sqlite) = engine();
    let locker = rusqlite::Connection::open(folder.path().join("doorkey.db")).unwrap();
    locker.execute_batch("BEGIN IMMEDIATE").unwrap();
    let begun = std::time::Instant::now();

    let refused = sqlite.write(Unit::new().and(host("a"))).await;

    assert!(matches!(refused, Err(StoreError::Unavailable(_))));
    // Five seconds are promised; the rest is for a machine that is busy with other things.
    assert!(begun.elapsed().as_secs() < 8);
    locker.execute_batch("ROLLBACK").unwrap();
    sqlite.write(Unit::new().and(host("b"))).await.unwrap();
    assert_eq!(hosts(&sqlite), ["b"]);
    let [mut rows] = sqlite.read(&[sql("SELECT synchronous FROM pragma_synchronous", values![])]).unwrap();
    assert_eq!(rows.remove(0).take::<i64>().unwrap(), 2, "FULL");
}

#[tokio::test]
async fn a_statement_may_have_any_number_of_values() {
    let (_folder, sqlite) = engine();
    let places: Vec<_> = (1..=60).map(|number| format!("(${number})")).collect();
    let text = format!("SELECT count(*) FROM (VALUES {})", places.join(", "));

    let [mut rows] = sqlite.read(&[sql(text, (0..60).map(Value::Number).collect())]).unwrap();

    assert_eq!(rows.remove(0).take::<i64>().unwrap(), 60);
}

/// What a request waits for costs the same however many rows a workspace has: none of it is walked through.
#[tokio::test]
async fn what_a_request_looks_up_is_found_by_a_whole_key() {
    let (folder, _sqlite) = engine();
    let database = rusqlite::Connection::open(folder.path().join("doorkey.db")).unwrap();
    let (host, now) = (HostName::parse("portal.example.com").unwrap(), Timestamp::from_millis(0));
    let (id, email) = (UserRef::parse("1").unwrap(), UserRef::parse("ada@example.org").unwrap());
    let workspace = Workspace::sample("https://portal.example.com");
    let draft = Draft::for_user(UserId::from_store(1), 0, &workspace, now, [0; 16]);
    let (key, seal) = (KeyId(1), [0; 32]);
    let link = LoginLink { id: Uuid::nil(), hash: [0; 32], draft, key, used_at: None, ended_at: None, seal };
    for statement in [
        look(&host, Named::Nobody, now),
        look(&host, Named::Key([0; 32]), now),
        look(&host, Named::KeyAndUser([0; 32], &id), now),
        look(&host, Named::KeyAndUser([0; 32], &email), now),
        look(&host, Named::Session(Uuid::nil()), now),
        super::sessions::by_redemption(workspace.id, [0; 32]),
        super::login_links::use_up(&link, &Session::sample(&link)),
    ] {
        let mut explained = database.prepare(&format!("EXPLAIN QUERY PLAN {}", statement.sql)).unwrap();
        let mut rows = explained.raw_query();
        let mut steps: Vec<String> = Vec::new();
        while let Some(row) = rows.next().unwrap() {
            steps.push(row.get(3).unwrap());
        }
        steps.retain(|step| !step.contains("SUBQUERY"));

        assert!(!steps.is_empty());
        for step in steps {
            let is_sort = step.starts_with("USE TEMP B-TREE");
            let is_walk = step.starts_with("SCAN") || step.ends_with("(workspace_id=?)");
            assert!(is_sort || !is_walk, "{step}: {}", statement.sql);
        }
    }
}
