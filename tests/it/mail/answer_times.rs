//! How long an answer takes tells nobody whom an address or a link belongs to.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Instant;

use reqwest::header::{CONTENT_TYPE, COOKIE, HeaderValue, LOCATION, SET_COOKIE};
use reqwest::{Client, StatusCode};
use serde_json::json;

use crate::support::server::{Server, encode, regular};

/// Answers of each kind.
const SAMPLES: usize = 500;

/// Whoever looks often enough sees a difference by chance: only one that shows each time is one.
const ROUNDS: usize = 3;

/// Beyond it a normal deviate lies once in a hundred times, either side counted.
const UNLIKELY: f64 = 2.576;

/// A form with its cookie and its value, which is sent over one connection that stays.
struct Form {
    client: Client,
    url: String,
    cookie: String,
    proof: String,
    field: &'static str,
}

/// What is sent of each kind of person: a form, and what is filled in, in turn.
type Kinds<'a> = BTreeMap<&'static str, (&'a Form, Vec<String>)>;

impl Form {
    /// The form of a page, of which `field` is filled in.
    async fn of(client: &Client, server: &Server, page: &str, (action, field): (&str, &'static str)) -> Self {
        let response = client.get(server.url(page)).send().await.unwrap();
        let cookies = response.headers().get_all(SET_COOKIE).iter();
        let pairs: Vec<_> =
            cookies.map(|cookie| cookie.to_str().unwrap().split(';').next().unwrap().to_owned()).collect();
        let body = response.text().await.unwrap();
        let (_, rest) = body.split_once("name=\"proof\" value=\"").expect("no form");
        let proof = encode(rest.split('"').next().unwrap());
        let (client, cookie) = (client.clone(), pairs.join("; "));
        Self { client, url: server.url(action), cookie, proof, field }
    }

    /// Sends the form, and gives how long the whole answer took, in nanoseconds, and what was seen of it.
    async fn send(&self, value: &str) -> (u128, String) {
        let body = format!("proof={}&{}={}", self.proof, self.field, encode(value));
        let request = self.client.post(&self.url).header(COOKIE, &self.cookie);
        let request = request.header(CONTENT_TYPE, "application/x-www-form-urlencoded");
        let request = request.header("sec-fetch-site", "same-origin").body(body);
        let begun = Instant::now();
        let response = request.send().await.unwrap();
        let (status, headers) = (response.status(), response.headers().clone());
        let body = response.bytes().await.unwrap();
        let took = begun.elapsed().as_nanos();
        assert_eq!(status, StatusCode::SEE_OTHER);
        let names: Vec<_> = headers.keys().map(ToString::to_string).collect();
        let cookies: Vec<_> = headers.get_all(SET_COOKIE).iter().map(HeaderValue::len).collect();
        (took, format!("{names:?} {cookies:?} {:?} {}", headers[LOCATION], body.len()))
    }
}

/// Sends each kind's values in turn, in an order that changes, and gives the times of each kind.
async fn times(kinds: &Kinds<'_>) -> BTreeMap<&'static str, Vec<u128>> {
    let mut times: BTreeMap<&'static str, Vec<u128>> = BTreeMap::new();
    let mut seen = BTreeSet::new();
    let mut names: Vec<_> = kinds.keys().copied().collect();
    for at in 0..SAMPLES {
        // The place in a round tells nothing either.
        let count = names.len();
        names.rotate_left(at % count);
        names.swap(at % count, (at / count) % count);
        for name in &names {
            let (form, values) = &kinds[name];
            let (took, shape) = form.send(&values[at % values.len()]).await;
            times.entry(name).or_default().push(took);
            seen.insert(shape);
        }
    }
    assert_eq!(seen.len(), 1, "{seen:?}");
    times
}

#[expect(clippy::cast_precision_loss, reason = "counts of samples are far below 2^52")]
const fn real(count: usize) -> f64 {
    count as f64
}

/// How far the ranks of one kind lie from those of all others (Mann and Whitney), as a normal deviate.
fn rank_deviate(one: &[u128], others: &[u128]) -> f64 {
    let mut all: Vec<_> = one.iter().map(|time| (time, true)).collect();
    all.extend(others.iter().map(|time| (time, false)));
    all.sort_unstable();
    let ranks = all.iter().enumerate().filter(|(_, (_, is_one))| *is_one).map(|(rank, _)| real(rank));
    let (m, n) = (real(one.len()), real(others.len()));
    let u = ranks.sum::<f64>() - m * (m - 1.0) / 2.0;
    (u - m * n / 2.0) / (m * n * (m + n + 1.0) / 12.0).sqrt()
}

/// How far the share of one kind among the slowest twentieth lies from its share of all, as a normal deviate.
fn tail_deviate(one: &[u128], others: &[u128]) -> f64 {
    let mut all: Vec<_> = one.iter().chain(others).copied().collect();
    all.sort_unstable();
    let bound = all[all.len() * 19 / 20];
    let slow = |times: &[u128]| real(times.iter().filter(|time| **time >= bound).count());
    let (m, total) = (real(one.len()), real(all.len()));
    let share = (slow(one) + slow(others)) / total;
    (slow(one) - m * share) / (m * share * (1.0 - share) * (total - m) / total).sqrt()
}

/// The kinds that stand out, and how.
fn outstanding(times: &BTreeMap<&'static str, Vec<u128>>) -> BTreeMap<&'static str, String> {
    let mut found = BTreeMap::new();
    for (name, one) in times {
        let others: Vec<_> =
            times.iter().filter(|(other, _)| *other != name).flat_map(|(_, times)| times).copied().collect();
        let (ranks, tail) = (rank_deviate(one, &others), tail_deviate(one, &others));
        if ranks.abs() > UNLIKELY || tail.abs() > UNLIKELY {
            found.insert(*name, format!("ranks {ranks:.1}, tail {tail:.1}"));
        }
    }
    found
}

/// Fails if the same kind stands out in each of some rounds.
async fn take_the_same_time(kinds: &Kinds<'_>) {
    let mut always: Option<BTreeMap<_, Vec<String>>> = None;
    for _ in 0..ROUNDS {
        let found = outstanding(&times(kinds).await);
        let before = always.take();
        let mut both = BTreeMap::new();
        for (name, how) in found {
            let earlier = before.as_ref().map_or(Some(&[][..]), |before| Some(before.get(name)?.as_slice()));
            if let Some(earlier) = earlier {
                both.insert(name, [earlier, &[how]].concat());
            }
        }
        if both.is_empty() {
            return;
        }
        always = Some(both);
    }
    panic!("these tell by their time: {always:?}");
}

/// A server with so many clients `c0@…`, and one user of each kind to whom no link is mailed.
async fn with_users(clients: usize) -> Server {
    let mut server = Server::prepare("Acme");
    server.serve_mailing();
    let client = regular();
    for number in 0..clients {
        let body = json!({"email": format!("c{number}@example.org"), "name_f": "C", "name_l": "L"});
        let request = client.post(server.url("/api/clients")).bearer_auth(&server.key).json(&body);
        assert_eq!(request.send().await.unwrap().status(), 201);
    }
    for (email, kind) in [("staff@x.test", "--staff"), ("two@x.test", "--two-factor"), ("off@x.test", "")] {
        let user = ["user", "add", "--workspace", "Acme", "--email", email, "--name-f", "N", "--name-l", "L"];
        let kind: &[&str] = if kind.is_empty() { &[] } else { &[kind] };
        server.run(&[&user[..], kind].concat());
    }
    server.run(&["user", "set", "off@x.test", "--workspace", "Acme", "status=0"]);
    server
}

#[tokio::test]
async fn the_time_of_an_answer_does_not_tell_who_is_known() {
    let server = with_users(SAMPLES).await;
    let one = |email: &str| vec![email.to_owned()];
    let form = Form::of(&regular(), &server, "/login", ("/login/mail", "email")).await;
    let kinds = [
        ("known", (1..SAMPLES).map(|number| format!("c{number}@example.org")).collect()),
        ("unknown", (0..SAMPLES).map(|number| format!("n{number}@example.org")).collect()),
        // After three mails.
        ("capped", one("c0@example.org")),
        ("staff", one("staff@x.test")),
        ("two-factor", one("two@x.test")),
        ("disabled", one("off@x.test")),
        ("no address", one("nobody")),
    ];
    for _ in 0..20 {
        form.send("c0@example.org").await;
    }
    take_the_same_time(&kinds.map(|(name, values)| (name, (&form, values))).into()).await;
    // What was asked for did lead to mails.
    server.next_mail(SAMPLES / 2).await;
}

#[tokio::test]
async fn the_time_of_an_answer_does_not_tell_whose_dead_link_it_was() {
    let server = with_users(1).await;
    let kill = async |user: i64| {
        let link = server.ask_for_link(user).await;
        assert_eq!(server.call("DELETE", &format!("/api/login_links/{user}")).await.status(), 204);
        link.split_once("token=").unwrap().1.to_owned()
    };
    let clients = kill(1).await;
    let secured = kill(server.add_client("later@x.test", "Later", "Secured")).await;
    server.run(&["user", "set", "later@x.test", "--workspace", "Acme", "two_factor_enabled=true"]);
    let client = regular();
    let form = async |token: &str| {
        Form::of(&client, &server, &format!("/login?token={token}"), ("/login/again", "token")).await
    };
    let unknown = "0".repeat(32);
    let forms = [form(&clients).await, form(&secured).await, form(&unknown).await];
    let kinds = BTreeMap::from([
        ("a client's", (&forms[0], vec![clients])),
        ("with two-factor since", (&forms[1], vec![secured])),
        ("unknown", (&forms[2], vec![unknown])),
    ]);
    take_the_same_time(&kinds).await;
    server.next_mail(0).await;
}

/// The measure itself: what differs by a twentieth is found, what does not is not.
#[test]
fn a_small_difference_stands_out() {
    // Evenly spread, in no order.
    let spread = |at: u64| u128::from(at.wrapping_mul(7_919) % 1_009);
    let kind = |first: u64, more: u128| (0..500).map(|at| 1_000 + spread(first + at) + more).collect();
    let alike = BTreeMap::from([("a", kind(0, 0)), ("b", kind(500, 0)), ("c", kind(1_000, 0))]);
    assert_eq!(outstanding(&alike), BTreeMap::new());
    let slower = BTreeMap::from([("a", kind(0, 0)), ("b", kind(500, 75)), ("c", kind(1_000, 0))]);
    assert!(outstanding(&slower).contains_key("b"), "{:?}", outstanding(&slower));
}
