//! Mail servers that take their time: what is killed meanwhile is never sent, and nobody else waits.

use std::sync::Arc;
use std::time::{Duration, Instant};

use doorkey::app::MailSetup;
use doorkey::config::MailRoute;
use doorkey::http;
use serde_json::json;
use tokio::sync::Notify;

use super::outbox::{queue, state};
use crate::support::app::{TestApp, settings};
use crate::support::mails::{mail_config, plain};
use crate::support::server::{Server, regular};
use crate::support::smtp_server::{Act, Script, SmtpServer};
use crate::support::wait::until_so;

/// How long it may take until a mail is with the server.
const PATIENCE: Duration = Duration::from_secs(15);

/// How many mails a node sends at once.
const AT_ONCE: usize = 16;

/// The same app, which mails over a server.
fn mailing_over(test: TestApp, server: &SmtpServer) -> TestApp {
    let setup = MailSetup::new(&mail_config(MailRoute::Smtp(plain(server.port)))).unwrap();
    let app = test.app.clone().mailing(setup);
    TestApp { router: http::router(app.clone(), settings()), app, ..test }
}

/// It may take half a minute for each reply. Undoing the change revives nothing.
#[tokio::test]
async fn what_is_killed_while_the_mail_server_takes_its_time_is_cancelled_and_never_sent() {
    for (step, connections) in [("MAIL", 1), ("RCPT", 1), ("DATA", 2)] {
        let go_on = Arc::new(Notify::new());
        let server = SmtpServer::start(Script::plain().at(step, Act::Hold(Arc::clone(&go_on)))).await;
        let test = mailing_over(TestApp::start().await, &server);
        let ada = test.client("ada@example.org").await;
        let killed = queue(&test, 1).await;
        let kill = async {
            let is_held = async || server.received.verbs(false).last().is_some_and(|verb| verb == step);
            until_so(PATIENCE, is_held, || format!("{:?}", server.received.verbs(false))).await;
            test.change(ada, "two_factor_enabled", "true").await;
            test.change(ada, "two_factor_enabled", "false").await;
            go_on.notify_one();
        };
        tokio::join!(test.deliver(), kill);
        assert_eq!(state(&test, &killed).await, ("cancelled".to_owned(), 0), "{step}");

        // Its connection serves the next mail, unless DATA was said: the end of the connection alone takes that back.
        let next = queue(&test, 1).await;
        go_on.notify_one();
        test.deliver().await;
        assert_eq!(state(&test, &next).await, ("sent".to_owned(), 1), "{step}");
        assert_eq!(
            (server.received.mails().len(), server.received.connections()),
            (1, connections),
            "{step}"
        );
        let is_reset = server.received.verbs(false).contains(&"RSET".to_owned());
        assert_eq!(is_reset, connections == 1, "{step}");
    }
}

/// As many mails as a node sends at once hang, and more wait.
#[tokio::test]
async fn pages_and_calls_are_answered_at_once_beside_a_mail_server_that_hangs() {
    let hanging = SmtpServer::start(Script::plain().at("greeting", Act::Hang)).await;
    let mut server = Server::prepare("Acme");
    let smtp = format!("smtp+plain://127.0.0.1:{}", hanging.port);
    server.serve_with(&[("DOORKEY_SMTP", &smtp), ("DOORKEY_MAIL_FROM", "login@example.org")]);
    let client = regular();
    for number in 1..=AT_ONCE + 4 {
        let body = json!({ "email": format!("c{number}@example.org"), "name_f": "C", "name_l": "L" });
        let request = client.post(server.url("/api/clients")).bearer_auth(&server.key).json(&body);
        assert_eq!(request.send().await.unwrap().status(), 201);
        let queued = server.call("POST", &format!("/api/login_links/{number}/mail")).await;
        assert_eq!(queued.status(), 202);
    }
    let all_hang = async || hanging.received.connections() >= AT_ONCE;
    until_so(PATIENCE, all_hang, || format!("{} hang:\n{}", hanging.received.connections(), server.log()))
        .await;

    for (method, path, status) in [
        ("GET", "/login", 200),
        ("GET", "/api/login_links/1", 200),
        ("POST", "/api/login_links/1/mail", 202),
        ("GET", "/api/mails", 200),
    ] {
        let begun = Instant::now();
        let answer = server.call(method, path).await;
        assert_eq!(answer.status(), status, "{method} {path}");
        let took = begun.elapsed();
        // The mail server is waited for six times as long.
        assert!(took < Duration::from_secs(5), "{method} {path} took {took:?}");
    }
}
