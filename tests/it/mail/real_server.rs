//! What a real mail server makes of mails: STARTTLS, TLS at once, AUTH, and what it says of who may not be mailed to.

use std::time::Duration;

use doorkey::config::{Security, SmtpConfig};
use doorkey::domain::mail::Message;
use doorkey::outbound::mail_server::SendError;

use crate::support::mails::{Deliver as _, PATIENT, address, mail_server, message};
use crate::support::postfix::Postfix;
use crate::support::wait::until;

#[tokio::test]
async fn a_real_mail_server_takes_mails_over_starttls_and_tls_and_keeps_them_as_they_were() {
    let postfix = Postfix::start();
    let message =
        Message { text: "Grüße\n\n.\nhttps://portal.example.org/login?token=3D\n".to_owned(), ..message() };

    for security in [Security::StartTls, Security::Tls] {
        let server = mail_server(postfix.config(security), PATIENT);
        for _ in 0..3 {
            let sent = server.deliver(&message).await.unwrap();
            assert!(sent.reply.starts_with("250 2.0.0 Ok: queued as "), "{}", sent.reply);
        }
    }

    let count = || format!("{} mails are delivered", postfix.mails().len());
    until(Duration::from_secs(20), || postfix.mails().len() == 6, count);
    for mail in postfix.mails() {
        let text = String::from_utf8(std::fs::read(mail).unwrap()).unwrap();
        assert!(text.contains("\nMIME-Version: 1.0\nContent-Type: multipart/alternative;\n"), "{text}");
        assert!(text.contains("8bit\n\nGrüße\n\n.\nhttps://portal.example.org/login?token=3D\n"), "{text}");
        assert!(text.contains(" (Postfix) with ESMTPSA id "), "{text}");
    }
    let log = postfix.log();
    assert!(!log.contains("portal.example.org"), "{log}");
    let login = ", sasl_method=PLAIN, sasl_username=login@example.org\n";
    assert_eq!(log.matches(login).count(), 6, "{log}");
}

#[tokio::test]
async fn what_a_real_mail_server_refuses_is_told() {
    let postfix = Postfix::start();
    let right = mail_server(postfix.config(Security::StartTls), PATIENT);
    let send = async |to: &str| right.deliver(&Message { to: address(to), ..message() }).await.unwrap_err();

    let reply = "550 5.1.1 <nobody@example.net>: Recipient address rejected: no such user here".to_owned();
    assert_eq!(send("nobody@example.net").await, SendError::Failed { reply });
    let reply = "451 4.7.1 <later@example.net>: Recipient address rejected: come back later".to_owned();
    assert_eq!(send("later@example.net").await, SendError::Later { reply });
    right.deliver(&message()).await.unwrap();

    let stranger = SmtpConfig { login: None, ..postfix.config(Security::StartTls) };
    let trial = mail_server(stranger, PATIENT).test(&message()).await;
    let advice = trial.outcome.unwrap_err();
    let refused = "<ada@example.net>: Recipient address rejected: Access denied";
    assert!(advice.contains(&format!("refuses the recipient (554 5.7.1 {refused})")), "{advice}");
    let (_, password) = postfix.config(Security::Tls).login.unwrap();
    let login = Some(("somebody@example.org".to_owned(), password));
    let somebody = SmtpConfig { login, ..postfix.config(Security::Tls) };
    let advice = mail_server(somebody, PATIENT).test(&message()).await.outcome.unwrap_err();
    let refused = "535 5.7.8 Error: authentication failed: authentication failure";
    assert!(advice.contains(&format!("refuses USER or password ({refused})")), "{advice}");
}
