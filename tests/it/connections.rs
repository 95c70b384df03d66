//! Connections that dawdle, say nothing, or say too much: each comes to an end, and others are served meanwhile.

use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::thread::{scope, sleep};
use std::time::{Duration, Instant};

use crate::support::server::Server;

/// Longer than any limit: whoever still has a connection then would have it for ever.
const PATIENCE: Duration = Duration::from_mins(1);

const ASK: &str = "GET /login HTTP/1.1\r\nHost: localhost\r\n";

/// What the server said until it closed the connection; that it does is what is promised.
fn heard_until_the_end(stream: &mut TcpStream) -> String {
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    let mut heard = Vec::new();
    match stream.read_to_end(&mut heard) {
        Ok(_) => {}
        // Closed with something of ours unread.
        Err(error) if error.kind() == ErrorKind::ConnectionReset => {}
        Err(error) => panic!("it is still open: {error}"),
    }
    String::from_utf8_lossy(&heard).into_owned()
}

/// Sends something again and again until nobody takes it, then gives what was said.
fn drip(stream: &mut TcpStream, bytes: &[u8]) -> String {
    let begun = Instant::now();
    while stream.write_all(bytes).is_ok() {
        assert!(begun.elapsed() < PATIENCE, "it still listens");
        sleep(Duration::from_millis(500));
    }
    heard_until_the_end(stream)
}

/// The first line of an answer, without its words.
fn status(heard: &str) -> &str {
    heard.strip_prefix("HTTP/1.1 ").map_or("", |rest| &rest[..3])
}

fn says_nothing(server: &Server) {
    assert_eq!(heard_until_the_end(&mut server.connect()), "");
}

fn says_nothing_more(server: &Server) {
    let mut stream = server.connect();
    stream.write_all(format!("{ASK}\r\n").as_bytes()).unwrap();

    let heard = heard_until_the_end(&mut stream);

    assert_eq!((status(&heard), heard.matches("HTTP/1.1").count()), ("200", 1));
}

fn never_ends_its_head(server: &Server) {
    let mut stream = server.connect();
    stream.write_all(ASK.as_bytes()).unwrap();

    assert_eq!(drip(&mut stream, b"X-Odd: a\r\n"), "");
}

fn never_ends_its_body(server: &Server) {
    let mut stream = server.connect();
    let head = "POST /login HTTP/1.1\r\nHost: localhost\r\nSec-Fetch-Site: same-origin\r\n\
                Content-Type: application/x-www-form-urlencoded\r\nContent-Length: 1000\r\n\r\n";
    stream.write_all(head.as_bytes()).unwrap();

    assert_eq!(status(&drip(&mut stream, b"a")), "408");
}

fn never_reads(server: &Server) {
    let mut stream = server.connect();
    let ask = "GET /docs/swagger-ui.js HTTP/1.1\r\nHost: localhost\r\n\r\n";
    // More than all buffers on the way hold.
    let asked = 40;
    stream.write_all(ask.repeat(asked).as_bytes()).unwrap();
    sleep(Duration::from_secs(45));

    let heard = heard_until_the_end(&mut stream);

    let begun = heard.matches("HTTP/1.1 200 OK").count();
    assert!((1..asked).contains(&begun), "{begun} of {asked} answers were sent to nobody");
}

#[tokio::test]
async fn nobody_keeps_a_connection_by_doing_nothing() {
    let server = Server::start();
    let ada = server.add_client("ada@example.org", "Ada", "Lovelace");
    let link = server.ask_for_link(ada).await;

    let dawdlers = [says_nothing, says_nothing_more, never_ends_its_head, never_ends_its_body, never_reads];
    scope(|scope| {
        for dawdle in &dawdlers {
            scope.spawn(|| dawdle(&server));
        }
    });

    assert_eq!(server.ask_for_link(ada).await, link);
}

/// An address, headers and a body each have a size that they may not exceed; up to there they are read.
#[tokio::test]
async fn what_is_too_large_is_refused_and_never_kept() {
    let server = Server::start();
    let ask = |path: &str, headers: &str| format!("GET {path} HTTP/1.1\r\nHost: localhost\r\n{headers}\r\n");
    let long = |length: usize| "x".repeat(length);
    let post = |length: usize| {
        let (key, kind) = (&server.key, "application/json");
        format!(
            "POST /api/clients HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {key}\r\n\
             Content-Type: {kind}\r\nContent-Length: {length}\r\n\r\n{}",
            long(length)
        )
    };
    let header = |length: usize| format!("X-Odd: {}\r\n", long(length));

    for (what, bytes, expected) in [
        ("an address of 50 kB", ask(&format!("/{}", long(50_000)), ""), "404"),
        ("an address of 64 kB", ask(&format!("/{}", long(65_536)), ""), "431"),
        ("an address of 1 MB", ask(&format!("/{}", long(1_000_000)), ""), "431"),
        ("a header of 50 kB", ask("/login", &header(50_000)), "200"),
        ("a header of 64 kB", ask("/login", &header(65_536)), "431"),
        ("90 headers", ask("/login", &"X-Odd: a\r\n".repeat(90)), "200"),
        ("101 headers", ask("/login", &"X-Odd: a\r\n".repeat(101)), "431"),
        ("a body of 1 MiB", post(1 << 20), "400"),
        ("a body that is one byte larger", post((1 << 20) + 1), "413"),
    ] {
        let heard = server.send_raw(bytes.as_bytes());

        assert_eq!(status(&heard), expected, "{what}: {heard}");
    }
}

/// More come than are taken at the moment, and none of them has to knock twice.
#[test]
fn a_burst_of_connections_finds_room() {
    let server = Server::start();
    let address = format!("127.0.0.1:{}", server.port).parse().unwrap();
    server.signal("STOP");
    // An attempt that is not heard is repeated after a second.
    let come = || TcpStream::connect_timeout(&address, Duration::from_millis(900));
    let mut all =
        (0..400).map(|_| come()).collect::<Result<Vec<_>, _>>().expect("a connection found no room");
    server.signal("CONT");

    let last = all.last_mut().unwrap();
    last.write_all(format!("{ASK}Connection: close\r\n\r\n").as_bytes()).unwrap();

    assert_eq!(status(&heard_until_the_end(last)), "200");
}
