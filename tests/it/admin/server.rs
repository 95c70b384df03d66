//! The admin listener of the real server: with which settings it starts, that commands bind within a second, and that of the demo.

use std::net::TcpListener;
use std::process::Stdio;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::support::cli_runner::CliRunner;
use crate::support::ports::free_port;
use crate::support::process::Process;
use crate::support::server::{Server, visitor};

const SERVE: &str = "serve --listen 127.0.0.1:0 --ops-listen 127.0.0.1:0";

#[test]
fn a_server_with_doors_that_stand_open_does_not_start() {
    let operator = CliRunner::with_acme();
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let taken = taken.local_addr().unwrap();

    for (flags, said) in [
        ("--admin-listen 0.0.0.0:0".to_owned(), "--admin-url"),
        ("--admin-listen 127.0.0.1:0 --admin-proxy-header X-User".to_owned(), "--trusted-proxy"),
        ("--admin-listen 127.0.0.1:0 --admin-proxy-header Cookie".to_owned(), "--admin-proxy-header"),
        ("--admin-listen 127.0.0.1:0 --admin-url http://admin.example.com".to_owned(), "--admin-url"),
        (format!("--admin-listen {taken}"), "is taken by another program"),
        ("--admin-listen x".to_owned(), "--admin-listen"),
    ] {
        let refused = operator.run(&format!("{SERVE} {flags}")).refused_last(1);
        assert!(refused.contains(said), "{flags}: {refused}");
    }
    for flag in ["listen", "ops-listen"] {
        let same = format!("serve --{flag} 127.0.0.1:9 --admin-listen 127.0.0.1:9");
        let refused = operator.run(&same).refused_last(1);
        assert!(refused.contains(&format!("--{flag}")) && refused.contains("--admin-listen"), "{refused}");
    }
    let checked = operator.run_with("check", &[("DOORKEY_ADMIN_PROXY_HEADER", "X-User")]).refused(1);
    assert!(checked.contains("--trusted-proxy"), "{checked}");
}

/// A server whose admin pages a proxy on this machine shows.
fn serve_behind_proxy(server: &mut Server, port: u16) {
    server.serve_with(&[
        ("DOORKEY_ADMIN_LISTEN", &format!("127.0.0.1:{port}")),
        ("DOORKEY_ADMIN_PROXY_HEADER", "X-Forwarded-User"),
        ("DOORKEY_TRUSTED_PROXY", "127.0.0.1"),
    ]);
}

async fn status(port: u16, name: &str) -> u16 {
    let request = visitor().get(format!("http://127.0.0.1:{port}/w/1/keys")).header("x-forwarded-user", name);
    request.send().await.unwrap().status().as_u16()
}

/// Waits until every node answers so, and gives how long that took.
async fn all_answer(ports: [u16; 2], name: &str, expected: u16) -> Duration {
    let begun = Instant::now();
    for port in ports {
        while status(port, name).await != expected {
            assert!(begun.elapsed() < Duration::from_secs(10), "{port} never answers {expected}");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }
    begun.elapsed()
}

#[tokio::test]
async fn what_a_command_allows_and_disallows_binds_on_every_node_within_a_second() {
    let (mut one, ports) = (Server::prepare("Acme"), [free_port(), free_port()]);
    let mut other = one.beside();
    serve_behind_proxy(&mut one, ports[0]);
    serve_behind_proxy(&mut other, ports[1]);

    assert_eq!(status(ports[0], "grace").await, 403);
    for _ in 0..3 {
        one.run(&["admin", "allow", "grace", "--role", "operator"]);
        assert!(all_answer(ports, "grace", 200).await < Duration::from_secs(1));
        one.run(&["admin", "disallow", "grace"]);
        assert!(all_answer(ports, "grace", 403).await < Duration::from_secs(1));
    }
}

#[tokio::test]
async fn the_admin_listener_stops_with_the_server() {
    let (mut server, port) = (Server::prepare("Acme"), free_port());
    server.serve_with(&[("DOORKEY_ADMIN_LISTEN", &format!("127.0.0.1:{port}"))]);
    let page = visitor().get(format!("http://localhost:{port}/sign-in")).send().await.unwrap();
    assert_eq!(page.status(), 200);

    assert!(server.stop().success());

    let away = visitor().get(format!("http://localhost:{port}/sign-in")).send().await;
    assert!(away.is_err_and(|error| error.is_connect()));
    assert!(server.log().contains(&format!("admin=\"http://127.0.0.1:{port}\"")), "{}", server.log());
}

/// Starts a demo, and gives what it prints first.
fn demo(operator: &CliRunner, admin: &str) -> (Process, Value) {
    use std::io::{BufRead, BufReader};
    let words =
        ["demo", "--json", "--listen", "127.0.0.1:0", "--ops-listen", "127.0.0.1:0", "--admin-listen", admin];
    let mut command = operator.command(&words);
    let mut child = Process(command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap());
    let mut line = String::new();
    BufReader::new(child.0.stdout.take().unwrap()).read_line(&mut line).unwrap();
    (child, serde_json::from_str(&line).unwrap())
}

#[tokio::test]
async fn the_demo_prints_a_link_that_signs_its_admin_in_and_runs_without_where_the_port_is_taken() {
    let operator = CliRunner::new();
    let (_running, printed) = demo(&operator, "127.0.0.1:0");
    let link = printed["admin_link"].as_str().unwrap();
    assert!(link.starts_with("http://127.0.0.1:") && link.contains("/sign-in?token="), "{link}");
    let page = visitor().get(link).send().await.unwrap();
    assert_eq!(page.status(), 200);
    assert!(page.text().await.unwrap().contains(", operator</strong>"));

    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let another = CliRunner::new();
    let (_running, printed) = demo(&another, &taken.local_addr().unwrap().to_string());
    assert_eq!(printed["admin_link"], Value::Null);
    assert!(printed["url"].as_str().unwrap().starts_with("http://localhost:"));
}
