//! Mails to servers that do well and to those that do not: what is taken, what is tried again, what is given up.

use std::future::ready;
use std::os::unix::fs::PermissionsExt;
use std::time::Instant;

use doorkey::config::{MailRoute, SmtpConfig};
use doorkey::domain::mail::Message;
use doorkey::outbound::mail_server::{MailServer, SendError, Sent};
use tokio::net::TcpListener;

use crate::support::mails::{
    Deliver as _, PATIENT, SHORT, address, mail_config, mail_server, message, plain, with_login,
};
use crate::support::smtp_server::{Act, Script, SmtpServer};

async fn send(script: Script) -> (Result<Sent, SendError>, SmtpServer) {
    let server = SmtpServer::start(script).await;
    let sent = mail_server(plain(server.port), SHORT).deliver(&message()).await;
    (sent, server)
}

#[tokio::test]
async fn a_mail_arrives_as_it_was_written_in_one_transaction() {
    let server = SmtpServer::start(Script::plain()).await;
    let message = Message { text: ".\n..x\nGrüße\n".to_owned(), ..message() };

    let sent = mail_server(plain(server.port), SHORT).deliver(&message).await;

    assert_eq!(sent, Ok(Sent { reply: "250 2.0.0 taken as 1".to_owned() }));
    let lines: Vec<_> = server.received.lines.lock().unwrap().iter().map(|(_, line)| line.clone()).collect();
    assert!(lines[0].starts_with("EHLO "), "{lines:?}");
    assert_eq!(
        lines[1..],
        ["MAIL FROM:<login@example.org> BODY=8BITMIME", "RCPT TO:<ada@example.net>", "DATA"]
    );
    let mails = server.received.mails();
    assert!(mails[0].contains("8bit\r\n\r\n..\r\n...x\r\nGrüße\r\n"), "{}", mails[0]);
    let message_id = format!("Message-ID: <{}@example.org>\r\n", message.id);
    assert!(mails[0].contains(&message_id));
}

#[tokio::test]
async fn a_server_without_eight_bits_gets_seven() {
    let server = SmtpServer::start(Script::default()).await;
    let message = Message { text: "Grüße\n".to_owned(), ..message() };

    mail_server(plain(server.port), SHORT).deliver(&message).await.unwrap();

    let mails = server.received.mails();
    assert!(mails[0].is_ascii() && mails[0].contains("base64\r\n\r\nR3LDvMOfZQ0K\r\n"), "{}", mails[0]);
    assert!(!server.received.lines.lock().unwrap().iter().any(|(_, line)| line.contains("BODY")));
}

#[tokio::test]
async fn a_5xx_before_the_mail_is_not_for_good() {
    for step in ["greeting", "EHLO"] {
        for (said, reply) in [
            ("550 5.7.1 no\r\n", "550 5.7.1 no"),
            ("451-4.7.1 not\r\n451 4.7.1 now\r\n", "451 4.7.1 not 4.7.1 now"),
        ] {
            let (sent, _) = send(Script::plain().at(step, Act::Say(said))).await;
            assert_eq!(sent, Err(SendError::Later { reply: reply.to_owned() }), "{step}");
        }
    }
}

#[tokio::test]
async fn a_server_that_hangs_drips_babbles_or_leaves_is_tried_again_later() {
    for step in ["greeting", "EHLO", "MAIL", "RCPT", "DATA", "message"] {
        for act in [
            Act::Hang,
            Act::Drip,
            Act::Endless,
            Act::Close,
            Act::Say("HTTP/1.1 400 Bad Request\r\n"),
            Act::Say("299-x\r\n250 y\r\n"),
        ] {
            let before = Instant::now();
            let (sent, server) = send(Script::plain().at(step, act)).await;
            assert!(matches!(sent, Err(SendError::Later { .. })), "{step}: {sent:?}");
            assert!(before.elapsed() < SHORT.whole, "{step}: {:?}", before.elapsed());
            assert_eq!(server.received.connections(), 1, "{step}");
        }
    }
}

#[tokio::test]
async fn a_250_that_was_not_asked_for_is_taken_for_no_mail() {
    for step in ["greeting", "EHLO", "MAIL", "RCPT"] {
        let usual = if step == "greeting" { "220 x\r\n250 x\r\n" } else { "250 x\r\n250 x\r\n" };
        let (sent, server) = send(Script::plain().at(step, Act::Say(usual))).await;
        assert!(matches!(sent, Err(SendError::Later { .. })), "{step}: {sent:?}");
        assert_eq!(server.received.mails().len(), 0);
    }
    let (sent, _) = send(Script::plain().at("DATA", Act::Say("250 taken\r\n"))).await;
    assert_eq!(sent, Err(SendError::Later { reply: "250 taken".to_owned() }));
}

#[tokio::test]
async fn what_is_kept_of_a_reply_is_short_and_one_line() {
    let long = format!("550 \u{1b}[2J{}\r\n", "ä".repeat(600)).leak();
    let (sent, _) = send(Script::plain().at("RCPT", Act::Say(long))).await;

    let Err(SendError::Failed { reply }) = sent else { panic!("{sent:?}") };
    assert!(reply.starts_with("550  [2Jää") && (498..=500).contains(&reply.len()), "{reply}");
}

#[tokio::test]
async fn without_a_server_a_mail_is_tried_again_later() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    drop(listener);
    let nobody = SmtpConfig { host: "nobody.invalid".to_owned(), ..plain(25) };
    for (config, why) in [(plain(port), "Connection refused"), (nobody, "has no address")] {
        let sent = mail_server(config, SHORT).deliver(&message()).await;
        let Err(SendError::Later { reply }) = sent else { panic!("{sent:?}") };
        assert!(reply.contains(why), "{reply}");
    }
}

#[tokio::test]
async fn mails_share_connections_and_no_connection_serves_for_ever() {
    let server = SmtpServer::start(Script::plain()).await;
    let mails = mail_server(plain(server.port), PATIENT);

    for _ in 0..120 {
        mails.deliver(&message()).await.unwrap();
    }

    assert_eq!(server.received.mails().len(), 120);
    assert_eq!(server.received.connections(), 3);
}

#[tokio::test]
async fn a_refused_mail_leaves_the_connection_to_the_next_one() {
    let server = SmtpServer::start(Script::plain().at("RCPT", Act::SayAt(1, "550 nobody\r\n"))).await;
    let mails = mail_server(plain(server.port), SHORT);

    assert!(matches!(mails.deliver(&message()).await, Err(SendError::Failed { .. })));
    mails.deliver(&message()).await.unwrap();

    assert_eq!(server.received.connections(), 1);
    assert!(server.received.verbs(false).contains(&"RSET".to_owned()));
}

#[tokio::test]
async fn a_kept_connection_that_ended_is_made_anew_and_the_mail_goes_once() {
    for (step, said) in
        [("MAIL", "421 too long idle\r\n"), ("RCPT", "421 going\r\n"), ("MAIL", "250 x\r\n250 y\r\n")]
    {
        let server = SmtpServer::start(Script::plain().at(step, Act::SayAt(2, said))).await;
        let mails = mail_server(plain(server.port), SHORT);

        mails.deliver(&message()).await.unwrap();
        mails.deliver(&message()).await.unwrap();

        assert_eq!(server.received.connections(), 2, "{step}");
        assert_eq!(server.received.mails().len(), 2, "{step}");
    }
}

#[tokio::test]
async fn a_mail_whose_fate_is_unknown_is_not_sent_again_at_once() {
    let server = SmtpServer::start(Script::plain().at("message", Act::SayAt(2, "nonsense\r\n"))).await;
    let mails = mail_server(plain(server.port), SHORT);

    mails.deliver(&message()).await.unwrap();
    assert!(matches!(mails.deliver(&message()).await, Err(SendError::Later { .. })));

    assert_eq!((server.received.connections(), server.received.mails().len()), (1, 2));
}

/// What is said to a server that offers ways to sign in.
async fn sign_in(offers: &'static str, act: Option<Act>) -> (Result<Sent, SendError>, Vec<String>) {
    let folder = tempfile::tempdir().unwrap();
    let mut script = Script { clear: vec![offers], ..Script::default() };
    if let Some(act) = act {
        script = script.at("AUTH", act);
    }
    let server = SmtpServer::start(script).await;
    let sent = mail_server(with_login(folder.path(), plain(server.port)), SHORT).deliver(&message()).await;
    let lines = server.received.lines.lock().unwrap();
    (sent, lines.iter().skip(1).map(|(_, line)| line.clone()).collect())
}

#[tokio::test]
async fn signing_in_takes_plain_or_login_and_nothing_is_mailed_without() {
    let (user, password) = ("bG9naW5AZXhhbXBsZS5vcmc=", "czNjcmV0");
    let (sent, lines) = sign_in("AUTH LOGIN PLAIN", None).await;
    assert!(sent.is_ok(), "{sent:?}");
    assert_eq!(lines[0], "AUTH PLAIN AGxvZ2luQGV4YW1wbGUub3JnAHMzY3JldA==");
    let (sent, lines) = sign_in("AUTH=LOGIN", None).await;
    assert!(sent.is_ok(), "{sent:?}");
    assert_eq!(lines[..3], ["AUTH LOGIN", user, password]);
    for offers in ["AUTH CRAM-MD5", "8BITMIME"] {
        let (sent, lines) = sign_in(offers, None).await;
        assert!(matches!(sent, Err(SendError::Later { .. })) && lines.is_empty(), "{sent:?} {lines:?}");
    }
}

#[tokio::test]
async fn a_refused_password_is_tried_again_later_and_said_by_nobody() {
    for said in ["535 5.7.8 s3cret is wrong, AGxvZ2luQGV4YW1wbGUub3JnAHMzY3JldA== too\r\n", "454 not now\r\n"]
    {
        let (sent, lines) = sign_in("AUTH PLAIN", Some(Act::Say(said))).await;
        let Err(SendError::Later { reply }) = sent else { panic!("{sent:?}") };
        assert!(
            reply.starts_with(&said[..4]) && !reply.contains("s3cret") && !reply.contains("AGxv"),
            "{reply}"
        );
        assert_eq!(lines.len(), 1, "{lines:?}");
    }
}

#[tokio::test]
async fn a_mail_in_a_folder_is_a_file_that_its_owner_alone_can_read() {
    let folder = tempfile::tempdir().unwrap();
    let mails = folder.path().join("not/there/yet");
    let server = MailServer::new(&mail_config(MailRoute::Folder(mails.clone()))).unwrap();
    let message = message();

    server.deliver(&message).await.unwrap();
    // Sent again, for instance after a crash, it is the same file.
    server.deliver(&message).await.unwrap();

    let mode = |path: &std::path::Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    let files: Vec<_> = std::fs::read_dir(&mails).unwrap().map(|entry| entry.unwrap().path()).collect();
    assert_eq!(files, [mails.join(format!("{}.eml", message.id))]);
    assert_eq!((mode(&files[0]), mode(&mails)), (0o600, 0o700));
    let text = std::fs::read_to_string(&files[0]).unwrap();
    assert!(text.starts_with("From: \"Acme\" <login@example.org>\r\n") && text.ends_with("--\r\n"), "{text}");
    std::fs::remove_dir_all(&mails).unwrap();
    assert!(matches!(server.deliver(&message).await, Err(SendError::Later { .. })));
}

#[tokio::test]
async fn a_mail_that_is_not_wanted_any_more_is_no_file() {
    let folder = tempfile::tempdir().unwrap();
    let server = MailServer::new(&mail_config(MailRoute::Folder(folder.path().to_owned()))).unwrap();

    let sent = server.send(&message(), || ready(false)).await;

    assert_eq!(sent, Ok(None));
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
}

/// The kept connection ended at its recipient.
#[tokio::test]
async fn a_mail_that_is_not_wanted_any_more_is_not_sent_over_a_fresh_connection_either() {
    let server = SmtpServer::start(Script::plain().at("RCPT", Act::SayAt(2, "421 going\r\n"))).await;
    let mails = mail_server(plain(server.port), SHORT);
    mails.deliver(&message()).await.unwrap();

    let sent = mails.send(&message(), || ready(false)).await;

    assert_eq!(sent, Ok(None));
    assert_eq!((server.received.connections(), server.received.mails().len()), (2, 1));
}

#[tokio::test]
async fn a_thousand_mails_of_many_senders_at_once_all_arrive() {
    let server = SmtpServer::start(Script::plain()).await;
    let mails = std::sync::Arc::new(mail_server(plain(server.port), PATIENT));
    let sending = (0..8).map(|sender| {
        let mails = std::sync::Arc::clone(&mails);
        async move {
            for number in 0..125 {
                let to = address(&format!("p{sender}.{number}@example.net"));
                mails.deliver(&Message { to, ..message() }).await.unwrap();
            }
        }
    });

    crate::support::at_once::at_once(sending).await;

    let recipients: std::collections::BTreeSet<_> = server
        .received
        .lines
        .lock()
        .unwrap()
        .iter()
        .filter(|(_, line)| line.starts_with("RCPT"))
        .cloned()
        .collect();
    assert_eq!((recipients.len(), server.received.mails().len()), (1_000, 1_000));
    assert!(server.received.connections() < 200, "{}", server.received.connections());
}
