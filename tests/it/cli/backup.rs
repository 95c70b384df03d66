//! Backup and restore of the embedded database: whole, beside a running server, and never a way back to what is over.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use reqwest::StatusCode;
use serde_json::{Value, json};

use crate::support::cli_runner::CliRunner;
use crate::support::client_load::{Load, wait_for_clients};
use crate::support::database::is_whole;
use crate::support::http_client::HttpClient;
use crate::support::server::{Server, regular};

fn parsed(text: &str) -> Value {
    serde_json::from_str(text).unwrap()
}

fn number(path: &Path, sql: &str) -> i64 {
    rusqlite::Connection::open(path).unwrap().query_row(sql, [], |row| row.get(0)).unwrap()
}

/// A user and the entry about it are one commit, and numbers have no gaps: what is of two moments would show.
fn is_of_one_moment(path: &Path) -> i64 {
    let users = number(path, "SELECT count(*) FROM users");
    assert!(is_whole(path));
    assert_eq!(number(path, "SELECT last_user_id FROM number_counters"), users);
    assert_eq!(number(path, "SELECT count(*) FROM audit_log WHERE event = 'user.added'"), users);
    users
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_backup_under_load_is_of_one_moment() {
    let server = Server::start();
    let load = Load::begin(&server);
    wait_for_clients(&server, 200).await;

    let mut last = 0;
    for number in 0..4 {
        let before = server.database.number("SELECT count(*) FROM users");
        let file = server.path(&format!("{number}.backup"));
        let printed = parsed(&server.run(&["backup", file.to_str().unwrap(), "--json"]));

        assert_eq!(printed["bytes"].as_u64(), Some(fs::metadata(&file).unwrap().len()));
        let users = is_of_one_moment(&file);
        assert!(users >= before && users >= last, "{users} of {before} that were answered before");
        last = users;
        wait_for_clients(&server, last + 50).await;
    }
    let added: Vec<_> = load.end().await.iter().map(i64::to_string).collect();
    let there = format!("SELECT count(*) FROM users WHERE id IN ({})", added.join(", "));
    assert_eq!(server.database.number(&there), i64::try_from(added.len()).unwrap(), "somebody was lost");
}

/// Stopped wherever it is until the file is there, it has no lock that a writer waits for. Its entry comes after that.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_backup_holds_nobody_up() {
    let server = Server::start();
    let load = Load::begin(&server);
    wait_for_clients(&server, 300).await;
    load.end().await;

    let mut stopped_on_the_way = 0;
    for number in 0..20_u64 {
        let file = format!("{number}.backup");
        let mut backing_up = server.command().args(["backup", &file]).stdout(Stdio::null()).spawn().unwrap();
        tokio::time::sleep(Duration::from_millis(2 * number)).await;
        let signal = |name: &str| {
            let kill = format!("kill -{name} {}", backing_up.id());
            Command::new("sh").args(["-c", &kill]).stderr(Stdio::null()).status().unwrap()
        };
        // It may be done already.
        signal("STOP");
        if !server.path(&file).exists() {
            stopped_on_the_way += 1;
            server.add_client(&format!("late{number}@x.test"), "Late", "X");
            assert_eq!(server.call("DELETE", "/api/login_links/1").await.status(), 204);
        }
        signal("CONT");
        assert!(backing_up.wait().unwrap().success());
        is_of_one_moment(&server.path(&file));
    }
    assert!(stopped_on_the_way > 2, "{stopped_on_the_way}");
}

/// The server is killed, so that what was committed last stands in the log alone.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn what_was_over_before_a_restore_is_over_after_it_and_the_operator_is_told() {
    let mut server = Server::start();
    for name in ["ada", "bob", "cat", "dan", "eve"] {
        server.add_client(&format!("{name}@x.test"), name, "X");
    }
    let (first, second) = (server.ask_for_link(1).await, server.ask_for_link(2).await);
    let mut bob = HttpClient::arrives();
    bob.sign_in(&server, &second).await;
    let mut copy_of_bob = HttpClient::arrives();
    copy_of_bob.take_cookies_of(&bob);
    let made = ["key", "create", "--workspace", "Acme", "--name", "second", "--json"];
    let second_key = parsed(&server.run(&made));
    server.run(&["user", "set", "5", "--workspace", "Acme", "status=0"]);

    back_up_under_load(&server, "then.backup").await;
    let mut ada = HttpClient::arrives();
    ada.sign_in(&server, &first).await;
    server.run(&["key", "revoke", &second_key["id"].to_string(), "--workspace", "Acme"]);
    bob.sign_out(&server).await;
    server.run(&["user", "set", "3", "--workspace", "Acme", "two_factor_enabled=true"]);
    server.run(&["user", "delete", "4", "--workspace", "Acme"]);
    let late = server.ask_for_link(2).await;
    let latest = server.database.number("SELECT count(*) FROM audit_log");

    let refused = server.refused(&["restore", "then.backup"], &[]);
    assert!(refused.contains("is in use") && refused.contains("stop the server"), "{refused}");
    assert!(ada.is_signed_in(&server).await, "what was refused changed nothing");
    server.kill();
    let readings = "SELECT count(*) FROM clock_readings";
    assert_eq!(number(&server.path("then.backup"), readings), 1);
    let printed = parsed(&server.run(&["restore", "then.backup", "--as-it-was", "--json"]));
    assert_eq!(server.database.number(readings), 0, "a clock of then would be compared with that of now");
    server.serve_with(&[]);

    let kept = Path::new(printed["kept"].as_str().unwrap()).to_owned();
    assert!(is_whole(&kept));
    assert_eq!(
        number(&kept, "SELECT count(*) FROM audit_log"),
        latest,
        "the database that was there is kept"
    );
    is_told_of_what_came_back(&printed);
    for link in [&first, &second, &late] {
        assert_eq!(HttpClient::arrives().open(link).await.status, StatusCode::GONE);
    }
    for person in [&mut ada, &mut bob, &mut copy_of_bob] {
        assert!(!person.is_signed_in(&server).await);
    }
    let fresh = server.ask_for_link(1).await;
    assert!(![&first, &late].contains(&&fresh));
    ada.sign_in(&server, &fresh).await;
    assert!(ada.is_signed_in(&server).await);
    let marked = "SELECT count(*) FROM audit_log WHERE event = 'workspace.restored'";
    assert_eq!(server.database.number(marked), 1);
    let people = server.run(&["backup", "again.backup"]);
    assert!(people.contains("no secret key"), "{people}");
}

async fn back_up_under_load(server: &Server, file: &str) {
    let load = Load::begin(server);
    wait_for_clients(server, 100).await;
    server.run(&["backup", file]);
    load.end().await;
}

/// One key was revoked since the backup, one user got two-factor, one was deleted; one was disabled before and since.
fn is_told_of_what_came_back(printed: &Value) {
    let before: Vec<_> = printed["api_keys"]
        .as_array()
        .unwrap()
        .iter()
        .map(|key| (key["name"].clone(), key["before"].clone()))
        .collect();
    assert_eq!(before, [(json!("tests"), json!("live")), (json!("second"), json!("revoked"))]);
    let flags = |two_factor| json!({ "two_factor_enabled": two_factor, "status": 1, "staff": false });
    let users = printed["users"].as_array().unwrap();
    assert!(
        users.contains(&json!({ "workspace": "Acme", "id": 3, "now": flags(false), "before": flags(true) }))
    );
    assert!(
        users.contains(&json!({ "workspace": "Acme", "id": 4, "now": flags(false), "before": "not there" }))
    );
    assert!(users.iter().all(|user| user["id"] != 5), "who was disabled then and before is not listed");
}

/// The names of its files, without those that the database is made of beside its own.
fn files_of(operator: &CliRunner) -> Vec<String> {
    let files = fs::read_dir(operator.folder.path()).unwrap();
    let names = files.map(|file| file.unwrap().file_name().into_string().unwrap());
    let names: BTreeSet<_> = names.filter(|name| !name.starts_with("doorkey.db-")).collect();
    names.into_iter().collect()
}

#[test]
fn a_backup_that_is_none_costs_nothing() {
    let operator = CliRunner::with_acme();
    let link = operator.run("link 1 --workspace Acme").well();
    operator.run("backup good.backup").well();
    let good = fs::read(operator.path("good.backup")).unwrap();
    fs::write(operator.path("cut.backup"), &good[..good.len() / 2]).unwrap();
    let mut holed = good.clone();
    let pages = good.len() / 4096;
    holed[4096 * (pages / 2)..].fill(0);
    fs::write(operator.path("holed.backup"), &holed).unwrap();
    operator.write(
        "notes.backup",
        "These are my notes, and no database at all, whatever the name may say.\n",
        0o600,
    );
    let foreign = rusqlite::Connection::open(operator.path("foreign.backup")).unwrap();
    foreign.execute_batch("CREATE TABLE mine (x)").unwrap();
    drop(foreign);
    fs::write(operator.path("empty.backup"), "").unwrap();
    fs::copy(operator.path("good.backup"), operator.path("newer.backup")).unwrap();
    let newer = rusqlite::Connection::open(operator.path("newer.backup")).unwrap();
    newer.execute("INSERT INTO migrations (number) VALUES (999)", []).unwrap();
    drop(newer);
    let stranger = CliRunner::with_acme();
    stranger.run("backup theirs.backup").well();
    fs::copy(stranger.path("theirs.backup"), operator.path("theirs.backup")).unwrap();
    let before = files_of(&operator);

    for (line, named) in [
        ("restore cut.backup", "cut.backup is damaged"),
        ("restore holed.backup", "holed.backup is damaged"),
        ("restore notes.backup", "notes.backup is not a doorkey database"),
        ("restore foreign.backup", "foreign.backup is not a doorkey database"),
        ("restore empty.backup", "empty.backup is not a doorkey database"),
        ("restore newer.backup", "the database at newer.backup is of schema 999, newer than"),
        ("restore theirs.backup", "does not belong to this database"),
        ("restore none.backup", "there is no file at none.backup"),
        ("restore good.backup --secret-key-file none.key", "no key file at none.key"),
        ("restore good.backup --database postgres://127.0.0.1:1/x", "no embedded database"),
        (
            "restore good.backup --database sqlite://foreign.backup",
            "foreign.backup is not a doorkey database",
        ),
        ("restore good.backup --database sqlite://notes.backup", "notes.backup is not a doorkey database"),
        ("backup good.backup", "there is a file at good.backup already"),
        ("backup doorkey.db", "there is a file at doorkey.db already"),
        ("backup none/x.backup", "none/x.backup"),
        ("backup x.backup --database sqlite://none.db", "there is no database at none.db"),
        ("backup x.backup --database postgres://127.0.0.1:1/x", "no embedded database"),
    ] {
        let sentence = operator.run(line).refused(1);
        assert!(sentence.contains(named), "{line}: {sentence}");
    }
    operator.run("restore").refused(2);
    operator.run("restore good.backup --mark-only").refused(2);

    assert_eq!(operator.run("link 1 --workspace Acme").well(), link, "nothing was ended");
    assert_eq!(files_of(&operator), before, "nothing was left behind");
    assert_eq!(fs::read(operator.path("good.backup")).unwrap(), good);
}

#[test]
fn a_restore_works_where_there_is_nothing_yet_and_is_for_its_owner_alone() {
    use std::os::unix::fs::PermissionsExt;
    let operator = CliRunner::with_acme();
    let link = operator.run("link 1 --workspace Acme").well();
    operator.run("backup a.backup").well();
    let elsewhere = CliRunner::new();
    for name in ["a.backup", "doorkey.key"] {
        fs::copy(operator.path(name), elsewhere.path(name)).unwrap();
    }

    // What is left of a database that is gone would be carried over into the next one.
    fs::write(elsewhere.path("doorkey.db-wal"), "left").unwrap();
    let printed = elsewhere.run("restore a.backup").well();
    let kept = files_of(&elsewhere).into_iter().find(|name| name.ends_with("-wal")).unwrap();
    assert_eq!(fs::read_to_string(elsewhere.path(&kept)).unwrap(), "left");
    fs::remove_file(elsewhere.path(&kept)).unwrap();

    assert!(printed.contains("Every link and session from before is dead: 1 and 0 of them."), "{printed}");
    assert!(!printed.contains("is kept as"), "{printed}");
    for (operator, name) in [(&operator, "a.backup"), (&elsewhere, "doorkey.db")] {
        let mode = fs::metadata(operator.path(name)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{name}");
    }
    assert_eq!(files_of(&elsewhere), ["a.backup", "doorkey.db", "doorkey.key"]);
    assert_ne!(elsewhere.run("link 1 --workspace Acme").well(), link);
    elsewhere.run("restore a.backup").well();
}

/// A restore that is killed leaves the one or the other, and can be run again.
#[test]
fn a_restore_that_is_killed_leaves_a_whole_database() {
    let operator = CliRunner::with_acme();
    operator.run("backup a.backup").well();
    operator.run("user add --workspace Acme --email bob@x.test --name-f B --name-l X").well();
    let (mut before, mut after, mut whole) = (0, 0, Duration::ZERO);

    for round in 0..60_u32 {
        // As long as a whole one takes, and a little more.
        let begun = Instant::now();
        if round == 0 {
            operator.run("restore a.backup").well();
            whole = begun.elapsed();
            continue;
        }
        let mut restoring = operator.command(&["restore", "a.backup"]);
        let mut restoring = restoring.stdout(Stdio::null()).spawn().unwrap();
        std::thread::sleep(whole * (round % 20) / 15);
        restoring.kill().unwrap();
        restoring.wait().unwrap();

        let users = operator.json("user list --workspace Acme").as_array().unwrap().len();
        assert!(is_whole(&operator.path("doorkey.db")));
        if users == 1 {
            after += 1;
            operator.run("user add --workspace Acme --email bob@x.test --name-f B --name-l X").well();
        } else {
            before += 1;
        }
    }

    assert!(before > 0 && after > 0, "{before} were killed before the change, {after} after it");
    operator.run("restore a.backup").well();
}

/// Several servers on one file take turns, and none of them loses what it answered.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn two_servers_on_one_file_lose_nothing() {
    let one = Server::start();
    let mut two = one.beside();
    two.serve_with(&[]);
    let client = regular();
    let adding = (0..200).map(|number| {
        let server = if number % 2 == 0 { &one } else { &two };
        let body = json!({ "email": format!("n{number}@x.test"), "name_f": "N", "name_l": "X" });
        let ask = client.post(server.url("/api/clients")).bearer_auth(&server.key).json(&body);
        tokio::spawn(async move { ask.send().await.unwrap().status().as_u16() })
    });
    for added in adding.collect::<Vec<_>>() {
        assert_eq!(added.await.unwrap(), 201);
    }
    two.kill();
    one.ask_for_link(1).await;

    assert_eq!(is_of_one_moment(&one.path("doorkey.db")), 200);
}
