//! Strangers whose requests never end: thousands of heads and bodies that nobody can read whole, from one address and from many.

use std::time::{Duration, Instant};

use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::overload::{Group, connect, hard_limit, hung_up, kilobytes, under_all};
use crate::support::figures::{Figures, times};
use crate::support::server_fixture::{CLIENTS, ServerFixture, TIMEOUT};

/// How many descriptors the unit asks for.
const OF_THE_UNIT: usize = 65_536;

/// What a flood may leave beyond what the server had before it, in kB: what the allocator keeps in pages that are half used. It is 18 to 26
/// MB by chance.
const LEFT: usize = 28 << 10;

/// Requests of which the end is missing.
fn unfinished() -> Vec<String> {
    let long = "x".repeat(60_000);
    let form = "Sec-Fetch-Site: same-origin\r\nContent-Type: application/x-www-form-urlencoded\r\n";
    let post = |line: &str, host: &str| {
        format!("{line} HTTP/1.1\r\nHost: {host}\r\n{form}Content-Length: 65000\r\n\r\n{long}")
    };
    vec![
        "GET /login HTTP/1.1\r\nHost: localhost\r\nX-Odd: ".to_owned(),
        format!("GET /login HTTP/1.1\r\nHost: localhost\r\nX-Odd: {long}"),
        post("POST /login", "localhost"),
        post("POST /login", "nobody.example"),
        post("POST /api/clients", "localhost"),
    ]
}

/// Each from one address, or from one of two hundred.
async fn strangers(port: u16, count: usize, has_many_addresses: bool) -> Vec<TcpStream> {
    let requests = unfinished();
    let mut all = Vec::with_capacity(count);
    for number in 0..count {
        let place = u16::try_from(number % 200).unwrap();
        let mut stream = connect(port, if has_many_addresses { 0x0102 + place } else { 2 }).await;
        // What the server does not take is not sent.
        let sent = stream.write_all(requests[number % requests.len()].as_bytes());
        let _ = timeout(Duration::from_millis(20), sent).await;
        all.push(stream);
    }
    all
}

/// Waits until no more than so much is resident.
async fn has_given_back(scene: &ServerFixture, most: usize) -> usize {
    let begun = Instant::now();
    loop {
        let resident = kilobytes(&scene.server, "VmRSS:");
        if resident <= most {
            return resident;
        }
        assert!(begun.elapsed() < TIMEOUT, "{resident} kB are resident, and should be {most} at most");
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn thousands_whose_requests_never_end_take_little_memory_and_give_it_back() {
    let descriptors = hard_limit().min(OF_THE_UNIT);
    let count = times(1_500, 6_000);
    let group = Group::with_memory(64 << 20);
    let enter = group.as_ref().map_or_else(|| "exec \"$@\"".to_owned(), Group::entered);
    let limits = [format!("--nofile={descriptors}")];
    let limits: Vec<_> = limits.iter().map(String::as_str).collect();
    let memory = if group.is_some() { "64 MB of memory (cgroup), " } else { "" };
    let fault = format!("{memory}{descriptors} file descriptors, {count} requests that never end, twice");
    let mut figures = Figures::of("21-strangers", fault);
    let (mut peak, mut afterwards) = (0, 0);
    for _ in 0..times(1, 10) {
        let mut scene = under_all(&[&["sh", "-c", &enter, "sh", "prlimit"], &limits[..]].concat(), &limits);
        assert!(group.as_ref().is_none_or(|group| group.has(&scene.server)), "it is not in the group");
        let before = kilobytes(&scene.server, "VmRSS:");
        for has_many_addresses in [false, true] {
            let strangers = strangers(scene.server.port, count, has_many_addresses).await;
            let crowd = scene.crowd();
            crowd.acknowledges(CLIENTS * 4, TIMEOUT * 2).await;
            // Who was to give way at the moment of asking has no answer, and asks again.
            let mut entries = crowd.end().await;
            assert!(scene.server.runs(), "it ended:\n{}", scene.server.log());
            assert!(hung_up(&strangers) > count / 4, "hardly anybody had to give way");
            drop(strangers);
            scene.settle(&mut entries, &mut figures).await;
        }
        assert!(scene.server.runs(), "{}", scene.server.log());
        let highest = kilobytes(&scene.server, "VmHWM:");
        peak = peak.max(highest);
        afterwards = afterwards.max(has_given_back(&scene, before + LEFT).await - before);
        figures.tries += count * 2;
    }
    assert!(peak < 64 << 10, "{peak} kB are resident");
    figures.note(format!(
        "at most {} MB resident, {} MB more afterwards than before",
        peak / 1_024,
        afterwards / 1_024
    ));
    figures.write();
}
