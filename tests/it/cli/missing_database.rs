//! A database that is gone, or a mount that is missing, must not look like a fresh start.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use crate::support::cli_runner::CliRunner;

/// Takes the database away, and leaves the key file.
fn lose(operator: &CliRunner) {
    for ending in ["", "-wal", "-shm"] {
        let _ = fs::remove_file(operator.path(&format!("doorkey.db{ending}")));
    }
}

const WRITERS: [&str; 6] = [
    "serve --listen 127.0.0.1:0 --ops-listen 127.0.0.1:0",
    "workspace create Acme --url https://example.com",
    "workspace delete Acme --yes",
    "key create --workspace Acme --name n",
    "user add --workspace Acme --email a@x.test --name-f A --name-l B",
    "link 1 --workspace Acme",
];

const READERS: [&str; 4] = ["workspace list", "user show 1 --workspace Acme", "secret use 00000007", "check"];

#[test]
fn a_key_file_without_its_database_is_refused_and_nothing_is_made() {
    let operator = CliRunner::with_acme();
    operator.run("backup a.backup").well();
    lose(&operator);
    for is_emptied in [false, true] {
        if is_emptied {
            fs::write(operator.path("doorkey.db"), "").unwrap();
        }
        for line in WRITERS.into_iter().chain(READERS) {
            let sentence = operator.run(line).refused_last(1);
            assert!(
                sentence.contains("key file at doorkey.key, but no database at doorkey.db"),
                "{line}: {sentence}"
            );
            assert!(
                sentence.contains("doorkey restore") && sentence.contains("move the key file away"),
                "{sentence}"
            );
            assert!(!sentence.contains("`doorkey workspace create` or"), "{line}: {sentence}");
        }
        let length = fs::metadata(operator.path("doorkey.db")).map(|found| found.len()).ok();
        assert_eq!(length, is_emptied.then_some(0));
    }
    fs::remove_file(operator.path("doorkey.db")).unwrap();

    operator.run("restore a.backup").well();
    operator.run("link 1 --workspace Acme").well();
    lose(&operator);
    fs::rename(operator.path("doorkey.key"), operator.path("old.key")).unwrap();
    operator.run("workspace create Acme --url https://example.com").well();
}

#[test]
fn a_database_without_its_key_file_is_refused_and_no_key_is_made() {
    let operator = CliRunner::with_acme();
    fs::remove_file(operator.path("doorkey.key")).unwrap();

    for line in WRITERS {
        assert!(operator.run(line).refused_last(1).contains("no key file at doorkey.key"), "{line}");
    }
    assert!(!operator.path("doorkey.key").exists());
}

/// A key file that was made by hand begins a database once.
#[test]
fn a_key_file_made_by_hand_begins_one_database_and_no_second() {
    let operator = CliRunner::new();
    operator.run("secret create").well();
    operator.run("secret add").well();
    fs::set_permissions(operator.path("doorkey.key"), fs::Permissions::from_mode(0o400)).unwrap();
    operator.run("workspace create Acme --url https://example.com").well();
    let mode = fs::metadata(operator.path("doorkey.key")).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o400);
    lose(&operator);

    let sentence = operator.run("workspace create Acme --url https://example.com").refused(1);
    assert!(sentence.contains("no database at doorkey.db"), "{sentence}");
}

/// Killed at any point, a first start is just begun again.
#[test]
fn a_first_start_that_is_killed_is_just_run_again() {
    let (mut before, mut after) = (0, 0);
    let begun = Instant::now();
    CliRunner::new().run("workspace create Acme --url https://example.com").well();
    let whole = begun.elapsed();
    for round in 0..60_u32 {
        let operator = CliRunner::new();
        if round % 2 == 0 {
            operator.run("secret create").well();
        }
        let words = ["workspace", "create", "Acme", "--url", "https://example.com"];
        let mut making = operator.command(&words);
        let mut making = making.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        std::thread::sleep(whole * (round / 2) / 20);
        making.kill().unwrap();
        making.wait().unwrap();

        let again = operator.run("workspace create Acme --url https://example.com");
        if again.status == 0 {
            before += 1;
        } else {
            assert!(again.refused(1).contains("belongs to another workspace"));
            after += 1;
        }
        operator.run("check").well();
    }
    assert!(before > 0 && after > 0, "{before} were killed before there was a workspace, {after} after");
}

#[test]
fn of_many_first_commands_at_once_each_finds_what_the_others_made() {
    for _ in 0..5 {
        let operator = CliRunner::new();
        let making: Vec<_> = (0..8)
            .map(|number| {
                let (name, url) = (format!("W{number}"), format!("https://w{number}.test"));
                let words = ["workspace", "create", &name, "--url", &url];
                operator.command(&words).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap()
            })
            .collect();
        for making in making {
            let done = making.wait_with_output().unwrap();
            assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
        }
    }
}

/// The slower of two is held after it has seen the empty file, until the quicker has filled it.
#[test]
fn a_database_that_another_fills_meanwhile_is_not_said_to_be_lost() {
    let (operator, other) = (CliRunner::new(), CliRunner::with_acme());
    operator.write("doorkey.db", "", 0o600);
    fs::copy(other.path("doorkey.key"), operator.path("doorkey.key")).unwrap();
    let create = |name: &str, url: &str| operator.command(&["workspace", "create", name, "--url", url]);

    let held = create("Held", "https://held.test");
    let mut strace = Command::new("strace");
    strace.args(["-f", "-qq", "-o", "/dev/null", "-P", "doorkey.db"]);
    strace.args(["-e", "trace=statx", "-e", "inject=statx:delay_exit=1500000:when=1..2"]);
    strace.arg(held.get_program()).args(held.get_args()).current_dir(held.get_current_dir().unwrap());
    let held = strace.stdout(Stdio::null()).stderr(Stdio::piped()).spawn();
    let held = held.expect("strace is missing: apt-get install strace");
    std::thread::sleep(Duration::from_millis(500));
    assert!(create("Quick", "https://quick.test").output().unwrap().status.success());

    let done = held.wait_with_output().unwrap();
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
}

#[test]
fn a_check_without_a_workspace_is_not_ok() {
    let operator = CliRunner::with_acme();
    operator.run("workspace delete Acme --yes").well();

    let done = operator.run("check");
    assert!(done.stdout.contains("hosts          WRONG"), "{}", done.stdout);
    assert!(done.refused(1).contains("there is no workspace"));
}
