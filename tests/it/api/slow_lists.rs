//! Lists that take long, and callers who ask for many of them or go away: others notice nothing.

use std::io::Read;
use std::net::TcpStream;
use std::time::{Duration, Instant};

use serde_json::Value;
use tokio::task::spawn_blocking;
use tokio::time::sleep;

use crate::support::database::Engine;
use crate::support::neighbour::{Neighbour, ask, peak_memory, processor_time};
use crate::support::server::{Server, regular, visitor};

/// A list that takes longer than anybody waits.
const ENDLESS: &str = "/api/logs?limit=100&sort=event:desc&filters[actor][$gt]=a";

/// Has no reading of the log come to an end. Nothing can be written to the log any more.
fn make_logs_endless(server: &Server) {
    let endless = match crate::ENGINE {
        Engine::Sqlite => {
            "(WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT i AS time FROM n)"
        }
        Engine::Postgres => "(SELECT 1 AS time FROM pg_sleep(60))",
    };
    // The first statement changes a row, as is asked for of whatever is run behind doorkey's back.
    server.database.run(&format!(
        "UPDATE workspaces SET name = name;
         ALTER TABLE audit_log RENAME TO audit_log_before;
         CREATE VIEW audit_log AS
             SELECT w.id AS workspace_id, x'00' AS id, forever.time, 'any' AS event, NULL AS user_id, 'any' AS actor,
                    x'00' AS request_id, '{{}}' AS data
             FROM workspaces w CROSS JOIN {endless} forever;"
    ));
}

/// The head of an answer, and after how long it came.
async fn head_of(mut stream: TcpStream, begun: Instant) -> (String, Duration) {
    let read = move || {
        let mut head = [0; 4_096];
        stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        let length = stream.read(&mut head).unwrap();
        (String::from_utf8_lossy(&head[..length]).to_lowercase(), begun.elapsed())
    };
    spawn_blocking(read).await.unwrap()
}

/// How many lists of the log run, as the server of the database sees it.
fn running(server: &Server) -> i64 {
    server.database.number(
        "SELECT count(DISTINCT pid) FROM pg_locks
         WHERE relation = 'audit_log'::regclass AND pid <> pg_backend_pid()",
    )
}

#[tokio::test]
async fn two_lists_of_a_workspace_run_who_waits_gets_503_and_others_notice_nothing() {
    let server = Server::start();
    let ada = server.add_client("ada@example.org", "Ada", "Lovelace");
    let link = server.ask_for_link(ada).await;
    let neighbour = Neighbour::move_in(&server).await;
    make_logs_endless(&server);

    let begun = Instant::now();
    let responses: Vec<_> = (0..32).map(|_| tokio::spawn(head_of(ask(&server, ENDLESS), begun))).collect();
    sleep(Duration::from_millis(500)).await;
    if crate::ENGINE == Engine::Postgres {
        assert_eq!(running(&server), 2);
    }
    for path in ["/api/clients", "/api/login_links"] {
        assert_eq!(neighbour.call(path).await.status(), 200, "{path}");
    }
    assert_eq!(neighbour.ask_for_link().await.status(), 200);
    assert_eq!(visitor().get(&link).send().await.unwrap().status(), 200);
    let verified = visitor().get(server.url("/auth/verify")).send().await.unwrap();
    assert_eq!(verified.status(), 401);
    assert!(begun.elapsed() < Duration::from_secs(4), "others waited for the lists");

    let mut outcomes = Vec::new();
    for response in responses {
        outcomes.push(response.await.unwrap());
    }
    let all_fail = outcomes.iter().all(|(head, _)| {
        head.starts_with("http/1.1 503")
            && head.contains("\r\nretry-after: 5")
            && head.contains("unavailable")
    });
    assert!(all_fail, "{outcomes:?}");
    // Two ran at once, then two more; whoever still waited was sent away after 5 s.
    let late = outcomes.iter().filter(|(_, after)| *after > Duration::from_millis(7_500)).count();
    let took_too_long = outcomes.iter().filter(|(head, _)| head.contains("took longer")).count();
    assert!((0..=2).contains(&late), "{outcomes:?}");
    assert!((2..=4).contains(&took_too_long), "{outcomes:?}");
    assert!(outcomes.iter().all(|(_, after)| *after > Duration::from_secs(4)), "{outcomes:?}");
}

#[tokio::test]
async fn a_list_ends_when_its_caller_has_gone() {
    let server = Server::start();
    server.add_client("ada@example.org", "Ada", "Lovelace");
    make_logs_endless(&server);
    let callers: Vec<_> = (0..32).map(|_| ask(&server, ENDLESS)).collect();
    sleep(Duration::from_millis(700)).await;

    drop(callers);
    let begun = Instant::now();
    let next = server.call("GET", "/api/clients").await;

    assert_eq!(next.status(), 200);
    assert!(begun.elapsed() < Duration::from_secs(3), "it had to wait {:?}", begun.elapsed());
    match crate::ENGINE {
        Engine::Sqlite => {
            let before = processor_time(&server);
            sleep(Duration::from_secs(1)).await;
            let meanwhile = processor_time(&server).saturating_sub(before);
            assert!(meanwhile < Duration::from_millis(300), "it computes for nobody: {meanwhile:?}");
        }
        Engine::Postgres => {
            while running(&server) > 0 {
                assert!(begun.elapsed() < Duration::from_secs(3), "it runs for nobody");
                sleep(Duration::from_millis(50)).await;
            }
        }
    }
    // Whoever was called off left the connections as they were.
    for _ in 0..40 {
        assert_eq!(server.call("GET", "/api/login_links").await.status(), 200);
    }
}

#[tokio::test]
async fn a_stop_takes_ten_seconds_at_most_while_lists_run_and_others_wait() {
    let mut server = Server::start();
    make_logs_endless(&server);
    let callers: Vec<_> = (0..40).map(|_| ask(&server, ENDLESS)).collect();
    sleep(Duration::from_millis(700)).await;

    let begun = Instant::now();
    let status = spawn_blocking(move || server.stop()).await.unwrap();

    assert_eq!(status.code(), Some(0));
    assert!(begun.elapsed() < Duration::from_secs(11), "{:?}", begun.elapsed());
    drop(callers);
}

/// A client with as many fields of its own as may be.
fn large(number: usize) -> Value {
    serde_json::json!({
        "email": format!("large{number}@example.org"), "name_f": "Ada", "name_l": "Lovelace",
        "custom_fields": { "text": "f".repeat(16_000) },
    })
}

/// Gives each client the longest note that there may be: more than the kernel takes of a page of them.
fn write_notes(server: &Server) {
    let note = match crate::ENGINE {
        Engine::Sqlite => "replace(hex(zeroblob(5000)), '0', '😀')",
        Engine::Postgres => "repeat('😀', 10000)",
    };
    server.database.run(&format!("UPDATE users SET note = {note}"));
}

#[tokio::test]
async fn the_longest_lists_for_callers_who_do_not_read_stay_within_a_hundred_megabytes() {
    let server = Server::start();
    let client = regular();
    for number in 0..100 {
        let added = client.post(server.url("/api/clients")).bearer_auth(&server.key).json(&large(number));
        assert_eq!(added.send().await.unwrap().status(), 201);
    }
    write_notes(&server);

    let callers: Vec<_> = (0..32).map(|_| ask(&server, "/api/clients?limit=100")).collect();
    let begun = Instant::now();
    // By then each has its list, or was told that there were too many.
    while begun.elapsed() < Duration::from_secs(8) {
        let healthy = visitor().get(server.ops_url("/healthz")).send().await.unwrap();
        assert_eq!(healthy.status(), 200);
        sleep(Duration::from_millis(100)).await;
    }
    let peak = peak_memory(&server);
    assert!(peak < 100_000, "{peak} kB");
    let whole = server.call("GET", "/api/clients?limit=100").await;
    let is_busy = whole.status() == 503;
    drop(callers);
    let whole = if is_busy { server.call("GET", "/api/clients?limit=100").await } else { whole };
    assert_eq!(whole.status(), 200);
    assert_eq!(whole.json::<Value>().await.unwrap()["data"].as_array().unwrap().len(), 100);
}
