//! What is so of the embedded engine alone.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use crate::domain::host::HostName;
use crate::domain::login_link::{KeyId, LinkClaims, LoginLink};
use crate::domain::session::Session;
use crate::domain::timestamp::Timestamp;
use crate::domain::user::{UserId, UserRef};
use crate::domain::workspace::Workspace;
use crate::store::database_url::DatabaseUrl;
use crate::store::engine::tests::{host, hosts};
use crate::store::engine::unit_of_work::{UnitOfWork, sql};
use crate::store::engine::value::values;
use crate::store::queries::request_lookup::lookup_statement;
use crate::store::{LookupBy, Redemption, Store, StoreError};
use uuid::Uuid;

#[tokio::test]
async fn after_a_commit_that_failed_the_next_one_works() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("doorkey.db");
    let store = Store::open(&DatabaseUrl::Sqlite(path.clone()), true).await.unwrap();
    let locker = rusqlite::Connection::open(path).unwrap();
    locker.execute_batch("BEGIN IMMEDIATE").unwrap();
    let begun = Instant::now();

    let refused = store.write(UnitOfWork::new().and(host("a"))).await;

    assert!(matches!(refused, Err(StoreError::Unavailable(_))));
    // Five seconds are promised; the rest is for a machine that is busy with other things.
    assert!(begun.elapsed().as_secs() < 8);
    locker.execute_batch("ROLLBACK").unwrap();
    store.write(UnitOfWork::new().and(host("b"))).await.unwrap();
    assert_eq!(hosts(&store).await, ["b"]);
    let [mut rows] =
        store.read([sql("SELECT synchronous FROM pragma_synchronous", values![])]).await.unwrap();
    assert_eq!(rows.remove(0).take::<i64>().unwrap(), 2, "FULL");
}

/// The WAL is checkpointed while it is written, and restarted: it does not grow with what is written.
#[tokio::test]
async fn the_log_does_not_grow_without_end() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("doorkey.db");
    let store = Store::open(&DatabaseUrl::Sqlite(path.clone()), true).await.unwrap();
    let (rounds, name) = (600, "a".repeat(10_000));

    for round in 0..rounds {
        let unit = (0..50)
            .fold(UnitOfWork::new(), |unit, number| unit.and(host(&format!("{round} {number} {name}"))));
        store.write(unit).await.unwrap();
    }

    let size = |path: &str| std::fs::metadata(folder.path().join(path)).unwrap().len();
    assert!(size("doorkey.db") > 150_000_000, "most of it is in the file: {}", size("doorkey.db"));
    assert!(size("doorkey.db-wal") < 150_000_000, "the log was begun anew: {}", size("doorkey.db-wal"));
    assert_eq!(hosts(&store).await.len(), rounds * 50);
}

/// The WAL is checkpointed though nothing more is written.
#[tokio::test]
async fn the_log_is_carried_over_beside_the_writer() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("doorkey.db");
    let store = Store::open(&DatabaseUrl::Sqlite(path.clone()), true).await.unwrap();
    let name = "a".repeat(10_000);

    for round in 0..50 {
        let unit = (0..50)
            .fold(UnitOfWork::new(), |unit, number| unit.and(host(&format!("{round} {number} {name}"))));
        store.write(unit).await.unwrap();
    }

    let begun = Instant::now();
    while std::fs::metadata(&path).unwrap().len() < 15_000_000 {
        assert!(begun.elapsed() < Duration::from_mins(1), "it stays in the log");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// Who reads for long keeps the WAL from being restarted; once they are done it shrinks by itself.
#[tokio::test]
async fn a_log_that_a_reader_held_up_is_cut_back_when_it_begins_anew() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("doorkey.db");
    let store = Store::open(&DatabaseUrl::Sqlite(path.clone()), true).await.unwrap();
    let name = "a".repeat(10_000);
    let length_of_log = || std::fs::metadata(folder.path().join("doorkey.db-wal")).unwrap().len();
    let reader = rusqlite::Connection::open(&path).unwrap();
    reader.execute_batch("BEGIN; SELECT count(*) FROM hosts").unwrap();
    for round in 0..100 {
        let unit = (0..50)
            .fold(UnitOfWork::new(), |unit, number| unit.and(host(&format!("{round} {number} {name}"))));
        store.write(unit).await.unwrap();
    }
    assert!(length_of_log() > 40_000_000, "nobody was held up: {}", length_of_log());

    reader.execute_batch("COMMIT").unwrap();

    // Whoever writes next has it begun anew: at the latest the next report of a node.
    let begun = Instant::now();
    for round in 0.. {
        store.write(UnitOfWork::new().and(host(&format!("after {round}")))).await.unwrap();
        if length_of_log() <= 16 << 20 {
            break;
        }
        assert!(begun.elapsed() < Duration::from_mins(1), "it stays long: {}", length_of_log());
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert_eq!(hosts(&store).await.iter().filter(|host| host.ends_with(&name)).count(), 100 * 50);
}

/// An import writes less at a time the longer its commits stand in the way of others; what it waits for is not its doing.
#[tokio::test]
async fn the_wait_for_the_lock_is_no_part_of_how_long_a_commit_held_it() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("doorkey.db");
    let store = Store::open(&DatabaseUrl::Sqlite(path.clone()), true).await.unwrap();
    let locker = rusqlite::Connection::open(path).unwrap();
    locker.execute_batch("BEGIN IMMEDIATE").unwrap();
    let (begun, waited) = (Instant::now(), Duration::from_millis(400));
    let other = std::thread::spawn(move || {
        std::thread::sleep(waited);
        locker.execute_batch("ROLLBACK").unwrap();
    });

    let (_, held) = store.write_timed(UnitOfWork::new().and(host("a"))).await.unwrap();

    let took = begun.elapsed();
    assert!(took >= waited, "nobody held the lock: {took:?}");
    assert!(!held.is_zero() && held + waited <= took, "{held:?} of {took:?}");
    other.join().unwrap();
}

/// Another process that writes much lets go of the lock for moments, which a writer must not sleep through.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_writer_finds_the_moments_in_which_another_process_lets_go() {
    const WRITES: usize = 5;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("doorkey.db");
    let store = Store::open(&DatabaseUrl::Sqlite(path.clone()), true).await.unwrap();
    let moments = Arc::new(AtomicUsize::new(0));
    let is_over = Arc::new(AtomicBool::new(false));
    let other = std::thread::spawn({
        let (moments, is_over) = (Arc::clone(&moments), Arc::clone(&is_over));
        let locker = rusqlite::Connection::open(path).unwrap();
        move || {
            while !is_over.load(Ordering::SeqCst) {
                locker.execute_batch("BEGIN IMMEDIATE").unwrap();
                std::thread::sleep(Duration::from_millis(400));
                locker.execute_batch("ROLLBACK").unwrap();
                moments.fetch_add(1, Ordering::SeqCst);
                std::thread::sleep(Duration::from_millis(15));
            }
        }
    });
    while moments.load(Ordering::SeqCst) == 0 {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }

    for number in 0..WRITES {
        // The moment that is now is over by then.
        tokio::time::sleep(Duration::from_millis(30)).await;
        store.write(UnitOfWork::new().and(host(&format!("{number}")))).await.unwrap();
    }

    is_over.store(true, Ordering::SeqCst);
    other.join().unwrap();
    let moments = moments.load(Ordering::SeqCst);
    assert!(moments <= 2 * WRITES, "{WRITES} writes took {moments} moments");
}

/// A command that has a server's database open, and does nothing at the moment, does not keep the server from restarting its WAL.
#[tokio::test]
async fn whoever_does_not_stay_at_the_newest_commit_stays_at_none() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("doorkey.db");
    let store = Store::open(&DatabaseUrl::Sqlite(path.clone()), true).await.unwrap();
    let other = rusqlite::Connection::open(path).unwrap();
    other.busy_timeout(Duration::ZERO).unwrap();

    store.write(UnitOfWork::new().and(host("a"))).await.unwrap();

    // The writer answers before it is at rest.
    let begun = Instant::now();
    while is_held_up(&other) {
        assert!(begun.elapsed() < Duration::from_secs(10), "a reader stays");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    for round in 0.. {
        store.write(UnitOfWork::new().and(host(&format!("{round}")))).await.unwrap();
        store.refresh_snapshot().await.unwrap();
        tokio::time::sleep(Duration::from_millis(5)).await;
        if is_held_up(&other) {
            break;
        }
        assert!(begun.elapsed() < Duration::from_secs(20), "a server has a reader that stays");
    }
}

/// Whether a reader keeps the WAL from being restarted.
fn is_held_up(database: &rusqlite::Connection) -> bool {
    database.query_row("PRAGMA wal_checkpoint(RESTART)", [], |row| row.get::<_, i64>(0)).unwrap() == 1
}

/// Neither checkpoints of one process nor of the other may be left to the end, while nobody can write.
#[tokio::test]
async fn the_log_of_two_processes_that_write_does_not_grow_without_end() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("doorkey.db");
    let server = Store::open(&DatabaseUrl::Sqlite(path.clone()), true).await.unwrap();
    let import = Store::open(&DatabaseUrl::Sqlite(path.clone()), false).await.unwrap();
    let name = "a".repeat(10_000);

    for round in 0..200 {
        server.refresh_snapshot().await.unwrap();
        server.write(UnitOfWork::new().and(host(&format!("server {round}")))).await.unwrap();
        let unit = (0..50)
            .fold(UnitOfWork::new(), |unit, number| unit.and(host(&format!("{round} {number} {name}"))));
        import.write(unit).await.unwrap();
    }

    let size = |path: &str| std::fs::metadata(folder.path().join(path)).unwrap().len();
    assert!(size("doorkey.db-wal") < 60_000_000, "{}", size("doorkey.db-wal"));
    assert_eq!(hosts(&server).await.len(), 200 * 51);
}

/// What a request waits for costs the same however many rows a workspace has: none of it is walked through.
#[tokio::test]
async fn what_a_request_looks_up_is_found_by_a_whole_key() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("doorkey.db");
    let _store = Store::open(&DatabaseUrl::Sqlite(path.clone()), true).await.unwrap();
    let database = rusqlite::Connection::open(path).unwrap();
    let (host, now) = (HostName::parse("portal.example.com").unwrap(), Timestamp::from_millis(0));
    let (id, email) = (UserRef::parse("1").unwrap(), UserRef::parse("ada@example.org").unwrap());
    let workspace = Workspace::sample("https://portal.example.com");
    let draft = LinkClaims::for_user(UserId::from_store(1), 0, &workspace, now, [0; 16]);
    let (key, seal) = (KeyId(1), [0; 32]);
    let link = LoginLink { id: Uuid::nil(), hash: [0; 32], draft, key, used_at: None, ended_at: None, seal };
    let redemption = Redemption { link: &link, by_code: false, client_id: None };
    let [told, ended] = crate::store::queries::app_sessions::end_of_session(workspace.id, Uuid::nil(), now);
    for statement in [
        told,
        ended,
        crate::store::queries::app_secrets::usable(workspace.id, "wiki", now),
        crate::store::queries::directory::entry(&host, Some([0; 32]), now),
        lookup_statement(workspace.id, LookupBy::Nobody),
        lookup_statement(workspace.id, LookupBy::User(&id, None)),
        lookup_statement(workspace.id, LookupBy::User(&email, Some(Uuid::nil()))),
        lookup_statement(workspace.id, LookupBy::Session(Uuid::nil())),
        lookup_statement(workspace.id, LookupBy::Link([0; 32])),
        crate::store::queries::login_links::state_of(workspace.id, &id),
        crate::store::queries::login_links::state_of(workspace.id, &email),
        crate::store::queries::login_links::by_hash(workspace.id, [0; 32]),
        crate::store::queries::sessions::by_id(workspace.id, Uuid::nil()),
        crate::store::queries::sessions::by_confirm_hash(workspace.id, [0; 32]),
        crate::store::queries::login_links::redeem(&redemption, &Session::sample(&link)),
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
            // The secret keys of an installation are a handful.
            let is_sort = is_sort || ["SCAN f", "SCAN g", "SCAN CONSTANT ROW"].contains(&step.as_str());
            let is_walk = step.starts_with("SCAN") || step.ends_with("(workspace_id=?)");
            assert!(is_sort || !is_walk, "{step}: {}", statement.sql);
        }
    }
}
