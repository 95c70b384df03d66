//! Copies of the embedded database's files that were made without doorkey.

use std::fs;
use std::io::{Seek, SeekFrom, Write};
use std::path::Path;

use crate::support::cli_runner::CliRunner;
use crate::support::client_load::{Load, wait_for_clients};
use crate::support::database::is_whole;
use crate::support::server::Server;

/// A copy of the file alone may be of two moments: it is taken if it is whole, and then nothing of it signs anybody in.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_raw_copy_that_is_made_under_load_is_consistent_or_refused() {
    let server = Server::start();
    let load = Load::begin(&server);
    let (mut taken, mut refused) = (0, 0);
    for number in 0..12 {
        wait_for_clients(&server, 60 * (number + 1)).await;
        let raw = server.path("raw.db");
        fs::copy(server.path("doorkey.db"), &raw).unwrap();
        let operator = CliRunner::new();
        fs::copy(server.path("doorkey.key"), operator.path("doorkey.key")).unwrap();
        for _ in 0..2 {
            // What the first one leaves behind must not be the second one's excuse.
            let list = format!("workspace list --database sqlite://{}", raw.display());
            let bare = operator.run(&list).refused(1);
            assert!(bare.contains("is a copy of a file that a server had open"), "{bare}");
        }
        let done = operator.run(&format!("restore {} --json", raw.display()));
        if done.status == 0 {
            assert!(is_whole(&operator.path("doorkey.db")));
            operator.run("workspace list").well();
            taken += 1;
        } else {
            done.refused(1);
            assert!(!operator.path("doorkey.db").exists());
            refused += 1;
        }
    }
    load.end().await;
    assert!(taken > 0, "of {refused} none was whole");
}

/// Whole with its log, wherever it is taken; and a file of a server that was stopped is whole by itself.
#[test]
fn a_database_may_be_moved_with_all_that_belongs_to_it() {
    let mut server = Server::start();
    server.add_client("ada@x.test", "Ada", "X");
    server.kill();
    let elsewhere = CliRunner::new();
    for name in ["doorkey.db", "doorkey.db-wal", "doorkey.key"] {
        fs::copy(server.path(name), elsewhere.path(name)).unwrap();
    }
    // Whoever moves to another disk after a sync that failed takes along what says so.
    elsewhere.write("doorkey.db-doubt", "", 0o600);
    for _ in 0..2 {
        elsewhere.run("link 1 --workspace Acme").well();
    }
    assert!(!elsewhere.path("doorkey.db-doubt").exists());
    let (status, _, _) = elsewhere.serve("serve").stop("TERM");
    assert_eq!(status, Some(0));
    let again = CliRunner::new();
    for name in ["doorkey.db", "doorkey.key"] {
        fs::copy(elsewhere.path(name), again.path(name)).unwrap();
    }
    again.run("link 1 --workspace Acme").well();

    // A backup is no database before it was restored: it would have links live that are over.
    server.serve_with(&[]);
    server.run(&["backup", "a.backup"]);
    fs::copy(server.path("a.backup"), again.path("b.db")).unwrap();
    let refused = again.run("link 1 --workspace Acme --database sqlite://b.db").refused(1);
    assert!(refused.contains("doorkey restore"), "{refused}");
}

/// What is wrong in the middle of a file, where nobody looks to open it, is found before it is too late.
#[test]
fn a_database_that_is_damaged_inside_is_neither_backed_up_nor_restored() {
    let operator = CliRunner::with_acme();
    operator.run("backup bent.backup").well();
    bend(&operator.path("bent.backup"));
    let refused = operator.run("restore bent.backup").refused(1);
    assert!(refused.contains("bent.backup is damaged"), "{refused}");
    operator.run("link 1 --workspace Acme").well();

    bend(&operator.path("doorkey.db"));
    let refused = operator.run("backup a.backup").refused(1);
    assert!(refused.contains("doorkey.db is damaged"), "{refused}");
    let left = fs::read_dir(operator.folder.path()).unwrap().map(|file| file.unwrap().file_name());
    assert!(
        left.into_iter().all(|name| !name.to_str().unwrap().starts_with("a.backup")),
        "something was left"
    );
}

/// Takes the entries of an index away.
fn bend(path: &Path) {
    let database = rusqlite::Connection::open(path).unwrap();
    let root = "SELECT rootpage FROM sqlite_master WHERE name = 'login_links_by_end'";
    let page: u32 = database.query_row(root, [], |row| row.get(0)).unwrap();
    database.close().unwrap();
    let mut file = fs::OpenOptions::new().write(true).open(path).unwrap();
    file.seek(SeekFrom::Start(u64::from(page - 1) * 4096)).unwrap();
    // The page of an index that has none (SQLite's file format, section 1.6).
    file.write_all(&[10, 0, 0, 0, 0, 0, 0, 0]).unwrap();
}
