//! The standby is away: nothing can be committed, and whatever was covered before is answered all the same.

use std::sync::Arc;

use axum::http::StatusCode;

use super::cluster::Cluster;
use crate::support::app::TestApp;
use crate::support::database::Database;

/// Commits that wait keep their connections, and no more than writers may have: else each 503 would leave a process of the
/// server behind, and soon nobody could be looked up.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn writers_that_wait_for_a_standby_leave_readers_their_connections() {
    let primary = Cluster::start_primary();
    let mut standby = Cluster::plan();
    standby.follow(&primary);
    let folder = tempfile::tempdir().unwrap();
    let database = Database::Cluster(primary.url());
    database.prepare_key(&folder.path().join("doorkey.key"));
    let test = Arc::new(TestApp::start_on(database, folder).await);
    let ada = test.client("ada@x.test").await;
    let mut browser = test.browser();
    browser.sign_in(&test.ask_for_link(ada).await).await;
    let link = test.ask_for_link(ada).await;
    for number in 0..30 {
        test.client(&format!("{number}@x.test")).await;
    }
    test.app.store.keep_up().await.unwrap();

    standby.kill();
    for _ in 0..3 {
        let asked: Vec<_> = (2..32)
            .map(|user| {
                let test = Arc::clone(&test);
                tokio::spawn(
                    async move { test.call("GET", &format!("/api/login_links/{user}")).await.status },
                )
            })
            .collect();
        for asked in asked {
            assert_eq!(asked.await.unwrap(), StatusCode::SERVICE_UNAVAILABLE);
        }
        assert_eq!(browser.get("/auth/verify").await.status, StatusCode::OK);
        // It was made long before the commit that the node has made since, by the test's clock.
        assert_eq!(test.ask_for_link(ada).await, link);
    }
    let ours = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'doorkey'";
    assert!(primary.number(ours) <= 16, "{} connections", primary.number(ours));

    standby.start_again();
    primary.wait_for_standby();
    let begun = std::time::Instant::now();
    while test.call("GET", "/api/login_links/2").await.status != StatusCode::OK {
        assert!(begun.elapsed() < super::PROMISED, "writers do not go on");
    }
}
