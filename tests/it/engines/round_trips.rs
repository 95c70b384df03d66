//! What a request costs on the way to PostgreSQL: counted where the packets pass.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use axum::http::StatusCode;
use doorkey::clock::Clock;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use crate::support::app::TestApp;
use crate::support::cluster::Cluster;
use crate::support::database::Database;

/// How long nothing more must be asked before an answer is let through.
const SILENCE: Duration = Duration::from_millis(150);

/// Stands between a node and its database, and keeps each answer back until nothing more is asked: what is asked after
/// an answer is a round trip of its own. Gives the URL to use, and what was counted.
async fn between(url: &str) -> (String, Arc<AtomicUsize>) {
    let (person, rest) = url.rsplit_once('@').unwrap();
    let (server, name) = rest.split_once('/').unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("{person}@{}/{name}", listener.local_addr().unwrap());
    let counted = Arc::new(AtomicUsize::new(0));
    let (trips, server) = (Arc::clone(&counted), server.to_owned());
    tokio::spawn(async move {
        while let Ok((client, _)) = listener.accept().await {
            let server = TcpStream::connect(&server).await.unwrap();
            tokio::spawn(carry(client, server, Arc::clone(&trips)));
        }
    });
    (url, counted)
}

async fn carry(mut client: TcpStream, mut server: TcpStream, trips: Arc<AtomicUsize>) {
    let (mut asked, mut told) = (vec![0; 65_536], vec![0; 65_536]);
    while let Ok(length @ 1..) = client.read(&mut asked).await {
        trips.fetch_add(1, Ordering::SeqCst);
        server.write_all(&asked[..length]).await.unwrap();
        let mut response = Vec::new();
        loop {
            tokio::select! {
                Ok(length @ 1..) = client.read(&mut asked) => server.write_all(&asked[..length]).await.unwrap(),
                Ok(length @ 1..) = server.read(&mut told) => response.extend_from_slice(&told[..length]),
                () = tokio::time::sleep(SILENCE) => break,
                else => return,
            }
        }
        client.write_all(&response).await.unwrap();
    }
}

/// Once workspace and key are known and the connection has seen each statement before.
#[tokio::test(flavor = "multi_thread")]
async fn a_request_that_writes_is_two_round_trips_and_any_other_one() {
    let test = TestApp::start().await;
    let ada = test.client("ada@x.test").await;
    let mut browser = test.browser();
    browser.sign_in(&test.ask_for_link(ada).await).await;
    let (url, trips) = between(&test.database.url()).await;
    let node = test.beside_at(&url).await;
    let cookies = browser.cookies;
    let mut browser = node.browser();
    browser.cookies = cookies;

    let mut counted = Vec::new();
    for _ in 0..2 {
        trips.store(0, Ordering::SeqCst);
        assert_eq!(browser.get("/auth/verify").await.status, StatusCode::OK);
        counted.push(("verify", trips.swap(0, Ordering::SeqCst)));
        node.ask_for_link(ada).await;
        counted.push(("new link", trips.swap(0, Ordering::SeqCst)));
        let link = node.ask_for_link(ada).await;
        counted.push(("reuse", trips.swap(0, Ordering::SeqCst)));
        let page = node.browser().open("/login?token=unknown").await;
        assert_eq!(page.status, StatusCode::GONE);
        counted.push(("dead page", trips.swap(0, Ordering::SeqCst)));
        for (who, mut visitor) in [("stranger", node.browser()), ("signed in", browser.clone())] {
            let link = if who == "stranger" { link.clone() } else { node.ask_for_link(ada).await };
            trips.store(0, Ordering::SeqCst);
            let page = visitor.open(&link).await;
            counted.push((who, trips.swap(0, Ordering::SeqCst)));
            assert_eq!(visitor.press(&page).await.status, StatusCode::SEE_OTHER);
            counted.push(("redemption", trips.swap(0, Ordering::SeqCst)));
            if who == "signed in" {
                browser = visitor;
            }
        }
    }

    let (once, _) = counted.split_at(counted.len() / 2);
    let twice = &counted[once.len()..];
    assert_eq!(twice[..4], [("verify", 1), ("new link", 2), ("reuse", 1), ("dead page", 1)]);
    assert_eq!(twice[4..], [("stranger", 1), ("redemption", 2), ("signed in", 1), ("redemption", 2)]);
}

/// An installation whose commits wait for a standby, and the two servers.
async fn with_standby() -> (TestApp, Cluster, Cluster) {
    let primary = Cluster::start();
    let mut standby = Cluster::plan();
    standby.follow(&primary);
    let folder = tempfile::tempdir().unwrap();
    let database = Database::Cluster(primary.url());
    database.prepare_key(&folder.path().join("doorkey.key"));
    (TestApp::start_on(database, folder).await, primary, standby)
}

/// Sets the clock of a test to so many seconds before now: what is made then bears that time.
fn set_back(test: &TestApp, seconds: i64) {
    let now = Clock::System.now().millis() / 1000;
    test.app.clock.advance(now - seconds - test.app.clock.now().millis() / 1000);
}

/// With a synchronous standby, what was made a while ago is covered by the commits that a node makes by itself; what is
/// new costs one of its own.
#[tokio::test(flavor = "multi_thread")]
async fn with_a_standby_a_reuse_in_quiet_times_is_one_round_trip_too() {
    let (test, _primary, _standby) = with_standby().await;
    set_back(&test, 70);
    let (ada, bob) = (test.client("ada@x.test").await, test.client("bob@x.test").await);
    let old = test.ask_for_link(ada).await;
    let (url, trips) = between(&test.database.url()).await;
    let node = test.beside_at(&url).await;
    node.app.store.refresh_snapshot().await.unwrap();
    set_back(&test, 0);
    let new = test.ask_for_link(bob).await;

    let mut counted = Vec::new();
    for _ in 0..2 {
        trips.store(0, Ordering::SeqCst);
        assert_eq!(node.ask_for_link(ada).await, old);
        counted.push(("covered", trips.swap(0, Ordering::SeqCst)));
        assert_eq!(node.ask_for_link(bob).await, new);
        counted.push(("not covered", trips.swap(0, Ordering::SeqCst)));
    }

    assert_eq!(counted[2..], [("covered", 1), ("not covered", 2)]);
}

/// All who come before a commit begins are covered by it.
#[tokio::test(flavor = "multi_thread")]
async fn with_a_standby_many_reuses_at_once_cost_few_commits() {
    let (test, primary, _standby) = with_standby().await;
    set_back(&test, 0);
    let test = Arc::new(test);
    let ada = test.client("ada@x.test").await;
    let link = test.ask_for_link(ada).await;
    let next_transaction = "SELECT CAST(CAST(pg_current_xact_id() AS TEXT) AS BIGINT)";
    let before = primary.number(next_transaction);

    let asked: Vec<_> = (0..200)
        .map(|_| {
            let test = Arc::clone(&test);
            tokio::spawn(async move { test.ask_for_link(ada).await })
        })
        .collect();
    for asked in asked {
        assert_eq!(asked.await.unwrap(), link);
    }

    let commits = primary.number(next_transaction) - before - 1;
    assert!((1..=100).contains(&commits), "{commits} commits");
}

/// Who has no standby pays nothing: nothing is sent that would not be sent otherwise.
#[tokio::test(flavor = "multi_thread")]
async fn without_a_standby_an_answer_that_rests_on_a_read_costs_no_commit() {
    let test = TestApp::start().await;
    let ada = test.client("ada@x.test").await;
    test.ask_for_link(ada).await;
    let (url, trips) = between(&test.database.url()).await;
    let node = test.beside_at(&url).await;
    // The first time reads the directory; the second has the statement for all others prepared.
    for _ in 0..2 {
        node.call("DELETE", "/api/sessions/0190163d-8694-739b-aea5-966c26f8ad91").await;
    }
    node.app.store.refresh_snapshot().await.unwrap();

    trips.store(0, Ordering::SeqCst);
    node.app.store.refresh_snapshot().await.unwrap();
    let ended = node.call("DELETE", "/api/sessions/0190163d-8694-739b-aea5-966c26f8ad91").await;

    assert_eq!(ended.status, StatusCode::NOT_FOUND);
    assert_eq!(trips.load(Ordering::SeqCst), 2, "the look at the caller, and that at the session");
}
