//! `doorkey migrate`, run as the operator runs it.

use std::fmt::Write as _;
use std::io::BufRead;
use std::process::{Child, Command, Output, Stdio};
use std::time::Duration;

use serde_json::Value;
use tempfile::TempDir;

use crate::support::cluster::Cluster;
use crate::support::database::{Database, psql, server};
use crate::support::pooler::Pooler;
use crate::support::server::binary;
use crate::support::wait::until;

/// An operator with an embedded database, its key file, and an empty PostgreSQL.
struct Mover {
    folder: TempDir,
    target: Database,
}

impl Mover {
    fn arrive() -> Self {
        Self { folder: tempfile::tempdir().unwrap(), target: Database::on_server() }
    }

    /// With the workspace Acme and so many clients.
    fn with_clients(count: i64) -> Self {
        let mover = Self::arrive();
        mover.well(&["workspace", "create", "Acme", "--url", "https://example.com"]);
        let mut rows = "email,name_f,name_l\n".to_owned();
        for number in 1..=count {
            writeln!(rows, "u{number}@x.test,U,{number}").unwrap();
        }
        std::fs::write(mover.folder.path().join("rows.csv"), rows).unwrap();
        mover.well(&["user", "import", "--workspace", "Acme", "rows.csv"]);
        mover
    }

    fn command(&self, words: &[&str]) -> Command {
        let mut command = Command::new(binary());
        command.env_clear().current_dir(self.folder.path()).args(words).stdin(Stdio::null());
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    fn migrate(&self, words: &[&str]) -> Command {
        let mut command = self.command(&["migrate", "--from", "sqlite://doorkey.db"]);
        // A password is no argument.
        command.args(words).env("DOORKEY_DATABASE", self.target.url());
        command
    }

    /// On the embedded database.
    fn well(&self, words: &[&str]) -> String {
        well(&mut self.command(words))
    }

    fn refused(&self, words: &[&str]) -> String {
        refused(&mut self.command(words))
    }

    fn on_target(&self, words: &[&str]) -> Command {
        let mut command = self.command(words);
        command.env("DOORKEY_DATABASE", self.target.url());
        command
    }
}

fn text(bytes: Vec<u8>) -> String {
    String::from_utf8(bytes).unwrap()
}

fn well(command: &mut Command) -> String {
    let Output { status, stdout, stderr } = command.output().unwrap();
    assert!(status.success() && stderr.is_empty(), "{}", text(stderr));
    text(stdout)
}

/// The one sentence of a refusal.
fn refused(command: &mut Command) -> String {
    let Output { status, stdout, stderr } = command.output().unwrap();
    let (stdout, stderr) = (text(stdout), text(stderr));
    assert_eq!((status.code(), stderr.lines().count()), (Some(1), 1), "{stdout}{stderr}");
    stderr
}

/// Waits until a copy stands still because of somebody who holds the last of the tables.
fn wait_until_it_waits(target: &Database, copying: &mut Child) {
    let Database::Postgres(schema) = target else { panic!("another engine") };
    let waiting = format!(
        "SET search_path = {schema};
         SELECT count(*) FROM pg_locks WHERE NOT granted AND relation = 'workspaces'::regclass"
    );
    let waits = || {
        assert!(copying.try_wait().unwrap().is_none(), "it ended by itself");
        psql(&server(), &waiting).lines().last() != Some("0")
    };
    until(Duration::from_secs(30), waits, || "it does not come to the last table".to_owned());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_move_that_is_killed_in_the_middle_leaves_the_source_good_and_the_target_closed() {
    let mover = Mover::with_clients(2_000);
    let before: Value =
        serde_json::from_str(&mover.well(&["link", "7", "--workspace", "Acme", "--json"])).unwrap();
    let source = doorkey::store::DatabaseUrl::Sqlite(mover.folder.path().join("doorkey.db"));
    // Makes the tables, so that one of them can be held.
    drop(doorkey::store::Transfer::begin(&source, &mover.target.parsed()).await.unwrap());
    let hold = mover.target.hold_tables("workspaces");
    let mut copying = mover.migrate(&[]).spawn().unwrap();
    wait_until_it_waits(&mover.target, &mut copying);

    let refusal = mover.refused(&["user", "list", "--workspace", "Acme"]);
    copying.kill().unwrap();
    copying.wait().unwrap();
    hold.let_go();

    assert!(refusal.contains("locked"), "{refusal}");
    assert_eq!(mover.target.number("SELECT count(*) FROM users"), 0, "half a copy is there");
    for words in [&["serve", "--listen", "127.0.0.1:0"][..], &["workspace", "list"], &["check"]] {
        let sentence = mover.on_target(words).output().unwrap();
        assert_eq!(sentence.status.code(), Some(1));
        let sentence = text(sentence.stderr);
        assert!(sentence.contains("is being filled from doorkey.db"), "{words:?}: {sentence}");
    }
    mover.well(&["user", "set", "8", "--workspace", "Acme", "company=Late"]);

    let printed: Value = serde_json::from_str(&well(&mut mover.migrate(&["--json"]))).unwrap();

    assert_eq!(printed["tables"]["users"], 2_000);
    assert_eq!(mover.target.number("SELECT count(*) FROM users WHERE company = 'Late'"), 1);
    let after = well(&mut mover.on_target(&["link", "7", "--workspace", "Acme", "--json"]));
    let after: Value = serde_json::from_str(&after).unwrap();
    assert_eq!((&after["link"], &after["reused"]), (&before["link"], &Value::Bool(true)));
    let shown = mover.target.parsed().to_string();
    for words in [&["serve"][..], &["link", "7", "--workspace", "Acme"], &["check"], &["workspace", "list"]] {
        let sentence = text(mover.command(words).output().unwrap().stderr);
        assert!(sentence.contains(&format!("was moved to {shown}")), "{words:?}: {sentence}");
        assert!(!sentence.contains(&password()), "{sentence}");
    }
    assert!(refused(&mut mover.migrate(&[])).contains("was moved to"));
}

fn password() -> String {
    let server = server();
    let person = server.split_once("://").unwrap().1.rsplit_once('@').unwrap().0;
    person.split_once(':').unwrap().1.to_owned()
}

#[test]
fn a_source_in_use_and_a_target_that_was_used_are_refused() {
    let mover = Mover::with_clients(1);
    let mut serving = mover.command(&["serve", "--listen", "127.0.0.1:0", "--ops-listen", "127.0.0.1:0"]);
    let mut serving = serving.stdout(Stdio::null()).spawn().unwrap();
    let mut log = std::io::BufReader::new(serving.stderr.take().unwrap()).lines();
    assert!(log.any(|line| line.unwrap().contains("listening")), "it ended before it listened");

    let in_use = refused(&mut mover.migrate(&[]));
    serving.kill().unwrap();
    serving.wait().unwrap();
    assert!(in_use.contains("doorkey.db is in use: stop the server"), "{in_use}");
    assert_eq!(
        mover
            .target
            .number("SELECT count(*) FROM information_schema.tables WHERE table_schema = current_schema()"),
        0
    );

    // Whoever has opened it once has taken it into use, even without a workspace.
    assert!(refused(&mut mover.on_target(&["workspace", "set", "None", "single_use=true"])).contains("None"));
    let used = refused(&mut mover.migrate(&[]));
    assert!(used.contains("has been used before"), "{used}");
    mover.well(&["workspace", "list"]);
    assert_eq!(mover.target.number("SELECT count(*) FROM transfers"), 0);
}

#[test]
fn no_other_direction_is_taken() {
    let mover = Mover::with_clients(1);
    let postgres = mover.target.url();
    let migrate = |from: &str, to: &str| mover.refused(&["migrate", "--from", from, "--to", to]);

    for (from, to) in
        [(&*postgres, "sqlite://new.db"), (&postgres, &*postgres), ("sqlite://doorkey.db", "sqlite://new.db")]
    {
        let sentence = migrate(from, to);
        assert!(
            sentence.contains("a move goes from an embedded database to PostgreSQL, not from"),
            "{sentence}"
        );
    }
    assert!(migrate("sqlite://missing.db", &postgres).contains("there is no database at missing.db"));
    assert!(migrate("missing.db", &postgres).contains("is not understood"));
    assert!(!mover.folder.path().join("new.db").exists() && !mover.folder.path().join("missing.db").exists());
    mover.well(&["check"]);
}

#[test]
fn a_target_behind_a_pooler_that_hands_out_servers_by_transaction_is_refused_and_nothing_is_moved() {
    let mover = Mover::with_clients(1);
    let cluster = Cluster::start();
    let pooler = Pooler::start(&cluster, "transaction");
    let migrate = |to: &str| mover.command(&["migrate", "--from", "sqlite://doorkey.db", "--to", to]);

    let sentence = refused(&mut migrate(&pooler.url()));

    assert!(sentence.contains("hands out servers by transaction"), "{sentence}");
    assert!(sentence.contains("set pool_mode = session for it (pgbouncer)"), "{sentence}");
    let tables = "SELECT count(*) FROM pg_tables WHERE schemaname = 'public'";
    assert_eq!(psql(&cluster.url(), tables).trim(), "0");
    mover.well(&["check"]);
    well(&mut migrate(&cluster.url()));
}

#[test]
fn a_bar_shows_how_far_a_move_is_on_a_terminal_alone() {
    let mover = Mover::with_clients(3_000);
    let line = format!("{} migrate --from sqlite://doorkey.db", binary().display());

    let mut at_terminal = Command::new("script");
    at_terminal
        .args(["--quiet", "--return", "--command", &line, "/dev/null"])
        .current_dir(mover.folder.path());
    at_terminal.env("DOORKEY_DATABASE", mover.target.url()).env("TERM", "xterm").stdin(Stdio::null());
    let shown = String::from_utf8_lossy(&at_terminal.output().unwrap().stdout).into_owned();

    assert!(shown.contains(" rows") && shown.contains('%'), "{shown:?}");
    assert!(shown.trim_end().ends_with("and the same key file."), "{shown:?}");
    assert_eq!(mover.target.number("SELECT count(*) FROM users"), 3_000);
}

/// A move with a key file that is not the source's would end in a database that nobody can use.
#[test]
fn a_key_file_that_is_not_the_sources_is_refused_before_anything_is_touched() {
    let mover = Mover::with_clients(3);
    let other = Mover::with_clients(1);
    let (key, own) = (mover.folder.path().join("doorkey.key"), mover.folder.path().join("own.key"));
    std::fs::rename(&key, &own).unwrap();

    assert!(refused(&mut mover.migrate(&[])).contains("no key file at doorkey.key"));
    std::fs::copy(other.folder.path().join("doorkey.key"), &key).unwrap();
    assert!(refused(&mut mover.migrate(&[])).contains("does not belong to this database"));

    let tables = "SELECT count(*) FROM information_schema.tables WHERE table_schema = current_schema()";
    assert_eq!(mover.target.number(tables), 0);
    let with_own = ["--secret-key-file", "own.key"];
    mover.well(&[&["check"][..], &with_own].concat());
    let source = rusqlite::Connection::open(mover.folder.path().join("doorkey.db")).unwrap();
    let marks: i64 = source.query_row("SELECT count(*) FROM transfers", [], |row| row.get(0)).unwrap();
    assert_eq!(marks, 0);
    drop(source);
    well(&mut mover.migrate(&with_own));
    let printed = "SELECT count(*) FROM audit_log WHERE event = 'database.moved' AND data LIKE '%os_user%'";
    assert_eq!(mover.target.number(printed), 1);
}
