//! The standby is away: nothing can be committed, and whatever was covered before is answered all the same.

use std::sync::Arc;
use std::time::Duration;

use axum::http::StatusCode;
use doorkey::domain::audit::AuditContext;
use doorkey::domain::email::EmailAddress;
use doorkey::domain::import_row::ImportRow;
use doorkey::domain::scope::Scopes;
use doorkey::flow;
use doorkey::flow::import::Import;
use serde_json::json;

use crate::support::app::{TestApp, TestRequest};
use crate::support::cluster::Cluster;
use crate::support::database::Database;

async fn start_on(primary: &Cluster) -> TestApp {
    let folder = tempfile::tempdir().unwrap();
    let database = Database::Cluster(primary.url());
    database.prepare_key(&folder.path().join("doorkey.key"));
    TestApp::start_on(database, folder).await
}

/// Commits that wait keep their connections, and no more than writers may have: else each 503 would leave a process of the
/// server behind, and soon nobody could be looked up.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn writers_that_wait_for_a_standby_leave_readers_their_connections() {
    let primary = Cluster::start();
    let mut standby = Cluster::plan();
    standby.follow(&primary);
    let test = Arc::new(start_on(&primary).await);
    let ada = test.client("ada@x.test").await;
    let mut browser = test.browser();
    browser.sign_in(&test.ask_for_link(ada).await).await;
    let link = test.ask_for_link(ada).await;
    for number in 0..30 {
        test.client(&format!("{number}@x.test")).await;
    }
    test.app.store.refresh_snapshot().await.unwrap();

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

/// Whatever is answered from what is there already, in every flow: none of it while the standby is away, all of it after.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_said_to_be_so_already_while_that_could_be_lost() {
    let primary = Cluster::start();
    let mut standby = Cluster::plan();
    standby.follow(&primary);
    let test = start_on(&primary).await;
    let ada = test.client("ada@x.test").await;
    let gone = test.client("gone@x.test").await;
    test.delete(gone).await;
    let mut browser = test.browser();
    browser.sign_in(&test.ask_for_link(ada).await).await;
    let cookie = browser.cookies.iter().find(|(name, _)| name.contains("session"));
    let cookie = cookie.map(|(name, value)| format!("{name}={value}")).unwrap();
    let sessions = test.call("GET", "/api/sessions").await.json();
    let session = sessions["data"][0]["id"].as_str().unwrap().to_owned();
    assert_eq!(test.call("DELETE", &format!("/api/sessions/{session}")).await.status, StatusCode::NO_CONTENT);
    let act = AuditContext::at_command_line();
    let wish = ("again", Scopes::all(), None);
    let (key, _) = flow::api_keys::create(&test.app, &test.acme, &act, wish).await.unwrap();
    flow::api_keys::revoke(&test.app, &test.acme, &act, key.id).await.unwrap();

    let on_time = test.on_time().await;

    for is_away in [true, false] {
        if is_away {
            standby.kill();
        } else {
            standby.start_again();
            primary.wait_for_standby();
        }
        let expect = |there: StatusCode| if is_away { StatusCode::SERVICE_UNAVAILABLE } else { there };
        let call = async |method: &str, path: String| test.call(method, &path).await.status;
        let same = TestRequest::of("PUT", &format!("/api/clients/{}", ada.number())).bearer(&test.key);
        let same = same.json(&json!({ "name_f": "Ada" }));
        let out = TestRequest::of("POST", "/logout").header("cookie", cookie.clone());
        let out = out.header("sec-fetch-site", "same-origin");
        let responses = tokio::join!(
            async { test.send(same).await.status },
            call("DELETE", format!("/api/clients/{}", gone.number())),
            call("DELETE", format!("/api/login_links/{}", gone.number())),
            call("DELETE", format!("/api/sessions/{session}")),
            call("GET", "/api/login_links/999".to_owned()),
            call("GET", "/api/clients/999".to_owned()),
            async { test.send(out).await.status },
            flow::api_keys::revoke(&test.app, &test.acme, &act, key.id),
            flow::workspaces::delete(&test.app, &act, "Nobody"),
            flow::operations::secret_keys::make_active(&on_time.app, &act, on_time.app.keys().active_id()),
            tokio::time::timeout(Duration::from_secs(8), import_same(&test)),
        );
        let (same, delete, kill, end, link, client, out, revoked, deleted, used, imported) = responses;
        assert_eq!((same, out), (expect(StatusCode::OK), expect(StatusCode::SEE_OTHER)));
        assert_eq!([delete, kill, end, link, client], [expect(StatusCode::NOT_FOUND); 5]);
        assert_eq!((revoked.is_err(), used.is_err()), (is_away, is_away), "{used:?}");
        assert_eq!(deleted.unwrap_err().to_string().contains("there is no workspace"), !is_away);
        assert_eq!(imported.is_ok_and(|unchanged| unchanged == Ok(1)), !is_away);
    }
}

/// How many rows an import found as they are.
async fn import_same(test: &TestApp) -> Result<u64, String> {
    let mut import = Import::begin(&test.app, &test.acme, AuditContext::at_command_line());
    let mut row = ImportRow::default();
    row.fields.email = EmailAddress::parse("ada@x.test").ok();
    import.put(1, row).await.map_err(|error| error.to_string())?;
    import.finish().await.map_err(|error| error.to_string())?;
    Ok(import.tally().unchanged)
}
