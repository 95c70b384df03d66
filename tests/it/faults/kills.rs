//! The process dies where it stands, under load:

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use serde_json::Value;
use tokio::task::JoinHandle;

use crate::support::acknowledged_ops::Fate;
use crate::support::figures::{Figures, times};
use crate::support::server::{Server, visitor};
use crate::support::server_fixture::{ServerFixture, TIMEOUT};
use crate::support::strace::Strace;

/// Kills on one database, before a fresh one takes its place.
const SEASON: usize = 20;

/// An operator who makes API keys at the command line, beside the server, and revokes every other one.
struct Clerk {
    is_over: Arc<AtomicBool>,
    work: JoinHandle<Vec<Key>>,
}

struct Key {
    key: String,
    is_revoked: bool,
}

impl Clerk {
    fn begin(beside: Server) -> Self {
        let is_over = Arc::new(AtomicBool::new(false));
        let until = Arc::clone(&is_over);
        let work = tokio::task::spawn_blocking(move || {
            let mut keys = Vec::new();
            while !until.load(Ordering::Relaxed) {
                let made = beside.run(&["key", "create", "--workspace", "Acme", "--name", "k", "--json"]);
                let made: Value = serde_json::from_str(&made).unwrap();
                let is_revoked = keys.len() % 2 == 0;
                if is_revoked {
                    beside.run(&["key", "revoke", &made["id"].to_string(), "--workspace", "Acme"]);
                }
                keys.push(Key { key: made["key"].as_str().unwrap().to_owned(), is_revoked });
                std::thread::sleep(Duration::from_millis(50));
            }
            keys
        });
        Self { is_over, work }
    }

    async fn end(self) -> Vec<Key> {
        self.is_over.store(true, Ordering::Relaxed);
        self.work.await.unwrap()
    }
}

/// Keys that let in and should not, or the other way round.
async fn wrong_keys(server: &Server, keys: &[Key]) -> Vec<String> {
    let mut complaints = Vec::new();
    for (number, Key { key, is_revoked }) in keys.iter().enumerate() {
        let asked = visitor().get(server.url("/api/login_links?limit=1")).bearer_auth(key);
        let status = asked.send().await.unwrap().status().as_u16();
        if status != if *is_revoked { 401 } else { 200 } {
            complaints.push(format!("key {number}, revoked: {is_revoked}, gets {status}"));
        }
    }
    complaints
}

/// 20 times, or 500 with `./test --long`.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whatever_was_acknowledged_outlives_500_kills_under_load() {
    let mut figures = Figures::of("01-kill", "`kill -9` under load");
    let mut unanswered = 0;
    for _ in 0..times(20, 500) / SEASON {
        let mut scene = ServerFixture::start();
        let (mut all, mut all_keys) = (Vec::new(), Vec::new());
        for round in 0..SEASON {
            let (clerk, crowd) = (Clerk::begin(scene.server.beside()), scene.crowd());
            crowd.acknowledges(8 + round * 7 % 32, TIMEOUT).await;
            // Not only where an answer has just gone out.
            tokio::time::sleep(Duration::from_micros(u64::try_from(round).unwrap() * 397 % 5_000)).await;
            let refused = crowd.refused.load(Ordering::Relaxed);
            scene.kill();
            let (mut entries, keys) = (crowd.end().await, clerk.end().await);
            let begun = Instant::now();
            scene.server.serve_with(&[]);
            scene.until_it_serves().await;
            figures.came_back(begun.elapsed());

            assert_eq!(refused, 0, "somebody was refused before the kill");
            figures.tries += 1;
            unanswered += entries.iter().filter(|entry| matches!(entry.fate, Fate::Unknown(_))).count();
            scene.settle(&mut entries, &mut figures).await;
            figures.revocations += keys.iter().filter(|key| key.is_revoked).count();
            figures.lose(wrong_keys(&scene.server, &keys).await);
            all.extend(entries);
            all_keys.extend(keys);
        }
        // What was so after the first kill is so after the last.
        figures.lose(scene.office.complaints(&mut all).await);
        figures.lose(wrong_keys(&scene.server, &all_keys).await);
    }
    assert!(unanswered > 0, "no request was on its way at any kill");
    figures.note(format!("{unanswered} requests had no answer when it died"));
    figures.write();
}

/// Whoever presses again in the same browser is signed in, by one session, and nobody else is.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_kill_between_the_commit_of_a_confirm_and_its_answer_locks_nobody_out() {
    let mut figures = Figures::of("02-confirm", "`kill -9` between the commit of a confirm and its answer");
    let mut scene = ServerFixture::start();
    for _ in 0..times(3, 50) {
        let user = scene.office.add_client().await.unwrap();
        let (link, _) = scene.office.ask_for_link(user).await.unwrap();
        let button = scene.office.find_button(&link).await.unwrap();
        // Nothing else is asked meanwhile: the first answer that goes out is this one's.
        let tracer = Strace::attach(&scene.server, &["writev,sendto,sendmsg:signal=KILL:when=1".to_owned()]);
        assert_eq!(scene.office.press(&button).await, None, "the answer came");
        drop(tracer);
        let committed =
            format!("SELECT count(*) FROM login_links WHERE user_id = {user} AND used_at IS NOT NULL");
        let begun = Instant::now();
        scene.has_died();
        scene.server.serve_with(&[]);
        assert_eq!(scene.server.database.number(&committed), 1, "it died before the commit");
        figures.came_back(begun.elapsed());
        figures.tries += 1;

        let session = scene.office.press(&button).await.expect("pressed again, it leads in");
        assert!(scene.office.is_signed_in(&session).await);
        assert_eq!(scene.office.press(&button).await, Some(session), "a third press gives another session");
        assert!(scene.office.is_dead(&link).await);
        let sessions = format!("SELECT count(*) FROM sessions WHERE user_id = {user}");
        assert_eq!(scene.server.database.number(&sessions), 1);
    }
    figures.lose(crate::support::consistency::complaints(&scene.server.database, &[]));
    figures.write();
}
