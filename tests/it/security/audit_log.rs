//! The audit log under thousands of acts of every kind: one entry for each, and no secret in any.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Mutex;

use axum::http::StatusCode;
use doorkey::domain::audit::AuditContext;
use doorkey::domain::user::UserChange;
use doorkey::domain::user::UserId;
use doorkey::flow;
use futures_util::future::join_all;
use serde_json::{Value, json};

use crate::support::app::{Browser, START, TestApp, TestRequest, TestResponse, UNLIMITED, button};

/// People who act at the same time, and how often each goes through everything.
const PEOPLE: i64 = 25;
const ROUNDS: usize = 5;

/// What an entry is to say: event, actor, reason, and the request where the caller was told it.
type Told = (&'static str, String, &'static str, Option<String>);

/// One person's acts, and what the log must say of them, in order.
struct Story<'a> {
    test: &'a TestApp,
    number: i64,
    browser: Browser<'a>,
    /// Everything that may stand in no entry.
    secrets: &'a Mutex<BTreeSet<String>>,
    told: Vec<Told>,
    acts: usize,
}

impl<'a> Story<'a> {
    fn of(test: &'a TestApp, number: i64, secrets: &'a Mutex<BTreeSet<String>>) -> Self {
        Self { test, number, browser: test.browser(), secrets, told: Vec::new(), acts: 0 }
    }

    fn expect(
        &mut self,
        event: &'static str,
        actor: &str,
        reason: &'static str,
        response: Option<&TestResponse>,
    ) {
        let request = response.map(|response| response.header("x-api-identifier").to_owned());
        self.told.push((event, actor.to_owned(), reason, request));
    }

    /// A call of the API that must have this status and leave these entries.
    async fn call(
        &mut self,
        (method, path): (&str, &str),
        body: Value,
        status: u16,
        entries: &[(&'static str, &'static str)],
    ) -> TestResponse {
        let path = path.replace("{me}", &self.number.to_string());
        let ask = TestRequest::of(method, &path).bearer(&self.test.key);
        let ask = if body.is_null() { ask } else { ask.json(&body) };
        let response = self.test.send(ask).await;
        assert_eq!(response.status.as_u16(), status, "{method} {path}: {}", response.body);
        for (event, reason) in entries {
            self.expect(event, "api_key:1", reason, Some(&response));
        }
        self.acts += 1;
        response
    }

    async fn ask_for_link(&mut self) -> String {
        let issued = [("login_link.issued", "")];
        let response = self.call(("GET", "/api/login_links/{me}"), Value::Null, 200, &issued).await;
        let again = self.call(("GET", "/api/login_links/{me}"), Value::Null, 200, &[]).await;
        assert_eq!(again.body, response.body, "handed out again, which is only counted");
        let link = response.json()["link"].as_str().unwrap().to_owned();
        self.keep(link.split('=').nth(1).unwrap());
        link
    }

    fn keep(&self, secret: &str) {
        self.secrets.lock().unwrap().insert(secret.to_owned());
    }

    fn keep_cookies(&self, browser: &Browser<'_>) {
        browser.cookies.values().for_each(|cookie| self.keep(cookie));
    }

    /// Signs in, and tries the same link once more from elsewhere.
    async fn sign_in(&mut self) {
        let link = self.ask_for_link().await;
        let mut other = self.test.browser();
        let others_page = other.open(&link).await;
        let was_signed_in = self.browser.session().is_some();

        let response = self.browser.sign_in(&link).await;
        assert_eq!(response.status, StatusCode::SEE_OTHER);
        let me = format!("user:{}", self.number);
        self.expect("login_link.redeemed", &me, "", None);
        if was_signed_in {
            self.expect("session.ended", &me, "replaced", None);
        }
        assert_eq!(other.press(&others_page).await.status, StatusCode::GONE);
        self.expect("login_link.refused", "visitor", "used", None);
        self.keep_cookies(&self.browser);
        self.keep_cookies(&other);
        self.acts += 4;
    }

    /// Signs in three times: over the old session, then out, then thrown out.
    async fn come_and_go(&mut self) {
        self.sign_in().await;
        self.sign_in().await;
        let out = TestRequest::of("POST", "/logout").header("sec-fetch-site", "same-origin");
        assert_eq!(self.browser.send(out).await.status, StatusCode::SEE_OTHER);
        self.expect("session.signed_out", &format!("user:{}", self.number), "", None);
        self.sign_in().await;
        let path = format!("/api/sessions?filters[user_id][$eq]={}", self.number);
        let listed = self.call(("GET", &path), Value::Null, 200, &[]).await.json();
        let path = format!("/api/sessions/{}", listed["data"][0]["id"].as_str().unwrap());
        let ended = [("session.ended", "revoked")];
        self.call(("DELETE", &path), Value::Null, 204, &ended).await;
        self.call(("DELETE", &path), Value::Null, 404, &[]).await;
        self.browser.cookies.clear();
        self.acts += 1;
    }

    /// Everything that is done to a user through the API, and what is refused meanwhile.
    async fn be_changed(&mut self, round: usize) {
        let (put, get) = (("PUT", "/api/clients/{me}"), ("GET", "/api/login_links/{me}"));
        let changed = ("user.changed", "");
        let killed = |reason| [changed, ("login_link.killed", reason)];
        let refused = |reason| [("login_link.refused", reason)];
        self.call(put, json!({ "company": format!("Engines {round}") }), 200, &[changed]).await;
        self.call(put, json!({ "company": format!("Engines {round}") }), 200, &[]).await;
        self.call(put, json!({ "two_factor_enabled": true }), 200, &killed("two_factor")).await;
        self.call(get, Value::Null, 403, &refused("two_factor_enabled")).await;
        self.call(put, json!({ "two_factor_enabled": false }), 200, &[changed]).await;
        self.call(put, json!({ "status": 0 }), 200, &killed("disabled")).await;
        self.call(get, Value::Null, 403, &refused("user_disabled")).await;
        self.call(put, json!({ "status": 1 }), 200, &[changed]).await;
        let moved = json!({ "email": format!("moved{}.{round}@x.test", self.number) });
        self.call(put, moved, 200, &killed("new_address")).await;
        self.ask_for_link().await;
        let revoked = [("login_link.killed", "revoked")];
        self.call(("DELETE", "/api/login_links/{me}"), Value::Null, 204, &revoked).await;
        self.call(put, json!({ "email": "no address" }), 400, &[]).await;
        self.call(("GET", "/api/login_links"), Value::Null, 200, &[]).await;
    }

    /// The command line makes staff of a client, and a client again.
    async fn be_staff_for_a_while(&mut self) {
        let me = UserId::from_number(self.number).unwrap();
        self.test.change(me, "staff", "true").await;
        self.expect("user.changed", "command_line", "", None);
        self.expect("login_link.killed", "command_line", "staff", None);
        let refused = [("login_link.refused", "staff_user")];
        self.call(("GET", "/api/login_links/{me}"), Value::Null, 403, &refused).await;
        self.test.change(me, "staff", "false").await;
        self.expect("user.changed", "command_line", "", None);
        self.acts += 2;
    }

    /// What strangers do leaves no entry, so that they cannot fill the disk.
    async fn be_left_alone(&mut self) {
        let stranger = doorkey::keys::random_api_key().unwrap().reveal().to_owned();
        let path = format!("/api/login_links/{}", self.number);
        for key in [stranger.as_str(), "x", ""] {
            let response = self.test.send(TestRequest::of("GET", &path).bearer(key)).await;
            assert_eq!(response.status, StatusCode::UNAUTHORIZED);
        }
        let (_, secret) = stranger.split_at(8);
        for token in ["x", &secret[..32]] {
            let response = self.test.send(TestRequest::of("GET", &format!("/login?token={token}"))).await;
            assert_eq!(response.status, StatusCode::GONE);
        }
        self.call(("GET", "/api/login_links/999999"), Value::Null, 404, &[]).await;
        self.keep(&stranger);
        self.acts += 5;
    }

    async fn tell(mut self) -> Self {
        for round in 0..ROUNDS {
            self.come_and_go().await;
            self.be_changed(round).await;
            self.be_staff_for_a_while().await;
            self.be_left_alone().await;
        }
        self.sign_in().await;
        self
    }
}

/// An entry as it stands in the log.
#[derive(Debug)]
struct AuditEntry {
    event: String,
    user: Option<i64>,
    actor: String,
    request: String,
    reason: String,
    time: String,
}

/// The whole log as the API tells it, oldest first.
async fn log_of(test: &TestApp) -> (Vec<AuditEntry>, String) {
    let (mut entries, mut whole, mut last) = (Vec::new(), String::new(), String::new());
    loop {
        let after = if last.is_empty() { String::new() } else { format!("&filters[id][$gt]={last}") };
        let page = test.call("GET", &format!("/api/logs?limit=100&sort=id:asc{after}")).await;
        let data = page.json()["data"].clone();
        whole.push_str(&data.to_string());
        let rows = data.as_array().unwrap();
        let Some(end) = rows.last() else { return (entries, whole) };
        end["id"].as_str().unwrap().clone_into(&mut last);
        let word = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        entries.extend(rows.iter().map(|row| AuditEntry {
            event: word(&row["event"]),
            user: row["user_id"].as_i64(),
            actor: word(&row["actor"]),
            request: word(&row["request_id"]),
            reason: word(&row["data"]["reason"]),
            time: word(&row["time"]),
        }));
    }
}

/// Acts run beside each other, so each person's entries are compared with that person's own story.
#[tokio::test]
async fn five_thousand_acts_leave_an_entry_each_and_no_secret() {
    let test = TestApp::start().await.limited_to(&UNLIMITED);
    let (other, _) = test.another("Other", "https://other.example").await;
    for number in 1..=PEOPLE {
        let email = format!("person{number}@x.test");
        let fields = UserChange { note: Some(format!("Note{number}")), ..UserChange::default() };
        test.add(&test.acme, &email, fields.clone()).await;
        test.add(&other, &email, fields).await;
    }
    let before = log_of(&test).await.0.len();
    let foreign = format!("SELECT count(*) FROM audit_log WHERE workspace_id = {}", other.id.0);
    let foreign_before = test.number(&foreign);
    let secrets = Mutex::new(BTreeSet::from([test.key.clone()]));

    let stories = join_all((1..=PEOPLE).map(|number| Story::of(&test, number, &secrets).tell())).await;

    let acts: usize = stories.iter().map(|story| story.acts).sum();
    assert!(acts >= 5_000, "only {acts} acts");
    let (entries, whole) = log_of(&test).await;
    let entries = &entries[before..];
    let expected: usize = stories.iter().map(|story| story.told.len()).sum();
    assert_eq!(entries.len(), expected, "no entry too many and none too few");
    assert_eq!(test.number(&foreign), foreign_before, "and none in another workspace");
    for story in &stories {
        let own: Vec<_> = entries.iter().filter(|entry| entry.user == Some(story.number)).collect();
        assert_eq!(own.len(), story.told.len(), "of {}", story.number);
        for (entry, (event, actor, reason, request)) in own.into_iter().zip(&story.told) {
            let said = (entry.event.as_str(), &entry.actor, entry.reason.as_str());
            assert_eq!(said, (*event, actor, *reason), "of {}: {entry:?}", story.number);
            assert!(request.as_ref().is_none_or(|request| *request == entry.request), "{entry:?}");
        }
    }
    assert!(entries.iter().all(|entry| entry.time == START.to_string() && entry.time.ends_with('Z')));
    check_requests(entries);
    let secrets = secrets.into_inner().unwrap();
    assert!(secrets.len() > 1_000, "{}", secrets.len());
    for secret in &secrets {
        assert!(!whole.contains(secret.as_str()), "{secret}");
        // A session's cookie begins with its number, which is no secret; the rest is.
        assert!(secret.len() != 64 || !whole.contains(&secret[32..]), "{secret}");
    }
    // Of a masked address only the domain is left.
    let parts = whole.split("•••");
    let masked: String = parts
        .enumerate()
        .map(|(number, part)| {
            part.split_once('@')
                .map_or(part, |(last, rest)| if number > 0 && last.len() < 2 { rest } else { part })
        })
        .collect();
    assert!(masked.len() < whole.len(), "a change of an address says from what to what");
    for private in ["@", "person", "Note", "Engines"] {
        assert!(!masked.contains(private), "{private}");
    }
}

/// Every act is a request of its own: entries that share one tell of one act of one person.
fn check_requests(entries: &[AuditEntry]) {
    let mut acts: BTreeMap<&str, Vec<&AuditEntry>> = BTreeMap::new();
    for entry in entries {
        acts.entry(&entry.request).or_default().push(entry);
    }
    for (request, entries) in acts {
        assert!(uuid::Uuid::parse_str(request).is_ok(), "{request}");
        let mut events: Vec<_> = entries.iter().map(|entry| entry.event.as_str()).collect();
        assert!(entries.iter().all(|entry| entry.user == entries[0].user), "{entries:?}");
        assert!(entries.iter().all(|entry| entry.actor == entries[0].actor), "{entries:?}");
        let count = events.len();
        events.sort_unstable();
        events.dedup();
        assert!(events.len() == count && count <= 2, "{entries:?}");
    }
}

/// The acts that are no person's own, and the ends that come by themselves.
#[tokio::test]
async fn keys_settings_additions_deletions_and_ends_are_told_once_each() {
    let test = TestApp::start().await;
    let ada = test.client("ada@x.test").await;
    let mut browser = test.browser();
    browser.sign_in(&test.ask_for_link(ada).await).await;
    let link = test.ask_for_link(ada).await;
    let mut waiting = test.browser();
    let page = waiting.open(&link).await;
    let before = test.audit().len();

    let (key, _) = test.key_with(&[], None).await;
    test.revoke_key(key).await;
    test.revoke_key(key).await;
    let settings = [("link_lifetime".to_owned(), "600".to_owned())];
    flow::workspaces::set(&test.app, &AuditContext::at_command_line(), "Acme", &settings).await.unwrap();
    let body = json!({ "email": "bob@x.test", "name_f": "Bob", "name_l": "" });
    let post = || TestRequest::of("POST", "/api/clients").bearer(&test.key).json(&body);
    assert_eq!(test.send(post()).await.status, StatusCode::CREATED);
    assert_eq!(test.send(post()).await.status, StatusCode::BAD_REQUEST);
    assert_eq!(test.call("DELETE", "/api/clients/2").await.status, StatusCode::NO_CONTENT);
    assert_eq!(test.call("DELETE", "/api/clients/2").await.status, StatusCode::NOT_FOUND);
    test.advance(8 * 86_400);
    let (cookies, late) = (browser.cookies.clone(), button(&page));
    for _ in 0..2 {
        browser.cookies.clone_from(&cookies);
        assert_eq!(browser.get("/auth/verify").await.status, StatusCode::UNAUTHORIZED);
    }
    for _ in 0..2 {
        assert_eq!(waiting.open(&link).await.status, StatusCode::GONE);
    }
    assert_eq!(waiting.send(late).await.status, StatusCode::GONE);

    assert_eq!(
        test.audit()[before..],
        [
            "api_key.added by command_line",
            "api_key.revoked by command_line",
            "workspace.changed by command_line",
            "user.added by api_key:1",
            "user.deleted by api_key:1",
            "login_link.killed by api_key:1 deleted",
            "session.ended by visitor expired",
            "login_link.refused by visitor expired",
        ]
    );
}
