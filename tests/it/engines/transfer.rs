//! From an embedded database to PostgreSQL: what goes over, and that no two databases are ever used for one.

use std::sync::Arc;
use std::time::Duration;

use axum::http::StatusCode;
use doorkey::clock::Clock;
use doorkey::domain::audit::{AuditContext, AuditEvent};
use doorkey::domain::origin::Origin;
use doorkey::domain::user::UserId;
use doorkey::flow;
use doorkey::flow::operations::transfer::MovingError;
use doorkey::http;
use doorkey::store::{Transfer, TransferError};

use crate::support::app::{TestApp, TestRequest, open, settings};
use crate::support::consistency::MISCOUNTED;
use crate::support::database::Database;
use crate::support::relying_party::userinfo;

async fn embedded() -> TestApp {
    let folder = tempfile::tempdir().unwrap();
    TestApp::start_on(Database::Sqlite(folder.path().join("doorkey.db")), folder).await
}

/// What stays of an installation when its server is stopped.
struct Stopped {
    database: Arc<Database>,
    remains: (doorkey::domain::workspace::Workspace, String, Arc<tempfile::TempDir>),
}

fn stop(test: TestApp) -> Stopped {
    Stopped { database: test.database, remains: (test.acme, test.key, test.folder) }
}

impl Stopped {
    async fn begin_move_to(&self, target: &Database) -> Result<Transfer, TransferError> {
        Transfer::begin(&self.database.parsed(), &target.parsed()).await
    }

    async fn move_to(&self, target: &Database) -> Result<Vec<(String, u64)>, MovingError> {
        let (from, to) = (self.database.parsed(), target.parsed());
        let key = self.remains.2.path().join("doorkey.key");
        let act = AuditContext::at_command_line();
        flow::operations::transfer::run((&from, &to), &key, &act, &Clock::System, &mut |_| ()).await
    }

    /// Why a database of this installation is not opened.
    async fn refusal_of(&self, database: &Database) -> String {
        let key = self.remains.2.path().join("doorkey.key");
        let url = database.parsed();
        let opened = flow::operations::startup::open(&url, &key, true, Clock::System).await;
        opened.unwrap_err().to_string()
    }

    /// The same installation, on this database.
    async fn start_on(self, database: Arc<Database>) -> TestApp {
        let (acme, key, folder) = self.remains;
        let app = open(&database, &folder.path().join("doorkey.key")).await;
        let router = http::router(app.clone(), settings());
        TestApp { app, acme, key, router, database, folder }
    }
}

/// What the API tells of everything.
async fn printed(test: &TestApp) -> Vec<String> {
    let mut all = Vec::new();
    for noun in ["clients", "team", "login_links", "sessions", "logs"] {
        let response = test.call("GET", &format!("/api/{noun}?limit=100")).await;
        assert_eq!(response.status, StatusCode::OK);
        all.push(response.body);
    }
    all
}

#[tokio::test(flavor = "multi_thread")]
async fn everything_moves_and_goes_on_working_with_the_same_key_file() {
    let test = embedded().await;
    let act = AuditContext::at_command_line();
    test.another("Gone", "https://gone.test").await;
    flow::workspaces::delete(&test.app, &AuditContext::at_command_line(), "Gone").await.unwrap();
    let (ada, bob) = (test.client("ada@x.test").await, test.client("bob@x.test").await);
    let eve = test.client("eve@x.test").await;
    test.change(ada, "note", "\\N\t\\.\r\n\u{2028}Zoë\u{8}\\x00").await;
    let (live, used) = (test.ask_for_link(ada).await, test.ask_for_link(bob).await);
    test.delete(eve).await;
    let mut browser = test.browser();
    let page = browser.open(&used).await;
    assert_eq!(browser.press(&page).await.status, StatusCode::SEE_OTHER);
    let cookies = browser.cookies.clone();
    let (before, audit) = (printed(&test).await, test.audit());
    let stopped = stop(test);
    let target = Arc::new(Database::on_server());

    let tables = stopped.move_to(&target).await.unwrap();

    let refused = stopped.refusal_of(&stopped.database).await;
    assert!(refused.contains(&format!("was moved to {}", target.parsed())), "{refused}");
    assert!(stopped.move_to(&target).await.unwrap_err().to_string().contains("was moved to"));
    for (table, rows) in &tables {
        let printed = if table == "audit_log" { " WHERE event <> 'database.moved'" } else { "" };
        let there = target.number(&format!("SELECT count(*) FROM {table}{printed}"));
        assert_eq!(there, i64::try_from(*rows).unwrap(), "{table}");
        let planned =
            target.number(&format!("SELECT reltuples::bigint FROM pg_class WHERE oid = '{table}'::regclass"));
        assert_eq!(
            planned,
            i64::try_from(*rows).unwrap(),
            "{table} is planned for as if it had so many rows"
        );
    }
    assert_eq!(tables.len(), 33, "{tables:?}");
    let test = stopped.start_on(target).await;
    let mut log = test.audit();
    assert_eq!(log.pop().as_deref(), Some("database.moved by command_line"));
    assert_eq!(log, audit);
    test.database.run("DELETE FROM audit_log WHERE event = 'database.moved'");
    assert_eq!(printed(&test).await, before);
    assert_eq!(test.ask_for_link(ada).await, live);
    let mut browser = test.browser();
    assert_eq!(browser.open(&used).await.status, StatusCode::GONE);
    let page = browser.open(&live).await;
    assert_eq!(browser.press(&page).await.status, StatusCode::SEE_OTHER);
    browser.cookies = cookies;
    assert!(browser.get("/").await.body.contains("bob@x.test"));
    assert_eq!(test.client("new@x.test").await, UserId::from_number(4).unwrap());
    assert_eq!(test.number(&format!("SELECT count(*) FROM ({MISCOUNTED}) m")), 0);
    let url = Origin::parse("https://next.test").unwrap();
    let next = flow::workspaces::create(&test.app, &act, "Next".to_owned(), url, vec![]).await.unwrap();
    assert_eq!(next.id.0, 3, "the number of a workspace that is gone is given again");
}

#[tokio::test(flavor = "multi_thread")]
async fn apps_go_on_with_their_secrets_codes_tokens_and_signing_keys() {
    let test = embedded().await;
    let (app, mut browser) = test.app_and_browser().await;
    let code = app.code(&mut browser).await;
    let tokens = app.tokens(&test, &code).await;
    let waiting = app.code(&mut browser).await;
    let shown = test.call("GET", "/api/apps").await.body;
    let published = test.send(TestRequest::of("GET", "/oidc/jwks")).await.body;
    let stopped = stop(test);
    let target = Arc::new(Database::on_server());

    stopped.move_to(&target).await.unwrap();

    let test = stopped.start_on(target).await;
    assert_eq!(test.call("GET", "/api/apps").await.body, shown);
    assert_eq!(test.send(TestRequest::of("GET", "/oidc/jwks")).await.body, published);
    let (id_token, access_token) = (&tokens["id_token"], &tokens["access_token"]);
    test.verified(&app, id_token.as_str().unwrap()).await;
    assert_eq!(userinfo(&test, access_token.as_str().unwrap()).await.status, StatusCode::OK);
    let next = app.tokens(&test, &waiting).await;
    let claims = test.verified(&app, next["id_token"].as_str().unwrap()).await;
    assert_eq!(claims["email"], "ada@example.org");
    assert_eq!(test.number("SELECT CAST(sum(sign_ins) AS BIGINT) FROM app_usage"), 2);
}

/// Whoever dies between the two marks leaves a whole copy that nobody used, and a source that may have gone on since.
#[tokio::test(flavor = "multi_thread")]
async fn a_copy_whose_source_was_not_closed_is_made_anew() {
    let test = embedded().await;
    test.client("ada@x.test").await;
    let stopped = stop(test);
    let target = Arc::new(Database::on_server());
    let mut broken_off = stopped.begin_move_to(&target).await.unwrap();
    broken_off.copy(&mut |_| ()).await.unwrap();
    drop(broken_off);

    let refused = stopped.refusal_of(&target).await;
    assert!(refused.contains("being filled from"), "{refused}");
    let source = Arc::clone(&stopped.database);
    let test = stopped.start_on(source).await;
    let bob = test.client("bob@x.test").await;
    let link = test.ask_for_link(bob).await;
    let stopped = stop(test);
    stopped.move_to(&target).await.unwrap();

    let test = stopped.start_on(target).await;
    assert_eq!(test.number("SELECT count(*) FROM users"), 2);
    assert_eq!(test.ask_for_link(bob).await, link);
}

#[tokio::test(flavor = "multi_thread")]
async fn while_a_move_waits_for_its_end_neither_database_is_used() {
    let test = embedded().await;
    let ada = test.client("ada@x.test").await;
    let link = test.ask_for_link(ada).await;
    let stopped = stop(test);
    let (target, other) = (Arc::new(Database::on_server()), Database::on_server());
    let mut broken_off = stopped.begin_move_to(&target).await.unwrap();
    broken_off.copy(&mut |_| ()).await.unwrap();
    broken_off.close_source().unwrap();
    drop(broken_off);

    assert!(stopped.refusal_of(&target).await.contains("being filled from"));
    assert!(stopped.refusal_of(&stopped.database).await.contains("was moved to"));
    assert!(stopped.move_to(&other).await.unwrap_err().to_string().contains("was moved to"));
    let stranger = stop(embedded().await);
    let refused = stranger.move_to(&target).await.unwrap_err().to_string();
    assert!(refused.contains("holds the whole copy of another one"), "{refused}");
    stopped.move_to(&target).await.unwrap();

    assert_eq!(stopped.start_on(target).await.ask_for_link(ada).await, link);
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_moves_to_one_target_the_last_that_begins_is_made_whole() {
    let (first, last) = (embedded().await, embedded().await);
    first.client("first@x.test").await;
    last.client("last@x.test").await;
    let (first, last) = (stop(first), stop(last));
    let target = Arc::new(Database::on_server());

    let mut overtaken = first.begin_move_to(&target).await.unwrap();
    let mut overtaking = last.begin_move_to(&target).await.unwrap();
    let refused = overtaken.copy(&mut |_| ()).await.unwrap_err().to_string();
    overtaking.copy(&mut |_| ()).await.unwrap();
    overtaking.close_source().unwrap();
    overtaking
        .open_target(&AuditContext::at_command_line().entry(AuditEvent::DatabaseMoved), Clock::System.now())
        .await
        .unwrap();

    assert!(refused.contains("another move to"), "{refused}");
    assert_eq!(target.rows("SELECT email FROM users"), [["last@x.test"]]);
    drop(overtaken);
    let source = Arc::clone(&first.database);
    assert_eq!(first.start_on(source).await.number("SELECT count(*) FROM users"), 1);
}

/// A row that goes astray is noticed, and then nothing was copied at all.
#[tokio::test(flavor = "multi_thread")]
async fn counts_that_differ_undo_the_copy() {
    let test = embedded().await;
    test.client("ada@x.test").await;
    test.client("bob@x.test").await;
    let stopped = stop(test);
    let target = Database::on_server();
    drop(stopped.begin_move_to(&target).await.unwrap());
    // A rule of somebody's own: what happens to one row is not told to who sends it.
    let rule = "CREATE FUNCTION lose() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END';
                CREATE TRIGGER lose BEFORE INSERT ON users FOR EACH ROW WHEN (NEW.id = 2) EXECUTE FUNCTION lose()";
    crate::support::database::psql(&target.url(), rule);

    let refused = stopped.move_to(&target).await.unwrap_err().to_string();

    assert_eq!(refused, "users has 2 rows, but 1 arrived: nothing was copied; run this again");
    assert_eq!(target.number("SELECT count(*) FROM audit_log"), 0);
    let source = Arc::clone(&stopped.database);
    stopped.start_on(source).await;
}

/// Elsewhere a transaction that stands still for 2 s is given up; here a terminal may stand still, or a disk.
#[tokio::test(flavor = "multi_thread")]
async fn a_move_that_is_held_up_between_two_tables_goes_on() {
    let test = embedded().await;
    test.client("ada@x.test").await;
    let stopped = stop(test);
    let target = Database::on_server();
    let mut moving = stopped.begin_move_to(&target).await.unwrap();
    // The first table that has a row; those before it are told of once each.
    let first = moving.tables().iter().position(|table| *table == ("api_keys".to_owned(), 1)).unwrap();
    let mut heard = 0;

    let copied = moving
        .copy(&mut |_| {
            heard += 1;
            // After that one row, and after the end of its table.
            if heard == first + 2 {
                std::thread::sleep(Duration::from_millis(2_500));
            }
        })
        .await;

    copied.unwrap();
    assert_eq!(target.number("SELECT count(*) FROM users"), 1);
}
