//! What a mail looks like on the wire; that others parse it as it was meant: `tests/it/mail/mime.rs`.

use uuid::Uuid;

use super::*;
use crate::domain::email::EmailAddress;
use crate::domain::timestamp::Timestamp;

const LINK: &str = "https://portal.example.org/login?token=3Dabcdefghijklmnopqrstuvwxyz0123";

fn message() -> Message {
    Message {
        id: Uuid::from_u128(1),
        from: EmailAddress::parse("login@example.org").unwrap(),
        from_name: "Acme".to_owned(),
        reply_to: None,
        to: EmailAddress::parse("ada@example.net").unwrap(),
        date: Timestamp::from_millis(1_795_404_180_007),
        language: "de-AT".to_owned(),
        subject: "Your link".to_owned(),
        text: format!("Here it is:\n\n{LINK}\n"),
        html: format!("<p><a href=\"{LINK}\">Sign in</a></p>\n"),
    }
}

fn written(message: &Message, is_eight_bit_allowed: bool) -> String {
    let rendered = render(message, is_eight_bit_allowed);
    assert_eq!(rendered.is_eight_bit, !rendered.bytes.is_ascii());
    let text = String::from_utf8(rendered.bytes).unwrap();
    assert!(text.split("\r\n").all(|line| line.len() <= 998 && !line.contains(['\r', '\n'])), "{text}");
    text
}

fn head_of(message: &Message) -> String {
    written(message, true).split_once("\r\n\r\n").unwrap().0.to_owned()
}

#[test]
fn a_mail_has_these_lines_and_no_others() {
    let expected = format!(
        "From: \"Acme\" <login@example.org>\nTo: ada@example.net\nSubject: Your link\n\
         Date: Mon, 23 Nov 2026 03:23:00 +0000\nMessage-ID: <00000000-0000-0000-0000-000000000001@example.org>\n\
         Auto-Submitted: auto-generated\nMIME-Version: 1.0\nContent-Type: multipart/alternative;\n \
         boundary=\"doorkey-00000000000000000000000000000001\"\nContent-Language: de-AT\n\n\
         --doorkey-00000000000000000000000000000001\nContent-Type: text/plain; charset=utf-8\n\
         Content-Transfer-Encoding: 7bit\n\nHere it is:\n\n{LINK}\n\n\
         --doorkey-00000000000000000000000000000001\nContent-Type: text/html; charset=utf-8\n\
         Content-Transfer-Encoding: 7bit\n\n<p><a href=\"{LINK}\">Sign in</a></p>\n\n\
         --doorkey-00000000000000000000000000000001--\n"
    );

    assert_eq!(written(&message(), true), expected.replace('\n', "\r\n"));
}

#[test]
fn text_beyond_ascii_is_eight_bit_or_base64_and_never_quoted_printable() {
    let message =
        Message { text: format!("Grüße\n{LINK}\n"), html: "<p>Grüße</p>".to_owned(), ..message() };

    let eight_bit = written(&message, true);
    assert!(eight_bit.contains("Content-Transfer-Encoding: 8bit\r\n\r\nGrüße\r\n"), "{eight_bit}");
    assert!(eight_bit.contains(&format!("\r\n{LINK}\r\n")));
    let seven_bit = written(&message, false);
    assert!(seven_bit.is_ascii() && seven_bit.contains("Content-Transfer-Encoding: base64\r\n\r\nR3L"));
    for text in [eight_bit, seven_bit] {
        assert!(text.contains("Content-Transfer-Encoding: 7bit\r\n\r\n<p>Gr&#xfc;&#xdf;e</p>\r\n"), "{text}");
    }
}

#[test]
fn no_line_is_too_long_whatever_a_text_has() {
    let (long, longer) = ("x".repeat(998), "x".repeat(999));
    let fits = Message { text: long.clone(), html: format!("{long} {long}"), ..message() };
    assert_eq!(written(&fits, true).matches("Transfer-Encoding: 7bit").count(), 2);
    let too_long = Message { text: longer.clone(), html: longer, ..message() };
    assert_eq!(written(&too_long, true).matches("Transfer-Encoding: base64").count(), 2);
    let names =
        Message { html: format!("<p>{0}</p><a href=\"{LINK}\">{0}</a>", "😀".repeat(100)), ..message() };
    assert_eq!(written(&names, true).matches("Transfer-Encoding: 7bit").count(), 2);
    let japanese = "リンクを開いてください。".repeat(50);
    let sentence = Message { html: format!("<p>{japanese}</p>"), ..message() };
    let whole = written(&sentence, true).replace("<wbr\r\n>", "").replace("<p\r\n>", "<p>");
    assert!(
        whole.contains("Transfer-Encoding: 7bit\r\n\r\n<p>&#x30ea;") && whole.matches("&#x").count() == 600
    );
    let words = Message { html: "é ".repeat(5_000), ..message() };
    assert_eq!(written(&words, true).matches("&#xe9;").count(), 5_000);
}

#[test]
fn a_name_is_one_mailbox_and_adds_no_line() {
    for (name, from) in [
        ("", "From: login@example.org"),
        ("Acme, Inc.", "From: \"Acme, Inc.\" <login@example.org>"),
        ("a\\\"b", "From: \"a\\\\\\\"b\" <login@example.org>"),
        ("x\r\nBcc: b@evil.test", "From: \"x  Bcc: b@evil.test\" <login@example.org>"),
        ("=?utf-8?q?x?=", "From: =?utf-8?B?PT91dGYtOD9xP3g/PQ==?= <login@example.org>"),
        ("Ä", "From: =?utf-8?B?w4Q=?= <login@example.org>"),
    ] {
        let head = head_of(&Message { from_name: name.to_owned(), ..message() });
        assert_eq!(head.split("\r\n").next().unwrap(), from, "{name}");
        assert_eq!(head.matches("\r\n").count(), 9, "{head}");
    }
    for name in ["😀".repeat(100), "a".repeat(100), "\"".repeat(100)] {
        let head = head_of(&Message { from_name: name.clone(), subject: name, ..message() });
        assert!(head.split("\r\n").all(|line| line.len() <= 78), "{head}");
    }
}

#[test]
fn a_long_subject_is_folded_between_words_or_encoded() {
    let subject = |text: &str| {
        let head = head_of(&Message { subject: text.to_owned(), ..message() });
        let (_, rest) = head.split_once("Subject: ").unwrap();
        rest.split_once("\r\nDate:").unwrap().0.to_owned()
    };
    let words = "word ".repeat(40);
    assert_eq!(subject(&words).replace("\r\n", ""), words.trim());
    assert!(subject(&words).split("\r\n").all(|line| line.len() <= 78));
    assert!(subject(&"word  ".repeat(40)).starts_with("=?utf-8?B?"));
    assert!(subject(&"a".repeat(71)).starts_with("=?utf-8?B?"));
    assert_eq!(subject("a\r\n\tb\0"), "a   b");
}

#[test]
fn a_boundary_stands_in_no_part() {
    let text = "--doorkey-00000000000000000000000000000001--\n";
    let message = Message { text: text.to_owned(), ..message() };

    assert!(head_of(&message).contains("boundary=\"doorkey-00000000000000000000000000000001-1\""));
}

#[test]
fn what_is_no_language_is_left_out() {
    for language in ["", "de\r\nBcc: x@y.test", "pt_BR", &"a".repeat(36)] {
        assert!(!head_of(&Message { language: language.to_owned(), ..message() }).contains("Language"));
    }
}
