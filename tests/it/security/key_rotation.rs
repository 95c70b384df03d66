//! Another secret key: what was made with the old one goes on, and nothing is made that nobody could use.

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use doorkey::domain::admin::AdminRole;
use doorkey::domain::audit::AuditContext;
use doorkey::domain::login_link::KeyId;
use doorkey::domain::scope::{Scope, Scopes};
use doorkey::flow;
use doorkey::flow::operations::nodes;
use doorkey::flow::operations::secret_keys;
use doorkey::flow::operations::secret_keys::SecretKeyError;
use doorkey::keys;
use doorkey::store::KeyUsage;
use serde_json::Value;

use crate::support::admin::{admin_pages, allow, grant, link as link_to_admin_pages, signed_in};
use crate::support::app::{TestApp, TestRequest};
use crate::support::consistency::MISQUOTED;
use crate::support::http_client::HttpClient;
use crate::support::server::{Server, regular};
use crate::support::wait::until_so;

/// How long something that happens by itself may take before the test fails.
const TIMEOUT: Duration = Duration::from_secs(15);

fn json(text: &str) -> Value {
    serde_json::from_str(text).unwrap()
}

fn id_of(text: &str) -> String {
    json(text)["id"].as_str().unwrap().to_owned()
}

fn active(server: &Server) -> String {
    let listed = json(&server.run(&["secret", "list", "--json"]));
    assert_eq!(listed[0]["role"], "active");
    listed[0]["id"].as_str().unwrap().to_owned()
}

/// The number of a key as it stands in rows.
fn number(id: &str) -> i64 {
    u32::from_str_radix(id, 16).unwrap().into()
}

async fn wait_until(server: &Server, sql: &str, expected: i64) {
    let is_so = async || server.database.number(sql) == expected;
    until_so(TIMEOUT, is_so, || format!("{sql}\n{}", server.log())).await;
}

/// The log says so, now or soon.
async fn wait_for_line(server: &Server, line: &str, times: usize) {
    let is_there = async || server.log().matches(line).count() >= times;
    until_so(TIMEOUT, is_there, || format!("{line}\n{}", server.log())).await;
}

/// On two nodes: one that has the changed file, and one whose file was copied before the change.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn what_was_made_with_the_old_key_goes_on_beside_running_servers() {
    let one = Server::start();
    let old = active(&one);
    for name in ["ada", "bob", "cat", "dan"] {
        one.add_client(&format!("{name}@x.test"), name, "X");
    }
    let (ada, bob) = (one.ask_for_link(1).await, one.ask_for_link(2).await);
    let mut bobs = HttpClient::arrives();
    bobs.sign_in(&one, &bob).await;
    let mut adas = HttpClient::arrives();
    let page = adas.open(&ada).await;

    let new = id_of(&one.run(&["secret", "add", "--json"]));
    let other_file = one.path("other.key");
    fs::copy(one.path("doorkey.key"), &other_file).unwrap();
    let mut two = one.beside();
    two.serve_with(&[("DOORKEY_SECRET_KEY_FILE", other_file.to_str().unwrap())]);
    assert_eq!(active(&one), old, "a key that was added derives nothing");
    assert_eq!(id_of(&one.run(&["secret", "use", &new, "--json"])), new);
    assert_eq!(active(&one), new);

    let new_number = number(&new);
    for node in [&one, &two] {
        assert_eq!(node.ask_for_link(1).await, ada, "the same link comes back");
        assert!(bobs.is_signed_in(node).await);
    }
    for (node, user) in [(&one, 3), (&two, 4)] {
        wait_until_it_derives_with(node, user, new_number).await;
    }
    for (node, user) in [(&one, 3), (&two, 4)] {
        let link = node.ask_for_link(user).await;
        HttpClient::arrives().sign_in(if user == 3 { &two } else { &one }, &link).await;
    }
    wait_until_the_api_key_moves(&one, new_number).await;
    assert_eq!(adas.press(&one, &page).await.status, 303, "a form from before is good");
    let on_new = format!("SELECT count(*) FROM sessions WHERE key_id = {new_number}");
    assert_eq!(one.database.number(&on_new), 3);

    let printed = one.refused(&["secret", "retire", &old], &[]);
    assert!(printed.contains("0 live login link(s), 1 session(s) and 0 API key(s)"), "{printed}");
    assert!(one.refused(&["secret", "retire", &new], &[]).contains("is the active one"));
    assert!(bobs.is_signed_in(&two).await);
    bobs.sign_out(&two).await;
    one.run(&["secret", "retire", &old, "--json"]);
    assert_eq!(json(&one.run(&["secret", "list", "--json"])).as_array().unwrap().len(), 1);
    for node in [&one, &two] {
        assert!(adas.is_signed_in(node).await);
        assert_eq!(node.call("GET", "/api/team").await.status(), 200);
    }

    // A file from before the end is good for nothing but what is left.
    two.stop();
    two.serve_with(&[("DOORKEY_SECRET_KEY_FILE", other_file.to_str().unwrap())]);
    two.ask_for_link(1).await;
    let surroundings = [("DOORKEY_SECRET_KEY_FILE", other_file.to_str().unwrap())];
    let printed = one.refused(&["secret", "use", &old], &surroundings);
    assert!(printed.contains("was retired, and does not come back"), "{printed}");
}

/// An API key moves with its next use once the server has followed, if no other is just on its way.
async fn wait_until_the_api_key_moves(server: &Server, key: i64) {
    let count = format!("SELECT count(*) FROM api_keys WHERE key_id = {key}");
    let moves = async || {
        assert_eq!(server.call("GET", "/api/team").await.status(), 200);
        server.database.number(&count) == 1
    };
    until_so(TIMEOUT, moves, || server.log()).await;
}

/// Has links made until one rests on a key: a server follows within a second.
async fn wait_until_it_derives_with(node: &Server, user: i64, key: i64) {
    let begun = Instant::now();
    let newest = format!(
        "SELECT count(*) FROM login_links l JOIN users u ON u.newest_link = l.hash WHERE u.id = {user} AND l.key_id = {key}"
    );
    loop {
        node.ask_for_link(user).await;
        if node.database.number(&newest) == 1 {
            return;
        }
        assert!(begun.elapsed() < TIMEOUT, "{}", node.log());
        assert_eq!(node.call("DELETE", &format!("/api/login_links/{user}")).await.status(), 204);
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// No caller notices: while the key changes, an API key is found under either hash.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn no_request_fails_while_the_key_changes() {
    let server = Server::start();
    server.add_client("ada@x.test", "Ada", "X");
    let link = server.ask_for_link(1).await;
    let client = regular();
    let (url, key) = (server.url("/api/login_links/1"), server.key.clone());
    let (stop, stopped) = tokio::sync::watch::channel(false);
    let callers = (0..8).map(|_| {
        let (client, url, key, stopped) = (client.clone(), url.clone(), key.clone(), stopped.clone());
        tokio::spawn(async move {
            let mut responses = Vec::new();
            while !*stopped.borrow() {
                let response = client.get(&url).bearer_auth(&key).send().await.unwrap();
                responses.push((response.status().as_u16(), response.text().await.unwrap()));
            }
            responses
        })
    });
    let callers: Vec<_> = callers.collect();

    for _ in 0..3 {
        let id = id_of(&server.run(&["secret", "add", "--json"]));
        server.run(&["secret", "use", &id]);
        let moved = format!("SELECT count(*) FROM api_keys WHERE key_id = {}", number(&id));
        wait_until(&server, &moved, 1).await;
    }
    stop.send(true).unwrap();

    let mut count = 0;
    for caller in callers {
        for (status, body) in caller.await.unwrap() {
            assert_eq!((status, json(&body)["link"].as_str().unwrap()), (200, &*link));
            count += 1;
        }
    }
    assert!(count > 100, "only {count} requests were made meanwhile");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_key_that_a_server_lacks_is_not_used_until_it_has_it() {
    let one = Server::start();
    one.add_client("ada@x.test", "Ada", "X");
    let apart = one.path("apart.key");
    fs::copy(one.path("doorkey.key"), &apart).unwrap();
    let mut two = one.beside();
    let surroundings = [("DOORKEY_SECRET_KEY_FILE", apart.to_str().unwrap())];
    two.serve_with(&surroundings);
    let new = id_of(&one.run(&["secret", "add", "--json"]));
    let before = fs::read(one.path("doorkey.key")).unwrap();

    let printed = one.refused(&["secret", "use", &new], &[]);
    assert!(printed.contains(&format!("1 of 2 running server(s) lack the key {new}")), "{printed}");
    assert_eq!(fs::read(one.path("doorkey.key")).unwrap(), before);
    assert_eq!(one.database.number("SELECT count(*) FROM key_fingerprints"), 1);
    assert!(one.refused(&["secret", "use", &new], &surroundings).contains("has no key"));

    // The copy is seen by itself.
    fs::copy(one.path("doorkey.key"), &apart).unwrap();
    one.run(&["secret", "use", &new]);
    two.ask_for_link(1).await;
    assert_eq!(one.database.number("SELECT count(*) FROM key_fingerprints"), 2);

    // Whoever comes with the file of before is not let in.
    two.stop();
    fs::write(&apart, fs::read_to_string(&apart).unwrap().lines().next().unwrap()).unwrap();
    let first = String::from_utf8(before).unwrap();
    let first: Vec<_> = first.lines().filter(|line| !line.contains(&new)).collect();
    fs::write(&apart, first.join("\n")).unwrap();
    let printed = one.refused(&["link", "1", "--workspace", "Acme"], &surroundings);
    assert!(printed.contains(&format!("lacks the key {new}, which the database rests on")), "{printed}");
}

/// SIGHUP would end a process that does not listen for it.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_changed_key_file_is_read_again_and_a_wrong_one_changes_nothing() {
    let server = Server::start();
    server.add_client("ada@x.test", "Ada", "X");
    let own = fs::read_to_string(server.path("doorkey.key")).unwrap();
    let stranger = server.path("stranger.key");
    keys::create(&stranger).unwrap();

    let not_used = "the changed key file is not used";
    for (times, text) in [(1, "short"), (2, &*fs::read_to_string(&stranger).unwrap())] {
        fs::write(server.path("doorkey.key"), text).unwrap();
        server.signal("HUP");
        wait_for_line(&server, not_used, times).await;
        server.ask_for_link(1).await;
    }
    assert!(server.log().contains("which the database rests on"), "{}", server.log());
    fs::remove_file(server.path("doorkey.key")).unwrap();
    server.signal("HUP");
    wait_for_line(&server, not_used, 3).await;
    assert_eq!(server.call("DELETE", "/api/login_links/1").await.status(), 204);
    server.ask_for_link(1).await;

    put(&server.path("doorkey.key"), &own);
    let new = id_of(&server.run(&["secret", "add", "--json"]));
    server.signal("HUP");
    wait_for_line(&server, "and is used as it is now", 1).await;
    let reported = format!("SELECT count(*) FROM nodes WHERE key_ids LIKE '%{new}%'");
    wait_until(&server, &reported, 1).await;
    assert_eq!(server.log().matches(not_used).count(), 3, "each wrong file is printed of once");
}

fn put(path: &Path, text: &str) {
    use std::os::unix::fs::PermissionsExt;
    fs::write(path, text).unwrap();
    fs::set_permissions(path, fs::Permissions::from_mode(0o600)).unwrap();
}

/// The old key and a new one that is in the file, which this process has read.
async fn with_another_key(test: &TestApp) -> (KeyId, KeyId) {
    let old = test.app.keys().active_id();
    let new = keys::add(&test.key_file()).unwrap();
    // In this process nobody looks each second.
    nodes::check_health(&test.app).await.unwrap().unwrap();
    (old, new)
}

async fn retire(operator: &TestApp, key: KeyId, is_forced: bool) -> Result<KeyUsage, SecretKeyError> {
    secret_keys::retire(&operator.app, &AuditContext::at_command_line(), key, is_forced).await
}

async fn wait_until_all_but(test: &TestApp, left: i64, key: KeyId) {
    let count = format!("SELECT count(*) FROM api_keys WHERE key_id = {}", key.0);
    until_so(TIMEOUT, async || test.number(&count) == left, || format!("not {left} API keys are left")).await;
}

#[tokio::test]
async fn a_key_retired_by_force_takes_along_what_rests_on_it_and_nothing_else() {
    let test = TestApp::start().await.on_time().await;
    let (spare_id, spare) = test.key_with(&[Scope::TeamRead], None).await;
    let mut people = Vec::new();
    for name in ["ada", "bob", "cat"] {
        people.push(test.client(&format!("{name}@x.test")).await);
    }
    let link = test.ask_for_link(people[0]).await;
    let (mut bobs, mut cats) = (test.browser(), test.browser());
    bobs.sign_in(&test.ask_for_link(people[1]).await).await;
    let (pages, grace) = (admin_pages(&test), grant("Grace", AdminRole::Operator, &[]));
    let mut admin = signed_in(&pages, grace.clone()).await;
    link_to_admin_pages(&pages, grace.clone()).await;
    allow(&test, grace).await;
    let (old, new) = with_another_key(&test).await;
    let operator = test.beside().await;
    secret_keys::make_active(&operator.app, &AuditContext::at_command_line(), new).await.unwrap();
    nodes::check_health(&test.app).await.unwrap().unwrap();
    cats.sign_in(&test.ask_for_link(people[2]).await).await;
    wait_until_all_but(&test, 1, old).await;

    let refused = retire(&operator, old, false).await.unwrap_err().to_string();
    assert!(bobs.is_signed_in().await, "what was refused ended nothing");
    let ended = retire(&operator, old, true).await.unwrap();
    nodes::check_health(&test.app).await.unwrap().unwrap();

    assert!(
        refused.contains("1 live login link(s), 1 session(s) and 1 API key(s), and 3 of admins"),
        "{refused}"
    );
    assert_eq!(
        ended,
        KeyUsage { login_links: 1, sessions: 1, api_keys: 1, admins: 3, ..KeyUsage::default() }
    );
    assert_eq!(test.number(&format!("SELECT count(*) FROM ({MISQUOTED}) m")), 0);
    assert_eq!(test.browser().open(&link).await.status, 410);
    assert!(!bobs.is_signed_in().await && cats.is_signed_in().await);
    let team = TestRequest::of("GET", "/api/team");
    assert_eq!(test.send(team.clone().bearer(&spare)).await.status, 401);
    assert_eq!(test.send(team.bearer(&test.key)).await.status, 200);
    let printed = test.audit();
    assert_eq!(admin.get("/").await.header("location"), "/sign-in");
    for entry in ["login_link.killed", "session.ended", "api_key.revoked", "admin.ended", "admin.disallowed"]
    {
        assert!(printed.contains(&format!("{entry} by command_line key_retired")), "{printed:?}");
    }
    assert_eq!(
        test.number(&format!("SELECT count(*) FROM api_keys WHERE revoked_at > 0 AND id = {spare_id}")),
        1
    );
}

/// The race is guarded where it is run: in the statement that makes something. Whoever loses there learns of the new key.
#[tokio::test]
async fn a_node_that_has_not_heard_of_another_key_makes_nothing_with_the_old_one() {
    for is_retired in [false, true] {
        let test = TestApp::start().await.on_time().await;
        let (ada, bob) = (test.client("ada@x.test").await, test.client("bob@x.test").await);
        let (old, new) = with_another_key(&test).await;
        let (second, third, operator) = (test.beside().await, test.beside().await, test.beside().await);
        secret_keys::make_active(&operator.app, &AuditContext::at_command_line(), new).await.unwrap();
        nodes::check_health(&operator.app).await.unwrap().unwrap();
        let mut adas = test.browser();
        let page = adas.open(&operator.ask_for_link(ada).await).await;
        wait_until_all_but(&test, 0, old).await;
        if is_retired {
            retire(&operator, old, false).await.unwrap();
        }
        for node in [&test, &second, &third] {
            assert_eq!(node.app.keys().active_id(), old, "it has heard of it");
        }

        let pressed = adas.press(&page).await;
        let link = second.ask_for_link(bob).await;
        let act = AuditContext::at_command_line();
        flow::api_keys::create(&third.app, &test.acme, &act, ("x", Scopes::all(), None)).await.unwrap();

        assert_eq!((pressed.status.as_u16(), test.browser().open(&link).await.status.as_u16()), (303, 200));
        for (table, count) in [("login_links", 2), ("sessions", 1), ("api_keys", 2)] {
            let made = format!("SELECT count(*) FROM {table} WHERE key_id = {}", new.0);
            assert_eq!(test.number(&made), count, "{table}");
        }
    }
}

#[tokio::test]
async fn a_node_that_lacks_the_key_that_derives_learns_of_it_before_it_makes_anything() {
    let test = TestApp::start().await.on_time().await;
    let ada = test.client("ada@x.test").await;
    let used = "INSERT INTO key_fingerprints (fingerprint, key_id, created_at, activated_at) SELECT";
    let later = "max(activated_at) + 1, max(activated_at) + 1 FROM key_fingerprints";
    test.run_sql(&format!("{used} x'{}', 7, {later}", "07".repeat(32)));

    let asked = test.call("GET", &format!("/api/login_links/{}", ada.number())).await;

    assert_eq!((asked.status.as_u16(), asked.code()), (503, "unavailable".to_owned()));
    assert_eq!(test.number("SELECT count(*) FROM login_links"), 0);
}
