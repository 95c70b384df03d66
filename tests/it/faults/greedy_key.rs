//! One key that asks for every list there is, sorted, filtered and deep, and hangs up: what its neighbour notices.

use std::collections::VecDeque;
use std::net::TcpStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use doorkey::clock::Clock;
use tokio::task::{JoinHandle, spawn_blocking};
use tokio::time::sleep;

use crate::support::database::Engine;
use crate::support::figures::{Figures, times};
use crate::support::neighbour::{Neighbour, ask, peak_memory, processor_time};
use crate::support::server::Server;

/// How long a greedy caller waits before it hangs up.
const IMPATIENCE: Duration = Duration::from_millis(300);

/// Greedy callers at a time.
const AT_ONCE: usize = 90;

/// How often the neighbour asks.
const PACE: Duration = Duration::from_millis(10);

/// Fills the workspace with clients, staff, links, sessions and a log, so many of each as is asked for, or some of them.
fn fill(server: &Server, rows: usize) {
    let (series, short, long) = match crate::ENGINE {
        Engine::Sqlite => (
            "(WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ROWS) SELECT i FROM n)",
            "randomblob(16)",
            "randomblob(32)",
        ),
        Engine::Postgres => (
            "(SELECT i FROM generate_series(1, ROWS) i)",
            "uuid_send(gen_random_uuid())",
            "sha256(uuid_send(gen_random_uuid()))",
        ),
    };
    let now = Clock::System.now().millis();
    let later = now + 7_000_000;
    let from = |rows: usize| {
        format!(
            "FROM workspaces w CROSS JOIN {} n WHERE w.name = 'Acme'",
            series.replace("ROWS", &rows.to_string())
        )
    };
    let (all, some) = (from(rows), from(rows / 4));
    server.database.run(&format!(
        "INSERT INTO users (workspace_id, id, email, email_folded, name_f, name_l, company, phone, note, custom_fields,
                            is_staff, is_active, two_factor, link_epoch, session_epoch, revision, created_at, updated_at)
         SELECT w.id, 1000 + n.i, 'p' || n.i || '@example.org', 'p' || n.i || '@example.org',
                'Given' || (n.i * 7919 % 100003), 'Family' || n.i, 'Company' || (n.i % 1000), '+420 ' || n.i, '', '{{}}',
                CASE WHEN n.i % 10 = 0 THEN 1 ELSE 0 END, 1, 0, 0, 0, 0, {now}, {now} {all}"
    ));
    server.database.run(&format!(
        "INSERT INTO login_links (workspace_id, hash, id, user_id, link_epoch, seed, single_use, created_at, expires_at,
                                  key_id, seal, last_issued_at, times_issued)
         SELECT w.id, {long}, {short}, 1000 + n.i, 0, {short}, 1, {now}, {later}, 1, {long}, {now} + n.i, 1 {some}"
    ));
    server.database.run(&format!(
        "INSERT INTO sessions (workspace_id, id, user_id, session_epoch, link_hash, single_use, confirm_hash, seed, secret_hash,
                               key_id, landing, created_at, last_seen_at, expires_at, seal)
         SELECT w.id, {short}, 1000 + n.i, 0, {long}, 1, {long}, {short}, {long}, 1, 'http://localhost/', {now}, {now} + n.i, {later}, {long}
         {some}"
    ));
    server.database.run(&format!(
        "INSERT INTO audit_log (workspace_id, id, time, event, user_id, actor, request_id, data)
         SELECT w.id, {short}, {now} - n.i, 'link.issued', n.i, 'api_key:' || (n.i % 9), {short}, '{{}}' {all}"
    ));
    // Autovacuum does so within a minute.
    if matches!(crate::ENGINE, Engine::Postgres) {
        server.database.run("ANALYZE");
    }
}

/// Every list by every field, both ways, with every operator.
fn wishes(rows: usize) -> Vec<String> {
    let people: &[(&str, &str)] = &[
        ("name_f", "A"),
        ("name_l", "A"),
        ("company", "A"),
        ("phone", "!"),
        ("id", "1"),
        ("email", "a@example.org"),
        ("status", "0"),
        ("created_at", "2020-01-01T00:00:00Z"),
        ("updated_at", "2020-01-01T00:00:00Z"),
    ];
    let times: &[(&str, &str)] = &[("created_at", "2020-01-01T00:00:00Z"), ("user_id", "1")];
    let log: &[(&str, &str)] =
        &[("event", "a"), ("actor", "a"), ("user_id", "0"), ("time", "2020-01-01T00:00:00Z")];
    let lists =
        [("clients", people), ("team", people), ("login_links", times), ("sessions", times), ("logs", log)];
    let mut all = Vec::new();
    for (list, fields) in lists {
        for (number, (field, least)) in fields.iter().enumerate() {
            let way = ["asc", "desc"][number % 2];
            let page = rows / 100 / (1 + number % 3);
            let sorted = format!("/api/{list}?limit=100&page={page}&sort={field}:{way}");
            all.push(format!("{sorted}&filters[{field}][$gt]={least}"));
            all.push(format!("{sorted}&filters[{field}][$eq]={least}&filters[{field}][$lt]={least}"));
            let many = format!("&filters[{field}][$in][]={least}").repeat(90);
            all.push(format!("/api/{list}?limit=1&sort={field}:{way}{many}"));
        }
    }
    all
}

/// Hangs up on so many lists, some at a time, while others wait for theirs.
fn be_greedy(server: &Server, wishes: &[String], count: usize) {
    let mut waiting: VecDeque<(Instant, TcpStream)> = VecDeque::new();
    let patient: Vec<_> = (0..40).map(|number| ask(server, &wishes[number % wishes.len()])).collect();
    for number in 0..count {
        if waiting.len() >= AT_ONCE
            && let Some((begun, caller)) = waiting.pop_front()
        {
            std::thread::sleep(IMPATIENCE.saturating_sub(begun.elapsed()));
            drop(caller);
        }
        waiting.push_back((Instant::now(), ask(server, &wishes[number % wishes.len()])));
    }
    std::thread::sleep(IMPATIENCE);
    drop((waiting, patient));
}

/// How long the neighbour waits for a link, each time, until it is told to stop.
fn neighbour_asks(neighbour: Arc<Neighbour>, stop: Arc<AtomicBool>) -> JoinHandle<Vec<Duration>> {
    tokio::spawn(async move {
        let mut took = Vec::new();
        while !stop.load(Ordering::SeqCst) {
            let begun = Instant::now();
            assert_eq!(neighbour.ask_for_link().await.status(), 200);
            took.push(begun.elapsed());
            sleep(PACE.saturating_sub(begun.elapsed())).await;
        }
        took.sort();
        took
    })
}

/// What nineteen of twenty took at most.
fn p95(took: &[Duration]) -> f64 {
    took[took.len() * 95 / 100].as_secs_f64() * 1e3
}

/// Whether lists are still being made a second after the last caller went.
async fn nothing_runs(server: &Server) {
    sleep(Duration::from_secs(1)).await;
    match crate::ENGINE {
        Engine::Sqlite => {
            let before = processor_time(server);
            sleep(Duration::from_secs(1)).await;
            let meanwhile = processor_time(server).saturating_sub(before);
            assert!(meanwhile < Duration::from_millis(300), "it computed for {meanwhile:?} for nobody");
        }
        Engine::Postgres => {
            let running = server.database.number(
                "SELECT count(DISTINCT pid) FROM pg_locks WHERE pid <> pg_backend_pid() AND relation IN
                     ('users'::regclass, 'login_links'::regclass, 'sessions'::regclass, 'audit_log'::regclass)",
            );
            assert_eq!(running, 0, "lists are made for nobody");
        }
    }
}

/// How long the neighbour waits while something else goes on.
async fn beside<T>(neighbour: &Arc<Neighbour>, what: impl Future<Output = T>) -> (T, Vec<Duration>) {
    let stop = Arc::new(AtomicBool::new(false));
    let asking = neighbour_asks(Arc::clone(neighbour), Arc::clone(&stop));
    let done = what.await;
    stop.store(true, Ordering::SeqCst);
    (done, asking.await.unwrap())
}

/// How long it takes to stop while lists run and others wait.
async fn stop(mut server: Server, wishes: &[String]) -> Duration {
    let callers: Vec<_> = (0..AT_ONCE).map(|number| ask(&server, &wishes[number % wishes.len()])).collect();
    sleep(IMPATIENCE).await;
    let begun = Instant::now();
    let status = spawn_blocking(move || server.stop()).await.unwrap();
    assert_eq!(status.code(), Some(0));
    drop(callers);
    begun.elapsed()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_greedy_key_takes_nothing_from_others() {
    let (rows, hang_ups) = (times(20_000, 200_000), times(300, 3_000));
    let server = Server::start();
    let neighbour = Arc::new(Neighbour::move_in(&server).await);
    fill(&server, rows);
    for list in ["clients", "team", "login_links", "sessions", "logs"] {
        let whole = server.call("GET", &format!("/api/{list}?limit=100")).await;
        assert_eq!(whole.status(), 200, "{list}");
    }
    let wishes = wishes(rows);

    let ((), alone) = beside(&neighbour, sleep(Duration::from_secs(3))).await;
    let asked_for = wishes.clone();
    let greedy = spawn_blocking(move || {
        be_greedy(&server, &asked_for, hang_ups);
        server
    });
    let (server, beside) = beside(&neighbour, greedy).await;
    let server = server.unwrap();
    nothing_runs(&server).await;
    let peak = peak_memory(&server);
    let stopped = stop(server, &wishes).await;

    assert!(peak < 150_000, "{peak} kB are resident");
    assert!(beside[beside.len() - 1] < Duration::from_secs(5), "{beside:?}");
    assert!(stopped < Duration::from_secs(11), "the stop took {stopped:?}");
    let (name, engine) = match crate::ENGINE {
        Engine::Sqlite => ("27-greedy-key", ""),
        Engine::Postgres => ("28-greedy-key", "the same in PostgreSQL: "),
    };
    let fault = format!("{engine}one key hangs up on every list by every field, of {rows} clients");
    let mut figures = Figures::of(name, fault);
    figures.tries = hang_ups;
    figures.note(format!(
        "another workspace's links: p95 {:.1} ms, alone {:.1} ms; at most {} MB resident; stopped in {:.1} s",
        p95(&beside),
        p95(&alone),
        peak / 1_024,
        stopped.as_secs_f64()
    ));
    figures.write();
}
