//! More than there is room for: few descriptors, little memory, slow and huge requests, thousands who say nothing.

use std::io::{ErrorKind, Write as _};
use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use tokio::io::AsyncWriteExt;
use tokio::net::{TcpSocket, TcpStream};
use tokio::task::JoinSet;

use crate::support::acknowledged_ops::Fate;
use crate::support::figures::{Figures, times};
use crate::support::server::{Server, visitor};
use crate::support::server_fixture::{CLIENTS, ServerFixture, TIMEOUT};

/// Starts a server with so much to use, as `prlimit` is told it: `--nofile=48`.
fn under(limits: &[&str]) -> ServerFixture {
    under_all(&[&["prlimit"], limits].concat(), limits)
}

pub(super) fn under_all(command: &[&str], limits: &[&str]) -> ServerFixture {
    let mut server = Server::prepare("Acme");
    server.serve_under(command, &[]);
    let printed = std::fs::read_to_string(format!("/proc/{}/limits", server.id())).unwrap();
    for limit in limits {
        let (_, value) = limit.split_once('=').unwrap();
        assert!(printed.split_whitespace().any(|word| word == value), "{limit} does not bind:\n{printed}");
    }
    let office = crate::support::acknowledged_ops::BackOffice::of(vec![server.port], &server.key);
    ServerFixture { server, office }
}

/// A group of processes (cgroups, version 1 or 2) that the kernel gives no more than so much memory to: whoever needs more is
/// killed.
pub(super) struct Group(PathBuf);

impl Group {
    /// `None` where this process may make no such groups.
    pub(super) fn with_memory(bytes: u64) -> Option<Self> {
        let name = format!("doorkey-test-{}", std::process::id());
        let kinds = [("/sys/fs/cgroup/memory", "memory.limit_in_bytes"), ("/sys/fs/cgroup", "memory.max")];
        kinds.into_iter().find_map(|(root, limit)| {
            let group = Self(Path::new(root).join(&name));
            std::fs::create_dir(&group.0).ok()?;
            let printed = std::fs::OpenOptions::new().write(true).open(group.0.join(limit));
            printed.ok()?.write_all(bytes.to_string().as_bytes()).ok()?;
            Some(group)
        })
    }
}

impl Group {
    /// What a shell is told to become its arguments inside.
    pub(super) fn entered(&self) -> String {
        format!("echo $$ > {}/cgroup.procs && exec \"$@\"", self.0.display())
    }

    pub(super) fn has(&self, server: &Server) -> bool {
        let inside = std::fs::read_to_string(self.0.join("cgroup.procs")).unwrap();
        inside.lines().any(|one| one == server.id().to_string())
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir(&self.0);
    }
}

/// Connections from one of the addresses of this machine, each of which has ports for some 28,000.
pub(super) async fn connect(port: u16, from: u16) -> TcpStream {
    let [network, from] = from.to_be_bytes();
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind((Ipv4Addr::new(127, 0, network, from), 0).into()).unwrap();
    let connected = tokio::time::timeout(TIMEOUT, socket.connect((Ipv4Addr::LOCALHOST, port).into())).await;
    connected.expect("nobody takes connections any more").unwrap()
}

async fn silent(port: u16, count: usize) -> Vec<TcpStream> {
    let mut all = Vec::with_capacity(count);
    for number in 0..count {
        all.push(connect(port, if number % 2 == 0 { 2 } else { 3 }).await);
    }
    all
}

/// How many the server has hung up on.
pub(super) fn hung_up(connections: &[TcpStream]) -> usize {
    let is_over = |connection: &&TcpStream| match connection.try_read(&mut [0; 16]) {
        Ok(read) => read == 0,
        Err(error) => error.kind() != ErrorKind::WouldBlock,
    };
    connections.iter().filter(is_over).count()
}

/// What the kernel says of the process, in kilobytes.
pub(super) fn kilobytes(server: &Server, what: &str) -> usize {
    let status = std::fs::read_to_string(format!("/proc/{}/status", server.id())).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix(what)).unwrap();
    line.trim_matches(|letter: char| !letter.is_ascii_digit()).parse().unwrap()
}

/// How many files and connections the server has open.
fn descriptors(server: &Server) -> usize {
    std::fs::read_dir(format!("/proc/{}/fd", server.id())).unwrap().count()
}

/// Everybody else is served meanwhile, all of them.
async fn others_are_served(scene: &ServerFixture, figures: &mut Figures) {
    let crowd = scene.crowd();
    crowd.acknowledges(CLIENTS * 8, TIMEOUT).await;
    let mut entries = crowd.end().await;
    let unanswered = entries.iter().filter(|entry| matches!(entry.fate, Fate::Unknown(_))).count();
    assert_eq!(unanswered, 0, "somebody had no answer:\n{}", scene.server.log());
    scene.settle(&mut entries, figures).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn forty_eight_descriptors_are_enough_beside_hundreds_who_say_nothing() {
    let fault = "48 file descriptors, 400 connections to each listener that say nothing";
    let mut figures = Figures::of("18-descriptors", fault);
    for _ in 0..times(1, 10) {
        let mut scene = under(&["--nofile=48"]);
        let silent = silent(scene.server.port, 400).await;
        operators_are_answered(&scene).await;
        let of_operators = self::silent(scene.server.ops_port, 400).await;
        others_are_served(&scene, &mut figures).await;
        operators_are_answered(&scene).await;
        assert!(hung_up(&of_operators) >= 400 - 48, "nobody had to give way: {}", hung_up(&of_operators));
        let log = scene.server.log();
        assert!(!log.contains("could not be accepted"), "descriptors ran out:\n{log}");
        assert!(hung_up(&silent) >= 400 - 48, "nobody had to give way: {}", hung_up(&silent));
        assert!(scene.server.runs());
        figures.tries += 1;
    }
    figures.write();
}

async fn operators_are_answered(scene: &ServerFixture) {
    let response = visitor().get(scene.server.ops_url("/healthz")).send().await.unwrap();
    assert_eq!(response.status(), 200);
}

/// Requests that come a byte at a time, or never end.
fn slow_and_huge(scene: &ServerFixture, count: usize) -> (JoinSet<()>, Arc<AtomicUsize>) {
    let (port, sent) = (scene.server.port, Arc::new(AtomicUsize::new(0)));
    let key = format!("Authorization: Bearer {}\r\nContent-Type: application/json\r\n", scene.server.key);
    let form = "Content-Type: application/x-www-form-urlencoded\r\nSec-Fetch-Site: same-origin\r\n";
    let head = |line: &str, rest: &str| format!("{line} HTTP/1.1\r\nHost: localhost\r\n{rest}");
    let kinds = [
        // A head that never ends, slowly; a body that does not.
        (head("GET /login", "X-Slow: "), Duration::from_millis(50), 1),
        (head("POST /login", &format!("{form}Content-Length: 60000\r\n\r\n")), Duration::from_millis(50), 1),
        // As much as will be taken: of a head, of a form, of a body without a key.
        (head("GET /login", "X-Huge: "), Duration::ZERO, 1 << 16),
        (head("POST /login", &format!("{form}Content-Length: 1073741824\r\n\r\n")), Duration::ZERO, 1 << 16),
        (head("POST /api/clients", "Content-Length: 1073741824\r\n\r\n"), Duration::ZERO, 1 << 16),
        // All but the last byte of a form.
        (
            head("POST /login", &format!("{form}Content-Length: 65536\r\n\r\n{}", "x".repeat(65_535))),
            TIMEOUT,
            1,
        ),
        // Who has a key may send more: a few of them.
        (
            head("POST /api/clients", &format!("{key}Content-Length: 1073741824\r\n\r\n")),
            Duration::ZERO,
            1 << 16,
        ),
    ];
    let mut senders = JoinSet::new();
    for number in 0..count {
        let (head, pause, size) = kinds[if number % 35 == 0 { 6 } else { number % 6 }].clone();
        let sent = Arc::clone(&sent);
        senders.spawn(async move {
            loop {
                let mut connection = connect(port, 2).await;
                let mut goes_on = connection.write_all(head.as_bytes()).await.is_ok();
                while goes_on {
                    sent.fetch_add(size, Ordering::Relaxed);
                    tokio::time::sleep(pause).await;
                    goes_on = connection.write_all(&vec![b'x'; size]).await.is_ok();
                }
            }
        });
    }
    (senders, sent)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sixty_four_megabytes_are_enough_beside_slow_and_huge_requests() {
    let group = Group::with_memory(64 << 20);
    let enter = group.as_ref().map_or_else(|| "exec \"$@\"".to_owned(), Group::entered);
    let within = ["sh", "-c", &enter, "sh", "prlimit"];
    let fault = if group.is_some() { "64 MB of memory (cgroup), 144" } else { "144" };
    let fault = format!("{fault} file descriptors, 140 slow and huge requests at a time");
    let mut figures = Figures::of("19-memory", fault);
    let mut peak = 0;
    for _ in 0..times(1, 10) {
        let limits = ["--nofile=144"];
        let mut scene = under_all(&[&within[..], &limits].concat(), &limits);
        if let Some(group) = &group {
            assert!(group.has(&scene.server), "it is not in the group");
        }
        let before = descriptors(&scene.server);
        let (senders, sent) = slow_and_huge(&scene, 140);
        // Several times as much as it may take, or it would fit whatever is kept of it.
        let begun = Instant::now();
        while sent.load(Ordering::Relaxed) < 1 << 28 {
            assert!(begun.elapsed() < TIMEOUT, "nothing huge was sent");
            assert!(scene.server.runs(), "it ended:\n{}", scene.server.log());
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        let crowd = scene.crowd();
        crowd.acknowledges(CLIENTS * 4, TIMEOUT * 2).await;
        // Who was to give way at the moment of asking has no answer, and asks again.
        let mut entries = crowd.end().await;
        assert!(scene.server.runs(), "it ended:\n{}", scene.server.log());
        drop(senders);
        // The server is still to find out that they are gone.
        while descriptors(&scene.server) > before + CLIENTS * 2 {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        scene.settle(&mut entries, &mut figures).await;
        assert!(scene.server.runs(), "{}", scene.server.log());
        peak = peak.max(kilobytes(&scene.server, "VmHWM:"));
        figures.tries += 1;
    }
    assert!(peak < 64 << 10, "{peak} kB are resident");
    figures.note(format!("at most {} MB resident", peak / 1_024));
    figures.write();
}

/// As many as this process may have open.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn thousands_who_say_nothing_keep_nobody_out() {
    let hard = hard_limit();
    let wanted = times(2_000, 20_000).min(hard - 100);
    let own = std::process::id().to_string();
    let raised = format!("--nofile={hard}");
    assert!(Command::new("prlimit").args(["--pid", &own, &raised]).status().unwrap().success());
    let fault = format!("{wanted} connections that say nothing, {hard} file descriptors");
    let mut figures = Figures::of("20-idle", fault);
    let mut scene = under(&[&raised]);

    // What it takes to serve anybody is no matter of who says nothing.
    others_are_served(&scene, &mut figures).await;
    let before = kilobytes(&scene.server, "VmRSS:");
    let silent = silent(scene.server.port, wanted).await;
    // They are taken in turn, and this one comes last.
    scene.a_new_link().await.unwrap();
    let more = kilobytes(&scene.server, "VmRSS:").saturating_sub(before);
    others_are_served(&scene, &mut figures).await;
    let held = wanted - hung_up(&silent);
    assert!(held * 10 > wanted * 9, "only {held} of them were kept");
    assert!(more < held * 6, "{more} kB are {} kB for each of {held}", more / held);
    assert!(scene.server.runs());
    figures.tries = held;
    figures.note(format!("at most {} MB resident", kilobytes(&scene.server, "VmHWM:") / 1_024));
    figures.write();
}

/// The most descriptors that a process here may ask for.
pub(super) fn hard_limit() -> usize {
    let limits = std::fs::read_to_string("/proc/self/limits").unwrap();
    let line = limits.lines().find(|line| line.starts_with("Max open files")).unwrap();
    line.split_whitespace().nth(4).unwrap().parse().unwrap()
}
