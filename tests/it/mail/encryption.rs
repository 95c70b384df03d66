//! Nothing of a mail or a password goes out unencrypted, nor to a server that cannot show who it is.

use std::sync::Arc;

use doorkey::config::{Security, SmtpConfig};
use doorkey::outbound::mail_server::{SendError, Sent, Trial};
use tempfile::TempDir;

use crate::support::certificates::Authority;
use crate::support::mails::{Deliver as _, PATIENT, SHORT, mail_server, message, smtp, with_login};
use crate::support::smtp_server::{Act, Script, SmtpServer};

/// A server, and settings that trust its authority and sign in.
struct Rig {
    server: SmtpServer,
    config: SmtpConfig,
    _folder: TempDir,
}

impl Rig {
    async fn start(authority: &Authority, security: Security, script: Script) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let server = SmtpServer::start(script).await;
        let config = smtp(security, "localhost", server.port, Some(authority.root()));
        Self { config: with_login(folder.path(), config), server, _folder: folder }
    }

    /// Sends a mail that must not be taken, tells why by a trial, and makes sure that nothing was said unencrypted.
    async fn refuses(&self, why: &str, what_to_do: &str) {
        let sent = mail_server(self.config.clone(), SHORT).deliver(&message()).await;
        let Err(SendError::Later { reply }) = sent else { panic!("{sent:?}") };
        assert!(reply.contains(why), "{reply}");
        let Trial { steps, outcome } = mail_server(self.config.clone(), SHORT).test(&message()).await;
        let advice = outcome.unwrap_err();
        assert!(advice.contains(what_to_do), "{advice}");
        assert!(!format!("{steps:?} {advice}").contains("s3cret"));
        let clear = self.server.received.verbs(false);
        assert!(clear.iter().all(|verb| ["EHLO", "STARTTLS"].contains(&&**verb)), "{clear:?}");
        assert!(self.server.received.verbs(true).is_empty());
        assert!(self.server.received.mails().is_empty());
    }
}

#[tokio::test]
async fn after_starttls_or_with_tls_at_once_a_mail_goes_out() {
    let authority = Authority::new();
    let tls = authority.server("localhost", 2);
    let starttls = Script::with_starttls(Arc::clone(&tls));
    let at_once = Script { is_tls_at_once: true, ..Script::with_starttls(tls) };
    for (security, script, clear) in
        [(Security::StartTls, starttls, vec!["EHLO", "STARTTLS"]), (Security::Tls, at_once, vec![])]
    {
        let rig = Rig::start(&authority, security, script).await;

        let sent = mail_server(rig.config.clone(), PATIENT).deliver(&message()).await;

        assert_eq!(sent, Ok(Sent { reply: "250 2.0.0 taken as 1".to_owned() }));
        assert_eq!(rig.server.received.verbs(false), clear);
        assert_eq!(rig.server.received.verbs(true), ["EHLO", "AUTH", "MAIL", "RCPT", "DATA"]);
    }
}

#[tokio::test]
async fn a_server_that_takes_starttls_back_gets_nothing() {
    let authority = Authority::new();
    let tls = authority.server("localhost", 2);
    for said in ["454 4.7.0 not now\r\n", "501 what\r\n"] {
        let script = Script::with_starttls(Arc::clone(&tls)).at("STARTTLS", Act::Say(said));
        let rig = Rig::start(&authority, Security::StartTls, script).await;
        rig.refuses(said.trim(), "offers STARTTLS but refuses it").await;
    }
}

#[tokio::test]
async fn what_is_said_unencrypted_after_starttls_counts_for_nothing() {
    let authority = Authority::new();
    let tls = authority.server("localhost", 2);
    for said in [
        "220 go\r\n250 mail.test\r\n250 x\r\n",
        "220 go\r\n250-mail.test\r\n250 AUTH PLAIN\r\n235 welcome\r\n",
        "220 go\r\nx",
    ] {
        let script = Script::with_starttls(Arc::clone(&tls)).at("STARTTLS", Act::Say(said));
        let rig = Rig::start(&authority, Security::StartTls, script).await;
        rig.refuses("", "somebody between may have put it in").await;
    }
}

#[tokio::test]
async fn with_tls_at_once_a_certificate_that_is_expired_foreign_or_unknown_gets_nothing() {
    let (authority, stranger) = (Authority::new(), Authority::new());
    for (tls, why, what_to_do) in [
        (authority.server("localhost", -1), "Expired", "renew it there"),
        (authority.server("mail.example.org", 2), "not valid for name", "give one of the hosts it is for"),
        (stranger.server("localhost", 2), "BadSignature", "--smtp-ca FILE"),
    ] {
        let at_once = Script { is_tls_at_once: true, ..Script::with_starttls(tls) };
        let rig = Rig::start(&authority, Security::Tls, at_once).await;
        rig.refuses(why, what_to_do).await;
    }
    // The system's roots know nothing of a test's authority.
    let tls = authority.server("localhost", 2);
    let rig = Rig::start(&authority, Security::StartTls, Script::with_starttls(tls)).await;
    let rig = Rig { config: SmtpConfig { ca_file: None, ..rig.config.clone() }, ..rig };
    rig.refuses("UnknownIssuer", "--smtp-ca FILE").await;
}

#[tokio::test]
async fn the_wrong_scheme_is_told_and_which_is_right() {
    let authority = Authority::new();
    let tls = authority.server("localhost", 2);
    let rig = Rig::start(&authority, Security::Tls, Script::plain()).await;
    rig.refuses("", "give smtp://localhost").await;

    let at_once = Script { is_tls_at_once: true, ..Script::with_starttls(tls) };
    let rig = Rig::start(&authority, Security::StartTls, at_once).await;
    rig.refuses("no greeting", "give smtps://localhost").await;
}

#[tokio::test]
async fn a_certificate_is_shown_with_its_dates_also_if_it_is_refused() {
    let authority = Authority::new();
    for (host, days) in [("localhost", 2), ("mail.example.org", 2), ("localhost", -1)] {
        let tls = authority.server(host, days);
        let rig = Rig::start(&authority, Security::StartTls, Script::with_starttls(tls)).await;

        let trial = mail_server(rig.config.clone(), PATIENT).test(&message()).await;

        let shown = trial.steps.iter().find(|step| step.step == "certificate").expect("it is shown");
        let expected = format!("for {host}; valid from 20");
        assert!(shown.received.starts_with(&expected), "{}", shown.received);
        assert!(shown.received.ends_with("; issued by CN=root"), "{}", shown.received);
    }
}
