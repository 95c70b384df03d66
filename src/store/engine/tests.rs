//! What every engine promises, whatever the nouns do with it: each test runs on both.

use std::sync::Arc;

use super::rows::Column;
use super::unit_of_work::{UnitOfWork, UnitResult, counter, over, sql};
use super::value::{Value, all, values};
use crate::store::{Statement, Store, StoreError};

/// The same tests on both engines.
macro_rules! on_both_engines {
    ($($name:ident)*) => {
        mod sqlite {
            $(#[tokio::test(flavor = "multi_thread")]
            async fn $name() {
                let folder = tempfile::tempdir().unwrap();
                let url = crate::store::DatabaseUrl::Sqlite(folder.path().join("doorkey.db"));
                super::$name(crate::store::Store::open(&url, true).await.unwrap()).await;
            })*
        }

        mod postgres {
            $(#[tokio::test(flavor = "multi_thread")]
            async fn $name() {
                let schema = crate::store::engine::postgres::tests::Schema::make().await;
                super::$name(crate::store::Store::open(&schema.url(), true).await.unwrap()).await;
                schema.unmake().await;
            })*
        }
    };
}
pub(in crate::store) use on_both_engines;

on_both_engines! {
    a_lost_guard_leaves_nothing_of_its_unit
    a_unit_that_fails_takes_none_of_its_neighbours_along
    a_guard_gives_its_rows_if_it_returns_any
    a_statement_may_have_any_number_of_values
    a_statement_over_rows_sees_each_of_them
    a_guard_over_rows_must_change_one_for_each
    counters_count_each_unit_that_goes_through_and_no_other
    several_lookups_are_seen_at_one_moment
    of_any_number_of_racing_units_one_wins
}

pub(in crate::store) fn host(name: &str) -> Statement {
    sql("INSERT INTO hosts (host, workspace_id) VALUES ($1, 1)", values![name])
}

pub(in crate::store) async fn hosts(store: &Store) -> Vec<String> {
    let [rows] = store.read([sql("SELECT host FROM hosts ORDER BY host", values![])]).await.unwrap();
    rows.into_iter().map(|mut row| row.take().unwrap()).collect()
}

async fn a_lost_guard_leaves_nothing_of_its_unit(store: Store) {
    let lost = sql("UPDATE hosts SET workspace_id = 2 WHERE host = $1", values!["nobody"]);

    let written = store.write(UnitOfWork::new().and(host("a")).guard(lost).and(host("b"))).await.unwrap();

    assert!(matches!(written, UnitResult::Conflict));
    assert!(hosts(&store).await.is_empty());
}

async fn a_unit_that_fails_takes_none_of_its_neighbours_along(store: Store) {
    let bad = UnitOfWork::new().and(host("b")).and(sql("INSERT INTO hosts (host) VALUES ($1)", values!["c"]));

    let (first, second, third) = tokio::join!(
        store.write(UnitOfWork::new().and(host("a"))),
        store.write(bad),
        store.write(UnitOfWork::new().and(host("d"))),
    );

    assert!(first.is_ok() && third.is_ok());
    assert!(matches!(second, Err(StoreError::Refused(_))));
    assert_eq!(hosts(&store).await, ["a", "d"]);
}

async fn a_guard_gives_its_rows_if_it_returns_any(store: Store) {
    let told = sql(
        "INSERT INTO hosts (host, workspace_id) VALUES ($1, 7) RETURNING workspace_id, host",
        values!["b"],
    );

    let written = store.write(UnitOfWork::new().guard(host("a")).guard(told).and(host("c"))).await.unwrap();

    let UnitResult::Done(mut rows) = written else { panic!("lost") };
    assert_eq!(rows.iter().map(Vec::len).collect::<Vec<_>>(), [0, 1, 0]);
    let row = &mut rows[1][0];
    assert_eq!((row.take::<i64>().unwrap(), row.take::<String>().unwrap()), (7, "b".to_owned()));
}

async fn a_statement_may_have_any_number_of_values(store: Store) {
    let places: Vec<_> = (1..=60).map(|number| format!("(${number})")).collect();
    let text = format!("SELECT count(*) FROM (VALUES {}) AS v", places.join(", "));

    let [mut rows] = store.read([sql(text, (0..60).map(Value::Number).collect())]).await.unwrap();

    assert_eq!(rows.remove(0).take::<i64>().unwrap(), 60);
}

fn many_hosts(names: &[&str]) -> Statement {
    let names = Column::Texts(names.iter().map(|name| (*name).to_owned()).collect());
    over(
        "INSERT INTO hosts (host, workspace_id) SELECT r.host, $1 FROM",
        vec![("host", names)],
        "WHERE true ON CONFLICT DO NOTHING",
        values![7],
    )
}

async fn a_statement_over_rows_sees_each_of_them(store: Store) {
    let numbers = Column::Numbers((1..=2_000).collect());
    let texts = Column::Texts((1..=2_000).map(|number| format!("'{number}\"")).collect());
    let bytes = Column::Bytes((1..=2_000_u16).map(|number| number.to_be_bytes().to_vec()).collect());
    let columns = vec![("number", numbers), ("text", texts), ("bytes", bytes)];
    let look =
        over("SELECT r.number + $1, r.text, r.bytes FROM", columns, "WHERE r.number > $2", values![1, 500]);
    let none = over("SELECT r.number FROM", vec![("number", Column::Numbers(Vec::new()))], "", values![]);

    let [rows, nothing] = store.read([look, none]).await.unwrap();

    let found: Vec<(i64, String, Vec<u8>)> = all(rows).unwrap();
    assert!(nothing.is_empty() && found.len() == 1_500);
    for ((number, text, bytes), row) in found.into_iter().zip(501_u16..) {
        assert_eq!(
            (number, text, bytes),
            (i64::from(row) + 1, format!("'{row}\""), row.to_be_bytes().to_vec())
        );
    }
}

async fn a_guard_over_rows_must_change_one_for_each(store: Store) {
    let whole = UnitOfWork::new().guard(many_hosts(&["a", "b", "c"])).and(many_hosts(&["c", "d"]));
    let lost = UnitOfWork::new().guard(many_hosts(&["e", "c", "f"])).and(host("g"));
    let late = UnitOfWork::new().guard(host("h")).guard(many_hosts(&["a"]));

    let (whole, lost, late) = tokio::join!(store.write(whole), store.write(lost), store.write(late));

    assert!(matches!(whole, Ok(UnitResult::Done(rows)) if rows.iter().all(Vec::is_empty)));
    assert!(matches!(lost, Ok(UnitResult::Conflict)) && matches!(late, Ok(UnitResult::Conflict)));
    assert_eq!(hosts(&store).await, ["a", "b", "c", "d"]);
}

/// Units that are committed together count together, in one row or in several; none counts that loses or fails.
async fn counters_count_each_unit_that_goes_through_and_no_other(store: Store) {
    const COUNT: &str = "INSERT INTO hosts (host, workspace_id) VALUES ($1, $2)
                         ON CONFLICT (host) DO UPDATE SET workspace_id = hosts.workspace_id + excluded.workspace_id";
    for round in 0..2 {
        let mut units = tokio::task::JoinSet::new();
        for number in 0..60 {
            let counted = counter(COUNT, values![if number % 2 == 0 { "even" } else { "odd" }]);
            let lost = sql("UPDATE hosts SET workspace_id = 2 WHERE host = $1", values!["nobody"]);
            let failing = sql("INSERT INTO hosts (host) VALUES ($1)", values!["c"]);
            let unit = if number % 5 == 0 { UnitOfWork::new().guard(lost) } else { UnitOfWork::new() };
            let unit = unit.and(counted).and(host(&format!("{round} {number}")));
            // In the first round nothing fails, so on SQLite no unit is run by itself.
            let unit = if number % 5 == 1 && round > 0 { unit.and(failing) } else { unit };
            let store = store.clone();
            units.spawn(async move { (number % 2, store.write(unit).await) });
        }
        let mut expected = [0; 2];
        for (place, written) in units.join_all().await {
            expected[place] += i64::from(matches!(written, Ok(UnitResult::Done(_))));
        }

        let count =
            sql("SELECT workspace_id FROM hosts WHERE host IN ('even', 'odd') ORDER BY host", values![]);
        let [rows] = store.read([count]).await.unwrap();
        assert_eq!(all::<i64>(rows).unwrap(), expected);
        assert_eq!(expected.iter().sum::<i64>(), if round == 0 { 48 } else { 36 });
        store.write(UnitOfWork::new().and(sql("DELETE FROM hosts", values![]))).await.unwrap();
    }
}

/// One unit after the other moves two rows together, and nobody sees one moved without the other.
async fn several_lookups_are_seen_at_one_moment(store: Store) {
    store.write(UnitOfWork::new().and(host("a")).and(host("b"))).await.unwrap();
    let mover = tokio::spawn({
        let store = store.clone();
        async move {
            for number in 2..200_i64 {
                let moved = |name: &str| {
                    sql("UPDATE hosts SET workspace_id = $1 WHERE host = $2", values![number, name])
                };
                store.write(UnitOfWork::new().and(moved("a")).and(moved("b"))).await.unwrap();
            }
        }
    });

    let look = |name: &str| sql("SELECT workspace_id FROM hosts WHERE host = $1", values![name]);
    let mut seen = std::collections::HashSet::new();
    while !mover.is_finished() {
        let [mut a, mut b] = store.read([look("a"), look("b")]).await.unwrap();
        let (a, b) = (a.remove(0).take::<i64>().unwrap(), b.remove(0).take::<i64>().unwrap());
        assert_eq!(a, b);
        let [mut c, mut d] = store.scan([look("b"), look("a")]).await.unwrap();
        assert_eq!(c.remove(0).take::<i64>().unwrap(), d.remove(0).take::<i64>().unwrap());
        seen.insert(a);
    }
    mover.await.unwrap();
    assert!(seen.len() > 2, "nothing moved while it was looked at");
}

async fn of_any_number_of_racing_units_one_wins(store: Store) {
    store.write(UnitOfWork::new().and(host("a"))).await.unwrap();
    let won = Arc::new(std::sync::atomic::AtomicUsize::new(0));

    for round in 2..10_i64 {
        let racers = (0..32).map(|_| {
            let (store, won) = (store.clone(), Arc::clone(&won));
            tokio::spawn(async move {
                let move_on = sql(
                    "UPDATE hosts SET workspace_id = $1 WHERE host = 'a' AND workspace_id < $1",
                    values![round],
                );
                if let UnitResult::Done(_) = store.write(UnitOfWork::new().guard(move_on)).await.unwrap() {
                    won.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
                }
            })
        });
        for racer in racers.collect::<Vec<_>>() {
            racer.await.unwrap();
        }
        assert_eq!(won.swap(0, std::sync::atomic::Ordering::SeqCst), 1, "round {round}");
    }
}
