//! What is so of the embedded engine alone.

use super::database_url::DatabaseUrl;
use super::engine_tests::{host, hosts};
use super::unit::{Unit, sql};
use super::value::values;
use super::{Store, StoreError};

#[tokio::test]
async fn after_a_commit_that_failed_the_next_one_works() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("doorkey.db");
    let store = Store::open(&DatabaseUrl::Sqlite(path.clone()), true).await.unwrap();
    let locker = rusqlite::Connection::open(path).unwrap();
    locker.execute_batch("BEGIN IMMEDIATE").unwrap();
    let begun = std::time::Instant::now();

    let refused = store.write(Unit::new().and(host("a"))).await;

    assert!(matches!(refused, Err(StoreError::Unavailable(_))));
    // Five seconds are promised; the rest is for a machine that is busy with other things.
    assert!(begun.elapsed().as_secs() < 8);
    locker.execute_batch("ROLLBACK").unwrap();
    store.write(Unit::new().and(host("b"))).await.unwrap();
    assert_eq!(hosts(&store).await, ["b"]);
    let [mut rows] =
        store.read([sql("SELECT synchronous FROM pragma_synchronous", values![])]).await.unwrap();
    assert_eq!(rows.remove(0).take::<i64>().unwrap(), 2, "FULL");
}
