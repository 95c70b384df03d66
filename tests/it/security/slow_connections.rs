//! Connections that dawdle, say nothing, or say too much: each comes to an end, and others are served meanwhile.

use std::io::{ErrorKind, Read, Write};
use std::net::{Ipv4Addr, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{scope, sleep};
use std::time::{Duration, Instant};

use crate::support::server::Server;

/// Longer than any limit: whoever still has a connection then would have it for ever.
const TIMEOUT: Duration = Duration::from_secs(100);

const ASK: &str = "GET /login HTTP/1.1\r\nHost: localhost\r\n";

/// What the server said until it closed the connection; that it does is what is promised.
fn heard_until_the_end(stream: &mut TcpStream) -> String {
    stream.set_read_timeout(Some(TIMEOUT)).unwrap();
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
        assert!(begun.elapsed() < TIMEOUT, "it still listens");
        sleep(Duration::from_millis(500));
    }
    heard_until_the_end(stream)
}

/// The first line of an answer, without its words.
fn status(heard: &str) -> &str {
    heard.strip_prefix("HTTP/1.1 ").map_or("", |rest| &rest[..3])
}

/// Longer than proxies and balancers keep theirs, or they would ask the moment it is closed.
const IDLE: Duration = Duration::from_secs(62);

fn says_nothing(server: &Server) {
    let (mut stream, begun) = (server.connect(), Instant::now());

    assert_eq!(heard_until_the_end(&mut stream), "");
    assert!(begun.elapsed() > IDLE, "{:?}", begun.elapsed());
}

fn says_nothing_more(server: &Server) {
    let mut stream = server.connect();
    stream.write_all(format!("{ASK}\r\n").as_bytes()).unwrap();
    sleep(IDLE);
    stream.write_all(format!("{ASK}Connection: close\r\n\r\n").as_bytes()).unwrap();

    let heard = heard_until_the_end(&mut stream);

    assert_eq!((status(&heard), heard.matches("HTTP/1.1").count()), ("200", 2));
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

const FORM: &str = "Sec-Fetch-Site: same-origin\r\nContent-Type: application/x-www-form-urlencoded\r\n";

/// What is answered to a head alone, while all of its body is still to come.
fn answer_to_the_head(server: &Server, head: &str) -> String {
    let mut stream = server.connect();
    stream.write_all(head.as_bytes()).unwrap();
    heard_until_the_end(&mut stream)
}

#[test]
fn a_request_to_no_workspace_is_answered_before_its_body_is_read() {
    let server = Server::start();
    let begun = Instant::now();
    for (line, length) in [
        ("POST /login", "Content-Length: 60000"),
        ("POST /login", "Transfer-Encoding: chunked"),
        ("POST /logout", "Content-Length: 60000"),
        ("POST /api/clients", "Content-Length: 1000000"),
    ] {
        let head = format!("{line} HTTP/1.1\r\nHost: nobody.example\r\n{FORM}{length}\r\n\r\n");

        let response = answer_to_the_head(&server, &head);

        assert_eq!(status(&response), "404", "{line}, {length}: {response}");
        assert!(!line.contains("/api/") || response.contains("workspace_not_found"), "{response}");
    }
    // A body that is waited for has ten seconds.
    assert!(begun.elapsed() < Duration::from_secs(9), "{:?}", begun.elapsed());
}

/// Whoever closes a connection with something unread takes back what was not read of its answer.
#[test]
fn an_answer_is_heard_by_who_sends_all_of_a_body_that_nobody_reads() {
    let (server, piece) = (Server::start(), vec![b'x'; 100_000]);
    for (line, host) in [("POST /login", "nobody.example"), ("POST /api/clients", "localhost")] {
        let head = format!("{line} HTTP/1.1\r\nHost: {host}\r\n{FORM}Content-Length: 3000000\r\n\r\n");
        for _ in 0..20 {
            let mut stream = server.connect();
            stream.write_all(head.as_bytes()).unwrap();
            for _ in 0..30 {
                stream.write_all(&piece).expect("it hung up on who was still sending");
            }
            let mut response = String::new();
            stream.read_to_string(&mut response).expect("the answer was taken back");
            assert!(["404", "401"].contains(&status(&response)), "{response}");
        }
    }
}

/// From one address of this machine.
fn connect_from(server: &Server, last: u8) -> TcpStream {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let stream = runtime.block_on(async {
        let socket = tokio::net::TcpSocket::new_v4().unwrap();
        socket.bind((Ipv4Addr::new(127, 0, 0, last), 0).into()).unwrap();
        socket.connect((Ipv4Addr::LOCALHOST, server.port).into()).await.unwrap().into_std().unwrap()
    });
    stream.set_nonblocking(false).unwrap();
    stream
}

fn is_open(stream: &mut TcpStream) -> bool {
    stream.set_nonblocking(true).unwrap();
    stream.read(&mut [0; 16]).is_err_and(|error| error.kind() == ErrorKind::WouldBlock)
}

/// 40 times 60 kB of heads that never end.
#[test]
fn unfinished_requests_of_one_address_have_a_mebibyte_and_the_oldest_give_way() {
    let server = Server::start();
    let head = format!("{ASK}X-Odd: {}", "x".repeat(60_000));
    let mut of_another = connect_from(&server, 3);
    of_another.write_all(head.as_bytes()).unwrap();
    let mut all = Vec::new();
    for _ in 0..40 {
        let mut stream = connect_from(&server, 2);
        stream.write_all(head.as_bytes()).unwrap();
        all.push(stream);
        sleep(Duration::from_millis(10));
    }
    sleep(Duration::from_millis(500));

    let open: Vec<bool> = all.iter_mut().map(is_open).collect();

    let count = open.iter().filter(|open| **open).count();
    assert!((12..=17).contains(&count), "{count} are open: {open:?}");
    assert!(open[30..].iter().all(|open| *open), "the newest had to go: {open:?}");
    assert!(is_open(&mut of_another), "another address had to give way");
    assert_eq!(status(&server.send_raw(format!("{ASK}\r\n").as_bytes())), "200");
}

/// A client of the back office, with fields of this size.
fn large_client(server: &Server, email: &str, chunked: bool) -> Vec<u8> {
    let odd = "x".repeat(7_000);
    let fields = (0..120).map(|number| format!("\"field{number}\":\"{odd}\"")).collect::<Vec<_>>().join(",");
    let body = format!("{{\"email\":\"{email}\",\"odd\":{{{fields}}}}}");
    let (kind, body) = if chunked {
        ("Transfer-Encoding: chunked".to_owned(), format!("{:x}\r\n{body}\r\n0\r\n\r\n", body.len()))
    } else {
        (format!("Content-Length: {}", body.len()), body)
    };
    let key = &server.key;
    let head = format!(
        "POST /api/clients HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {key}\r\n\
         Content-Type: application/json\r\nConnection: close\r\n{kind}\r\n\r\n"
    );
    [head, body].concat().into_bytes()
}

/// Two of them are more than an address may have at once: one waits while the other comes. Strangers at the same address who
/// hold what they can, and send a byte now and then, are in nobody's way.
#[test]
fn large_bodies_of_one_address_arrive_beside_each_other_and_beside_strangers_who_drip() {
    let server = Server::start();
    let is_over = AtomicBool::new(false);
    scope(|scope| {
        for number in 0..40 {
            let (server, is_over) = (&server, &is_over);
            scope.spawn(move || {
                while !is_over.load(Ordering::Relaxed) {
                    let mut stream = server.connect();
                    let odd = "x".repeat(if number % 2 == 0 { 50_000 } else { 10 });
                    let mut goes_on = stream.write_all(format!("{ASK}X-Odd: {odd}").as_bytes()).is_ok();
                    while goes_on && !is_over.load(Ordering::Relaxed) {
                        sleep(Duration::from_millis(20));
                        goes_on = stream.write_all(b"x").is_ok();
                    }
                    sleep(Duration::from_millis(300));
                }
            });
        }
        sleep(Duration::from_millis(300));
        let senders: Vec<_> = (0..6)
            .map(|number| {
                let request = large_client(&server, &format!("large{number}@example.org"), number % 3 == 0);
                let mut stream = server.connect();
                scope.spawn(move || {
                    for piece in request.chunks(20_000) {
                        stream.write_all(piece).expect("it was cut off");
                        sleep(Duration::from_millis(2));
                    }
                    heard_until_the_end(&mut stream)
                })
            })
            .collect();
        let heard: Vec<_> = senders.into_iter().map(std::thread::ScopedJoinHandle::join).collect();
        is_over.store(true, Ordering::Relaxed);
        for heard in heard {
            let heard = heard.unwrap();
            assert!(heard.contains("is no field of a client"), "{heard}");
        }
    });
}
