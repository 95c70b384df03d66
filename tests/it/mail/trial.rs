//! `doorkey mail test`: one mail now, what was said, and what to do where it was not taken.

use std::net::TcpListener;

use doorkey::config::SmtpConfig;
use doorkey::outbound::mail_server::Trial;
use serde_json::Value;

use crate::support::certificates::Authority;
use crate::support::cli_runner::{CliRunner, Done};
use crate::support::mails::{SHORT, mail_server, message, plain};
use crate::support::smtp_server::{Act, Script, SmtpServer};

/// Runs the command beside a scripted server.
async fn run(operator: &std::sync::Arc<CliRunner>, line: String) -> Done {
    let operator = std::sync::Arc::clone(operator);
    tokio::task::spawn_blocking(move || operator.run(&line)).await.unwrap()
}

/// A server with STARTTLS, and a command that sends it a mail in the name of a workspace.
async fn set_up(operator: &CliRunner, authority: &Authority) -> (SmtpServer, String) {
    let server = SmtpServer::start(Script::with_starttls(authority.server("localhost", 2))).await;
    operator.write("password", "s3cret\n", 0o600);
    let line = format!(
        "mail test ada@example.net --workspace Acme --smtp smtp://login@localhost:{} --smtp-password-file password --smtp-ca {} \
         --mail-from login@example.org",
        server.port,
        authority.root().display()
    );
    (server, line)
}

fn has_no_secret(text: &str) {
    // The password, and as it was sent.
    assert!(!text.contains("s3cret") && !text.contains("czNjcmV0") && !text.contains("HMzY3JldA"), "{text}");
}

#[tokio::test]
async fn the_whole_conversation_is_shown_and_no_secret() {
    let (authority, operator) = (Authority::new(), std::sync::Arc::new(CliRunner::with_acme()));
    let (server, line) = set_up(&operator, &authority).await;

    let shown = run(&operator, line).await.well();

    for part in [
        "name         localhost → ",
        "127.0.0.1",
        &format!("connected to 127.0.0.1:{}", server.port),
        "greeting     220 mail.test ESMTP",
        "STARTTLS → 220 go ahead",
        "certificate  for localhost; valid from 20",
        "8BITMIME AUTH PLAIN LOGIN",
        "AUTH PLAIN … → 235 welcome",
        "MAIL FROM:<login@example.org> → 250 2.1.0 ok",
        "RCPT TO:<ada@example.net> → 250 2.1.0 ok",
        "DATA → 354 go ahead",
        " bytes → 250 2.0.0 taken as 1",
        "The mail was taken: 250 2.0.0 taken as 1.\n",
    ] {
        assert!(shown.contains(part), "{part} is not in\n{shown}");
    }
    has_no_secret(&shown);
    let mails = server.received.mails();
    assert!(
        mails[0].starts_with("From: \"Acme\" <login@example.org>\r\nTo: ada@example.net\r\n"),
        "{}",
        mails[0]
    );
}

#[tokio::test]
async fn as_json_the_conversation_is_a_list_of_steps() {
    let (authority, operator) = (Authority::new(), std::sync::Arc::new(CliRunner::with_acme()));
    let (_server, line) = set_up(&operator, &authority).await;

    let json = run(&operator, format!("{line} --json")).await.json();

    let steps = json["steps"].as_array().unwrap();
    let mut names: Vec<_> = steps.iter().map(|step| step["step"].as_str().unwrap()).collect();
    // The first of the host's addresses may be one where nobody listens.
    names.dedup();
    let expected = [
        "name",
        "connection",
        "greeting",
        "EHLO",
        "STARTTLS",
        "certificate",
        "TLS",
        "EHLO",
        "AUTH",
        "MAIL",
        "RCPT",
        "DATA",
        "message",
        "QUIT",
    ];
    assert_eq!(names, expected);
    assert_eq!(json["ok"], true);
    assert_eq!(json["message"], "The mail was taken: 250 2.0.0 taken as 1.");
    has_no_secret(&json.to_string());
}

#[tokio::test]
async fn a_mail_that_was_not_taken_is_exit_1_with_a_sentence_that_says_what_to_do() {
    let operator = std::sync::Arc::new(CliRunner::with_acme());
    let server = SmtpServer::start(Script::plain().at("greeting", Act::Say("554 go away\r\n"))).await;
    let line = format!(
        "mail test ada@example.net --smtp smtp+plain://localhost:{} --mail-from login@example.org --json",
        server.port
    );

    let done = run(&operator, line).await;

    let sentence = "turns this machine away (554 go away)";
    let json: Value = serde_json::from_str(&done.stdout).unwrap();
    assert_eq!(json["ok"], false);
    assert!(json["message"].as_str().unwrap().contains(sentence), "{json}");
    assert!(!json["steps"].as_array().unwrap().is_empty());
    assert!(done.refused(1).contains(sentence));
}

#[test]
fn a_server_that_is_not_there_is_told_from_a_name_that_is_not() {
    let operator = CliRunner::with_acme();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    drop(listener);
    for (url, sentence) in [
        (format!("smtp://127.0.0.1:{port}"), "Connection refused (os error 111): check host and port"),
        ("smtp://nobody.invalid".to_owned(), "the name nobody.invalid has no address"),
    ] {
        let line = format!("mail test ada@example.net --smtp {url} --mail-from login@example.org");
        let said = operator.run(&line).refused(1);
        assert!(said.contains(sentence), "{said}");
    }
    let said = operator.run("mail test ada@example.net").refused(1);
    assert!(said.contains("mail is not set up: give --smtp URL"), "{said}");
    let line = "mail test ada@example.net --workspace None --smtp file:mails --mail-from login@example.org";
    let said = operator.run(line).refused(1);
    assert!(said.contains("None"), "{said}");
    for wrong in ["ada", "a@x.test,b@x.test", "A<a@x.test>"] {
        assert_eq!(operator.run(&format!("mail test {wrong} --smtp file:m --mail-from a@x.test")).status, 2);
    }
}

#[tokio::test]
async fn each_trouble_has_a_sentence_of_its_own() {
    let advice = async |script: Script, change: fn(SmtpConfig) -> SmtpConfig| {
        let server = SmtpServer::start(script).await;
        let trial: Trial = mail_server(change(plain(server.port)), SHORT).test(&message()).await;
        trial.outcome.expect_err("it was not taken")
    };
    let same = |config: SmtpConfig| config;
    for (script, sentence) in [
        (
            Script::plain().at("greeting", Act::Hang),
            "no greeting came in time: if this port speaks TLS at once",
        ),
        (Script::plain().at("greeting", Act::Say("HTTP/1.1 400\r\n")), "is no reply of a mail server"),
        (Script::plain().at("EHLO", Act::Say("500 what\r\n")), "turns this machine away (500 what)"),
    ] {
        let said = advice(script, same).await;
        assert!(said.contains(sentence), "{said}");
    }
    let folder = tempfile::tempdir().unwrap();
    let login = crate::support::mails::with_login(folder.path(), plain(1)).login;
    for (offers, act, sentence) in [
        ("AUTH PLAIN", Some(Act::Say("535 wrong\r\n")), "refuses USER or password (535 wrong)"),
        ("AUTH PLAIN", Some(Act::Say("454 later\r\n")), "cannot check the password now"),
        ("AUTH GSSAPI", None, "AUTH offers neither PLAIN nor LOGIN, but \"GSSAPI\""),
        ("8BITMIME", None, "offers no AUTH here: leave out USER@"),
    ] {
        let mut script = Script { clear: vec![offers], ..Script::default() };
        if let Some(act) = act {
            script = script.at("AUTH", act);
        }
        let server = SmtpServer::start(script).await;
        let config = SmtpConfig { login: login.clone(), ..plain(server.port) };
        let said = mail_server(config, SHORT).test(&message()).await.outcome.unwrap_err();
        assert!(said.contains(sentence), "{said}");
    }
}
