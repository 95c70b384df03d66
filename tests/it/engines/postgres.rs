//! What is so of PostgreSQL alone: who comes first when two nodes write, and what a server must be.

use std::sync::Arc;
use std::time::Duration;

use axum::http::StatusCode;
use doorkey::clock::Clock;
use doorkey::flow;
use doorkey::store::DatabaseUrl;

use crate::support::app::{TestApp, TestRequest};
use crate::support::database::{Database, psql, server};
use crate::support::wait::until;

/// A transaction of somebody else's that has done something and does not come to an end yet.
struct Unfinished(std::process::Child);

impl Unfinished {
    fn begin(test: &TestApp, sql: &str) -> Self {
        let mut command = std::process::Command::new("psql");
        command.args(["-X", "-q", "-v", "ON_ERROR_STOP=1", "-d", &test.database.url()]);
        let mut child = command.stdin(std::process::Stdio::piped()).spawn().unwrap();
        let marked = format!("SET application_name = 'unfinished'; BEGIN; {sql};\n");
        std::io::Write::write_all(child.stdin.as_mut().unwrap(), marked.as_bytes()).unwrap();
        let unfinished = Self(child);
        wait_for(test, "application_name = 'unfinished' AND state = 'idle in transaction'");
        unfinished
    }

    fn commit(mut self) {
        std::io::Write::write_all(self.0.stdin.as_mut().unwrap(), b"COMMIT;\n").unwrap();
        drop(self.0.stdin.take());
        assert!(self.0.wait().unwrap().success());
    }
}

/// Waits until somebody of whom this is true is at the users of this test.
fn wait_for(test: &TestApp, what: &str) {
    let Database::Postgres(schema) = &*test.database else { panic!("another engine") };
    let at_users = "SELECT pid FROM pg_locks WHERE relation = 'users'::regclass";
    let count = format!(
        "SET search_path = {schema}; SELECT count(*) FROM pg_stat_activity WHERE {what} AND pid IN ({at_users})"
    );
    let is_somebody = || psql(&server(), &count).lines().last() != Some("0");
    until(Duration::from_secs(15), is_somebody, || format!("nobody of whom this is true: {what}"));
}

/// A kill on another node that is about to be committed: the press waits for it, and loses.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_press_waits_for_a_kill_that_is_being_committed_and_loses_to_it() {
    for kill in ["link_epoch = link_epoch + 1", "two_factor = 1", "is_staff = 1", "is_active = 0"] {
        let test = Arc::new(TestApp::start().await);
        let user = test.client("ada@x.test").await;
        let link = test.ask_for_link(user).await;
        let mut browser = test.browser();
        let page = browser.open(&link).await;
        let ask = crate::support::app::button(&page);
        let cookies: Vec<_> = browser.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let ask = ask.header("cookie", cookies.join("; "));

        let killing = Unfinished::begin(&test, &format!("UPDATE users SET {kill}"));
        let press = tokio::spawn({
            let test = Arc::clone(&test);
            async move { test.send(ask).await }
        });
        wait_for(&test, "wait_event_type = 'Lock'");
        killing.commit();

        assert_eq!(press.await.unwrap().status, StatusCode::GONE, "{kill}");
        assert_eq!(test.number("SELECT count(*) FROM sessions"), 0, "{kill}");
    }
}

/// The same for a new link: rule 1 to 4 hold when it is made, not when it was asked for.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_link_is_not_made_for_who_becomes_staff_meanwhile() {
    let test = Arc::new(TestApp::start().await);
    test.client("ada@x.test").await;

    let changing = Unfinished::begin(&test, "UPDATE users SET is_staff = 1");
    let asking = tokio::spawn({
        let test = Arc::clone(&test);
        async move { test.call("GET", "/api/login_links/1").await }
    });
    wait_for(&test, "wait_event_type = 'Lock'");
    changing.commit();

    let response = asking.await.unwrap();
    assert_eq!((response.status, response.code()), (StatusCode::FORBIDDEN, "staff_user".to_owned()));
    assert_eq!(test.number("SELECT count(*) FROM login_links"), 0);
}

/// Whoever waits for a user that somebody holds on to waits without a connection, so there is one for everybody else.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn who_waits_for_one_user_keeps_nobody_else_waiting() {
    let test = Arc::new(TestApp::start().await);
    test.client("ada@x.test").await;
    let bob = test.client("bob@x.test").await;
    let mut browser = test.browser();
    browser.sign_in(&test.ask_for_link(bob).await).await;

    let holding = Unfinished::begin(&test, "UPDATE users SET note = 'held' WHERE id = 1");
    let asking: Vec<_> = (0..40)
        .map(|_| {
            let test = Arc::clone(&test);
            tokio::spawn(async move { test.call("GET", "/api/login_links/1").await })
        })
        .collect();
    wait_for(&test, "wait_event_type = 'Lock'");
    for _ in 0..3 {
        assert_eq!(test.call("DELETE", "/api/login_links/2").await.status, StatusCode::NO_CONTENT);
        test.ask_for_link(bob).await;
        assert_eq!(browser.get("/auth/verify").await.status, StatusCode::OK);
    }
    assert!(asking.iter().all(|asked| !asked.is_finished()), "somebody gave up before others were served");
    holding.commit();

    let mut links = std::collections::BTreeSet::new();
    for asked in asking {
        let response = asked.await.unwrap();
        assert_eq!(response.status, StatusCode::OK, "{}", response.body);
        links.insert(response.json()["link"].as_str().unwrap().to_owned());
    }
    assert_eq!(links.len(), 1);
}

/// An address that is being taken on another node: whoever wants it too waits, and is told that it is taken.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn an_address_that_is_taken_meanwhile_is_refused_as_taken() {
    let test = Arc::new(TestApp::start().await);
    test.client("ada@x.test").await;
    test.client("bob@x.test").await;
    let body = serde_json::json!({ "email": "Same@x.test", "name_f": "A", "name_l": "B" });

    for (number, (method, path)) in
        [("PUT", "/api/clients/1"), ("POST", "/api/clients")].into_iter().enumerate()
    {
        let email = body["email"].as_str().unwrap().to_ascii_lowercase();
        let taking = format!("UPDATE users SET email = 'x', email_folded = '{email}' WHERE id = 2");
        let taking = Unfinished::begin(&test, &taking);
        let ask = TestRequest::of(method, path).bearer(&test.key).json(&body);
        let wanting = tokio::spawn({
            let test = Arc::clone(&test);
            async move { test.send(ask).await }
        });
        wait_for(&test, "wait_event_type = 'Lock'");
        taking.commit();

        let response = wanting.await.unwrap();
        assert_eq!(
            (response.status, response.code()),
            (StatusCode::BAD_REQUEST, "invalid".to_owned()),
            "{method}"
        );
        let printed = response.json()["errors"]["email"][0].to_string();
        assert!(printed.contains("belongs to another user: change that one"), "{printed}");
        test.run_sql(&format!("UPDATE users SET email_folded = 'free{number}@x.test' WHERE id = 2"));
    }
}

#[tokio::test]
async fn a_schema_that_holds_something_else_is_refused_and_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let key = folder.path().join("doorkey.key");
    doorkey::keys::create(&key).unwrap();
    for tables in ["CREATE TABLE songs (name TEXT)", "CREATE TABLE migrations (version TEXT)"] {
        let database = Database::on_server();
        psql(&database.url(), tables);

        let refused =
            flow::operations::startup::open(&database.parsed(), &key, true, Clock::System).await.unwrap_err();

        assert!(refused.to_string().contains("is not a doorkey database"), "{refused}");
        let here = "SELECT count(*) FROM information_schema.tables WHERE table_schema = current_schema()";
        assert_eq!(database.number(here), 1);
    }
}

/// Contract, section 6: the key for PostgreSQL is made by hand; and a command that only reads makes no tables.
#[tokio::test]
async fn neither_a_key_nor_tables_are_made_unasked() {
    let folder = tempfile::tempdir().unwrap();
    let key = folder.path().join("doorkey.key");
    let database = Database::on_server();

    let refused =
        flow::operations::startup::open(&database.parsed(), &key, true, Clock::System).await.unwrap_err();
    assert!(refused.to_string().contains("no key file") && !key.exists(), "{refused}");
    doorkey::keys::create(&key).unwrap();
    let refused =
        flow::operations::startup::open(&database.parsed(), &key, false, Clock::System).await.unwrap_err();
    let refused = refused.to_string();
    assert!(refused.contains("the database at postgres://") && refused.contains(" is empty: "), "{refused}");
    assert!(refused.contains("`doorkey workspace create` or `doorkey serve` makes the tables"), "{refused}");

    let here = "SELECT count(*) FROM information_schema.tables WHERE table_schema = current_schema()";
    assert_eq!(database.number(here), 0);
}

/// Two nodes that start at once with keys of their own: the database rests on one key, and one node is refused.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_two_nodes_with_keys_of_their_own_one_starts() {
    for _ in 0..4 {
        let folder = tempfile::tempdir().unwrap();
        let database = Database::on_server();
        let starts = [0, 1, 2, 3].map(|number| {
            let (url, key) = (database.parsed(), folder.path().join(format!("{number}.key")));
            doorkey::keys::create(&key).unwrap();
            tokio::spawn(
                async move { flow::operations::startup::open(&url, &key, true, Clock::System).await },
            )
        });
        let mut started = 0;
        for start in starts {
            match start.await.unwrap() {
                Ok(_) => started += 1,
                Err(error) => assert!(error.to_string().contains("does not belong"), "{error}"),
            }
        }
        assert_eq!(started, 1);
        assert_eq!(database.number("SELECT count(*) FROM key_fingerprints"), 1);
    }
}

/// A node that dies in the middle of a migration leaves nothing of it, and the next one makes all of it.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_node_that_dies_while_it_migrates_leaves_nothing_half_made() {
    let folder = tempfile::tempdir().unwrap();
    let key = folder.path().join("doorkey.key");
    doorkey::keys::create(&key).unwrap();
    let folder_of_migrations = concat!(env!("CARGO_MANIFEST_DIR"), "/migrations/postgres");
    let migrations = i64::try_from(std::fs::read_dir(folder_of_migrations).unwrap().count()).unwrap();
    for patience in (0..40).map(|number| Duration::from_millis(number * 4)) {
        let database = Database::on_server();
        let mut command = std::process::Command::new(crate::support::server::binary());
        command.args(["workspace", "create", "Acme", "--url", "https://example.com"]);
        command.env("DOORKEY_DATABASE", database.url()).env("DOORKEY_SECRET_KEY_FILE", &key);
        command.stdout(std::process::Stdio::null()).stderr(std::process::Stdio::null());
        let mut dying = command.spawn().unwrap();
        tokio::time::sleep(patience).await;
        dying.kill().unwrap();
        dying.wait().unwrap();

        let app =
            flow::operations::startup::open(&database.parsed(), &key, true, Clock::System).await.unwrap();

        assert!(flow::workspaces::list(&app).await.unwrap().len() < 2);
        assert_eq!(database.number("SELECT count(*) FROM migrations"), migrations);
    }
}

/// A server that says it is done before it is would lose what doorkey has acknowledged.
#[tokio::test]
async fn a_server_that_answers_before_it_has_written_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let key = folder.path().join("doorkey.key");
    doorkey::keys::create(&key).unwrap();
    let database = Database::on_server();
    let weak = format!("{}%20-csynchronous_commit%3Doff", database.url());

    let refused =
        flow::operations::startup::open(&DatabaseUrl::parse(&weak).unwrap(), &key, true, Clock::System)
            .await
            .unwrap_err();

    assert!(refused.to_string().contains("synchronous_commit"), "{refused}");
}

/// A self-signed certificate whose key nobody has.
fn make_certificate(name: &str, file: &std::path::Path) {
    let kind = ["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"];
    let subject = format!("/CN={name}");
    let named = ["-subj", &subject, "-keyout", "/dev/null", "-out", file.to_str().unwrap()];
    assert!(std::process::Command::new("openssl").args(kind).args(named).output().unwrap().status.success());
}

/// What a server must prove, by `sslmode` and root certificate; and that what is said to be encrypted is.
#[tokio::test]
async fn a_server_proves_over_tls_what_is_asked_of_it() {
    let folder = tempfile::tempdir().unwrap();
    let key = folder.path().join("doorkey.key");
    doorkey::keys::create(&key).unwrap();
    let database = Database::on_server();
    flow::operations::startup::open(&database.parsed(), &key, true, Clock::System).await.unwrap();
    let right = std::path::PathBuf::from(std::env::var_os("DOORKEY_TEST_POSTGRES_ROOT").unwrap());
    let (stranger, text) = (folder.path().join("stranger.pem"), folder.path().join("text.pem"));
    make_certificate("stranger", &stranger);
    std::fs::write(&text, "no certificate").unwrap();

    for (mode, root, host, expected) in [
        ("sslmode=disable", None, "127.0.0.1", Ok(false)),
        ("sslmode=prefer", None, "127.0.0.1", Ok(true)),
        ("", None, "127.0.0.1", Ok(true)),
        ("sslmode=require", None, "127.0.0.1", Ok(true)),
        ("sslmode=require", Some(&right), "127.0.0.1", Ok(true)),
        ("sslmode=require", Some(&stranger), "127.0.0.1", Err("rests on no certificate of the root file")),
        ("sslmode=verify-ca", Some(&right), "127.0.0.1", Ok(true)),
        ("sslmode=verify-ca", Some(&stranger), "127.0.0.1", Err("rests on no certificate of the root file")),
        ("sslmode=verify-full", Some(&right), "localhost", Ok(true)),
        ("", Some(&right), "localhost", Ok(true)),
        ("sslmode=verify-full", Some(&right), "127.0.0.1", Err("not valid for name")),
        ("", Some(&right), "127.0.0.1", Err("not valid for name")),
        (
            "sslmode=verify-full",
            Some(&stranger),
            "localhost",
            Err("rests on no certificate of the root file"),
        ),
        ("sslmode=verify-full", None, "localhost", Err("--database-root-certificate")),
        ("sslmode=verify-full", Some(&text), "localhost", Err("--database-root-certificate")),
    ] {
        let name = format!("tls_{}", uuid::Uuid::new_v4().simple());
        let url = database.url().replace("sslmode=disable", mode).replace("127.0.0.1", host);
        let url = DatabaseUrl::parse(&format!("{url}&application_name={name}")).unwrap();
        let opened = flow::operations::startup::open(
            &url.with_root_certificate(root.cloned()),
            &key,
            false,
            Clock::System,
        )
        .await;
        match (&opened, expected) {
            (Ok(_), Ok(is_encrypted)) => {
                let ours = format!("JOIN pg_stat_activity USING (pid) WHERE application_name = '{name}'");
                let found = database.rows(&format!("SELECT ssl FROM pg_stat_ssl {ours}"));
                assert_eq!(found[0][0], if is_encrypted { "t" } else { "f" }, "{mode} {host}");
            }
            (Err(error), Err(named)) => assert!(error.to_string().contains(named), "{mode} {host}: {error}"),
            (Ok(_), Err(named)) => panic!("{mode} {root:?} {host} is let in: {named}"),
            (Err(error), Ok(_)) => panic!("{mode} {root:?} {host} is kept out: {error}"),
        }
    }
}

/// Of several servers the first that answers and lets us write is taken: one that is silent, one that is not there and
/// a standby are passed over.
#[tokio::test]
async fn of_several_servers_the_one_that_takes_writes_is_used() {
    let test = TestApp::start().await;
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let gone = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let (scheme, rest) =
        test.database.url().split_once('@').map(|(a, b)| (a.to_owned(), b.to_owned())).unwrap();
    let hosts = format!("{scheme}@{},{gone},{rest}", silent.local_addr().unwrap());
    let url = DatabaseUrl::parse(&hosts).unwrap();

    let app = flow::operations::startup::open(&url, &test.key_file(), false, Clock::System).await.unwrap();

    assert_eq!(flow::workspaces::list(&app).await.unwrap().len(), 1);
    let read_only = format!("{}%20-cdefault_transaction_read_only%3Don", test.database.url());
    let url = DatabaseUrl::parse(&read_only).unwrap();
    let refused =
        flow::operations::startup::open(&url, &test.key_file(), false, Clock::System).await.unwrap_err();
    assert!(refused.to_string().contains("does not allow writes"), "{refused}");
}
