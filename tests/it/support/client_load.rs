//! Callers who add clients to a server all along.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use serde_json::{Value, json};

use super::server::{Server, regular};
use super::wait::until_so;

/// How long something that happens by itself may take before the test fails.
const TIMEOUT: Duration = Duration::from_mins(1);

/// Callers who add clients until they are told to stop.
pub struct Load {
    stop: Arc<AtomicBool>,
    callers: Vec<tokio::task::JoinHandle<Vec<i64>>>,
}

impl Load {
    pub fn begin(server: &Server) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let callers = (0..6).map(|caller| {
            let (client, url, key) = (regular(), server.url("/api/clients"), server.key.clone());
            let stop = Arc::clone(&stop);
            tokio::spawn(async move {
                let (mut added, mut number) = (Vec::new(), 0);
                while !stop.load(Ordering::SeqCst) {
                    let email = format!("c{caller}n{number}@x.test");
                    let body = json!({ "email": email, "name_f": "N".repeat(200), "name_l": "X" });
                    let response = client.post(&url).bearer_auth(&key).json(&body).send().await.unwrap();
                    number += 1;
                    // A machine that stands still for seconds makes a writer give up; it says so.
                    if response.status() != 503 {
                        assert_eq!(response.status(), 201);
                        let response: Value = response.json().await.unwrap();
                        added.push(response["id"].as_i64().unwrap());
                    }
                }
                added
            })
        });
        Self { callers: callers.collect(), stop }
    }

    pub async fn end(self) -> BTreeSet<i64> {
        self.stop.store(true, Ordering::SeqCst);
        let mut all = BTreeSet::new();
        for caller in self.callers {
            all.extend(caller.await.unwrap());
        }
        all
    }
}

/// Waits until this many users are there.
pub async fn wait_for_clients(server: &Server, count: i64) {
    let are_there = async || server.database.number("SELECT count(*) FROM users") >= count;
    until_so(TIMEOUT, are_there, || server.log()).await;
}
