//! The database behind a test, in the engine of this run, and what only somebody with its file or password could do.

use std::cell::RefCell;
use std::collections::HashMap;
use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::Duration;

use doorkey::store::DatabaseUrl;
use rusqlite::types::Value as Cell;

/// What every table is called; who locks them all lets nobody else write.
const TABLES: &str = "migrations, workspaces, hosts, key_fingerprints, transfers, nodes, clock_readings, users, login_links, sessions, api_keys, audit_log, link_events, link_kills, link_stats, refusal_stats, counted_batches";

/// The engine that a run is for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Engine {
    Sqlite,
    Postgres,
}

/// A database of its own; one on a server is gone when this is dropped.
pub enum Database {
    Sqlite(PathBuf),
    /// A schema of the database that `DOORKEY_TEST_POSTGRES` names.
    Postgres(String),
    /// All of a server that the test has to itself, by its URL.
    Cluster(String),
}

/// Somebody who writes and does not come to an end.
pub enum Hold {
    Sqlite(rusqlite::Connection),
    Postgres(Child, BufReader<ChildStdout>),
}

impl Database {
    /// An empty one, in the engine of this run. An embedded one is a file of this folder.
    pub fn fresh(folder: &Path) -> Self {
        match crate::ENGINE {
            Engine::Sqlite => Self::Sqlite(folder.join("doorkey.db")),
            Engine::Postgres => Self::on_server(),
        }
    }

    /// An empty one on the server.
    pub fn on_server() -> Self {
        let schema = format!("test_{}", uuid::Uuid::new_v4().simple());
        psql(&server(), &format!("CREATE SCHEMA {schema}"));
        Self::Postgres(schema)
    }

    /// As an operator writes it.
    pub fn url(&self) -> String {
        match self {
            Self::Sqlite(path) => format!("sqlite://{}", path.display()),
            Self::Postgres(schema) => {
                format!("{}?sslmode=disable&options=-csearch_path%3D{schema}", server())
            }
            Self::Cluster(url) => url.clone(),
        }
    }

    pub fn parsed(&self) -> DatabaseUrl {
        DatabaseUrl::parse(&self.url()).unwrap()
    }

    /// The key file that whoever opens it first needs to have.
    pub fn prepare_key(&self, key_file: &Path) {
        if !matches!(self, Self::Sqlite(_)) && !key_file.exists() {
            doorkey::keys::create(key_file).unwrap();
        }
    }

    /// The rows of a query, each column as text.
    pub fn rows(&self, sql: &str) -> Vec<Vec<String>> {
        match self {
            Self::Sqlite(path) => {
                let database = connect(path);
                let mut query = database.prepare(sql).unwrap();
                let columns = query.column_count();
                let text = |row: &rusqlite::Row<'_>, column| {
                    let value = row.get_ref(column).unwrap();
                    value
                        .as_i64()
                        .map_or_else(|_| value.as_str().unwrap().to_owned(), |number| number.to_string())
                };
                let rows =
                    query.query_map([], |row| Ok((0..columns).map(|column| text(row, column)).collect()));
                rows.unwrap().map(Result::unwrap).collect()
            }
            Self::Postgres(_) | Self::Cluster(_) => {
                let printed = psql(&self.url(), sql);
                printed.lines().map(|line| line.split('\u{1f}').map(str::to_owned).collect()).collect()
            }
        }
    }

    /// Every row of every table that is a workspace's, each as text.
    pub fn rows_of(&self, workspace: i64) -> Vec<String> {
        let owned = ["hosts", "users", "user_counts", "login_links", "sessions", "api_keys", "audit_log"];
        let tables = owned.map(|table| (table, "workspace_id")).into_iter().chain([("workspaces", "id")]);
        match self {
            Self::Sqlite(path) => {
                let database = connect(path);
                let mut all = Vec::new();
                for (table, column) in tables {
                    let sql = format!("SELECT * FROM {table} WHERE {column} = {workspace} ORDER BY 1, 2");
                    let mut query = database.prepare(&sql).unwrap();
                    let width = query.column_count();
                    let rows = query.query_map([], |row| {
                        (0..width).map(|cell| row.get::<_, Cell>(cell)).collect::<Result<Vec<_>, _>>()
                    });
                    all.extend(rows.unwrap().map(|row| format!("{table} {:?}", row.unwrap())));
                }
                all
            }
            Self::Postgres(_) | Self::Cluster(_) => {
                let selects = tables.map(|(table, column)| {
                    format!("SELECT '{table} ' || t::text FROM {table} t WHERE {column} = {workspace}")
                });
                let union = selects.collect::<Vec<_>>().join(" UNION ALL ");
                ask(&self.url(), &format!("{union} ORDER BY 1")).lines().map(str::to_owned).collect()
            }
        }
    }

    pub fn number(&self, sql: &str) -> i64 {
        self.rows(sql)[0][0].parse().unwrap()
    }

    /// Changes rows, behind doorkey's back; some must be there to be changed. Bytes are written as in SQLite, `x'00'`.
    pub fn run(&self, sql: &str) {
        let is_changed = match self {
            Self::Sqlite(path) => {
                let database = connect(path);
                database.execute_batch(sql).unwrap();
                database.total_changes() > 0
            }
            Self::Postgres(_) | Self::Cluster(_) => {
                // Not the end of a text: what begins bytes stands behind a space, a parenthesis or an operator.
                let begins = |before: &str| before.ends_with([' ', '(', '=', ',', '\n']);
                let mut parts = sql.split("x'");
                let first = parts.next().unwrap_or_default().to_owned();
                let written = parts.fold(first, |text, part| {
                    let quote = if begins(&text) { "'\\x" } else { "x'" };
                    text + quote + part
                });
                let printed = psql(&self.url(), &written);
                printed.lines().any(|tag| !tag.ends_with(" 0"))
            }
        };
        assert!(is_changed, "nothing was changed: {sql}");
    }

    /// Writes, and does not come to an end until it is let go.
    pub fn hold(&self) -> Hold {
        match self {
            Self::Sqlite(path) => {
                let database = connect(path);
                database.execute_batch("BEGIN IMMEDIATE").unwrap();
                Hold::Sqlite(database)
            }
            Self::Postgres(_) | Self::Cluster(_) => self.hold_tables(TABLES),
        }
    }

    /// The same of some tables on a server.
    pub fn hold_tables(&self, tables: &str) -> Hold {
        let mut child = psql_command(&self.url()).spawn().unwrap();
        let mut printed = BufReader::new(child.stdout.take().unwrap());
        tell(&mut child, &mut printed, &format!("BEGIN; LOCK TABLE {tables} IN EXCLUSIVE MODE;"));
        Hold::Postgres(child, printed)
    }

    /// Every byte that a thief gets.
    pub fn stolen(&self) -> Vec<u8> {
        match self {
            Self::Sqlite(path) => {
                let name = path.file_name().unwrap().to_str().unwrap();
                let files = fs::read_dir(path.parent().unwrap()).unwrap().map(|file| file.unwrap().path());
                let parts =
                    files.filter(|file| file.file_name().unwrap().to_str().unwrap().starts_with(name));
                parts.flat_map(|part| fs::read(part).unwrap()).collect()
            }
            Self::Postgres(schema) => dump(&["--schema", schema, &server()]),
            Self::Cluster(url) => dump(&[url]),
        }
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        if let Self::Postgres(schema) = self {
            // A test that failed may have left somebody who holds on to it.
            let drop = format!("SET lock_timeout = '5s'; DROP SCHEMA {schema} CASCADE;");
            let _ = finish(psql_command(&server()), &drop);
        }
    }
}

impl Hold {
    pub fn let_go(self) {
        match self {
            Self::Sqlite(database) => database.execute_batch("ROLLBACK").unwrap(),
            Self::Postgres(mut child, mut printed) => {
                tell(&mut child, &mut printed, "ROLLBACK;");
                drop(child.stdin.take());
                assert!(child.wait().unwrap().success());
            }
        }
    }
}

fn dump(arguments: &[&str]) -> Vec<u8> {
    let dump = Command::new("pg_dump").args(arguments).output().unwrap();
    assert!(dump.status.success(), "{}", String::from_utf8_lossy(&dump.stderr));
    dump.stdout
}

fn connect(path: &Path) -> rusqlite::Connection {
    let connection = rusqlite::Connection::open(path).unwrap();
    connection.busy_timeout(Duration::from_secs(5)).unwrap();
    connection
}

/// Where the server is, with a database that these tests may use as they like.
pub fn server() -> String {
    std::env::var("DOORKEY_TEST_POSTGRES")
        .expect("DOORKEY_TEST_POSTGRES names no PostgreSQL; ./test starts one, or set it to postgres://USER:PASSWORD@HOST:PORT/NAME")
}

/// Runs statements and gives what was printed: rows, or what each statement did.
pub fn psql(url: &str, sql: &str) -> String {
    let (is_done, printed, complaint) = finish(psql_command(url), sql);
    assert!(is_done, "{sql}: {complaint}");
    printed
}

/// What a client prints that stays from one question of a thread to the next: to begin one takes longer than to answer.
fn ask(url: &str, sql: &str) -> String {
    const END: &str = "\u{1e}\n";
    thread_local! {
        static CLIENTS: RefCell<HashMap<String, (Child, BufReader<ChildStdout>)>> = RefCell::default();
    }
    CLIENTS.with_borrow_mut(|clients| {
        let (client, output) = clients.entry(url.to_owned()).or_insert_with(|| {
            let mut client = psql_command(url).stderr(Stdio::inherit()).spawn().unwrap();
            let output = BufReader::new(client.stdout.take().unwrap());
            (client, output)
        });
        client.stdin.as_mut().unwrap().write_all(format!("{sql};\n\\echo {END}").as_bytes()).unwrap();
        let mut printed = String::new();
        while !printed.ends_with(END) {
            assert!(output.read_line(&mut printed).unwrap() > 0, "{sql} was not answered");
        }
        printed.truncate(printed.len() - END.len());
        printed
    })
}

fn psql_command(url: &str) -> Command {
    let mut command = Command::new("psql");
    command.args(["-X", "-A", "-t", "-F", "\u{1f}", "-v", "ON_ERROR_STOP=1", "-d", url]);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

fn finish(mut command: Command, sql: &str) -> (bool, String, String) {
    let mut child = command.spawn().unwrap();
    child.stdin.take().unwrap().write_all(sql.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (output.status.success(), text(output.stdout), text(output.stderr))
}

/// Has a client that stays do something, and waits until it has.
fn tell(child: &mut Child, printed: &mut BufReader<ChildStdout>, sql: &str) {
    child.stdin.as_mut().unwrap().write_all(format!("{sql}\n\\echo done\n").as_bytes()).unwrap();
    let mut line = String::new();
    while line.trim_end() != "done" {
        line.clear();
        assert!(printed.read_line(&mut line).unwrap() > 0, "{sql} was not done");
    }
}

/// Whether an SQLite file passes its own check of integrity.
pub fn is_whole(path: &Path) -> bool {
    let found = rusqlite::Connection::open(path)
        .unwrap()
        .query_row("PRAGMA integrity_check", [], |row| row.get::<_, String>(0));
    found.is_ok_and(|found| found == "ok")
}
