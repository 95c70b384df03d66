//! The release binary from outside: the clock on the wall, stops and crashes, and bytes that are hardly HTTP.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use crate::support::http_client::{HttpClient, form};
use crate::support::server::{Server, visitor};

#[tokio::test]
async fn a_stop_lets_what_runs_finish_and_exits_with_0() {
    for signal in ["TERM", "INT"] {
        let mut server = Server::start();
        let ada = server.add_client("ada@example.org", "Ada", "Lovelace");
        let link = server.ask_for_link(ada).await;
        let mut person = HttpClient::arrives();
        let page = person.open(&link).await;
        let cookie = person.cookie("doorkey_browser");
        let body = form(&page.body);
        let (first, last) = body.split_at(body.len() - 1);
        let mut running = server.connect();
        let head = format!(
            "POST /login HTTP/1.1\r\nHost: localhost\r\nCookie: doorkey_browser={cookie}\r\n\
             Sec-Fetch-Site: same-origin\r\nContent-Type: application/x-www-form-urlencoded\r\n\
             Content-Length: {}\r\n\r\n{first}",
            body.len()
        );
        running.write_all(head.as_bytes()).unwrap();
        tokio::time::sleep(Duration::from_millis(300)).await;

        server.signal(signal);
        tokio::time::sleep(Duration::from_millis(300)).await;
        assert!(TcpStream::connect(("127.0.0.1", server.port)).is_err(), "it still takes new connections");
        running.write_all(last.as_bytes()).unwrap();
        let mut response = String::new();
        running.read_to_string(&mut response).unwrap();

        assert!(response.starts_with("HTTP/1.1 303"), "{signal}: {response}");
        assert!(response.contains("doorkey_session_"), "{signal}: {response}");
        assert_eq!(server.wait_for_the_end().code(), Some(0), "{signal}");
    }
}

/// What was answered is there after a crash.
#[tokio::test]
async fn an_answered_link_and_an_answered_use_survive_a_kill() {
    let mut server = Server::start();
    for round in 0..5 {
        let ada = server.add_client(&format!("ada{round}@example.org"), "Ada", "Lovelace");
        let link = server.ask_for_link(ada).await;
        server.kill();
        server.serve_with(&[]);

        let again = server.call("GET", &format!("/api/login_links/{ada}")).await;
        assert_eq!(again.headers()["x-login-link-reused"], "true", "round {round}");
        assert!(again.text().await.unwrap().contains(link.split_once("token=").unwrap().1), "round {round}");

        let mut person = HttpClient::arrives();
        person.sign_in(&server, &link).await;
        server.kill();
        server.serve_with(&[]);

        assert!(person.is_signed_in(&server).await, "round {round}");
        assert_eq!(HttpClient::arrives().open(&link).await.status, 410, "round {round}");
    }
}

/// Each is refused or ignored, and the next request is served.
#[tokio::test]
async fn bytes_that_are_hardly_http_harm_nobody() {
    let server = Server::start();
    let ada = server.add_client("ada@example.org", "Ada", "Lovelace");
    let link = server.ask_for_link(ada).await;
    let key = &server.key;
    let ask = format!("GET /api/login_links/{ada} HTTP/1.1\r\nHost: localhost\r\n");
    let long = "x".repeat(100_000);
    let big = "x".repeat(1_000_000);
    let signed = format!("{ask}Authorization: Bearer {key}\r\n");

    for (what, bytes, allowed) in [
        ("NUL in a header", format!("{ask}X-Odd: a\0b\r\n\r\n"), &[400][..]),
        ("NUL in the key", format!("{ask}Authorization: Bearer \0\r\n\r\n"), &[400, 401]),
        (
            "a bare LF in a header",
            format!("{ask}X-Odd: a\nAuthorization: Bearer {key}\r\n\r\n"),
            &[200, 400, 401],
        ),
        ("a header of 100 kB", format!("{ask}Authorization: Bearer {long}\r\n\r\n"), &[400, 401, 431]),
        ("1,000 headers", format!("{ask}{}\r\n", "X-Odd: a\r\n".repeat(1_000)), &[400, 401, 431]),
        ("an emoji for a key", format!("{ask}Authorization: Bearer 🔑\r\n\r\n"), &[400, 401]),
        ("blanks for a key", format!("{ask}Authorization:      \r\n\r\n"), &[400, 401]),
        ("a path of 100 kB", format!("GET /{long} HTTP/1.1\r\nHost: localhost\r\n\r\n"), &[404, 414, 431]),
        ("1 MB with a GET", format!("{signed}Content-Length: 1000000\r\n\r\n{big}"), &[200, 400, 413]),
        ("a length that lies", format!("{signed}Content-Length: 100\r\n\r\nshort"), &[0, 200, 400, 408]),
        ("two lengths", format!("{signed}Content-Length: 1\r\nContent-Length: 2\r\n\r\nab"), &[400]),
        ("a length of -1", format!("{signed}Content-Length: -1\r\n\r\n"), &[400]),
        ("garbage chunks", format!("{signed}Transfer-Encoding: chunked\r\n\r\nzz\r\n\r\n"), &[0, 200, 400]),
        (
            "length and chunks",
            format!("{signed}Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
            &[200, 400],
        ),
        ("two hosts", format!("{signed}Host: elsewhere.test\r\n\r\n"), &[400, 404, 421]),
        (
            "no host",
            format!("GET /api/login_links/{ada} HTTP/1.1\r\nAuthorization: Bearer {key}\r\n\r\n"),
            &[400, 404, 421],
        ),
        (
            "HTTP/1.0 without a host",
            format!("GET / HTTP/1.0\r\nAuthorization: Bearer {key}\r\n\r\n"),
            &[400, 404, 421],
        ),
        ("an empty host", "GET / HTTP/1.1\r\nHost:\r\n\r\n".to_owned(), &[400, 404, 421]),
        (
            "another host in the target",
            "GET http://elsewhere.test/ HTTP/1.1\r\nHost: localhost\r\n\r\n".to_owned(),
            &[303, 400, 404, 421],
        ),
        ("HTTP/2 out of the blue", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_owned(), &[0, 400, 505]),
        ("a TLS hello", "\u{16}\u{3}\u{1}\0\u{5}hello".to_owned(), &[0, 400]),
        ("no HTTP at all", "hello\r\n\r\n".to_owned(), &[0, 400]),
        ("two requests at once", format!("{ask}\r\n{ask}\r\n"), &[401]),
    ] {
        let response = server.send_raw(bytes.as_bytes());

        let status = response.strip_prefix("HTTP/1.").map_or(0, |rest| rest[2..5].parse().unwrap());
        assert!(allowed.contains(&status), "{what}: {status} is none of {allowed:?}\n{response}");
        assert_eq!(server.ask_for_link(ada).await, link, "after {what}");
    }
    assert!(!server.log().contains("panic"), "{}", server.log());
}

/// Contract, section 5.
#[tokio::test]
async fn health_and_metrics_stand_on_the_operators_listener_alone() {
    let server = Server::start();

    for path in ["/healthz", "/readyz", "/metrics"] {
        assert_eq!(visitor().get(server.ops_url(path)).send().await.unwrap().status(), 200, "{path}");
        let public = server.call("GET", path).await;
        assert_eq!(public.status(), 404, "{path} is public");
    }
    let metrics = visitor().get(server.ops_url("/metrics")).send().await.unwrap();
    assert!(metrics.headers()["content-type"].to_str().unwrap().contains("text"));
    assert!(metrics.text().await.unwrap().contains("# TYPE doorkey_"));
    assert_eq!(visitor().get(server.ops_url("/api/login_links")).send().await.unwrap().status(), 404);
}

/// A store that cannot commit is not ready, says so in time, and does not keep the server from a clean stop.
#[tokio::test]
async fn a_store_that_cannot_commit_is_not_ready_and_a_stop_is_clean_all_the_same() {
    let mut server = Server::start();
    let ada = server.add_client("ada@example.org", "Ada", "Lovelace");
    server.ask_for_link(ada).await;
    let _hold = server.database.hold();
    server.ask_for_link(ada).await;

    let begun = std::time::Instant::now();
    let ready = visitor().get(server.ops_url("/readyz")).send().await.unwrap();

    assert_eq!(ready.status(), 503);
    // Two seconds are promised; the rest is for a machine that is busy with other things.
    assert!(begun.elapsed() < Duration::from_secs(4));
    assert_eq!(visitor().get(server.ops_url("/healthz")).send().await.unwrap().status(), 200);
    server.signal("TERM");
    assert_eq!(server.wait_for_the_end().code(), Some(0));
}

/// What happens is counted, each thing under its own name.
#[tokio::test]
async fn what_happens_is_counted() {
    let server = Server::start();
    let ada = server.add_client("ada@example.org", "Ada", "Lovelace");
    let link = server.ask_for_link(ada).await;
    server.ask_for_link(ada).await;
    server.call("GET", "/api/login_links/99").await;
    HttpClient::arrives().sign_in(&server, &link).await;
    HttpClient::arrives().open(&link).await;
    visitor().get(server.url("/api/login_links")).send().await.unwrap();

    for line in [
        "doorkey_login_links_issued_total 1",
        "doorkey_login_links_reused_total 1",
        "doorkey_login_links_refused_total{reason=\"user_not_found\"} 1",
        "doorkey_login_links_redeemed_total 1",
        "doorkey_dead_tokens_total{reason=\"used\"} 1",
        "doorkey_dead_tokens_total{reason=\"killed\"} 0",
        "doorkey_failed_keys_total 1",
        "doorkey_http_answers_total{route=\"/api/login_links/{user}\",status=\"404\"} 1",
    ] {
        server.counts(line).await;
    }
}

/// Settings reach the limits, and an operator hears of who is beyond one.
#[tokio::test]
async fn limits_are_as_they_are_set_and_told_of() {
    let mut server = Server::prepare("Acme");
    server.serve_with(&[
        ("DOORKEY_LOGIN_MISSES_PER_MINUTE", "2"),
        ("DOORKEY_AUTH_FAILURES_PER_MINUTE", "3"),
        ("DOORKEY_KEY_REQUESTS_PER_SECOND", "off"),
        ("DOORKEY_TRUSTED_PROXY", "127.0.0.1"),
    ]);
    let ask = |path: &str| {
        visitor().get(server.url(path)).header("x-forwarded-for", "203.0.113.7, 127.0.0.1").send()
    };
    let mut statuses = Vec::new();
    for _ in 0..4 {
        statuses.push(ask("/login?token=x").await.unwrap().status().as_u16());
    }
    for _ in 0..4 {
        statuses.push(ask("/api/clients").await.unwrap().status().as_u16());
    }
    let refused = ask("/api/clients").await.unwrap();

    assert_eq!(statuses, [410, 410, 429, 429, 401, 401, 401, 429]);
    let wait: u64 = refused.headers()["retry-after"].to_str().unwrap().parse().unwrap();
    assert!((1..=20).contains(&wait), "{wait}");
    server.counts("doorkey_limited_requests_total{limit=\"login_misses\"} 2").await;
    server.counts("doorkey_limited_requests_total{limit=\"auth_failures\"} 2").await;
    server.stop();
    for line in ["shows more dead tokens than it may", "more often without a key that holds than it may"] {
        assert_eq!(server.log().matches(line).count(), 1, "{}", server.log());
    }
    server.serve_with(&[("DOORKEY_KEY_REQUESTS_PER_SECOND", "1")]);
    let mut asked = 0;
    while server.call("GET", "/api/clients").await.status() != 429 {
        asked += 1;
        assert!(asked < 1_000, "there is no limit");
    }
    server.stop();
    let printed = server.log();
    let line = printed.lines().find(|line| line.contains("an API key asks more often than it may")).unwrap();
    assert!(line.contains("workspace=1") && line.contains("key=1"), "{line}");
}
