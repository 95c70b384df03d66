//! Clients that write down what was acknowledged, and what must therefore be so afterwards.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use reqwest::header::{COOKIE, SET_COOKIE};
use reqwest::{Client, Response};
use serde_json::{Value, json};
use tokio::task::JoinHandle;

use crate::support::person::form;
use crate::support::server::visitor;

/// What was acknowledged of one link.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Fate {
    Live,
    /// With the cookie of its session.
    Used(String),
    Killed,
    /// Something was asked for, and no answer came: it may have happened or not.
    Unknown,
}

/// A user who was acknowledged, and the link that was.
#[derive(Clone, Debug)]
pub struct Entry {
    pub user: i64,
    pub link: String,
    pub fate: Fate,
    pub acknowledged_at: Instant,
}

/// Nodes as a back office and its people see them.
#[derive(Clone)]
pub struct Office {
    client: Client,
    ports: Arc<Vec<u16>>,
    key: String,
    turn: Arc<AtomicUsize>,
}

/// Clients at work.
pub struct Crowd {
    is_over: Arc<AtomicBool>,
    pub refused: Arc<AtomicUsize>,
    pub acknowledged: Arc<AtomicUsize>,
    clients: Vec<JoinHandle<Vec<Entry>>>,
}

impl Crowd {
    pub fn begin(office: &Office, clients: usize) -> Self {
        let mut crowd = Self {
            is_over: Arc::default(),
            refused: Arc::default(),
            acknowledged: Arc::default(),
            clients: Vec::new(),
        };
        for _ in 0..clients {
            let office = Office { client: visitor(), ..office.clone() };
            let (is_over, refused) = (Arc::clone(&crowd.is_over), Arc::clone(&crowd.refused));
            let acknowledged = Arc::clone(&crowd.acknowledged);
            crowd.clients.push(tokio::spawn(async move {
                let mut entries = Vec::new();
                while !is_over.load(Ordering::Relaxed) {
                    match office.one_life(entries.len()).await {
                        Some(entry) if entry.fate != Fate::Unknown => {
                            acknowledged.fetch_add(1, Ordering::Relaxed);
                            entries.push(entry);
                        }
                        other => {
                            refused.fetch_add(1, Ordering::Relaxed);
                            entries.extend(other);
                            tokio::time::sleep(Duration::from_millis(20)).await;
                        }
                    }
                }
                entries
            }));
        }
        crowd
    }

    /// Waits until so many more were acknowledged.
    pub async fn acknowledges(&self, more: usize, patience: Duration) {
        let (begun, before) = (Instant::now(), self.acknowledged.load(Ordering::Relaxed));
        while self.acknowledged.load(Ordering::Relaxed) < before + more {
            assert!(begun.elapsed() < patience, "nothing is acknowledged for {patience:?}");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    pub async fn end(self) -> Vec<Entry> {
        self.is_over.store(true, Ordering::Relaxed);
        let mut all = Vec::new();
        for client in self.clients {
            all.extend(client.await.unwrap());
        }
        all
    }
}

impl Office {
    pub fn of(ports: Vec<u16>, key: &str) -> Self {
        Self { client: visitor(), ports: Arc::new(ports), key: key.to_owned(), turn: Arc::default() }
    }

    /// A client is added, gets a link, and then something becomes of it; each on the next node. None if the link was
    /// not acknowledged.
    async fn one_life(&self, number: usize) -> Option<Entry> {
        let user = self.add_client().await?;
        let link = self.ask_for_link(user).await.filter(|(_, is_reused)| !is_reused)?.0;
        let fate = match number % 3 {
            0 => Some(Fate::Live),
            1 => self.confirm(&link).await.map(Fate::Used),
            _ => self.kill(user).await.then_some(Fate::Killed),
        };
        Some(Entry { user, link, fate: fate.unwrap_or(Fate::Unknown), acknowledged_at: Instant::now() })
    }

    pub async fn add_client(&self) -> Option<i64> {
        let email = format!("{}@x.test", uuid::Uuid::new_v4().simple());
        let body = json!({ "email": email, "name_f": "A", "name_l": "B" });
        let asked = self.client.post(self.url("/api/clients")).json(&body);
        let answer = asked.bearer_auth(&self.key).header("Host", "localhost").send().await.ok()?;
        if answer.status() != 201 {
            return refusal(&answer);
        }
        answer.json::<Value>().await.ok()?["id"].as_i64()
    }

    /// The link, and whether it was handed out before.
    pub async fn ask_for_link(&self, user: i64) -> Option<(String, bool)> {
        let asked = self.client.get(self.url(&format!("/api/login_links/{user}"))).bearer_auth(&self.key);
        let answer = asked.header("Host", "localhost").send().await.ok()?;
        if answer.status() != 200 {
            return refusal(&answer);
        }
        let is_reused = answer.headers()["x-login-link-reused"] == "true";
        Some((answer.json::<Value>().await.ok()?["link"].as_str()?.to_owned(), is_reused))
    }

    async fn kill(&self, user: i64) -> bool {
        let asked = self.client.delete(self.url(&format!("/api/login_links/{user}"))).bearer_auth(&self.key);
        let Ok(answer) = asked.header("Host", "localhost").send().await else { return false };
        answer.status() == 204 || refusal::<()>(&answer).is_some()
    }

    /// The status of the page of a link.
    pub async fn open(&self, link: &str) -> Option<Response> {
        let path = &link[link.find("/login?").unwrap()..];
        self.client.get(self.url(path)).header("Host", "localhost").send().await.ok()
    }

    /// Opens a link and presses the button; gives the cookie of the session.
    async fn confirm(&self, link: &str) -> Option<String> {
        let page = self.open(link).await?;
        if page.status() != 200 {
            return refusal(&page);
        }
        let browser = cookie(&page, "doorkey_browser")?;
        let body = form(&page.text().await.ok()?);
        let press = self.client.post(self.url("/login")).header("Host", "localhost").body(body);
        let press = press.header(COOKIE, browser).header("sec-fetch-site", "same-origin");
        let answer = press.header("content-type", "application/x-www-form-urlencoded").send().await.ok()?;
        if answer.status() != 303 {
            return refusal(&answer);
        }
        cookie(&answer, "doorkey_session")
    }

    pub async fn is_signed_in(&self, session: &str) -> bool {
        let asked = self.client.get(self.url("/")).header("Host", "localhost").header(COOKIE, session);
        asked.send().await.unwrap().status() == 200
    }

    fn url(&self, path: &str) -> String {
        let turn = self.turn.fetch_add(1, Ordering::Relaxed);
        format!("http://127.0.0.1:{}{path}", self.ports[turn % self.ports.len()])
    }

    /// What is acknowledged and not so, each as a sentence.
    pub async fn complaints(&self, entries: &[Entry]) -> Vec<String> {
        let mut complaints = Vec::new();
        for Entry { user, link, fate, .. } in entries {
            let is_so = match fate {
                Fate::Live => self.ask_for_link(*user).await == Some((link.clone(), true)),
                Fate::Used(session) => {
                    self.open(link).await.unwrap().status() == 410 && self.is_signed_in(session).await
                }
                Fate::Killed => self.open(link).await.unwrap().status() == 410,
                Fate::Unknown => self.ask_for_link(*user).await.is_some(),
            };
            if !is_so {
                complaints.push(format!("the link of user {user} is not {fate:?}"));
            }
        }
        complaints
    }
}

/// How many links of each fate there are.
pub fn tally(entries: &[Entry]) -> BTreeMap<&'static str, usize> {
    let mut tally = BTreeMap::new();
    for entry in entries {
        let fate = match entry.fate {
            Fate::Live => "live",
            Fate::Used(_) => "used",
            Fate::Killed => "killed",
            Fate::Unknown => "unknown",
        };
        *tally.entry(fate).or_default() += 1;
    }
    tally
}

fn cookie(answer: &Response, name: &str) -> Option<String> {
    let mut cookies = answer.headers().get_all(SET_COOKIE).iter().map(|cookie| cookie.to_str().unwrap());
    let found = cookies.find(|cookie| cookie.starts_with(name))?;
    found.split(';').next().map(str::to_owned)
}

/// While the database is away there is one answer, and no other.
#[track_caller]
fn refusal<T>(answer: &Response) -> Option<T> {
    assert_eq!(answer.status(), 503, "{answer:?}");
    None
}
