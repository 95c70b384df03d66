//! What a real mail server makes of mails: STARTTLS, TLS at once, AUTH, and what it says of who may not be mailed to.

use std::time::Duration;

use doorkey::config::{Security, SmtpConfig};
use doorkey::domain::mail::Message;
use doorkey::outbound::mail_server::SendError;

use crate::support::exim::Exim;
use crate::support::mails::{Deliver as _, PATIENT, address, mail_server, message};
use crate::support::wait::until;

#[tokio::test]
async fn a_real_mail_server_takes_mails_over_starttls_and_tls_and_keeps_them_as_they_were() {
    let exim = Exim::start();
    let message =
        Message { text: "Grüße\n\n.\nhttps://portal.example.org/login?token=3D\n".to_owned(), ..message() };

    for security in [Security::StartTls, Security::Tls] {
        let server = mail_server(exim.config(security), PATIENT);
        for _ in 0..3 {
            let sent = server.deliver(&message).await.unwrap();
            assert!(sent.reply.starts_with("250 OK id="), "{}", sent.reply);
        }
    }

    let count = || format!("{} mails are delivered", exim.mails().len());
    until(Duration::from_secs(20), || exim.mails().len() == 6, count);
    for mail in exim.mails() {
        let text = String::from_utf8(std::fs::read(mail).unwrap()).unwrap();
        assert!(text.contains("\nMIME-Version: 1.0\nContent-Type: multipart/alternative;\n"), "{text}");
        assert!(text.contains("8bit\n\nGrüße\n\n.\nhttps://portal.example.org/login?token=3D\n"), "{text}");
    }
    let log = exim.log();
    assert!(!log.contains("portal.example.org"), "{log}");
    assert_eq!(log.matches("P=esmtpsa").count(), 6, "{log}");
}

#[tokio::test]
async fn what_a_real_mail_server_refuses_is_told() {
    let exim = Exim::start();
    let right = mail_server(exim.config(Security::StartTls), PATIENT);
    let send = async |to: &str| right.deliver(&Message { to: address(to), ..message() }).await.unwrap_err();

    assert_eq!(
        send("nobody@example.net").await,
        SendError::Failed { reply: "550 no such user here".to_owned() }
    );
    assert_eq!(send("later@example.net").await, SendError::Later { reply: "451 come back later".to_owned() });
    right.deliver(&message()).await.unwrap();

    let stranger = SmtpConfig { login: None, ..exim.config(Security::StartTls) };
    let trial = mail_server(stranger, PATIENT).test(&message()).await;
    assert!(trial.outcome.unwrap_err().contains("refuses the recipient (550 sign in first)"));
    let (_, password) = exim.config(Security::Tls).login.unwrap();
    let login = Some(("somebody@example.org".to_owned(), password));
    let somebody = SmtpConfig { login, ..exim.config(Security::Tls) };
    let advice = mail_server(somebody, PATIENT).test(&message()).await.outcome.unwrap_err();
    assert!(advice.contains("refuses USER or password (535 Incorrect authentication data)"), "{advice}");
}
