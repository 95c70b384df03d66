//! The real thing beside its model: each step is taken on both, and the answers are compared.

use axum::http::StatusCode;
use doorkey::domain::user::UserId;
use proptest::sample::Index;
use serde_json::{Value, json};

use super::model::{Asked, LINK_LIFETIME, Model, Opened, Person, Pressed};
use super::{Change, Step};
use crate::support::app::{Browser, START, TestApp, TestRequest, TestResponse, button};

const PEOPLE: usize = 2;
const BROWSERS: usize = 2;

pub struct World<'a> {
    test: &'a TestApp,
    model: Model,
    people: Vec<UserId>,
    browsers: Vec<Browser<'a>>,
    /// The links as they were answered.
    links: Vec<String>,
    /// The cookies as they were set, and by which link.
    sessions: Vec<(String, usize)>,
    /// Buttons that were seen: by which browser, of which link.
    pages: Vec<(usize, usize, TestRequest)>,
    addresses: usize,
}

impl<'a> World<'a> {
    pub async fn begin(test: &'a TestApp, is_single_use: bool) -> Self {
        let mut people = Vec::new();
        for number in 0..PEOPLE {
            people.push(test.client(&format!("p{number}@example.org")).await);
        }
        let model = Model {
            now: START.millis() / 1000,
            is_single_use,
            people: vec![Person::default(); PEOPLE],
            links: Vec::new(),
            sessions: Vec::new(),
            cookies: vec![None; BROWSERS],
        };
        let browsers = (0..BROWSERS).map(|_| test.browser()).collect();
        let (links, sessions, pages) = (Vec::new(), Vec::new(), Vec::new());
        Self { test, model, people, browsers, links, sessions, pages, addresses: 0 }
    }

    pub async fn take(&mut self, step: &Step) {
        match step {
            Step::AskForLink { person, min_ttl } => {
                self.ask(person.index(PEOPLE), *min_ttl).await;
            }
            Step::Open { browser, link } => {
                if let Some(link) = pick(*link, self.links.len()) {
                    self.open(browser.index(BROWSERS), link).await;
                }
            }
            Step::Press { browser, page } => {
                let browser = browser.index(BROWSERS);
                let seen: Vec<_> =
                    (0..self.pages.len()).filter(|page| self.pages[*page].0 == browser).collect();
                if let Some(page) = pick(*page, seen.len()) {
                    self.press(seen[page]).await;
                }
            }
            Step::SignIn { person, browser } => {
                if let Some(link) = self.ask(person.index(PEOPLE), 0).await
                    && self.open(browser.index(BROWSERS), link).await
                {
                    self.press(self.pages.len() - 1).await;
                }
            }
            Step::Look { browser } => self.look(browser.index(BROWSERS)).await,
            Step::SignOut { browser } => self.sign_out(browser.index(BROWSERS)).await,
            Step::Clock { seconds } => {
                self.test.advance(*seconds);
                self.model.now += seconds;
            }
            Step::Change { person, change } => self.change(person.index(PEOPLE), *change).await,
        }
    }

    /// At the end every link, person and browser is as it should be.
    pub async fn settle(&mut self) {
        for browser in 0..BROWSERS {
            self.look(browser).await;
        }
        for link in 0..self.links.len() {
            self.open(0, link).await;
        }
        for person in 0..PEOPLE {
            self.ask(person, 0).await;
        }
    }

    /// The link that was handed out.
    async fn ask(&mut self, person: usize, min_ttl: i64) -> Option<usize> {
        let before = self.kept();
        let path = format!("/api/login_links/{}?min_ttl={min_ttl}", self.people[person].number());
        let response = self.test.call("GET", &path).await;
        let asked = self.model.ask(person, min_ttl);
        let (link, is_reused) = match asked {
            Asked::Refused(status, code) => {
                assert_eq!((response.status.as_u16(), response.code().as_str()), (status, code));
                assert_eq!(self.kept(), before, "a refusal stored something");
                return None;
            }
            Asked::Same(link) => (link, "true"),
            Asked::New(link) => (link, "false"),
        };
        assert_eq!(response.status, StatusCode::OK, "{asked:?}: {}", response.body);
        let text = response.json()["link"].as_str().unwrap().to_owned();
        if let Asked::New(_) = asked {
            assert!(!self.links.contains(&text), "a link was made twice");
            self.links.push(text);
        } else {
            assert_eq!(text, self.links[link], "{asked:?}");
        }
        assert_eq!(response.header("x-login-link-reused"), is_reused, "{asked:?}");
        let expires_at: jiff::Timestamp = response.header("x-login-link-expires-at").parse().unwrap();
        assert_eq!(expires_at.as_second(), self.model.links[link].born + LINK_LIFETIME, "{asked:?}");
        Some(link)
    }

    /// Whether there is a button to press.
    async fn open(&mut self, browser: usize, link: usize) -> bool {
        let text = self.links[link].clone();
        let response = self.browsers[browser].open(&text).await;
        let opened = self.model.open(browser, link);
        let status = match opened {
            Opened::Page => StatusCode::OK,
            Opened::UsedHere => StatusCode::SEE_OTHER,
            Opened::Dead => StatusCode::GONE,
        };
        assert_eq!(response.status, status, "link {link} in browser {browser}");
        if opened == Opened::Page {
            self.pages.push((browser, link, button(&response)));
        }
        opened == Opened::Page
    }

    async fn press(&mut self, page: usize) {
        let (browser, link, ask) = self.pages[page].clone();
        let before = self.kept();
        let response = self.browsers[browser].send(ask).await;
        match self.model.press(browser, link) {
            Pressed::Dead => {
                assert_eq!(response.status, StatusCode::GONE, "link {link} in browser {browser}");
                assert_eq!(response.cookies(), [""; 0], "a dead link set a cookie");
                assert!(self.kept() <= before, "a dead link began a session");
            }
            Pressed::Same(session) => {
                assert_eq!(
                    session_of(&response),
                    self.sessions[session].0,
                    "link {link} in browser {browser}"
                );
                assert_eq!(self.kept(), before, "a repeated confirm began a session");
            }
            Pressed::New(_) => {
                let cookie = session_of(&response);
                assert!(self.sessions.iter().all(|known| known.0 != cookie), "a session was begun twice");
                self.sessions.push((cookie, link));
            }
        }
        let begun = self.sessions.iter().filter(|session| session.1 == link).count();
        assert!(begun <= 1 || !self.model.links[link].is_single_use, "link {link} began {begun} sessions");
    }

    async fn look(&mut self, browser: usize) {
        let is_signed_in = self.browsers[browser].is_signed_in().await;
        assert_eq!(is_signed_in, self.model.look(browser).is_some(), "browser {browser}");
    }

    async fn sign_out(&mut self, browser: usize) {
        let ask = TestRequest::of("POST", "/logout").header("sec-fetch-site", "same-origin");
        assert_eq!(self.browsers[browser].send(ask).await.status, StatusCode::SEE_OTHER);
        self.model.sign_out(browser);
    }

    /// A change of a person, and the same in the model: what kills is final, what takes a flag back revives nothing.
    async fn change(&mut self, person: usize, change: Change) {
        let Person { is_deleted, is_staff, .. } = self.model.people[person];
        let is_client = !is_deleted && !is_staff;
        match change {
            Change::TwoFactor(on) => {
                if self.put(person, json!({"two_factor_enabled": on})).await {
                    let was = std::mem::replace(&mut self.model.people[person].has_two_factor, on);
                    self.kill(person, on && !was, false);
                }
            }
            Change::Disabled(on) => {
                if self.put(person, json!({"status": i32::from(!on)})).await {
                    let was = std::mem::replace(&mut self.model.people[person].is_disabled, on);
                    self.kill(person, on && !was, true);
                }
            }
            Change::NewAddress => {
                self.addresses += 1;
                let email = format!("a{}@example.org", self.addresses);
                let is_changed = self.put(person, json!({"email": email})).await;
                self.kill(person, is_changed, false);
            }
            Change::Staff(_) if is_deleted => {}
            // The API cannot make anybody staff.
            Change::Staff(on) => {
                self.test.change(self.people[person], "staff", &on.to_string()).await;
                self.model.people[person].is_staff = on;
                self.kill(person, on && !is_staff, true);
            }
            Change::Revoke => {
                self.api_deletes("login_links", person, !is_deleted).await;
                self.kill(person, true, false);
            }
            Change::Delete => {
                self.api_deletes("clients", person, is_client).await;
                self.model.people[person].is_deleted |= is_client;
                self.kill(person, is_client, true);
            }
        }
    }

    fn kill(&mut self, person: usize, kills: bool, ends_sessions: bool) {
        if kills {
            self.model.kill_links(person);
        }
        if kills && ends_sessions {
            self.model.end_sessions(person);
        }
    }

    /// Whether there was such a client to change.
    async fn put(&self, person: usize, body: Value) -> bool {
        let Person { is_deleted, is_staff, .. } = self.model.people[person];
        let is_alive = !is_deleted && !is_staff;
        let path = format!("/api/clients/{}", self.people[person].number());
        let response = self.test.send(TestRequest::of("PUT", &path).bearer(&self.test.key).json(&body)).await;
        assert_eq!(response.status, if is_alive { StatusCode::OK } else { StatusCode::NOT_FOUND }, "{body}");
        is_alive
    }

    async fn api_deletes(&self, what: &str, person: usize, is_alive: bool) {
        let path = format!("/api/{what}/{}", self.people[person].number());
        let response = self.test.call("DELETE", &path).await;
        let expected = if is_alive { StatusCode::NO_CONTENT } else { StatusCode::NOT_FOUND };
        assert_eq!(response.status, expected, "{path}: {}", response.body);
    }

    /// How many links and sessions are kept.
    fn kept(&self) -> i64 {
        self.test.number("SELECT (SELECT count(*) FROM login_links) + (SELECT count(*) FROM sessions)")
    }
}

fn pick(index: Index, of: usize) -> Option<usize> {
    (of > 0).then(|| index.index(of))
}

/// The session cookie that an answer sets.
fn session_of(response: &TestResponse) -> String {
    assert_eq!(response.status, StatusCode::SEE_OTHER, "{}", response.body);
    let cookie = response.cookies().into_iter().find(|cookie| cookie.starts_with("__Host-doorkey_session_"));
    let (pair, _) = cookie.unwrap().split_once(';').unwrap();
    pair.split_once('=').unwrap().1.to_owned()
}
