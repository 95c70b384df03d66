//! `doorkey session`, `doorkey link revoke` and `doorkey log`: what the API does, at the command line.

use std::io::{BufRead, BufReader};
use std::process::Stdio;

use serde_json::Value;

use crate::support::cli_runner::CliRunner;
use crate::support::http_client::HttpClient;
use crate::support::server::Server;

#[test]
fn empty_lists_say_so_and_are_empty_arrays_for_programs() {
    let operator = CliRunner::new();
    operator.run("workspace create Acme --url https://example.com").well();

    for (list, sentence) in [
        ("session list", "Nobody is signed in."),
        ("user list", "This workspace has no users."),
        ("key list", "This workspace has no API key"),
        ("log --event nothing", "There is no such entry."),
    ] {
        let printed = operator.run(&format!("{list} --workspace Acme"));
        assert!(printed.stdout.starts_with(sentence), "{list}: {printed:?}");
        assert_eq!(operator.run(&format!("{list} --workspace Acme --json")).stdout, "[]\n", "{list}");
    }
}

#[test]
fn links_are_revoked_for_good() {
    let operator = CliRunner::with_acme();
    let before = operator.run("link 1 --workspace Acme").stdout;

    operator.run("link revoke ADA@example.org --workspace Acme").well();

    assert_ne!(operator.run("link 1 --workspace Acme").stdout, before);
    assert!(operator.audit().iter().any(|(event, actor, data)| {
        event == "login_link.killed" && actor == "command_line" && data.contains("revoked")
    }));
    assert!(operator.run("link revoke 9 --workspace Acme").refused(1).contains("user list"));
    assert!(operator.run("link").refused(2).contains("--workspace"));
}

#[test]
fn what_is_named_by_an_id_says_so() {
    let operator = CliRunner::with_acme();
    for (line, named) in
        [("key revoke crm --workspace Acme", "key list"), ("session end 7 --workspace Acme", "session list")]
    {
        assert!(operator.run(line).refused(2).contains(named), "{line}");
    }
    let unknown = "session end 00000000-0000-0000-0000-000000000000 --workspace Acme";
    assert!(operator.run(unknown).refused(1).contains("session list"));
}

#[test]
fn the_log_is_read_whole_by_event_user_and_time() {
    let operator = CliRunner::with_acme();
    operator.run("link 1 --workspace Acme").well();
    operator.run("user add --workspace Acme --email z@x.test --name-f Z --name-l Z").well();
    let events = |flags: &str| -> Vec<String> {
        let entries = operator.json(&format!("log --workspace Acme {flags}"));
        entries.as_array().unwrap().iter().map(|entry| entry["event"].as_str().unwrap().to_owned()).collect()
    };

    assert_eq!(events(""), ["user.added", "login_link.issued", "user.added", "workspace.added"]);
    assert_eq!(events("--event user.added"), ["user.added", "user.added"]);
    assert_eq!(events("--user 1"), ["login_link.issued", "user.added"]);
    assert_eq!(events("--user ada@example.org --event user.added"), ["user.added"]);
    assert_eq!(events("--since 1h").len(), 4);
    assert_eq!(events("--since 2999-01-01T00:00:00Z").len(), 0);
    assert!(operator.run("log --workspace Acme --since yesterday").refused(2).contains("2h"));
}

/// More than one read fetches.
#[test]
fn a_log_of_any_length_is_read_to_its_end() {
    let operator = CliRunner::with_acme();
    let rows: Vec<_> = (0..1_200).map(|number| format!("p{number}@x.test,P,{number}")).collect();
    let rows = format!("email,name_f,name_l\n{}\n", rows.join("\n"));
    std::fs::write(operator.path("people.csv"), rows).unwrap();
    operator.run("user import --workspace Acme people.csv").well();

    let entries = operator.json("log --workspace Acme --event user.added");

    assert_eq!(entries.as_array().unwrap().len(), 1_201);
}

#[test]
fn who_follows_the_log_gets_each_entry_once() {
    let operator = CliRunner::with_acme();
    let mut command =
        operator.command(&["log", "--workspace", "Acme", "--follow", "--since", "1h", "--json"]);
    let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut next =
        || serde_json::from_str::<Value>(&lines.next().unwrap().unwrap()).unwrap()["event"].clone();
    assert_eq!([next(), next()], ["workspace.added", "user.added"]);

    operator.run("link 1 --workspace Acme").well();
    operator.run("link revoke 1 --workspace Acme").well();

    assert_eq!([next(), next()], ["login_link.issued", "login_link.killed"]);
    child.kill().unwrap();
    child.wait().unwrap();
}

/// Beside the running server, which asks at the next request.
#[tokio::test]
async fn who_is_signed_in_is_listed_and_signed_out() {
    let server = Server::start();
    let mut person = HttpClient::arrives();
    let ada = server.add_client("ada@x.test", "Ada", "Lovelace");
    person.sign_in(&server, &server.ask_for_link(ada).await).await;
    let workspace = ["--workspace", "Acme"];
    let list = || -> Value {
        serde_json::from_str(&server.run(&[&["session", "list", "--json"][..], &workspace].concat())).unwrap()
    };
    let sessions = list();
    let of_api: Value = server.call("GET", "/api/sessions").await.json().await.unwrap();
    assert_eq!(sessions, of_api["data"]);

    let id = sessions[0]["id"].as_str().unwrap().to_owned();
    server.run(&[&["session", "end", &id][..], &workspace].concat());

    assert!(!person.is_signed_in(&server).await);
    assert_eq!(list(), serde_json::json!([]));
    assert!(
        server.refused(&[&["session", "end", &id][..], &workspace].concat(), &[]).contains("session list")
    );
}
