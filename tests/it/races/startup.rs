//! Several processes that open one database at the same moment: an empty one, or one that an older version left.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use reqwest::StatusCode;
use tokio::task::JoinHandle;

use crate::support::app;
use crate::support::database::Database;
use crate::support::http_client::HttpClient;
use crate::support::server::{Server, regular};

/// How the newest migrations are undone, on both engines. Whoever adds one says it here.
const NEWEST: (i64, &str) = (
    10,
    "DROP INDEX link_events_unsettled;
     CREATE INDEX link_events_unsettled ON link_events (workspace_id, settle_at) WHERE settle_at > 0;
     DROP INDEX audit_log_by_user; DROP TABLE apps; DROP TABLE app_secrets; DROP TABLE signing_keys; DROP TABLE app_codes; DROP TABLE app_sessions;
     DROP TABLE app_refusals; DROP TABLE app_usage; DROP TABLE app_sign_outs;
     ALTER TABLE workspaces DROP COLUMN addresses; ALTER TABLE workspaces DROP COLUMN default_app;
     ALTER TABLE users DROP COLUMN subject; ALTER TABLE users DROP COLUMN proven_email;
     ALTER TABLE sessions DROP COLUMN method;
     ALTER TABLE mails DROP COLUMN client_id; ALTER TABLE asks DROP COLUMN client_id;
     ALTER TABLE login_links DROP COLUMN client_id; ALTER TABLE login_links DROP COLUMN is_trial;
     ALTER TABLE link_events DROP COLUMN client_id;
     DELETE FROM migrations WHERE number >= 9",
);

/// How often everybody who knocks is let in before they go.
const ASKS: usize = 20;

/// Makes the schema that of the version before, with all its rows.
fn make_older(database: &Database) {
    let (newest, undone) = NEWEST;
    assert_eq!(database.number("SELECT max(number) FROM migrations"), newest, "say how the newest is undone");
    database.run(undone);
}

fn expect_up_to_date(database: &Database) {
    let known = Path::new(env!("CARGO_MANIFEST_DIR")).join("migrations/sqlite").read_dir().unwrap().count();
    let run: Vec<_> = (1..=known).map(|number| vec![number.to_string()]).collect();
    assert_eq!(database.rows("SELECT number FROM migrations ORDER BY number"), run);
    // What the newest ones add is there, or this is refused.
    database.number("SELECT count(subject) FROM users");
}

#[tokio::test]
async fn many_may_open_an_empty_or_older_database_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let key = folder.path().join("doorkey.key");
    doorkey::keys::create(&key).unwrap();
    let database = Arc::new(Database::fresh(folder.path()));
    for is_older in [false, true] {
        if is_older {
            make_older(&database);
        }
        let opens = (0..8).map(|_| {
            let (database, key) = (Arc::clone(&database), key.clone());
            tokio::task::spawn_blocking(move || {
                tokio::runtime::Handle::current().block_on(app::open(&database, &key))
            })
        });
        for opened in opens.collect::<Vec<_>>() {
            opened.await.unwrap();
        }
        expect_up_to_date(&database);
    }
}

/// Somebody who asks a server again and again for one user's link, from before it listens.
struct Knocking {
    is_over: Arc<AtomicBool>,
    callers: Vec<JoinHandle<Vec<(StatusCode, String)>>>,
}

impl Knocking {
    fn at(servers: &[Server], user: i64) -> Self {
        let is_over = Arc::new(AtomicBool::new(false));
        let mut callers = Vec::new();
        for server in servers.iter().cycle().take(4 * servers.len()) {
            let (client, is_over) = (regular(), Arc::clone(&is_over));
            let (url, key) = (server.url(&format!("/api/login_links/{user}")), server.key.clone());
            callers.push(tokio::spawn(async move {
                let mut responses = Vec::new();
                while !is_over.load(Ordering::Relaxed) || responses.len() < ASKS {
                    // Without a port, which each server has for itself: a refusal names the host.
                    let ask = client.get(&url).header("host", "localhost").bearer_auth(&key);
                    match ask.send().await {
                        Ok(response) => responses.push((response.status(), response.text().await.unwrap())),
                        Err(error) => {
                            assert!(error.is_connect() && responses.is_empty(), "{error}");
                            tokio::time::sleep(Duration::from_millis(5)).await;
                        }
                    }
                }
                responses
            }));
        }
        Self { is_over, callers }
    }

    /// The one answer that all of them got, each time.
    async fn end(self) -> (StatusCode, String) {
        self.is_over.store(true, Ordering::Relaxed);
        let mut all = Vec::new();
        for caller in self.callers {
            all.extend(caller.await.unwrap());
        }
        let first = all.pop().unwrap();
        assert_eq!(all.into_iter().find(|response| *response != first), None, "others got {first:?}");
        first
    }
}

/// So many servers, which begin at the same moment; while they do, somebody knocks.
async fn start_together(first: Server, count: usize, user: i64) -> (Vec<Server>, (StatusCode, String)) {
    let mut servers: Vec<_> = (1..count).map(|_| first.beside()).collect();
    servers.push(first);
    let knocking = Knocking::at(&servers, user);
    let starts = servers.into_iter().map(|mut server| {
        tokio::task::spawn_blocking(move || {
            server.serve_with(&[]);
            server
        })
    });
    let mut started = Vec::new();
    for start in starts.collect::<Vec<_>>() {
        started.push(start.await.unwrap());
    }
    (started, knocking.end().await)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn servers_that_start_together_on_an_empty_database_make_one_of_it() {
    for count in [2, 3] {
        let (mut servers, response) = start_together(Server::untouched(), count, 1).await;
        assert_eq!(response.0, StatusCode::NOT_FOUND);
        expect_up_to_date(&servers[0].database);

        servers[0].add_workspace();
        let (ada, key) = (servers[0].add_client("ada@x.test", "Ada", "X"), servers[0].key.clone());
        let link = servers[0].ask_for_link(ada).await;
        for server in &mut servers {
            server.key.clone_from(&key);
            assert_eq!(server.ask_for_link(ada).await, link);
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn servers_that_start_together_on_an_older_database_lose_nothing_of_it() {
    for count in [2, 3] {
        let mut first = Server::start();
        let [ada, bob, cyd] =
            ["ada@x.test", "bob@x.test", "cyd@x.test"].map(|email| first.add_client(email, "A", "X"));
        let link = first.ask_for_link(ada).await;
        let mut person = HttpClient::arrives();
        person.sign_in(&first, &first.ask_for_link(bob).await).await;
        first.stop();
        let database = Arc::clone(&first.database);
        make_older(&database);
        let before = database.rows_of(1);

        let (servers, response) = start_together(first, count, cyd).await;

        // Everybody got the one new link, and of what was there only its user has changed.
        assert_eq!(response.0, StatusCode::OK);
        expect_up_to_date(&database);
        let after = database.rows_of(1);
        // A migration may add columns behind those that were there.
        let is_kept = |row: &str| after.iter().any(|now| now.starts_with(&row[..row.len() - 1]));
        let changed: Vec<_> = before.iter().filter(|row| !is_kept(row)).collect();
        assert!(changed.len() == 1 && changed[0].contains("cyd@x.test"), "{changed:?}");
        assert_eq!(database.number("SELECT count(*) FROM login_links"), 3);
        for server in &servers {
            assert_eq!(server.ask_for_link(ada).await, link);
            assert!(person.is_signed_in(server).await);
        }
        HttpClient::arrives().sign_in(&servers[1], &link).await;
    }
}
