//! Rows of links, sessions and API keys that somebody edited, copied or invented give nobody anything
//! that the untouched row did not give to the same person.

use axum::http::StatusCode;
use doorkey::domain::scope::Scope;
use doorkey::domain::user::UserChange;
use doorkey::domain::user::UserId;
use doorkey::domain::workspace::Workspace;
use rusqlite::types::Value;

use crate::support::app::{Browser, TestApp, TestRequest, UNLIMITED, button};
use crate::support::database::Engine;
use crate::support::figures::{Figures, times};
use crate::support::row_editor::{Edit, RowEditor, Table};

/// Columns that are no authority, so that no seal is over them: counters, and names for people. (Nor is there one over
/// `used_at`: set, it makes a link that works once a dead one; taken away, `ended_at` says the same under the seal.) And by
/// which way a session is found again whose confirm is repeated: it must be of that link and browser under its own seal. And which
/// app a link has led to, and whether for a trial; and what the figures have counted of it.
const OF_LINKS: &[&str] = &[
    "session_id",
    "last_issued_at",
    "times_issued",
    "marks",
    "tried_at",
    "tried_before",
    "client_id",
    "is_trial",
];
const OF_SESSIONS: &[&str] = &["single_use"];
const OF_KEYS: &[&str] = &["id", "name"];

const HOSTS: [&str; 2] = ["example.com", "other.example"];

/// Two workspaces with people in them.
struct TwoTenants {
    test: TestApp,
    other: Workspace,
    others_key: String,
}

impl TwoTenants {
    async fn build() -> Self {
        let test = TestApp::start().await.limited_to(&UNLIMITED);
        let (other, others_key) = test.another("Other", "https://other.example").await;
        for name in ["ada", "bob", "cyd", "dan"] {
            test.client(&format!("{name}@example.org")).await;
            test.add(&other, &format!("{name}@example.org"), UserChange::default()).await;
        }
        Self { test, other, others_key }
    }

    async fn link_of(&self, user: i64) -> String {
        self.test.ask_for_link(UserId::from_number(user).unwrap()).await
    }

    /// What is handed out for a user. A row that cannot be read at all costs its user an error, and nobody anything.
    async fn handed_out(&self, user: i64) -> Option<String> {
        let response = self.test.call("GET", &format!("/api/login_links/{user}")).await;
        assert!(matches!(response.status.as_u16(), 200 | 500), "{}", response.body);
        response.json()["link"].as_str().map(str::to_owned)
    }

    /// Whom a token signs in at a host.
    async fn opens(&self, host: &str, token: &str) -> Option<String> {
        let mut browser = self.test.browser();
        host.clone_into(&mut browser.host);
        let page = browser.open(token).await;
        if page.status != StatusCode::OK {
            assert!(matches!(page.status.as_u16(), 410 | 500), "{}", page.body);
            return None;
        }
        let pressed = browser.send(button(&page).without("origin")).await;
        if pressed.status != StatusCode::SEE_OTHER {
            assert!(matches!(pressed.status.as_u16(), 410 | 500), "{}", pressed.body);
            return None;
        }
        let verified = browser.get("/auth/verify").await;
        assert_eq!(verified.status, StatusCode::OK);
        Some(verified.header("remote-user").to_owned())
    }

    /// Three people who have signed in, each with the button that they pressed; the third has signed out.
    async fn three_sign_in(&self) -> Vec<(Browser<'_>, TestRequest)> {
        let mut people: Vec<(Browser<'_>, TestRequest)> = Vec::new();
        for user in 1..=3 {
            let mut person = self.test.browser();
            let page = person.open(&self.link_of(user).await).await;
            let press = button(&page);
            assert_eq!(person.send(press.clone()).await.status, StatusCode::SEE_OTHER);
            people.push((person, press));
        }
        people[2]
            .0
            .clone()
            .send(TestRequest::of("POST", "/logout").form(&[]).header("sec-fetch-site", "same-origin"))
            .await;
        people
    }

    /// What each of some tokens opens at each host.
    async fn all_open(&self, links: &[String]) -> Vec<Option<String>> {
        let mut opened = Vec::new();
        for link in links {
            for host in HOSTS {
                opened.push(self.opens(host, &link[link.find("/login").unwrap()..]).await);
            }
        }
        opened
    }
}

fn figures_of(place: usize, things: &str) -> Figures {
    let fault = format!("rows of {things} edited, copied, invented");
    match crate::ENGINE {
        Engine::Sqlite => Figures::of(format!("{place}-rows"), fault),
        Engine::Postgres => {
            Figures::of(format!("{}-rows", place + 3), format!("the same in PostgreSQL: {fault}"))
        }
    }
}

/// Each is nothing, or what it was.
fn gives_nothing_new<T: PartialEq + std::fmt::Debug>(before: &[T], after: &[T], nothing: &T, deed: &str) {
    assert_eq!(before.len(), after.len());
    for (number, (before, after)) in before.iter().zip(after).enumerate() {
        assert!(after == nothing || after == before, "{deed}: {number} gives {after:?}, and gave {before:?}");
    }
}

/// Every column was tried, and only those that are named are no authority.
fn judge(table: &Table, noticed: &[String], named: &[&str], figures: &mut Figures, tried: usize) {
    let unnoticed = table.columns().iter().filter(|column| !noticed.contains(column));
    assert_eq!(unnoticed.collect::<Vec<_>>(), named, "columns whose edits leave a row as good as it was");
    assert!(tried > table.columns().len() * 3, "too little was tried: {tried}");
    figures.tries += tried;
}

#[tokio::test]
async fn edited_copied_and_invented_links_give_nobody_anything() {
    let mut figures = figures_of(21, "links");
    let house = TwoTenants::build().await;
    let mut links = Vec::new();
    for user in 1..=4 {
        links.push(house.link_of(user).await);
    }
    let path_of = |link: &String| link[link.find("/login").unwrap()..].to_owned();
    assert_eq!(house.opens(HOSTS[0], &path_of(&links[2])).await, Some("3".to_owned()));
    house.test.call("DELETE", "/api/login_links/4").await;
    let thief = RowEditor::of(&house.test.database).await;
    let table = thief.table("login_links").await;
    let before = house.all_open(&links).await;
    assert_eq!(before.iter().flatten().collect::<Vec<_>>(), ["1", "2"], "{before:?}");

    let (mut tried, mut noticed) = (0, Vec::new());
    for user in [1, 3, 4].into_iter().take(times(1, 3)) {
        let row = format!("workspace_id = 1 AND user_id = {user}");
        for edit in thief.edits(&table, &row).await {
            thief.put_everything_back().await;
            let deed = format!("link of user {user}, {edit:?}");
            if thief.edit(&table, &row, &edit).await {
                tried += 1;
                let handed_out = [house.handed_out(1).await, house.handed_out(2).await];
                let after = house.all_open(&links).await;
                gives_nothing_new(&before, &after, &None, &deed);
                if user == 1 && after[0] != before[0] {
                    noticed.push(edit.column.clone());
                }
                let new = (1..).zip(handed_out.iter().flatten()).filter(|(_, link)| !links.contains(link));
                for (user, link) in new {
                    let opened = house.opens(HOSTS[0], &path_of(link)).await;
                    assert_eq!(opened, Some(format!("{user}")), "{deed}: what is handed out");
                }
                thief.put_everything_back().await;
                assert!(thief.edit(&table, &row, &edit).await);
                house.test.advance(7_200);
                assert_eq!(house.all_open(&links).await, vec![None; 8], "{deed}: two hours later");
                house.test.advance(-7_200);
            }
            thief.put_everything_back().await;
            if user == 1 && thief.copy(&table, &row, house.other.id.0, &edit).await {
                tried += 1;
                gives_nothing_new(&before, &house.all_open(&links).await, &None, &format!("copy, {deed}"));
            }
        }
    }
    thief.put_everything_back().await;
    thief.invent(&table, "workspace_id = 1 AND user_id = 2", &[("user_id", Value::Integer(1))]).await;
    let newest = Edit { column: "newest_link".to_owned(), value: Value::Blob(vec![0x5a; 32]) };
    let users = thief.table("users").await;
    assert!(thief.edit(&users, "workspace_id = 1 AND id = 1", &newest).await);
    assert_eq!(house.opens(HOSTS[0], &path_of(&house.link_of(1).await)).await, Some("1".to_owned()));
    gives_nothing_new(&before, &house.all_open(&links).await, &None, "an invented link");
    judge(&table, &noticed, OF_LINKS, &mut figures, tried + 1);
    figures.write();
}

/// Whose sessions the cookies of some people are at each host, and what the first button gives again.
async fn whose(people: &[(Browser<'_>, TestRequest)], is_pressed_again: bool) -> Vec<Option<String>> {
    let mut whose = Vec::new();
    for (person, _) in people {
        for host in HOSTS {
            let mut person = person.clone();
            host.clone_into(&mut person.host);
            let verified = person.get("/auth/verify").await;
            assert!(matches!(verified.status.as_u16(), 200 | 401 | 500 | 503), "{}", verified.status);
            whose.push(Some(verified.header("remote-user").to_owned()).filter(|user| !user.is_empty()));
        }
    }
    if is_pressed_again {
        // The same button gives the same session, or none.
        let (mut again, press) = people[0].clone();
        again.cookies.retain(|name, _| !name.contains("session"));
        again.send(press).await;
        whose.push(again.session().cloned());
    }
    whose
}

#[tokio::test]
async fn edited_copied_and_invented_sessions_sign_nobody_in() {
    let mut figures = figures_of(22, "sessions");
    let house = TwoTenants::build().await;
    let people = house.three_sign_in().await;
    let thief = RowEditor::of(&house.test.database).await;
    let table = thief.table("sessions").await;
    let before = whose(&people, true).await;
    assert_eq!(before.iter().flatten().count(), 3, "{before:?}");

    let (mut tried, mut noticed) = (0, Vec::new());
    for user in [1, 2].into_iter().take(times(1, 2)) {
        let row = format!("workspace_id = 1 AND user_id = {user}");
        for edit in thief.edits(&table, &row).await {
            let deed = format!("session of user {user}, {edit:?}");
            thief.put_everything_back().await;
            if thief.edit(&table, &row, &edit).await {
                tried += 1;
                let after = whose(&people, true).await;
                gives_nothing_new(&before, &after, &None, &deed);
                if user == 1 && after[0] != before[0] {
                    noticed.push(edit.column.clone());
                }
                thief.put_everything_back().await;
                assert!(thief.edit(&table, &row, &edit).await);
                house.test.advance(43_200);
                assert_eq!(whose(&people, false).await, vec![None; 6], "{deed}: twelve hours later");
                house.test.advance(-43_200);
            }
            thief.put_everything_back().await;
            if thief.copy(&table, &row, house.other.id.0, &edit).await {
                tried += 1;
                gives_nothing_new(&before, &whose(&people, true).await, &None, &format!("copy, {deed}"));
            }
        }
    }
    thief.put_everything_back().await;
    thief.invent(&table, "workspace_id = 1 AND user_id = 2", &[("user_id", Value::Integer(1))]).await;
    let cookie = format!(
        "__Host-doorkey_session_{}={}{}",
        house.test.acme.cookie_tag,
        "5a".repeat(16),
        "Z".repeat(32)
    );
    let verified = house.test.send(TestRequest::of("GET", "/auth/verify").header("cookie", cookie)).await;
    assert_eq!(verified.status, StatusCode::UNAUTHORIZED);
    judge(&table, &noticed, OF_SESSIONS, &mut figures, tried + 1);
    figures.write();
}

#[tokio::test]
async fn edited_copied_and_invented_api_keys_let_nobody_in() {
    let mut figures = figures_of(23, "API keys");
    let house = TwoTenants::build().await;
    let (_, reader) = house.test.key_with(&[Scope::LoginLinksRead], None).await;
    let (_, short) = house.test.key_with(&Scope::ALL, Some(1)).await;
    let (revoked_id, revoked) = house.test.key_with(&Scope::ALL, None).await;
    house.test.revoke_key(revoked_id).await;
    house.test.advance(2);
    let keys = [&house.test.key, &reader, &short, &revoked, &house.others_key];
    let thief = RowEditor::of(&house.test.database).await;
    let table = thief.table("api_keys").await;
    let lets_in = async |test: &TestApp| {
        let mut lets_in = Vec::new();
        for key in keys {
            for host in HOSTS {
                // Nobody has this number: whoever is let in is told so, and nothing is written.
                for path in ["/api/login_links/99", "/api/login_links", "/api/clients", "/api/logs"] {
                    let response = test.send(TestRequest::of("GET", path).host(host).bearer(key)).await;
                    lets_in.push(matches!(response.status.as_u16(), 200 | 404));
                }
            }
        }
        lets_in
    };
    let before = lets_in(&house.test).await;
    assert_eq!(before.iter().filter(|is_in| **is_in).count(), 9, "{before:?}");

    let (mut tried, mut noticed) = (0, Vec::new());
    // There each look of somebody new is a connection or more.
    let ids = if crate::ENGINE == Engine::Postgres { times(2, 4) } else { 4 };
    for id in 1..=ids {
        let row = format!("workspace_id = 1 AND id = {id}");
        for edit in thief.edits(&table, &row).await {
            let deed = format!("key {id}, {edit:?}");
            thief.put_everything_back().await;
            if thief.edit(&table, &row, &edit).await {
                tried += 1;
                // Who knows the key from before believes no more than that; what counts is who has never seen it.
                gives_nothing_new(&before, &lets_in(&house.test).await, &false, &deed);
                let after = lets_in(&house.test.beside().await).await;
                gives_nothing_new(&before, &after, &false, &deed);
                if id == 1 && after[0] != before[0] {
                    noticed.push(edit.column.clone());
                }
            }
            thief.put_everything_back().await;
            if thief.copy(&table, &row, house.other.id.0, &edit).await {
                tried += 1;
                let after = lets_in(&house.test).await;
                gives_nothing_new(&before, &after, &false, &format!("copy, {deed}"));
            }
        }
    }
    thief.put_everything_back().await;
    thief.invent(&table, "workspace_id = 1 AND id = 1", &[("id", Value::Integer(9))]).await;
    let invented = doorkey::keys::random_api_key().unwrap();
    let response = house.test.send(TestRequest::of("GET", "/api/clients").bearer(invented.reveal())).await;
    assert_eq!(response.status, StatusCode::UNAUTHORIZED);
    judge(&table, &noticed, OF_KEYS, &mut figures, tried + 1);
    figures.write();
}
