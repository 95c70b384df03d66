//! `doorkey app try`: the whole flow of an app, at a running server, without a trace for anybody else.

use std::process::Stdio;
use std::time::Duration;

use serde_json::{Value, json};

use crate::support::http_client::HttpClient;
use crate::support::receiver::{Answer, Receiver};
use crate::support::server::Server;

const STEPS: [&str; 9] =
    ["discovery", "jwks", "authorize", "sign_in", "code", "token", "id_token", "userinfo", "sign_out"];

/// Runs `app try` as this user, at a server; what it printed, and whether it ended well.
fn tried(server: &Server, app: &str, user: &str, at: &str) -> (Value, bool, String) {
    let words = ["app", "try", app, "--workspace", "Acme", "--user", user, "--server", at, "--json"];
    let output = server.command().args(words).stdin(Stdio::null()).output().unwrap();
    let complaint = String::from_utf8(output.stderr).unwrap();
    let printed = String::from_utf8(output.stdout).unwrap();
    (serde_json::from_str(&printed).unwrap_or_default(), output.status.success(), complaint)
}

fn at(server: &Server) -> String {
    format!("http://127.0.0.1:{}", server.port)
}

fn create_app(server: &Server, words: &[&str]) -> Value {
    let create = ["app", "create", "Wiki", "--workspace", "Acme", "--json"];
    let uri = ["--redirect-uri", "https://app.example.org/cb"];
    serde_json::from_str(&server.run(&[&create, &uri[..], words].concat())).unwrap()
}

#[tokio::test]
async fn a_trial_takes_every_step_and_leaves_everybody_else_as_they_were() {
    let mut server = Server::prepare("Acme");
    server.serve_with(&[("DOORKEY_OUTBOUND_ALLOW", "127.0.0.0/8")]);
    let receiver = Receiver::start(Answer::status("204 No Content")).await;
    let hook = format!("http://{}/hook", receiver.address);
    let allow = ["--backchannel-logout-uri", &hook, "--outbound-allow", "127.0.0.0/8"];
    let app = create_app(&server, &allow);
    let client_id = app["client_id"].as_str().unwrap();
    // Two secrets are as many as an app may have; the trial needs neither, nor room for one.
    let second = ["app", "secret", "add", client_id, "--workspace", "Acme", "--json"];
    server.run(&second);
    server.workspace_set("addresses=proven");
    let ada = server.add_client("ada@example.org", "Ada", "Lovelace");
    let mut person = HttpClient::arrives();
    person.sign_in(&server, &server.ask_for_link(ada).await).await;
    let link = server.ask_for_link(ada).await;
    let secrets = server.database.rows("SELECT created_at, client_id FROM app_secrets ORDER BY created_at");

    for user in ["ada@example.org", &ada.to_string()] {
        let (report, is_ok, complaint) = tried(&server, client_id, user, &at(&server));

        assert!(is_ok, "{complaint}\n{report:#}");
        assert_eq!(report["ok"], true);
        let steps: Vec<_> = report["steps"].as_array().unwrap().iter().map(|step| &step["name"]).collect();
        assert_eq!(steps, STEPS);
        let claims = &report["claims"];
        assert_eq!((&claims["iss"], &claims["aud"]), (&json!(server.url("")), &app["client_id"]));
        assert_eq!((&claims["email"], &claims["amr"]), (&json!("ada@example.org"), &json!(["email"])));
        // No mail of doorkey's came there, so the address is proven no more than before.
        assert_eq!(claims["email_verified"], false);
        assert_eq!((&claims["name"], &claims["groups"]), (&json!("Ada Lovelace"), &json!(["client"])));
    }

    assert_eq!(
        server.database.rows("SELECT created_at, client_id FROM app_secrets ORDER BY created_at"),
        secrets
    );
    assert_eq!(server.ask_for_link(ada).await, link);
    assert!(person.is_signed_in(&server).await);
    let count = |table: &str| server.database.number(&format!("SELECT count(*) FROM {table}"));
    assert_eq!((count("sessions"), count("app_sessions"), count("mails"), count("outbox")), (1, 0, 0, 0));
    assert_eq!(count("users WHERE proven_email IS NOT NULL"), 0);
    // Nor was the app used.
    assert_eq!((count("app_usage"), count("login_links WHERE is_trial <> 0")), (0, 2));
    // A sign-out would be on its way within a second.
    tokio::time::sleep(Duration::from_secs(2)).await;
    assert_eq!(receiver.requests(), Vec::<String>::new());
}

#[tokio::test]
async fn an_app_of_each_kind_can_be_tried() {
    let server = Server::start();
    server.add_client("ada@example.org", "Ada", "Lovelace");
    for words in [&["--public"][..], &["--alg", "ES256", "--slim-id-token"], &["--pkce", "optional"]] {
        let app = create_app(&server, words);
        let client_id = app["client_id"].as_str().unwrap();
        let (report, is_ok, complaint) = tried(&server, client_id, "ada@example.org", &at(&server));
        assert!(is_ok, "{words:?}: {complaint}\n{report:#}");
        assert_eq!(report["claims"]["email"], "ada@example.org", "{words:?}");
    }
}

#[tokio::test]
async fn no_secret_is_printed_and_people_read_each_step() {
    let server = Server::start();
    server.add_client("ada@example.org", "Ada", "Lovelace");
    let app = create_app(&server, &[]);
    let client_id = app["client_id"].as_str().unwrap();
    let words = ["app", "try", client_id, "--workspace", "Acme", "--user", "1", "--server", &at(&server)];
    let printed = server.run(&words);
    for step in STEPS {
        assert!(
            printed.lines().any(|line| line.starts_with(step) && line.contains("ok: ")),
            "{step}: {printed}"
        );
    }
    assert!(printed.contains("preferred_username") && printed.contains("ada@example.org"), "{printed}");
    // What is secret is 32 letters long, or 43, or has three parts.
    let is_secret = |word: &str| {
        let is_drawn = word.len() >= 32 && word.bytes().all(|byte| byte.is_ascii_alphanumeric());
        (is_drawn && !word.bytes().all(|byte| byte.is_ascii_hexdigit())) || word.starts_with("eyJ")
    };
    let secrets: Vec<_> = printed.split_whitespace().filter(|word| is_secret(word)).collect();
    assert_eq!(secrets, Vec::<&str>::new(), "{printed}");
}

#[tokio::test]
async fn a_trial_stops_at_the_first_step_that_fails_and_says_why() {
    let mut server = Server::start();
    let ada = server.add_client("ada@example.org", "Ada", "Lovelace");
    let app = create_app(&server, &[]);
    let client_id = app["client_id"].as_str().unwrap();
    let of = |report: &Value| report["steps"].as_array().map_or(0, Vec::len);

    // A server of other workspaces.
    let stranger = Server::start();
    let (report, is_ok, complaint) = tried(&server, client_id, "1", &at(&stranger));
    assert!(!is_ok && of(&report) == 1, "{report:#}");
    assert!(complaint.contains("discovery failed") && complaint.contains(&stranger.url("")), "{complaint}");
    assert_eq!((&report["ok"], &report["steps"][0]["ok"]), (&json!(false), &json!(false)));

    let (_, is_ok, complaint) = tried(&server, "nobody", "1", &at(&server));
    assert!(!is_ok && complaint.contains("there is no app"), "{complaint}");
    for (change, words) in [("two_factor_enabled=1", "two-factor"), ("status=0", "disabled")] {
        server.run(&["user", "set", &ada.to_string(), "--workspace", "Acme", change]);
        let (_, is_ok, complaint) = tried(&server, client_id, "1", &at(&server));
        assert!(!is_ok && complaint.contains(words), "{change}: {complaint}");
        let back = ["two_factor_enabled=0", "status=1"];
        server.run(&[&["user", "set", &ada.to_string(), "--workspace", "Acme"], &back[..]].concat());
    }
    server.stop();
    let (report, is_ok, complaint) = tried(&server, client_id, "1", &at(&server));
    assert!(!is_ok && complaint.contains("cannot be connected to"), "{complaint}");
    assert_eq!(report["claims"], Value::Null);
    // Whatever came of them, nothing is left of the trials.
    let count = |table: &str| server.database.number(&format!("SELECT count(*) FROM {table}"));
    assert_eq!((count("app_secrets"), count("sessions")), (1, 0));
    assert_eq!(count("login_links WHERE ended_at IS NULL"), 0);
}

#[tokio::test]
async fn an_address_that_is_none_of_a_server_is_told() {
    let server = Server::prepare("Acme");
    for at in
        ["ftp://x.test", "http://u@127.0.0.1:1", "https://127.0.0.1:1", "127.0.0.1:1", "http://a.test/path"]
    {
        let words = ["app", "try", "wiki", "--workspace", "Acme", "--user", "1", "--server", at];
        let complaint = server.refused(&words, &[]);
        assert!(complaint.contains("such as http://127.0.0.1:8080"), "{at}: {complaint}");
    }
}
