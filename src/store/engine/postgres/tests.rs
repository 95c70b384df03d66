//! What is so of PostgreSQL alone: round trips, and what becomes of a connection.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_postgres::NoTls;

use super::pool::{Pooled, Use};
use super::row_queue::Health;
use crate::store::database_url::DatabaseUrl;
use crate::store::engine::tests::{host, hosts};
use crate::store::engine::unit_of_work::{UnitOfWork, UnitResult, sql};
use crate::store::engine::value::values;
use crate::store::{Engine, OpenError, Store, StoreError};

/// An empty schema of its own on the server that the tests are given.
pub(in crate::store) struct Schema(String);

impl Schema {
    pub(in crate::store) async fn make() -> Self {
        let name = format!("test_{}", uuid::Uuid::new_v4().simple());
        run(&format!("CREATE SCHEMA {name}")).await;
        Self(name)
    }

    pub(in crate::store) fn url(&self) -> DatabaseUrl {
        self.url_at(&server())
    }

    fn url_at(&self, server: &str) -> DatabaseUrl {
        DatabaseUrl::parse(&format!("{server}?sslmode=disable&options=-csearch_path%3D{}", self.0)).unwrap()
    }

    pub(in crate::store) async fn unmake(self) {
        run(&format!("DROP SCHEMA {} CASCADE", self.0)).await;
    }
}

fn server() -> String {
    std::env::var("DOORKEY_TEST_POSTGRES").expect(
        "DOORKEY_TEST_POSTGRES names no PostgreSQL; ./test starts one, or set it to postgres://USER:PASSWORD@HOST:PORT/NAME",
    )
}

async fn run(sql: &str) {
    let (client, connection) = tokio_postgres::connect(&server(), NoTls).await.unwrap();
    let connection = tokio::spawn(connection);
    client.batch_execute(sql).await.unwrap();
    drop(client);
    connection.await.unwrap().unwrap();
}

/// Stands between a store and its server, and keeps each answer back until nothing more is asked: what is asked after
/// an answer is a round trip of its own.
async fn counting_proxy() -> (String, Arc<AtomicUsize>) {
    let (url, target, listener) = in_between().await;
    let counted = Arc::new(AtomicUsize::new(0));
    let trips = Arc::clone(&counted);
    tokio::spawn(async move {
        while let Ok((client, _)) = listener.accept().await {
            let server = TcpStream::connect(target.clone()).await.unwrap();
            tokio::spawn(count(client, server, Arc::clone(&trips)));
        }
    });
    (url, counted)
}

/// The URL of a proxy to be, what it is to stand before, and what it listens on.
async fn in_between() -> (String, String, TcpListener) {
    let server: tokio_postgres::Config = server().parse().unwrap();
    let tokio_postgres::config::Host::Tcp(host) = &server.get_hosts()[0] else { panic!("no address") };
    let target = format!("{host}:{}", server.get_ports()[0]);
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let person =
        format!("{}:{}", server.get_user().unwrap(), String::from_utf8_lossy(server.get_password().unwrap()));
    let url =
        format!("postgres://{person}@{}/{}", listener.local_addr().unwrap(), server.get_dbname().unwrap());
    (url, target, listener)
}

/// A round trip begins with what is asked after an answer was handed over. Nothing else is inferred from how long anything
/// takes: a slow server's answer may come late, or in pieces, and is handed over all the same.
async fn count(mut client: TcpStream, mut server: TcpStream, trips: Arc<AtomicUsize>) {
    let (mut asked, mut answered, mut kept) = (vec![0; 65_536], vec![0; 65_536], Vec::new());
    let mut is_new = true;
    loop {
        // What is asked goes first: the silence ends when this process had time to ask, not when the clock says so.
        tokio::select! {
            biased;
            read = client.read(&mut asked) => {
                let Ok(length @ 1..) = read else { return };
                trips.fetch_add(usize::from(std::mem::take(&mut is_new)), Ordering::SeqCst);
                server.write_all(&asked[..length]).await.unwrap();
            }
            read = server.read(&mut answered) => {
                let Ok(length @ 1..) = read else { return };
                kept.extend_from_slice(&answered[..length]);
            }
            () = tokio::time::sleep(Duration::from_millis(200)), if !kept.is_empty() => {
                client.write_all(&std::mem::take(&mut kept)).await.unwrap();
                is_new = true;
            }
        }
    }
}

/// On one thread, so that all that a call has to ask is asked before the proxy's silence can be over.
#[tokio::test]
async fn every_call_of_the_door_is_one_round_trip() {
    let schema = Schema::make().await;
    let (url, trips) = counting_proxy().await;
    let store = Store::open(&schema.url_at(&url), true).await.unwrap();
    let look = |name: &str| sql("SELECT workspace_id FROM hosts WHERE host = $1", values![name]);
    let count = || sql("SELECT count(*) FROM hosts", values![]);
    let slow = || sql("SELECT CAST(count(*) AS BIGINT) FROM pg_sleep(0.3)", values![]);
    let guard = || sql("UPDATE hosts SET workspace_id = 3 WHERE host = $1", values!["a"]);
    let lost = || sql("UPDATE hosts SET workspace_id = 3 WHERE host = $1", values!["nobody"]);

    // The first round makes the connection and has each statement prepared on it.
    for round in [1, 2] {
        let mut seen = Vec::new();
        let mut counted = || seen.push(trips.swap(0, Ordering::SeqCst));
        store.read([look("a")]).await.unwrap();
        counted();
        store.read([look("a"), look("b"), count()]).await.unwrap();
        counted();
        store.scan([count(), look("a")]).await.unwrap();
        counted();
        store.scan([slow()]).await.unwrap();
        counted();
        let name = if round == 1 { "a" } else { "b" };
        let written =
            store.write(UnitOfWork::new().and(host(name)).guard(guard()).and(guard())).await.unwrap();
        assert!(matches!(written, UnitResult::Done(_)));
        counted();
        let written = store.write(UnitOfWork::new().guard(lost()).and(host("c"))).await.unwrap();
        assert!(matches!(written, UnitResult::Conflict));
        counted();
        assert!(if round == 1 { seen[0] > 1 } else { seen == [1; 6] }, "{seen:?}");
    }
    schema.unmake().await;
}

/// A command that opens the database would stand still with it, and nobody would see why.
#[tokio::test]
async fn a_server_that_falls_silent_while_it_is_opened_is_said_to_be_unavailable() {
    let schema = Schema::make().await;
    Store::open(&schema.url(), true).await.unwrap();
    let url = proxy_silent_from("information_schema").await;

    let opened =
        tokio::time::timeout(2 * super::error::STORE_TIMEOUT, Store::open(&schema.url_at(&url), true)).await;

    let refused = opened.expect("it waits for the server").unwrap_err();
    assert!(matches!(refused, OpenError::Unreachable { .. }), "{refused}");
    schema.unmake().await;
}

/// Stands between a store and its server; from the question on in which these words are, nothing more passes.
async fn proxy_silent_from(words: &'static str) -> String {
    gated_proxy(move || move |bytes: &[u8]| !bytes.windows(words.len()).any(|part| part == words.as_bytes()))
        .await
}

/// A connection of the pool.
async fn lent(postgres: &super::Postgres) -> Pooled {
    let deadline = std::time::Instant::now() + super::error::STORE_TIMEOUT;
    postgres.lender.pool.get(Use::Lookup, deadline).await.unwrap()
}

/// Were it not so, a `BEGIN` that fails would let each statement behind it happen by itself.
#[tokio::test]
async fn a_connection_writes_nothing_outside_a_transaction() {
    let schema = Schema::make().await;
    let store = Store::open(&schema.url(), true).await.unwrap();
    let Engine::Postgres(postgres) = &store.engine else { panic!("another engine") };

    let refused = {
        let pooled = lent(postgres).await;
        let client = pooled.client().unwrap();
        client.execute("INSERT INTO hosts (host, workspace_id) VALUES ('a', 1)", &[]).await.unwrap_err()
    };

    assert_eq!(refused.code().unwrap().code(), "25006");
    assert!(hosts(&store).await.is_empty());
    schema.unmake().await;
}

/// A caller that goes away leaves nothing behind that hinders the next one on the same connection.
#[tokio::test(flavor = "multi_thread")]
async fn a_caller_that_gives_up_leaves_a_connection_that_works() {
    let schema = Schema::make().await;
    let store = Store::open(&schema.url(), true).await.unwrap();

    for number in 0..200_u32 {
        let unit = UnitOfWork::new().and(host(&format!("{number:03}"))).and(host(&format!("{number:03}b")));
        let timeout = Duration::from_micros(u64::from(number) * 20);
        let _ = tokio::time::timeout(timeout, store.write(unit)).await;
    }

    let there = hosts(&store).await;
    assert_eq!(there.len() % 2, 0, "half a unit is there: {there:?}");
    store.write(UnitOfWork::new().and(host("z"))).await.unwrap();
    schema.unmake().await;
}

/// The pool has fewer connections than there are callers, and one that was cut is replaced.
#[tokio::test(flavor = "multi_thread")]
async fn connections_that_the_server_cuts_are_made_anew() {
    let schema = Schema::make().await;
    let store = Store::open(&schema.url(), true).await.unwrap();
    store.write(UnitOfWork::new().and(host("a"))).await.unwrap();
    let me = sql("SELECT CAST(pg_backend_pid() AS BIGINT)", values![]);
    let [mut rows] = store.read([me]).await.unwrap();
    let number = rows.remove(0).take::<i64>().unwrap();

    run(&format!("SELECT pg_terminate_backend({number})")).await;

    assert_eq!(hosts(&store).await, ["a"]);
    schema.unmake().await;
}

/// Its rows would stay held as long as the server believes in the connection, which can be hours.
#[tokio::test]
async fn what_a_node_held_that_vanished_amidst_a_transaction_is_let_go() {
    let schema = Schema::make().await;
    let store = Store::open(&schema.url(), true).await.unwrap();
    store.write(UnitOfWork::new().and(host("a"))).await.unwrap();
    let Engine::Postgres(postgres) = &store.engine else { panic!("another engine") };
    let pooled = lent(postgres).await;
    let vanished = pooled.client().unwrap();
    vanished.batch_execute("BEGIN READ WRITE; UPDATE hosts SET workspace_id = 2").await.unwrap();

    let written =
        store.write(UnitOfWork::new().guard(sql("UPDATE hosts SET workspace_id = 3", values![]))).await;

    assert!(matches!(written, Ok(UnitResult::Done(_))), "{written:?}");
    schema.unmake().await;
}

/// Whoever asked has long gone when a server that hangs could answer: its connections do not stand in the way of those
/// to the one that took over.
#[tokio::test(flavor = "multi_thread")]
async fn connections_that_never_answered_are_not_lent_again() {
    let schema = Schema::make().await;
    let (url, is_frozen) = freezing_proxy().await;
    let store = Store::open(&schema.url_at(&url), true).await.unwrap();
    let ask = || {
        let store = store.clone();
        let slow = sql("SELECT CAST(count(*) AS BIGINT) FROM pg_sleep(0.2)", values![]);
        tokio::spawn(
            async move { tokio::time::timeout(Duration::from_millis(900), store.read([slow])).await },
        )
    };
    let all = |asked: Vec<_>| async {
        let mut answered = 0;
        for ask in asked {
            let ask: tokio::task::JoinHandle<Result<Result<_, StoreError>, _>> = ask;
            answered += usize::from(matches!(ask.await.unwrap(), Ok(Ok(_))));
        }
        answered
    };
    while all((0..16).map(|_| ask()).collect()).await < 16 {}

    is_frozen.store(true, Ordering::SeqCst);
    assert_eq!(all((0..16).map(|_| ask()).collect()).await, 0);
    let begun = std::time::Instant::now();
    while store.read([sql("SELECT 1", values![])]).await.is_err() {
        assert!(begun.elapsed() < Duration::from_secs(15), "it asks those that do not answer");
    }
    schema.unmake().await;
}

#[tokio::test]
async fn when_one_connection_is_stale_no_other_from_before_is_lent_again() {
    let schema = Schema::make().await;
    let store = Store::open(&schema.url(), true).await.unwrap();
    let Engine::Postgres(postgres) = &store.engine else { panic!("another engine") };
    let lend = async || {
        let deadline = std::time::Instant::now() + super::error::STORE_TIMEOUT;
        let loan = postgres.lender.for_reading(deadline).await.unwrap();
        let row = loan.client().unwrap().query_one("SELECT pg_backend_pid()", &[]).await.unwrap();
        (loan, row.get::<_, i32>(0))
    };
    let ((idle, its_process), (stale, _)) = (lend().await, lend().await);

    idle.give_back(Health::Good);
    stale.give_back(Health::Stale);

    let (afterwards, process) = lend().await;
    assert_ne!(process, its_process);
    afterwards.give_back(Health::Good);
    assert_eq!(lend().await.1, process, "one that was made since is kept");
    schema.unmake().await;
}

/// Stands between a store and its server; once frozen, what passes through the connections of before goes nowhere.
async fn freezing_proxy() -> (String, Arc<AtomicBool>) {
    let frozen = Arc::new(AtomicBool::new(false));
    let is_frozen = Arc::clone(&frozen);
    let url = gated_proxy(move || {
        let (is_old, is_frozen) = (!is_frozen.load(Ordering::SeqCst), Arc::clone(&is_frozen));
        move |_: &[u8]| !(is_old && is_frozen.load(Ordering::SeqCst))
    });
    (url.await, frozen)
}

/// Stands between a store and its server. Each connection has a gate; at the first bytes that it does not let through,
/// the connection falls silent, both ways.
async fn gated_proxy<G: Fn(&[u8]) -> bool + Send + 'static>(gate: impl Fn() -> G + Send + 'static) -> String {
    let (url, target, listener) = in_between().await;
    tokio::spawn(async move {
        while let Ok((mut client, _)) = listener.accept().await {
            let passes = gate();
            let mut server = TcpStream::connect(target.clone()).await.unwrap();
            tokio::spawn(async move {
                let (mut asked, mut answered) = (vec![0; 65_536], vec![0; 65_536]);
                loop {
                    let (bytes, to) = tokio::select! {
                        Ok(length @ 1..) = client.read(&mut asked) => (&asked[..length], &mut server),
                        Ok(length @ 1..) = server.read(&mut answered) => (&answered[..length], &mut client),
                        else => return,
                    };
                    if !passes(bytes) {
                        return std::future::pending().await;
                    }
                    to.write_all(bytes).await.unwrap();
                }
            });
        }
    });
    url
}

#[tokio::test]
async fn a_server_that_is_not_there_is_said_to_be_unavailable() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap();
    drop(taken);
    let url = DatabaseUrl::parse(&format!("postgres://me:secret@{address}/x")).unwrap();

    let refused = Store::open(&url, true).await.unwrap_err().to_string();

    assert!(
        refused.contains(&format!("postgres://me@{address}/x")) && !refused.contains("secret"),
        "{refused}"
    );
    assert!(matches!(super::error::late(), StoreError::Unavailable(_)));
}
