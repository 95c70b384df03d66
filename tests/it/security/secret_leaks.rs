//! Secrets and addresses stay where they belong: not in the database, not in the log, not in a metric.

use crate::support::http_client::HttpClient;
use crate::support::ports::free_port;
use crate::support::server::{Server, visitor};

const SESSION: &str = "doorkey_session";
const BROWSER: &str = "doorkey_browser";

/// What nobody may find: each by a name that can be printed.
type Secrets = Vec<(&'static str, String)>;

#[tokio::test]
async fn a_stolen_database_holds_no_token_no_cookie_and_no_key() {
    let (mut server, admin) = (Server::prepare("Acme"), admin_address());
    server.serve_with(&[("DOORKEY_ADMIN_LISTEN", &admin)]);
    let mut secrets = live_a_little(&server).await;
    secrets.extend(admins_live_a_little(&server, &admin).await);

    let while_running = server.database.stolen();
    server.stop();
    let at_rest = server.database.stolen();

    for stolen in [while_running, at_rest] {
        assert!(contains(&stolen, b"ada@example.org"), "this is not the database");
        for (name, secret) in &secrets {
            for (form, bytes) in forms(secret) {
                assert!(!contains(&stolen, &bytes), "{name} stands in the database as {form}");
            }
        }
    }
}

/// Even at the finest level.
#[tokio::test]
async fn the_log_and_the_metrics_tell_no_secret_and_no_address() {
    let mut server = Server::prepare("Acme");
    let admin = admin_address();
    server.serve_with(&[("RUST_LOG", "trace"), ("DOORKEY_ADMIN_LISTEN", &admin)]);
    let mut secrets = live_a_little(&server).await;
    secrets.extend(admins_live_a_little(&server, &admin).await);
    provoke_errors(&server, &secrets).await;
    provoke_errors_of_admins(&admin, &secrets).await;
    for part in ["ada@example.org", "Lovelace", "bob@example.com"] {
        secrets.push(("an address or a name", part.to_owned()));
    }

    let metrics = visitor().get(server.ops_url("/metrics")).send().await.unwrap().text().await.unwrap();
    server.stop();
    let log = server.log();

    assert!(log.contains("TRACE"), "the log is not at its finest:\n{log}");
    for (name, secret) in &secrets {
        for (form, bytes) in forms(secret) {
            let line = log.lines().find(|line| contains(line.as_bytes(), &bytes));
            assert_eq!(line, None, "{name} stands in the log as {form}");
            assert!(!contains(metrics.as_bytes(), &bytes), "{name} stands in the metrics as {form}");
        }
    }
}

#[tokio::test]
async fn odd_bytes_from_outside_make_one_short_line_of_the_log_each() {
    let server = Server::start();
    let quiet = server.log().lines().count();
    let megabyte = "a".repeat(1_000_000);
    let asks = [
        "GET /login HTTP/1.1\r\nHost: localhost\r\nUser-Agent: \u{1b}[31mred\r\n\r\n".to_owned(),
        "GET /login HTTP/1.1\r\nHost: localhost\r\nUser-Agent: a\rb\r\n\r\n".to_owned(),
        "GET /%0d%0a2026-01-01%20forged%1b[31m HTTP/1.1\r\nHost: localhost\r\n\r\n".to_owned(),
        "GET /api/login_links/%0d%0aforged%1b%5b31m HTTP/1.1\r\nHost: localhost\r\n\r\n".to_owned(),
        "GET /login?redirect=%0d%0aforged HTTP/1.1\r\nHost: local\u{1b}[31mhost\r\n\r\n".to_owned(),
        format!("GET /login HTTP/1.1\r\nHost: localhost\r\nUser-Agent: {megabyte}\r\n\r\n"),
        format!("GET /{} HTTP/1.1\r\nHost: localhost\r\n\r\n", &megabyte[..50_000]),
        format!("GET / HTTP/1.1\r\nHost: {}\r\n\r\n", &megabyte[..50_000]),
        format!("{} / HTTP/1.1\r\nHost: localhost\r\n\r\n", &megabyte[..50_000]),
    ];

    for ask in &asks {
        server.send_raw(ask.as_bytes());
    }

    let log = server.log();
    let lines: Vec<&str> = log.lines().skip(quiet).collect();
    assert!(!lines.is_empty(), "nothing was logged");
    assert!(lines.len() <= asks.len(), "more lines than requests:\n{log}");
    for line in lines {
        assert!(line.len() < 2_000, "a line of {} bytes: {}…", line.len(), &line[..200]);
        assert!(line.starts_with("20"), "no line of ours: {line}");
        assert!(!line.contains("forged"), "{line}");
        assert!(!line.chars().any(char::is_control), "{line:?}");
    }
}

/// Links asked for and opened, somebody signed in, one signed out again. Gives every secret that was seen on the way.
async fn live_a_little(server: &Server) -> Secrets {
    let ada = server.add_client("ada@example.org", "Ada", "Lovelace");
    let bob = server.add_client("bob@example.com", "Bob", "Lovelace");
    let for_ada = server.ask_for_link_to(ada, "/orders/5?x=1").await;
    let for_bob = server.ask_for_link(bob).await;
    let (mut here, mut there) = (HttpClient::arrives(), HttpClient::arrives());
    here.sign_in(server, &for_ada).await;
    there.sign_in(server, &for_bob).await;
    let mut secrets = vec![
        ("the API key", server.key.clone()),
        ("a used token", token(&for_ada)),
        ("a browser cookie", here.cookie(BROWSER)),
        ("a session cookie", secret_half(&here.cookie(SESSION))),
        ("an ended session's cookie", secret_half(&there.cookie(SESSION))),
    ];
    assert!(here.is_signed_in(server).await);
    there.sign_out(server).await;
    assert_eq!(here.open(&server.url("/auth/verify")).await.status, 200);
    assert_eq!(there.open(&for_bob).await.status, 410);
    secrets.push(("a live token", token(&server.ask_for_link(bob).await)));
    assert_eq!(server.call("GET", "/api/login_links").await.status(), 200);
    secrets
}

fn admin_address() -> String {
    format!("127.0.0.1:{}", free_port())
}

/// An admin signs in and makes a key, another one signs out again, and a link is left.
async fn admins_live_a_little(server: &Server, admin: &str) -> Secrets {
    let mut secrets = Vec::new();
    for leaves in [false, true] {
        let link = admin_link(server, admin);
        let page = visitor().get(&link).send().await.unwrap();
        let browser = cookie_of(&page);
        let page = page.text().await.unwrap();
        let (token_of_form, proof) = (field(&page, "token"), field(&page, "proof"));
        let form = [("token", &*token_of_form), ("proof", &*proof)];
        let signed_in = post(admin, "/sign-in", &browser, &form).await;
        assert_eq!(signed_in.status(), 303);
        let session = cookie_of(&signed_in);
        let list = visitor().get(format!("http://{admin}/w/1/keys")).header("cookie", &session);
        let proof = field(&list.send().await.unwrap().text().await.unwrap(), "proof");
        let form = [("proof", &*proof), ("name", "made by an admin"), ("scope", "logs:read")];
        let made = post(admin, "/w/1/keys", &session, &form).await.text().await.unwrap();
        let key = made.split("value=\"doorkey_").nth(1).unwrap().split('"').next().unwrap();
        if leaves {
            assert_eq!(post(admin, "/sign-out", &session, &[("proof", &*proof)]).await.status(), 303);
        }
        let value = |cookie: &str| cookie.split_once('=').unwrap().1.to_owned();
        secrets.push(("a used admin token", token(&link)));
        secrets.push(("an admin's browser cookie", value(&browser)));
        secrets.push(("an admin's session cookie", value(&session)));
        secrets.push(("a key that an admin made", format!("doorkey_{key}")));
    }
    secrets.push(("a live admin token", token(&admin_link(server, admin))));
    secrets
}

/// Sends a form to the admin pages.
async fn post(admin: &str, path: &str, cookie: &str, fields: &[(&str, &str)]) -> reqwest::Response {
    let body = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
    let request = visitor().post(format!("http://{admin}{path}")).header("cookie", cookie).body(body);
    request.header("content-type", "application/x-www-form-urlencoded").send().await.unwrap()
}

fn admin_link(server: &Server, admin: &str) -> String {
    server.run(&["admin", "link", "--admin-listen", admin, "--name", "Grace"]).trim_end().to_owned()
}

/// Name and value of the cookie that a response sets.
fn cookie_of(response: &reqwest::Response) -> String {
    let set = response.headers()["set-cookie"].to_str().unwrap();
    set.split(';').next().unwrap().to_owned()
}

/// The value of a hidden field of a page.
fn field(page: &str, name: &str) -> String {
    let (_, rest) = page.split_once(&format!("name=\"{name}\" value=\"")).unwrap();
    rest.split('"').next().unwrap().to_owned()
}

/// Requests to the admin pages that go wrong around a secret.
async fn provoke_errors_of_admins(admin: &str, secrets: &Secrets) {
    for (_, secret) in secrets {
        for path in [
            format!("/{secret}"),
            format!("/sign-in?token={secret}"),
            format!("/sign-in?{secret}=1&token=%"),
            format!("/w/{secret}/keys"),
            format!("/w/1/keys?page={secret}"),
            format!("/w/1/keys/{secret}/revoke"),
        ] {
            let cookie = format!("doorkey_admin={secret}; doorkey_admin_browser={secret}");
            let looked =
                visitor().get(format!("http://{admin}{path}")).header("cookie", &cookie).send().await;
            let pressed = post(admin, &path, &cookie, &[("token", secret), ("proof", secret)]).await;
            for response in [looked.unwrap(), pressed] {
                assert!(!response.status().is_server_error(), "{path}");
            }
        }
    }
}

/// Requests that go wrong around a secret.
async fn provoke_errors(server: &Server, secrets: &Secrets) {
    for (_, secret) in secrets {
        for path in [
            format!("/{secret}"),
            format!("/login/{secret}"),
            format!("/login?token={secret}"),
            format!("/login?token={secret}%"),
            format!("/login?redirect={secret}"),
            format!("/api/{secret}?token={secret}"),
            format!("/api/login_links/{secret}?min_ttl={secret}"),
            format!("/api/login_links/1?{secret}=1&api_key={secret}"),
            format!("/auth/verify?redirect=1&{secret}"),
        ] {
            let response = server.call("GET", &path).await;
            assert!(!response.status().is_server_error(), "{path}");
        }
        let form = format!("token={secret}&proof={secret}");
        let request = visitor().post(server.url("/login")).body(form).header("sec-fetch-site", "same-origin");
        let request = request.header("cookie", format!("{SESSION}_x={secret}; {BROWSER}={secret}"));
        request.header("content-type", "application/x-www-form-urlencoded").send().await.unwrap();
        visitor().get(server.url("/api/login_links")).bearer_auth(secret).send().await.unwrap();
        for pasted in [
            format!("{{\"link\": \"{secret}\"}}"),
            format!("{{\"link\": \"https://x.test/login?token={secret}\"}}"),
        ] {
            let story = visitor().post(server.url("/api/stories")).bearer_auth(&server.key).body(pasted);
            let story = story.header("content-type", "application/json").send().await.unwrap();
            assert!(!story.status().is_server_error(), "{}", story.status());
        }
    }
    for address in ["/api/login_links/ada%40example.org", "/api/login_links/nobody%40example.org"] {
        server.call("GET", address).await;
    }
}

fn token(link: &str) -> String {
    link.split_once("token=").unwrap().1.split('&').next().unwrap().to_owned()
}

/// A session's cookie opens with its public number; the rest is the secret.
fn secret_half(cookie: &str) -> String {
    assert_eq!(cookie.len(), 64);
    cookie[32..].to_owned()
}

/// The ways in which somebody might have kept a text: as it is, in hex, in base 64 at each of its three offsets.
fn forms(secret: &str) -> Vec<(&'static str, Vec<u8>)> {
    let halves = secret.bytes().flat_map(|byte| [byte >> 4, byte & 15]);
    let hex: String = halves.filter_map(|half| char::from_digit(u32::from(half), 16)).collect();
    let mut forms = vec![
        ("text", secret.as_bytes().to_vec()),
        ("hex", hex.clone().into_bytes()),
        ("upper hex", hex.to_uppercase().into_bytes()),
    ];
    for offset in 0..3 {
        // Letters that mix with what stands before or after are left away.
        let whole = &secret.as_bytes()[offset..offset + (secret.len() - offset) / 3 * 3];
        forms.push(("base 64", base64(whole).into_bytes()));
    }
    forms
}

fn base64(bytes: &[u8]) -> String {
    const LETTERS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let groups = bytes.chunks_exact(3).map(|group| u32::from_be_bytes([0, group[0], group[1], group[2]]));
    let letters =
        groups.flat_map(|group| [18, 12, 6, 0].map(|shift| LETTERS[(group >> shift & 63) as usize]));
    letters.map(char::from).collect()
}

fn contains(hay: &[u8], needle: &[u8]) -> bool {
    hay.windows(needle.len()).any(|window| window == needle)
}

#[test]
fn the_search_finds_a_secret_in_each_of_its_forms() {
    for prefix in ["", "x", "xy", "xyz"] {
        let padded = format!("{prefix}ewtGwgZ0b3IE1wq7a7vrjhONy0uVBPgT!!");
        let kept = base64(&padded.as_bytes()[..padded.len() / 3 * 3]);

        let found = forms("ewtGwgZ0b3IE1wq7a7vrjhONy0uVBPgT");
        assert!(found.iter().any(|(_, bytes)| contains(kept.as_bytes(), bytes)), "{prefix}");
    }
    assert_eq!(base64(b"Man"), "TWFu");
}
