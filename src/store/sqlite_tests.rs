//! What the embedded engine promises, whatever the nouns do with it.

use super::sqlite::Sqlite;
use super::unit::{Unit, Written, sql};
use super::value::values;
use super::{StoreError, Value};

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
