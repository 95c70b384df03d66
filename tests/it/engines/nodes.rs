//! Several nodes on one database: what one does binds on all, and one that is not itself does nothing.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use doorkey::domain::timestamp::Timestamp;
use doorkey::flow::operations::maintenance;
use reqwest::{Client, StatusCode};
use serde_json::json;

use crate::support::app::TestApp;
use crate::support::http_client::HttpClient;
use crate::support::server::{Server, later, regular};
use crate::support::wait::until_so;

/// How long something that happens by itself may take before the test fails.
const TIMEOUT: Duration = Duration::from_secs(15);

/// Links that are issued on one node and used on another.
const LINKS: i64 = 2_000;

/// Three nodes.
fn three() -> [Server; 3] {
    let mut one = Server::prepare("Acme");
    let (mut two, mut three) = (one.beside(), one.beside());
    for node in [&mut one, &mut two, &mut three] {
        node.serve_with(&[]);
    }
    [one, two, three]
}

/// A link of the portal, at another node.
fn at(node: &Server, link: &str) -> String {
    node.url(&link[link.find("/login").unwrap()..])
}

async fn link_on(client: &Client, node: &Server, user: i64) -> String {
    let ask = client.get(node.url(&format!("/api/login_links/{user}"))).bearer_auth(&node.key);
    let response = ask.send().await.unwrap();
    assert_eq!(response.status(), 200, "{}", response.text().await.unwrap());
    let body: serde_json::Value = response.json().await.unwrap();
    body["link"].as_str().unwrap().to_owned()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn parallel_asks_across_nodes_give_one_link_and_parallel_presses_one_session() {
    let nodes = Arc::new(three());
    nodes[0].add_client("ada@x.test", "Ada", "X");
    let client = regular();

    let asks = (0..100).map(|number| {
        let (nodes, client) = (Arc::clone(&nodes), client.clone());
        tokio::spawn(async move { link_on(&client, &nodes[number % 3], 1).await })
    });
    let mut links = BTreeSet::new();
    for asked in asks.collect::<Vec<_>>() {
        links.insert(asked.await.unwrap());
    }
    assert_eq!(links.len(), 1);

    let link = links.first().unwrap();
    let mut ready = Vec::new();
    for number in 0..60 {
        let mut person = HttpClient::with(&client);
        let page = person.open(&at(&nodes[number % 3], link)).await;
        assert_eq!(page.status, StatusCode::OK);
        ready.push((number, person, page));
    }
    let presses = ready.into_iter().map(|(number, mut person, page)| {
        let nodes = Arc::clone(&nodes);
        // Not on the node that showed the page: any of them can check its form.
        tokio::spawn(async move { person.press(&nodes[(number + 1) % 3], &page).await.status.as_u16() })
    });
    let mut responses = Vec::new();
    for pressed in presses.collect::<Vec<_>>() {
        responses.push(pressed.await.unwrap());
    }
    responses.sort_unstable();
    assert_eq!(responses[0], 303);
    assert!(responses[1..].iter().all(|status| *status == 410), "{responses:?}");
    assert_eq!(nodes[0].database.number("SELECT count(*) FROM sessions"), 1);
}

/// What one node answered the others know at once.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_link_that_one_node_issues_works_on_another_at_once() {
    let nodes = three();
    nodes[0].add_client("ada@x.test", "Ada", "X");
    let client = regular();

    for number in 0..usize::try_from(LINKS).unwrap() {
        let [issuing, opening, pressing] = [0, 1, 2].map(|step| &nodes[(number + step) % 3]);
        let mut person = HttpClient::with(&client);
        let page = person.open(&at(opening, &link_on(&client, issuing, 1).await)).await;
        assert_eq!(page.status, StatusCode::OK, "link {number}");
        assert_eq!(person.press(pressing, &page).await.status, StatusCode::SEE_OTHER, "link {number}");
        assert!(person.is_signed_in(issuing).await, "link {number}");
    }
    assert_eq!(nodes[0].database.number("SELECT count(*) FROM login_links WHERE used_at > 0"), LINKS);
}

/// By the next request, whichever node gets it.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn what_is_added_or_taken_away_on_one_node_binds_on_all_at_the_next_request() {
    let nodes = three();
    let client = regular();
    for (number, node) in nodes.iter().enumerate() {
        let others: Vec<_> = nodes.iter().filter(|other| other.port != node.port).collect();
        let body = json!({ "email": format!("ada{number}@x.test"), "name_f": "Ada", "name_l": "X" });
        let add = client.post(node.url("/api/clients")).bearer_auth(&node.key).json(&body);
        let added: serde_json::Value = add.send().await.unwrap().json().await.unwrap();
        let ada = added["id"].as_i64().unwrap();

        // A user and a link are there, and the link can be killed.
        let mut link = String::new();
        for other in &others {
            link = link_on(&client, other, ada).await;
        }
        let mut person = HttpClient::with(&client);
        person.sign_in(others[0], &at(others[0], &link)).await;
        link = link_on(&client, others[0], ada).await;
        let kill = client.delete(node.url(&format!("/api/login_links/{ada}"))).bearer_auth(&node.key);
        assert_eq!(kill.send().await.unwrap().status(), 204);
        for other in &others {
            assert_eq!(HttpClient::with(&client).open(&at(other, &link)).await.status, StatusCode::GONE);
        }

        // A session ends where its person signs out.
        for other in &others {
            assert!(person.is_signed_in(other).await);
        }
        let mut copy = HttpClient::with(&client);
        copy.take_cookies_of(&person);
        person.sign_out(node).await;
        for other in &others {
            assert!(!copy.is_signed_in(other).await);
        }

        // A setting that was read before is read anew.
        node.workspace_set(&format!("url=http://localhost:{}", node.port));
        for other in &others {
            assert!(link_on(&client, other, ada).await.starts_with(&node.url("/login")));
        }

        // A key that was believed before is no key any more.
        let new = node.run(&["key", "create", "--workspace", "Acme", "--name", "short", "--json"]);
        let new: serde_json::Value = serde_json::from_str(&new).unwrap();
        let ask = |node: &Server| client.get(node.url("/api/team")).bearer_auth(new["key"].as_str().unwrap());
        for other in &nodes {
            assert_eq!(ask(other).send().await.unwrap().status(), 200);
        }
        node.run(&["key", "revoke", &new["id"].to_string(), "--workspace", "Acme"]);
        for other in &nodes {
            assert_eq!(ask(other).send().await.unwrap().status(), 401);
        }
    }
}

/// Whether `/readyz` says 200, once it says what is expected.
async fn wait_until_ready(node: &Server, expected: bool) {
    let is_ready = async || regular().get(node.ops_url("/readyz")).send().await.unwrap().status() == 200;
    until_so(TIMEOUT, async || is_ready().await == expected, || node.log()).await;
}

/// Contract, section 7: what such a node issued would live too long or not at all, or could not be used elsewhere.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_node_whose_clock_is_off_or_that_lacks_a_key_is_not_ready_and_issues_nothing() {
    let right = Server::start();
    right.add_client("ada@x.test", "Ada", "X");
    let link = right.ask_for_link(1).await;
    let mut wrong = right.beside();
    let fast = later(5);
    let fast = fast.each_ref().map(|(name, value)| (*name, value.as_str()));
    wrong.serve_unready_with(&fast);

    let mut person = HttpClient::arrives();
    let page = person.open(&at(&wrong, &link)).await;
    assert_eq!(page.status, StatusCode::OK, "a look at a link issues nothing");
    assert_eq!(wrong.call("GET", "/api/login_links/1").await.status(), 503);
    assert_eq!(person.press(&wrong, &page).await.status, StatusCode::SERVICE_UNAVAILABLE);
    wait_until_ready(&wrong, false).await;
    let printed = wrong.refused(&["check"], &fast);
    assert!(printed.contains("ahead of the database's"), "{printed}");
    let printed = wrong.refused(&["link", "1", "--workspace", "Acme"], &fast);
    assert!(printed.contains("ahead of the database's"), "{printed}");
    assert_eq!(right.database.number("SELECT count(*) FROM nodes"), 1, "who must not issue has reported in");
    assert_eq!(person.press(&right, &page).await.status, StatusCode::SEE_OTHER);
    assert!(person.is_signed_in(&wrong).await, "who is signed in stays so");
    wrong.stop();

    let link = right.ask_for_link(1).await;
    let accept = "INSERT INTO key_fingerprints (fingerprint, key_id, created_at) VALUES";
    right.database.run(&format!("{accept} (x'{}', 7, 0)", "07".repeat(32)));
    wait_until_ready(&right, false).await;
    assert_eq!(right.call("GET", "/api/login_links/1").await.status(), 503);
    right.database.run("DELETE FROM key_fingerprints WHERE key_id = 7");
    wait_until_ready(&right, true).await;
    assert_eq!(right.ask_for_link(1).await, link);
}

/// By the clock of the node they would be gone, or would stay.
#[tokio::test]
async fn the_sweep_goes_by_the_databases_clock() {
    let test = TestApp::start().await;
    let (ada, bob) = (test.client("ada@x.test").await, test.client("bob@x.test").await);
    for user in [ada, bob] {
        test.ask_for_link(user).await;
    }
    let now = test.number("SELECT CAST(extract(epoch FROM clock_timestamp()) * 1000 AS BIGINT)");
    for (user, ended) in [(ada, now - 86_500_000), (bob, now - 86_300_000)] {
        let user = user.number();
        test.run_sql(&format!("UPDATE login_links SET expires_at = {ended} WHERE user_id = {user}"));
    }
    let left = || test.database.rows("SELECT user_id FROM login_links");
    let entries = test.number("SELECT count(*) FROM audit_log");

    for wall in [now - 400 * 86_400_000, now + 400 * 86_400_000] {
        test.app.clock.set(Timestamp::from_millis(wall));
        let kept = maintenance::Retention { audit_log: 365 * 86_400, dead_links: 86_400 };
        maintenance::sweep_if_due(&test.app, kept).await.unwrap();
        test.advance(600);
        maintenance::sweep_if_due(&test.app, kept).await.unwrap();
        assert_eq!(left(), [[bob.number().to_string()]], "{wall}");
    }
    assert_eq!(test.number("SELECT count(*) FROM audit_log"), entries);
}

/// `secret use` and `check` see who is there, and with which keys.
#[test]
fn a_node_reports_in_and_takes_its_leave() {
    let mut one = Server::start();
    let mut two = one.beside();
    two.serve_with(&[]);
    let file = one.run(&["secret", "list", "--json"]);
    let key = one.database.rows("SELECT key_ids FROM nodes GROUP BY key_ids");

    assert_eq!(one.database.number("SELECT count(*) FROM nodes"), 2);
    assert!(file.contains(&key[0][0]), "{key:?} {file}");
    assert!(one.run(&["check"]).contains("2 server(s) run on this database"));
    one.database.run("UPDATE nodes SET key_ids = '00000007'");
    assert!(one.refused(&["check"], &[]).contains("lack a key of this key file"));
    two.stop();
    assert_eq!(one.database.number("SELECT count(*) FROM nodes"), 1);
    one.kill();
    one.database.run("UPDATE nodes SET reported_at = reported_at - 15000");
    assert!(one.run(&["check"]).contains("No server runs on this database"));
}
