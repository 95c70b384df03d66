//! Imports that take long: beside a server, broken off, watched by somebody.

use std::fmt::Write as _;
use std::fs;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::support::cli_runner::CliRunner;
use crate::support::server::visitor;

const HEADER: &str = "id,email,name_f,name_l,custom_fields\n";

/// Rows with these numbers, as a file.
fn write_rows(operator: &CliRunner, name: &str, numbers: std::ops::Range<i64>) {
    let mut text = HEADER.to_owned();
    for number in numbers {
        writeln!(text, "{number},u{number}@x.test,U,{number},\"{{\"\"n\"\":{number}}}\"").unwrap();
    }
    fs::write(operator.path(name), text).unwrap();
}

fn import(operator: &CliRunner, name: &str) -> Command {
    let mut command = operator.command(&["user", "import", "--workspace", "Acme", name]);
    command.stdin(Stdio::null()).stdout(Stdio::null());
    command
}

#[tokio::test]
async fn links_are_issued_all_along_while_an_import_runs_beside_the_server() {
    let operator = CliRunner::with_acme();
    write_rows(&operator, "first.csv", 10..3_010);
    assert!(import(&operator, "first.csv").status().unwrap().success());
    write_rows(&operator, "many.csv", 100_000..120_000);
    let key = operator.json("key create --workspace Acme --name crm")["key"].as_str().unwrap().to_owned();
    let server = operator.serve("serve");
    let visitor = visitor();

    let mut running = import(&operator, "many.csv").spawn().unwrap();
    let mut waits = Vec::new();
    for user in 10..3_010 {
        let began = Instant::now();
        let url = format!("http://{}/api/login_links/{user}", server.public);
        let asked = visitor.get(url).bearer_auth(&key).header("Host", "example.com").send().await.unwrap();
        assert_eq!(
            (asked.status().as_u16(), &asked.headers()["x-login-link-reused"]),
            (200, &"false".parse().unwrap())
        );
        waits.push(began.elapsed());
        if let Some(status) = running.try_wait().unwrap() {
            assert!(status.success());
            break;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }

    assert!(running.wait().unwrap().success());
    assert!(waits.len() > 20, "only {} links", waits.len());
    assert!(waits.iter().max() < Some(&Duration::from_secs(2)), "{:?}", waits.iter().max());
    let (_, log, _) = server.stop("TERM");
    assert!(!log.contains("ERROR"), "{log}");
}

/// The clients of a workspace as the API lists them, one JSON object a line, page by page.
async fn pages_of(operator: &CliRunner, workspace: &str, host: &str, address: &str) -> String {
    let made = operator.json(&format!("key create --workspace {workspace} --name crm"));
    let mut next = Some(format!("http://{host}/api/clients?limit=2"));
    let mut lines = String::new();
    while let Some(url) = next {
        let path = url.split_once(host).unwrap().1;
        let asked = visitor().get(format!("http://{address}{path}")).header("Host", host);
        let page = asked.bearer_auth(made["key"].as_str().unwrap()).send().await.unwrap();
        let page: Value = page.json().await.unwrap();
        for client in page["data"].as_array().unwrap() {
            writeln!(lines, "{client}").unwrap();
        }
        next = page["links"]["next"].as_str().map(str::to_owned);
    }
    lines
}

/// Lines without the two moments, which an import does not give.
fn without_moments(lines: &str) -> String {
    let pieces = lines.split("_at\":\"").enumerate().map(|(number, piece)| match number {
        0 => piece,
        _ => &piece[piece.find('"').unwrap()..],
    });
    pieces.collect()
}

#[tokio::test]
async fn what_the_api_and_the_command_line_list_is_what_an_import_takes_to_the_byte() {
    let operator = CliRunner::with_acme();
    for (name, host) in [("Pages", "pages.test"), ("Lines", "lines.test")] {
        operator.run(&format!("workspace create {name} --url https://{host}")).well();
    }
    let odd = r#""company":"A\nB","note":"\u2028 \"q\"","custom_fields":{"x":6.48485069506992057e97,"z":[1,{"a":null}]}"#;
    let mut rows = String::new();
    for n in 5..12 {
        let names =
            format!(r#""id":{n},"email":"U{n}@x.test","name_f":"Zoë","name_l":"","status":{}"#, n % 2);
        writeln!(rows, "{{{names},{odd}}}").unwrap();
    }
    fs::write(operator.path("rows.jsonl"), rows).unwrap();
    operator.run("user import --workspace Acme rows.jsonl").well();
    let server = operator.serve("serve");

    let pages = pages_of(&operator, "Acme", "example.com", &server.public).await;
    let lines = operator.run("user list --workspace Acme --jsonl").well();
    for (workspace, listed) in [("Pages", &pages), ("Lines", &lines)] {
        assert_eq!(listed.matches("\"note\":\"\u{2028} \\\"q\\\"\"").count(), 7, "{listed}");
        fs::write(operator.path("listed.jsonl"), listed).unwrap();
        let printed = operator.run(&format!("user import --workspace {workspace} listed.jsonl")).well();
        assert_eq!(printed, "8 added, 0 changed, 0 unchanged, 0 bad.\n");
    }

    let again = pages_of(&operator, "Pages", "pages.test", &server.public).await;
    assert_eq!(without_moments(&again), without_moments(&pages));
    let again = operator.run("user list --workspace Lines --jsonl").well();
    assert_eq!(without_moments(&again), without_moments(&lines));
    assert!(!without_moments(&lines).contains("Z\"") && lines.lines().count() == 8, "{lines}");
}

#[test]
fn an_import_that_is_killed_and_run_again_ends_as_if_it_had_not_been() {
    let operator = CliRunner::with_acme();
    write_rows(&operator, "rows.csv", 10..6_010);
    let count = |sql: &str| operator.database.number(sql);

    for wanted in [300, 2_000] {
        let mut running = import(&operator, "rows.csv").spawn().unwrap();
        while count("SELECT count(*) FROM users") < wanted {
            assert!(running.try_wait().unwrap().is_none(), "it ended before it was killed");
        }
        running.kill().unwrap();
        running.wait().unwrap();
    }
    let before = count("SELECT count(*) FROM users");
    let printed = operator.json("user import --workspace Acme rows.csv");

    let added = printed["added"].as_i64().unwrap();
    assert!(before < 6_001 && added == 6_001 - before, "{before} were there: {printed}");
    assert_eq!(
        (&printed["changed"], &printed["unchanged"], &printed["bad"]),
        (&json!(0), &json!(before - 1), &json!(0))
    );
    assert_eq!(count("SELECT count(*) FROM audit_log WHERE event = 'user.added'"), 6_001, "one entry each");
    assert_eq!(count("SELECT count(*) FROM users WHERE revision = 1 AND email LIKE 'u%'"), 6_000);
    let users = operator.json("user list --workspace Acme");
    let users = users.as_array().unwrap();
    assert!(users[1..].iter().zip(10..).all(|(user, number)| {
        user["id"] == number
            && user["email"] == format!("u{number}@x.test")
            && user["custom_fields"]["n"] == number
    }));
}

/// Longer than the store itself waits for a lock.
#[test]
fn an_import_waits_for_whoever_holds_the_database() {
    let operator = CliRunner::with_acme();
    write_rows(&operator, "rows.csv", 10..6_010);
    let count = || operator.database.number("SELECT count(*) FROM users");

    let mut running = import(&operator, "rows.csv").spawn().unwrap();
    while count() < 200 {
        assert!(running.try_wait().unwrap().is_none());
    }
    let lock = operator.database.hold();
    let held = count();
    std::thread::sleep(Duration::from_millis(5_500));
    lock.let_go();

    assert!(running.wait().unwrap().success());
    assert!(held < 6_001 && count() == 6_001, "{held} were in when it had to wait");
}

#[test]
fn a_bar_shows_the_progress_on_a_terminal_alone() {
    let operator = CliRunner::with_acme();
    write_rows(&operator, "rows.csv", 10..6_010);
    let line = format!("{} user import --workspace Acme rows.csv", env!("CARGO_BIN_EXE_doorkey"));

    let mut at_terminal = Command::new("script");
    at_terminal.args(["--quiet", "--return", "--command", &line, "/dev/null"]).current_dir(operator.path(""));
    at_terminal.env("DOORKEY_DATABASE", operator.database.url());
    let shown = at_terminal.env("TERM", "xterm").stdin(Stdio::null()).output().unwrap();
    let again = operator.run("user import --workspace Acme rows.csv").well();

    let shown = String::from_utf8_lossy(&shown.stdout).into_owned();
    assert!(shown.contains(" rows") && shown.contains('%'), "{shown:?}");
    assert!(shown.trim_end().ends_with("6000 added, 0 changed, 0 unchanged, 0 bad."), "{shown:?}");
    assert_eq!(again, "0 added, 0 changed, 6000 unchanged, 0 bad.\n");
}
