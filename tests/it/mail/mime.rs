//! Ten thousand odd mails, parsed by programs that others wrote: the link is whole, and nothing is there that was not meant.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::Path;
use std::process::{Command, Stdio};

use doorkey::domain::mail::Message;
use doorkey::domain::timestamp::Timestamp;
use doorkey::outbound::mime;
use proptest::prelude::Rng;
use proptest::test_runner::{RngAlgorithm, TestRng};
use serde_json::json;
use tempfile::TempDir;
use uuid::Uuid;

use crate::support::mails::address;

const COUNT: usize = 10_000;

/// What names and subjects are made of.
const PIECES: &[&str] = &[
    "Acme",
    " ",
    "  ",
    "a",
    ",",
    ";",
    ":",
    "@",
    ".",
    "\"",
    "\\",
    "'",
    "(",
    ")",
    "<b@evil.test>",
    "<",
    ">",
    "=?utf-8?q?x?=",
    "=?",
    "?=",
    "=3D",
    "Ä",
    "ß",
    "😀",
    "👩\u{200d}👩\u{200d}👧",
    "\u{202e}",
    "\u{feff}",
    "e\u{301}",
    "日本語",
    "\r\nBcc: b@evil.test",
    "\n",
    "\r",
    "\t",
    "\0",
    "\u{1b}[2J",
    "\u{7f}",
    "\u{85}",
    "\u{2028}",
    "<script>",
    "{{7*7}}",
    "%s",
    "&amp;",
    "group: a@x.test;",
    "\"Ä\" <x@y>, b@evil.test",
    "very-long-word-without-any-space-in-it-that-no-line-has-room-for-at-all-ever",
    "Inc.",
];

const ALPHABET: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

struct Dice(TestRng);

impl Dice {
    fn below(&mut self, limit: usize) -> usize {
        self.0.next_u32() as usize % limit
    }

    /// At most a hundred characters, which is what a name may have.
    fn oddity(&mut self) -> String {
        let count = self.below(9);
        let text: String = (0..count).map(|_| PIECES[self.below(PIECES.len())]).collect();
        let times = if self.below(20) == 0 { 100 } else { 1 };
        text.repeat(times).chars().take(100).collect()
    }

    fn token(&mut self) -> String {
        let start = ["3D", "", "0A", "", "=", "3D3D"][self.below(4)];
        let rest = (start.len()..32).map(|_| char::from(ALPHABET[self.below(ALPHABET.len())]));
        format!("{start}{}", rest.collect::<String>())
    }

    fn mail(&mut self) -> (Message, String) {
        let long = if self.below(10) == 0 { "x".repeat(self.below(700)) } else { String::new() };
        let link = format!("https://portal.example.org/login?token={}&redirect=/{long}", self.token());
        let words = self.oddity();
        let shown = words.replace('&', "&amp;").replace('<', "&lt;");
        let message = Message {
            id: Uuid::now_v7(),
            from: address("login@mail.example.org"),
            from_name: self.oddity(),
            reply_to: (self.below(2) == 0).then(|| address("help@example.org")),
            to: address(["ada@example.net", "o'neil+x@xn--bcher-kva.example"][self.below(2)]),
            date: Timestamp::from_millis(1_795_404_180_007),
            language: ["en", "pt-BR"][self.below(2)].to_owned(),
            subject: self.oddity(),
            text: format!("{words}\n\n{link}\n\n.\n..\n{words}\n"),
            html: format!("<p>{shown}</p>\n<a href=\"{link}\">{shown}</a>\n"),
        };
        (message, link)
    }
}

/// What is left of an oddity: what steers a line is a space.
fn cleaned(text: &str) -> String {
    text.replace(char::is_control, " ").trim().to_owned()
}

/// Writes the mails and what they are to be, and gives the two files' folder.
fn write() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let mut mails = BufWriter::new(File::create(folder.path().join("mails")).unwrap());
    let mut expected = BufWriter::new(File::create(folder.path().join("expected")).unwrap());
    let mut dice = Dice(TestRng::deterministic_rng(RngAlgorithm::ChaCha));
    for number in 0..COUNT {
        let (message, link) = dice.mail();
        let bytes = mime::render(&message, number % 3 > 0).bytes;
        mails.write_all(&u32::try_from(bytes.len()).unwrap().to_be_bytes()).unwrap();
        mails.write_all(&bytes).unwrap();
        let mut headers = vec!["From", "To"];
        headers.extend(message.reply_to.as_ref().map(|_| "Reply-To"));
        headers.extend(["Subject", "Date", "Message-ID", "Auto-Submitted", "MIME-Version", "Content-Type"]);
        headers.push("Content-Language");
        let whole = json!({
            "id": message.id, "headers": headers, "link": link, "to": message.to.as_str(), "from": message.from.as_str(),
            "name": cleaned(&message.from_name), "subject": cleaned(&message.subject),
        });
        writeln!(expected, "{whole}").unwrap();
    }
    folder
}

#[track_caller]
fn all_are_parsed(command: &mut Command, folder: &Path) {
    let command = command.arg(folder.join("mails")).arg(folder.join("expected")).stdin(Stdio::null());
    let output = command.output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
    assert_eq!(String::from_utf8_lossy(&output.stdout).trim(), COUNT.to_string(), "{said}");
}

#[test]
fn a_strict_parser_finds_one_sender_one_recipient_and_the_whole_link() {
    let folder = write();
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/mail/mime.py");
    all_are_parsed(Command::new("python3").arg(script), folder.path());
}

#[test]
fn the_parser_of_a_mailer_finds_the_same() {
    let folder = write();
    let house = Path::new(env!("CARGO_MANIFEST_DIR"));
    let installed = std::env::var("MAILPARSER")
        .unwrap_or_else(|_| house.join("target/mailparser").to_str().unwrap().to_owned());
    assert!(Path::new(&installed).join("node_modules").exists(), "mailparser is missing: ./test installs it");
    let script = house.join("tests/it/mail/mime.mjs");
    all_are_parsed(Command::new("node").arg(script).arg(installed), folder.path());
}

/// What a filter holds against a mail, without asking anybody outside.
fn held_against(mail: &[u8]) -> String {
    let home = tempfile::tempdir().unwrap();
    let mut filter = Command::new("spamassassin");
    let filter = filter.args(["-L", "-t"]).env("HOME", home.path());
    let mut filter =
        filter.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    filter.stdin.take().unwrap().write_all(mail).unwrap();
    let output = filter.wait_with_output().unwrap();
    let report = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(report.contains("Content analysis details:"), "{report}");
    report
}

#[test]
fn a_filter_finds_nothing_wrong_with_the_form() {
    let link = "https://portal.example.org/login?token=G3Dabcdefghijklmnopqrstuvwxyz012";
    for (name, language, greeting) in [
        ("Acme", "en", "Here is your link to sign in:"),
        ("Ä & Söhne", "de", "Hier ist Ihr Link für die Anmeldung:"),
    ] {
        let message = Message {
            from_name: name.to_owned(),
            language: language.to_owned(),
            subject: greeting.trim_end_matches(':').to_owned(),
            text: format!("{greeting}\n\n{link}\n\nAcme\n"),
            html: format!(
                "<!doctype html>\n<html>\n<p>{greeting}</p>\n<p><a href=\"{link}\">{link}</a></p>\n<p>Acme</p>\n</html>\n"
            ),
            ..crate::support::mails::message()
        };
        let report = held_against(&mime::render(&message, true).bytes);
        for rule in [
            "MISSING_",
            "MIME_HTML_ONLY",
            "MPART_ALT_DIFF",
            "MIME_BASE64_TEXT",
            "BASE64",
            "INVALID_",
            "MALFORMED",
            "HEADER_CTYPE",
        ] {
            assert!(!report.contains(rule), "{rule} is in\n{report}");
        }
    }
    let headless = b"From: a@x.test\r\nTo: b@x.test\r\nSubject: x\r\n\r\nx\r\n";
    assert!(held_against(headless).contains("MISSING_MID"), "it holds nothing against anybody");
}
