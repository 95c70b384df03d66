//! Servers and demos, from the first line of the log to the exit status.

use std::fs;
use std::io::{Read, Write};

use serde_json::{Value, json};

use crate::support::cli_runner::CliRunner;

#[test]
fn commands_work_beside_a_running_server_and_it_stops_when_told() {
    let operator = CliRunner::with_acme();

    for signal in ["TERM", "INT"] {
        let server = operator.serve("serve --trusted-proxy 10.0.0.0/8 --trusted-proxy ::1");
        assert!(!server.public.ends_with(":0") && !server.ops.ends_with(":0"));
        let key = operator.json("key create --workspace Acme --name crm")["key"].as_str().unwrap().to_owned();
        let link = operator.run("link 1 --workspace Acme").well();
        let taken = format!("serve --ops-listen 127.0.0.1:0 --listen {}", server.public);
        let refused = operator.run(&taken).refused(1);
        let (status, log, printed) = server.stop(signal);

        assert!(refused.contains("is taken") && refused.contains("--listen"), "{refused}");
        assert_eq!((status, &*printed), (Some(0), ""));
        assert!(!log.contains(&key) && !log.contains(link.trim_end()), "{log}");
    }
}

/// Whoever has sent a part of a head waits for nothing, and holds nobody up.
#[test]
fn a_stop_does_not_wait_for_requests_that_have_not_arrived() {
    let operator = CliRunner::with_acme();
    let server = operator.serve("serve");
    let mut half = std::net::TcpStream::connect(&server.public).unwrap();
    half.write_all(b"GET /login HTTP/1.1\r\nHost: example.com\r\n").unwrap();
    // It has been read once another one, sent later, is answered.
    let mut whole = std::net::TcpStream::connect(&server.public).unwrap();
    whole.write_all(b"GET /login HTTP/1.1\r\nHost: example.com\r\nConnection: close\r\n\r\n").unwrap();
    whole.read_to_end(&mut Vec::new()).unwrap();

    let (status, log, _) = server.stop("TERM");

    assert_eq!(status, Some(0));
    assert!(log.contains("stopping") && !log.contains("were aborted"), "{log}");
    assert_eq!(half.read(&mut [0]).unwrap_or(0), 0);
}

#[test]
fn a_server_makes_its_database_unless_it_cannot_listen() {
    let operator = CliRunner::new();
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap();

    let refused = operator.run(&format!("serve --listen 127.0.0.1:0 --ops-listen {address}")).refused(1);
    assert!(refused.contains("--ops-listen"), "{refused}");
    assert_eq!(fs::read_dir(operator.folder.path()).unwrap().count(), 0);

    let (status, _, _) = operator.serve("serve").stop("TERM");
    assert_eq!(status, Some(0));
    assert!(operator.path("doorkey.db").exists() && operator.path("doorkey.key").exists());
}

#[test]
fn a_demo_starts_again_with_a_fresh_key_and_the_same_users() {
    let operator = CliRunner::new();
    let own = "--database sqlite://doorkey-demo/doorkey.db --secret-key-file doorkey-demo/doorkey.key";
    let run = || {
        let server = operator.serve("demo --json");
        let public = server.public.clone();
        let (status, log, printed) = server.stop("INT");
        let printed: Value = serde_json::from_str(&printed).unwrap();
        assert_eq!(status, Some(0));
        assert!(!log.contains(printed["key"].as_str().unwrap()));
        (public, printed)
    };

    let (_, first) = run();
    operator.run(&format!("user delete 3 --workspace Demo {own}")).well();
    let (address, second) = run();

    let url = format!("http://localhost:{}", address.rsplit_once(':').unwrap().1);
    assert_eq!(second["console"], format!("{url}/docs"));
    let key = second["key"].as_str().unwrap();
    assert_ne!(first["key"], second["key"]);
    assert_eq!(
        second["curl"],
        format!(
            "curl --request GET \\\n  --url {url}/api/login_links/1 \\\n  --header 'Accept: application/json' \\\n  \
             --header 'X-Api-Version: ' \\\n  --header 'Authorization: Bearer {key}'"
        )
    );
    let workspace = operator.json(&format!("workspace show Demo {own}"));
    assert_eq!(workspace["url"], url);
    assert_eq!(workspace["hosts"], json!(["127.0.0.1", "[::1]", "localhost"]));
    let keys = operator.json(&format!("key list --workspace Demo {own}"));
    assert!(keys[0]["revoked_at"].is_string() && keys[1]["revoked_at"].is_null());
    let users = operator.json(&format!("user list --workspace Demo {own}"));
    assert_eq!(
        (&users[0]["staff"], &users[1]["staff"], &users[2]),
        (&json!(false), &json!(true), &Value::Null)
    );
    assert!(!operator.path("doorkey.db").exists());
}

/// So that what the documents show can be tried with them.
#[test]
fn a_demo_names_its_users_who_are_those_of_the_documents() {
    let operator = CliRunner::new();

    let (_, _, said) = operator.serve("demo").stop("TERM");

    let own = "--database sqlite://doorkey-demo/doorkey.db --secret-key-file doorkey-demo/doorkey.key";
    for (user, name, email) in [
        (1, "Ada Lovelace", "ada@example.org"),
        (2, "Grace Hopper", "grace@example.org"),
        (3, "Alan Turing", "alan@example.org"),
    ] {
        let there = operator.json(&format!("user show {user} --workspace Demo {own}"));
        assert_eq!((&there["name"], &there["email"]), (&json!(name), &json!(email)));
        assert!(said.contains(&format!("{user} {email}")), "{said}");
    }
}

#[test]
fn a_demo_names_the_console_unless_there_is_none() {
    let operator = CliRunner::new();

    let (_, _, with) = operator.serve("demo").stop("TERM");
    let (_, _, without) = operator.serve("demo --no-docs").stop("TERM");

    assert!(with.contains("/docs\n"), "{with}");
    assert!(!without.contains("/docs") && without.contains("curl"), "{without}");
}

#[test]
fn a_demo_touches_nothing_where_it_cannot_listen_or_be_reached() {
    let operator = CliRunner::new();
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap();

    let sentence = operator.run(&format!("demo --listen {address}")).refused(1);
    let unreachable = operator.run("demo --listen 127.0.0.2:0").refused(1);

    assert!(sentence.contains("--listen"), "{sentence}");
    assert!(unreachable.contains("localhost"), "{unreachable}");
    assert_eq!(fs::read_dir(operator.folder.path()).unwrap().count(), 0);
}

/// A demo never works on the database that a variable names: it may be a real one.
#[test]
fn a_demo_keeps_to_its_own_folder() {
    let operator = CliRunner::with_acme();
    operator.write("doorkey.toml", "database = 'sqlite://doorkey.db'\n", 0o644);

    operator.serve("demo --config doorkey.toml").stop("TERM");

    assert_eq!(operator.json("workspace list").as_array().unwrap().len(), 1);
    assert!(operator.path("doorkey-demo/doorkey.db").exists());
}
