//! Clients that write down what was acknowledged, and what must therefore be so afterwards.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use reqwest::header::{COOKIE, SET_COOKIE};
use reqwest::{Client, RequestBuilder, Response};
use serde_json::{Value, json};
use tokio::task::JoinHandle;

use super::http_client::form;
use super::server::visitor;
use super::wait::until_so;

/// What was acknowledged of one link.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Fate {
    Live,
    /// With the cookie of its session.
    Used(String),
    Killed,
    /// Used, and the session ended by the person; with its cookie.
    SignedOut(String),
    /// Something was asked for, and no answer came: it may have happened or not. With the button, if that was pressed.
    Unknown(Option<Button>),
}

/// What a browser sends when the button of a page is pressed.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Button {
    browser: String,
    form: String,
}

/// A user who was acknowledged, and the link that was.
#[derive(Clone, Debug)]
pub struct Entry {
    pub user: i64,
    pub link: String,
    pub fate: Fate,
    /// When the last of it was: what came of the link, or the link if that is unknown.
    pub acknowledged_at: Instant,
}

/// Nodes as a back office and its people see them.
#[derive(Clone)]
pub struct BackOffice {
    client: Client,
    ports: Arc<Vec<u16>>,
    key: String,
    turn: Arc<AtomicUsize>,
}

/// Clients at work.
pub struct LoadClients {
    is_over: Arc<AtomicBool>,
    pub refused: Arc<AtomicUsize>,
    pub acknowledged: Arc<AtomicUsize>,
    clients: Vec<JoinHandle<Vec<Entry>>>,
}

impl LoadClients {
    pub fn begin(office: &BackOffice, clients: usize) -> Self {
        let mut crowd = Self {
            is_over: Arc::default(),
            refused: Arc::default(),
            acknowledged: Arc::default(),
            clients: Vec::new(),
        };
        for first in 0..clients {
            let office = BackOffice { client: visitor(), ..office.clone() };
            let (is_over, refused) = (Arc::clone(&crowd.is_over), Arc::clone(&crowd.refused));
            let acknowledged = Arc::clone(&crowd.acknowledged);
            crowd.clients.push(tokio::spawn(async move {
                let mut entries = Vec::new();
                while !is_over.load(Ordering::Relaxed) {
                    match office.one_life(first + entries.len()).await {
                        Some(entry) if !matches!(entry.fate, Fate::Unknown(_)) => {
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
    pub async fn acknowledges(&self, more: usize, timeout: Duration) {
        let wanted = self.acknowledged.load(Ordering::Relaxed) + more;
        let has_more = async || self.acknowledged.load(Ordering::Relaxed) >= wanted;
        until_so(timeout, has_more, || format!("nothing is acknowledged for {timeout:?}")).await;
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

impl BackOffice {
    pub fn of(ports: Vec<u16>, key: &str) -> Self {
        Self { client: visitor(), ports: Arc::new(ports), key: key.to_owned(), turn: Arc::default() }
    }

    /// A client is added, gets a link, and then something becomes of it; each on the next node. None if the link was
    /// not acknowledged.
    async fn one_life(&self, number: usize) -> Option<Entry> {
        let user = self.add_client().await?;
        let link = self.ask_for_link(user).await.filter(|(_, is_reused)| !is_reused)?.0;
        let given_at = Instant::now();
        let fate = match number % 4 {
            0 => Fate::Live,
            1 => self.use_up(&link).await,
            2 if self.kill(user).await => Fate::Killed,
            2 => Fate::Unknown(None),
            _ => self.use_up_and_sign_out(&link).await,
        };
        let is_unknown = matches!(fate, Fate::Unknown(_));
        let acknowledged_at = if is_unknown { given_at } else { Instant::now() };
        Some(Entry { user, link, fate, acknowledged_at })
    }

    pub async fn add_client(&self) -> Option<i64> {
        let email = format!("{}@x.test", uuid::Uuid::new_v4().simple());
        let body = json!({ "email": email, "name_f": "A", "name_l": "B" });
        let response =
            self.ask("POST", "/api/clients").json(&body).bearer_auth(&self.key).send().await.ok()?;
        if response.status() != 201 {
            return refusal(&response);
        }
        response.json::<Value>().await.ok()?["id"].as_i64()
    }

    /// The link, and whether it was handed out before.
    pub async fn ask_for_link(&self, user: i64) -> Option<(String, bool)> {
        let asked = self.ask("GET", &format!("/api/login_links/{user}")).bearer_auth(&self.key);
        let response = asked.send().await.ok()?;
        if response.status() != 200 {
            return refusal(&response);
        }
        let is_reused = response.headers()["x-login-link-reused"] == "true";
        Some((response.json::<Value>().await.ok()?["link"].as_str()?.to_owned(), is_reused))
    }

    async fn kill(&self, user: i64) -> bool {
        let asked = self.ask("DELETE", &format!("/api/login_links/{user}")).bearer_auth(&self.key);
        let Ok(response) = asked.send().await else { return false };
        response.status() == 204 || refusal::<()>(&response).is_some()
    }

    async fn sign_out(&self, session: &str) -> bool {
        let asked =
            self.ask("POST", "/logout").header(COOKIE, session).header("sec-fetch-site", "same-origin");
        let Ok(response) = asked.header("content-type", "application/x-www-form-urlencoded").send().await
        else {
            return false;
        };
        response.status() == 303 || refusal::<()>(&response).is_some()
    }

    /// The page of a link.
    pub async fn open(&self, link: &str) -> Option<Response> {
        self.ask("GET", &link[link.find("/login?").unwrap()..]).send().await.ok()
    }

    /// Opens a link in a browser of its own, up to the button.
    pub async fn find_button(&self, link: &str) -> Option<Button> {
        let page = self.open(link).await?;
        if page.status() != 200 {
            return refusal(&page);
        }
        let browser = cookie(&page, "doorkey_browser")?;
        Some(Button { browser, form: form(&page.text().await.ok()?) })
    }

    /// Presses a button; gives the cookie of the session.
    pub async fn press(&self, button: &Button) -> Option<String> {
        let press = self.ask("POST", "/login").body(button.form.clone()).header(COOKIE, &button.browser);
        let press = press.header("sec-fetch-site", "same-origin");
        let response = press.header("content-type", "application/x-www-form-urlencoded").send().await.ok()?;
        if response.status() != 303 {
            return refusal(&response);
        }
        cookie(&response, "doorkey_session")
    }

    async fn use_up(&self, link: &str) -> Fate {
        let Some(button) = self.find_button(link).await else { return Fate::Unknown(None) };
        self.press(&button).await.map_or(Fate::Unknown(Some(button)), Fate::Used)
    }

    async fn use_up_and_sign_out(&self, link: &str) -> Fate {
        let used = self.use_up(link).await;
        let Fate::Used(session) = used else { return used };
        if self.sign_out(&session).await { Fate::SignedOut(session) } else { Fate::Unknown(None) }
    }

    pub async fn is_signed_in(&self, session: &str) -> bool {
        self.ask("GET", "/").header(COOKIE, session).send().await.unwrap().status() == 200
    }

    fn ask(&self, method: &str, path: &str) -> RequestBuilder {
        let turn = self.turn.fetch_add(1, Ordering::Relaxed);
        let url = format!("http://127.0.0.1:{}{path}", self.ports[turn % self.ports.len()]);
        self.client.request(method.parse().unwrap(), url).header("Host", "localhost")
    }

    /// What is acknowledged and not so, each as a sentence. A live link is used up on the way, and one whose button was
    /// pressed without an answer is pressed again.
    pub async fn complaints(&self, entries: &mut [Entry]) -> Vec<String> {
        let mut complaints = Vec::new();
        for Entry { user, link, fate, .. } in entries {
            let was = fate.clone();
            if !self.is_so(*user, link, fate).await {
                complaints.push(format!("the link of user {user} is not {was:?}"));
            }
        }
        complaints
    }

    async fn is_so(&self, user: i64, link: &str, fate: &mut Fate) -> bool {
        match fate.clone() {
            Fate::Live => {
                let is_alive = self.ask_for_link(user).await == Some((link.to_owned(), true));
                *fate = self.use_up(link).await;
                is_alive && matches!(fate, Fate::Used(_)) && self.is_dead(link).await
            }
            Fate::Used(session) => self.is_dead(link).await && self.is_signed_in(&session).await,
            Fate::SignedOut(session) => self.is_dead(link).await && !self.is_signed_in(&session).await,
            Fate::Killed => self.is_dead(link).await,
            Fate::Unknown(None) => self.ask_for_link(user).await.is_some(),
            Fate::Unknown(Some(button)) => {
                let Some(session) = self.press(&button).await else { return false };
                *fate = Fate::Used(session.clone());
                self.is_dead(link).await && self.is_signed_in(&session).await
            }
        }
    }

    /// Whether a link opens nothing in a browser that it is new to.
    pub async fn is_dead(&self, link: &str) -> bool {
        self.open(link).await.unwrap().status() == 410
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
            Fate::SignedOut(_) => "signed out",
            Fate::Unknown(_) => "unknown",
        };
        *tally.entry(fate).or_default() += 1;
    }
    tally
}

/// The longest time after a moment without anything acknowledged.
pub fn outage(entries: &[Entry], since: Instant) -> Duration {
    let mut moments: Vec<_> = entries.iter().map(|entry| entry.acknowledged_at).collect();
    moments.retain(|moment| *moment > since);
    moments.push(since);
    moments.sort();
    moments.windows(2).map(|pair| pair[1] - pair[0]).max().unwrap()
}

fn cookie(response: &Response, name: &str) -> Option<String> {
    let mut cookies = response.headers().get_all(SET_COOKIE).iter().map(|cookie| cookie.to_str().unwrap());
    let found = cookies.find(|cookie| cookie.starts_with(name))?;
    found.split(';').next().map(str::to_owned)
}

/// While the database is away there is one answer, and no other.
#[track_caller]
fn refusal<T>(response: &Response) -> Option<T> {
    assert_eq!(response.status(), 503, "{response:?}");
    None
}
