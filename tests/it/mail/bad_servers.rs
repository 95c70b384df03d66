//! What doorkey says and does beside mail servers that do badly: a mail's state, its last reply, how often and when it is
//! tried, and the sentence of `mail test`.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use doorkey::app::MailSetup;
use doorkey::config::{MailRoute, Security, SmtpConfig};
use doorkey::http;
use doorkey::outbound::mail_server::Timeouts;
use serde_json::Value;

use crate::support::aiosmtpd::BadServer;
use crate::support::app::{TestApp, settings};
use crate::support::certificates::Authority;
use crate::support::cli_runner::CliRunner;
use crate::support::mails::{PATIENT, mail_config, mail_server, smtp, with_login};

/// How long is waited after each of the first tries; after those ten minutes each.
const WAITS: [i64; 5] = [5, 30, 120, 300, 600];

/// How long a link of the API lives.
const LIFETIME: i64 = 7_200;

/// A bad server, and who trusts its authority.
struct Rig {
    server: BadServer,
    authority: Authority,
}

impl Rig {
    /// A server with a good certificate that does this at one step.
    fn at(step: &str, act: &str) -> Self {
        Self::with(|authority| Some(authority.sign("localhost", 2)), Some((step, act)))
    }

    /// A server that does well, but for what it shows after STARTTLS, if it has that.
    fn showing(certificate: impl FnOnce(&Authority) -> Option<(PathBuf, PathBuf)>) -> Self {
        Self::with(certificate, None)
    }

    fn with(
        certificate: impl FnOnce(&Authority) -> Option<(PathBuf, PathBuf)>,
        at: Option<(&str, &str)>,
    ) -> Self {
        let authority = Authority::new();
        let server = BadServer::start(certificate(&authority), at);
        Self { server, authority }
    }

    fn config(&self) -> SmtpConfig {
        let root = Some(self.authority.root());
        let config = smtp(Security::StartTls, "localhost", self.server.port, root);
        with_login(self.authority.folder.path(), config)
    }

    /// An installation that mails over this server, and one mail that it has tried to send once.
    async fn try_once(&self, timeouts: Timeouts) -> Tried {
        let test = TestApp::start().await;
        let mut setup = MailSetup::new(&mail_config(MailRoute::Smtp(self.config()))).unwrap();
        setup.server = mail_server(self.config(), timeouts);
        let app = test.app.clone().mailing(setup);
        let test = TestApp { router: http::router(app.clone(), settings()), app, ..test };
        test.client("ada@example.net").await;
        let answer = test.call("POST", "/api/login_links/1/mail").await;
        assert_eq!(answer.status.as_u16(), 202, "{}", answer.body);
        let id = answer.json()["mail"]["id"].as_str().unwrap().to_owned();
        test.deliver().await;
        Tried { test, id }
    }

    /// What an operator reads as the last line of `mail test`, which fails.
    fn advice(&self) -> String {
        let (operator, config) = (CliRunner::with_acme(), self.config());
        let (_, password) = config.login.unwrap();
        let line = format!(
            "mail test ada@example.net --smtp smtp://login%40example.org@localhost:{} --smtp-password-file {} --smtp-ca {} \
             --mail-from login@example.org",
            self.server.port,
            password.display(),
            self.authority.root().display()
        );
        let said = operator.run(&line).refused(1);
        said.trim_start_matches("doorkey: ").trim_end().to_owned()
    }

    /// Neither the password nor anything of a mail has come.
    fn has_heard_nothing(&self) {
        let mut notes = self.server.notes().split_off(1);
        notes.retain(|note| !["connection", "EHLO unencrypted"].contains(&&**note));
        assert!(notes.is_empty(), "{notes:?}");
    }
}

/// A mail that was tried.
struct Tried {
    test: TestApp,
    id: String,
}

impl Tried {
    async fn row(&self) -> Value {
        self.test.call("GET", &format!("/api/mails/{}", self.id)).await.json()
    }

    /// Its state, tries and last reply.
    #[track_caller]
    fn is(&self, state: &str, attempts: i64, reply: &str) -> impl Future<Output = ()> {
        let place = std::panic::Location::caller();
        async move {
            let row = self.row().await;
            let last = row["smtp_reply"].as_str().unwrap();
            let is_so = row["state"] == state && row["attempts"] == attempts && last == reply;
            assert!(is_so, "{place}: not {state}, {attempts}, {reply}: {row}");
        }
    }

    /// It is tried again after each of these waits, not a second earlier, and comes to the same.
    async fn is_tried_after(&self, waits: &[i64], reply: &str) {
        for (tries, wait) in (1..).zip(waits) {
            self.test.advance(wait - 1);
            self.test.deliver().await;
            self.is("queued", tries, reply).await;
            self.test.advance(1);
            self.test.deliver().await;
            self.is("queued", tries + 1, reply).await;
        }
    }

    /// It is tried as long as its link lives, and never after.
    async fn is_tried_until_its_link_is_dead(&self, reply: &str) {
        self.is_tried_after(&WAITS, reply).await;
        let mut tries = i64::try_from(WAITS.len()).unwrap() + 1;
        let mut left = LIFETIME - WAITS.iter().sum::<i64>();
        while left > 600 {
            self.test.advance(600);
            self.test.deliver().await;
            (tries, left) = (tries + 1, left - 600);
            self.is("queued", tries, reply).await;
        }
        self.test.advance(left);
        self.test.deliver().await;
        self.is("expired", tries, reply).await;
        self.is_over().await;
    }

    /// Nothing is tried any more.
    async fn is_over(&self) {
        let before = self.row().await;
        self.test.advance(100_000);
        self.test.deliver().await;
        assert_eq!(self.row().await, before);
        assert_eq!(self.test.number("SELECT count(*) FROM outbox"), 0);
    }
}

#[tokio::test]
async fn a_mail_that_is_answered_by_451_is_tried_again_until_its_link_is_dead() {
    for step in ["MAIL", "RCPT", "DATA", "message"] {
        let rig = Rig::at(step, "451 4.7.1 greylisted");

        let tried = rig.try_once(PATIENT).await;

        tried.is("queued", 1, "451 4.7.1 greylisted").await;
        tried.is_tried_until_its_link_is_dead("451 4.7.1 greylisted").await;
        assert_eq!(rig.server.notes_of("MAIL").len(), 16, "{step}: {:?}", rig.server.notes());
        assert_eq!(
            rig.advice(),
            "localhost puts the mail off (451 4.7.1 greylisted): it may be greylisting or busy, and takes it later; doorkey's \
             server tries again by itself"
        );
    }
}

#[tokio::test]
async fn a_mail_that_is_answered_by_550_has_failed_and_is_not_tried_again() {
    for (step, sentence) in [
        (
            "MAIL",
            "localhost refuses the sender (550 5.7.1 no): let this user or machine send for the address",
        ),
        ("RCPT", "localhost refuses the recipient (550 5.7.1 no): the address may not be there"),
        ("DATA", "localhost refuses the mail itself (550 5.7.1 no): a filter may take it for spam"),
        ("message", "localhost refuses the mail itself (550 5.7.1 no): a filter may take it for spam"),
    ] {
        let rig = Rig::at(step, "550 5.7.1 no");

        let tried = rig.try_once(PATIENT).await;

        tried.is("failed", 1, "550 5.7.1 no").await;
        tried.is_over().await;
        assert_eq!(rig.server.notes_of("MAIL").len(), 1, "{step}: {:?}", rig.server.notes());
        let advice = rig.advice();
        assert!(advice.starts_with(sentence), "{step}: {advice}");
    }
}

/// The command waits as long as a server of doorkey does.
#[tokio::test]
async fn a_server_that_hangs_is_given_up_after_half_a_minute_and_tried_again() {
    let short = Timeouts { reply: Duration::from_secs(2), ..PATIENT };
    for step in ["RCPT", "message"] {
        let rig = Rig::at(step, "hang");

        let tried = rig.try_once(short).await;

        let reply = format!("no reply to {step} came in time");
        tried.is("queued", 1, &reply).await;
        tried.is_tried_after(&WAITS[..2], &reply).await;
        assert_eq!(rig.server.notes_of("connection").len(), 3, "{:?}", rig.server.notes());
    }
    let rig = Rig::at("RCPT", "hang");
    let begun = Instant::now();

    let advice = rig.advice();

    let waited = begun.elapsed().as_secs();
    assert!((30..45).contains(&waited), "{waited} seconds");
    let port = rig.server.port;
    let what_to_do =
        format!("look into the log of localhost, and check that the port {port} is one for mail");
    assert_eq!(advice, format!("no reply to RCPT came in time: {what_to_do}"));
}

/// Whether the server has taken it cannot be known: what comes again is the same mail.
#[tokio::test]
async fn a_mail_whose_connection_is_dropped_after_data_is_tried_again_as_the_same_mail() {
    for (step, messages) in [("DATA", 0), ("message", 6)] {
        let rig = Rig::at(step, "drop");

        let tried = rig.try_once(PATIENT).await;

        let reply = format!("the connection ended at {step}: the server closed it");
        tried.is("queued", 1, &reply).await;
        tried.is_tried_after(&WAITS, &reply).await;
        assert_eq!(rig.server.notes_of("connection").len(), 6, "{:?}", rig.server.notes());
        let message = format!("message encrypted <{}@example.org>", tried.id);
        assert_eq!(rig.server.notes_of("message"), vec![message; messages]);
        let port = rig.server.port;
        let what_to_do =
            format!("look into the log of localhost, and check that the port {port} is one for mail");
        assert_eq!(rig.advice(), format!("{reply}: {what_to_do}"));
    }
}

#[tokio::test]
async fn a_server_without_starttls_gets_nothing_for_as_long_as_the_link_lives() {
    let rig = Rig::showing(|_| None);

    let tried = rig.try_once(PATIENT).await;

    let reply = "the server offers no STARTTLS, and nothing is sent without";
    tried.is("queued", 1, reply).await;
    tried.is_tried_until_its_link_is_dead(reply).await;
    assert_eq!(
        rig.advice(),
        format!(
            "{reply}; if it speaks TLS at once, give smtps://localhost (port 465); if it is on this machine, or in a network \
             where nobody listens, smtp+plain:// sends without encryption"
        )
    );
    assert_eq!(rig.server.notes_of("EHLO").len(), 17);
    rig.has_heard_nothing();
}

/// A certificate that is none for this server is one of a server between.
async fn is_shown(
    certificate: impl FnOnce(&Authority) -> Option<(PathBuf, PathBuf)>,
    why: &str,
    sentence: &str,
) {
    let rig = Rig::showing(certificate);

    let tried = rig.try_once(PATIENT).await;

    let row = tried.row().await;
    let reply = row["smtp_reply"].as_str().unwrap();
    assert!(reply.starts_with("TLS failed: invalid peer certificate: ") && reply.contains(why), "{reply}");
    tried.is("queued", 1, reply).await;
    tried.is_tried_after(&WAITS, reply).await;
    assert_eq!(rig.advice(), sentence);
    assert_eq!(rig.server.notes_of("EHLO").len(), 7);
    rig.has_heard_nothing();
}

#[tokio::test]
async fn a_server_with_an_expired_certificate_gets_nothing() {
    let sentence =
        "the certificate of localhost has expired: renew it there, or set this machine's clock right";
    is_shown(|authority| Some(authority.sign("localhost", -1)), "Expired", sentence).await;
}

#[tokio::test]
async fn a_server_with_a_certificate_for_another_host_gets_nothing() {
    let sentence = "the certificate is not for localhost: give one of the hosts it is for in --smtp, or another \
                    certificate there";
    let foreign = |authority: &Authority| Some(authority.sign("mail.example.org", 2));
    is_shown(foreign, "not valid for name \"localhost\"", sentence).await;
}

#[tokio::test]
async fn a_server_with_a_certificate_of_a_foreign_authority_gets_nothing() {
    let stranger = Authority::new();
    let sentence = "the certificate of localhost rests on no root that is known here: if it is the right one, give what it \
                    rests on with --smtp-ca FILE";
    is_shown(|_| Some(stranger.sign("localhost", 2)), "BadSignature", sentence).await;
}
