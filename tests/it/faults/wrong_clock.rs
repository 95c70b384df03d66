//! One node with a wrong clock beside the right one, on the same database. Whatever it is asked, nothing is gone
//! afterwards.

use std::time::Duration;

use reqwest::StatusCode;

use crate::support::database::Engine;
use crate::support::figures::{Figures, times};
use crate::support::http_client::{HttpClient, Page};
use crate::support::server::{Server, regular};
use crate::support::wall_clock::WallClock;

/// Ahead by more than the log is kept, behind by more than is forgiven, ahead by more than a link lives; in seconds.
const OFF: [&str; 3] = ["+34560000", "-90", "+7300"];

/// How long the wrong node is left to itself: in the long form for more than the minute between two sweeps.
const ALONE: (usize, usize) = (2, 65);

/// Live links and sessions of a moment ago.
struct People {
    links: Vec<(i64, String)>,
    signed_in: Vec<HttpClient>,
}

impl People {
    async fn of(node: &Server, name: &str) -> Self {
        let mut people = Self { links: Vec::new(), signed_in: Vec::new() };
        for number in 0..3 {
            let id = node.add_client(&format!("{name}{number}@waits.test"), "Ada", "X");
            people.links.push((id, node.ask_for_link(id).await));
            let id = node.add_client(&format!("{name}{number}@in.test"), "Bob", "X");
            let mut person = HttpClient::arrives();
            person.sign_in(node, &node.ask_for_link(id).await).await;
            people.signed_in.push(person);
        }
        people
    }

    /// Asks everything that could end something of a node that is not ready.
    async fn ask(&mut self, wrong: &Server) {
        let ready = regular().get(wrong.ops_url("/readyz")).send().await.unwrap();
        assert_eq!(ready.status(), 503);
        for (id, link) in &self.links {
            let mut person = HttpClient::arrives();
            let page = person.open(&at(wrong, link)).await;
            is_one_of(&page, &[200, 503]);
            if page.status == StatusCode::OK {
                is_one_of(&person.press(wrong, &page).await, &[503]);
            }
            for (method, path) in [
                ("GET", format!("/api/login_links/{id}")),
                ("DELETE", format!("/api/login_links/{id}")),
                ("DELETE", format!("/api/clients/{id}")),
                ("DELETE", format!("/api/sessions/{}", uuid::Uuid::nil())),
            ] {
                assert_eq!(wrong.call(method, &path).await.status(), 503, "{method} {path}");
            }
        }
        for person in &mut self.signed_in {
            is_one_of(&person.open(&wrong.url("/auth/verify")).await, &[200, 503]);
            is_one_of(&person.open(&wrong.url("/auth/verify?redirect=1")).await, &[200, 503]);
            is_one_of(&person.open(&wrong.url("/")).await, &[200, 503]);
            is_one_of(&person.post(&wrong.url("/logout"), "").await, &[503]);
            is_one_of(&person.open(&at(wrong, &self.links[0].1)).await, &[200, 503]);
        }
        // Of these it is sure.
        is_one_of(&HttpClient::arrives().open(&wrong.url("/auth/verify")).await, &[401]);
        is_one_of(&HttpClient::arrives().open(&wrong.url("/login?token=x")).await, &[410]);
    }

    /// What is not so any more, at the right node. This uses the links up.
    async fn complaints(self, right: &Server) -> Vec<String> {
        let mut complaints = Vec::new();
        for (id, link) in self.links {
            let handed_out = right.ask_for_link(id).await;
            let mut person = HttpClient::arrives();
            let page = person.open(&link).await;
            let is_live = page.status == StatusCode::OK
                && person.press(right, &page).await.status == StatusCode::SEE_OTHER;
            if handed_out != link || !is_live {
                complaints.push(format!("the link of {id} is gone"));
            }
        }
        for mut person in self.signed_in {
            if !person.is_signed_in(right).await {
                complaints.push("a session is gone".to_owned());
            }
        }
        complaints
    }
}

fn is_one_of(page: &Page, expected: &[u16]) {
    assert!(expected.contains(&page.status.as_u16()), "{}, not {expected:?}: {}", page.status, page.body);
}

/// A link of the portal, at another node.
fn at(node: &Server, link: &str) -> String {
    node.url(&link[link.find("/login").unwrap()..])
}

/// How much there is of what could be taken away.
fn rows(node: &Server) -> [i64; 4] {
    [
        "SELECT count(*) FROM login_links WHERE ended_at IS NULL",
        "SELECT count(*) FROM sessions",
        "SELECT count(*) FROM audit_log",
        "SELECT count(*) FROM users WHERE deleted_at IS NULL",
    ]
    .map(|sql| node.database.number(sql))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_node_with_a_wrong_clock_takes_nothing_away() {
    let (where_, name) = match crate::ENGINE {
        Engine::Sqlite => ("", "17-years-wrong"),
        Engine::Postgres => ("the same in PostgreSQL: ", "17-years-wrong-postgres"),
    };
    let fault = "one node of two has a clock that is off by +400 d, −90 s, +7,300 s";
    let mut figures = Figures::of(name, format!("{where_}{fault}"));
    for number in 0..times(1, 2) {
        for off in OFF {
            let right = Server::start();
            let mut people = People::of(&right, &format!("n{number}")).await;
            let before = rows(&right);
            let (wall, mut wrong) = (WallClock::at(off), right.beside());
            wall.serve_unready(&mut wrong);
            people.ask(&wrong).await;
            tokio::time::sleep(Duration::from_secs(times(ALONE.0, ALONE.1).try_into().unwrap())).await;
            people.ask(&wrong).await;
            assert!(wrong.stop().success());
            let after = rows(&right);
            for (what, (before, after)) in
                ["links", "sessions", "log entries", "users"].iter().zip(before.into_iter().zip(after))
            {
                if after != before {
                    figures.lose(vec![format!("{off}: {before} {what}, and {after} afterwards")]);
                }
            }
            figures.lose(people.complaints(&right).await);
            figures.tries += 1;
        }
    }
    figures.note(
        "nothing was swept, no link or session marked as over, and each refusal it was not sure of was a 503"
            .to_owned(),
    );
    figures.write();
}
