//! A node that is gone, or stands still, after the mail server has taken a mail and before the node has noted it.

use std::time::Duration;

use doorkey::config::Security;
use serde_json::Value;

use crate::support::postfix::Postfix;
use crate::support::server::Server;
use crate::support::wait::until_so;

/// A dead node's mail goes on within this time.
const TAKEOVER: Duration = Duration::from_mins(2);

/// What a mail server does at once.
const SOON: Duration = Duration::from_secs(20);

impl Postfix {
    /// Has a node mail over this server.
    fn serve(&self, node: &mut Server) {
        let config = self.config(Security::StartTls);
        let (_, password) = config.login.unwrap();
        node.serve_with(&[
            ("DOORKEY_SMTP", &format!("smtp://login%40example.org@localhost:{}", self.starttls)),
            ("DOORKEY_SMTP_PASSWORD_FILE", password.to_str().unwrap()),
            ("DOORKEY_SMTP_CA", self.authority.root().to_str().unwrap()),
            ("DOORKEY_MAIL_FROM", "login@example.org"),
        ]);
    }

    /// Waits until so many mails are delivered, and gives their ids.
    async fn message_ids(&self, count: usize, timeout: Duration) -> Vec<String> {
        let is_so = async || self.mails().len() == count;
        let complaint = || format!("{} of {count} mails are delivered:\n{}", self.mails().len(), self.log());
        until_so(timeout, is_so, complaint).await;
        let text = |file| String::from_utf8(std::fs::read(file).unwrap()).unwrap();
        let id = |mail: String| mail.lines().find(|line| line.starts_with("Message-ID:")).unwrap().to_owned();
        self.mails().into_iter().map(text).map(id).collect()
    }
}

async fn queue(node: &Server) -> String {
    let client = node.add_client("slow@example.net", "Ada", "Lovelace");
    let answer = node.call("POST", &format!("/api/login_links/{client}/mail")).await;
    assert_eq!(answer.status(), 202);
    answer.json::<Value>().await.unwrap()["mail"]["id"].as_str().unwrap().to_owned()
}

async fn mail(node: &Server, id: &str) -> Value {
    node.call("GET", &format!("/api/mails/{id}")).await.json().await.unwrap()
}

/// Waits until the mail counts as sent, at the second try.
async fn is_sent_at_the_second_try(node: &Server, id: &str) {
    let is_sent = async || mail(node, id).await["state"] == "sent";
    until_so(SOON, is_sent, || format!("it is not noted as sent:\n{}", node.log())).await;
    assert_eq!(mail(node, id).await["attempts"], 2);
}

/// The server has said 250, and the node has not heard it.
async fn is_stopped_before_it_hears_that_the_mail_was_taken(node: &Server, postfix: &Postfix) {
    until_so(
        SOON,
        async || postfix.is_receiving(),
        || format!("no mail comes:\n{}{}", node.log(), postfix.log()),
    )
    .await;
    node.signal("STOP");
    until_so(SOON, async || postfix.log().contains("status=sent (delivered to maildir)"), || postfix.log())
        .await;
}

async fn killed_between_the_reply_and_the_note() {
    let postfix = Postfix::start();
    let mut node = Server::prepare("Acme");
    postfix.serve(&mut node);
    let id = queue(&node).await;
    is_stopped_before_it_hears_that_the_mail_was_taken(&node, &postfix).await;
    node.kill();
    let first = postfix.message_ids(1, SOON).await;

    postfix.serve(&mut node);
    assert_eq!(mail(&node, &id).await["state"], "queued");
    let both = postfix.message_ids(2, TAKEOVER).await;
    assert_eq!(both, [first[0].as_str(), first[0].as_str()], "it is another mail");
    is_sent_at_the_second_try(&node, &id).await;
}

async fn stopped_between_the_reply_and_the_note() {
    let postfix = Postfix::start();
    let mut node = Server::prepare("Acme");
    postfix.serve(&mut node);
    let id = queue(&node).await;
    is_stopped_before_it_hears_that_the_mail_was_taken(&node, &postfix).await;

    let mut other = node.beside();
    postfix.serve(&mut other);
    let both = postfix.message_ids(2, TAKEOVER).await;
    assert_eq!(both[0], both[1], "it is another mail");
    is_sent_at_the_second_try(&other, &id).await;
    node.signal("CONT");
    // It hears the reply now, and knows that the mail is another node's by then.
    let listens = async || node.call("GET", "/api/mails").await.status() == 200;
    until_so(SOON, listens, || "the node does not go on".to_owned()).await;
    tokio::time::sleep(Duration::from_secs(2)).await;
    assert_eq!(mail(&node, &id).await, mail(&other, &id).await);
    is_sent_at_the_second_try(&node, &id).await;
    assert_eq!(postfix.mails().len(), 2);
}

/// Both take the minute and a half after which a node counts as gone.
#[tokio::test]
async fn a_mail_that_a_lost_node_has_sent_comes_once_more_at_most_as_the_same_mail() {
    tokio::join!(killed_between_the_reply_and_the_note(), stopped_between_the_reply_and_the_note());
}
