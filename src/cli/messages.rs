//! What is said on standard error: whole sentences, no longer than a terminal can show, and without secrets.

use std::io::{self, Write};
use std::process::ExitCode;

use clap::error::{ContextKind, ContextValue, ErrorKind};

use super::{output, words};
use crate::config::may_have_password;
use crate::domain::base62;

/// Characters of the longest sentence. Whoever gives a value that is longer knows it.
const MAX_SENTENCE: usize = 4_000;

/// Letters of tokens of login links, and of secrets of admins and apps.
const SECRET_LENGTHS: [usize; 2] = [32, 43];

/// From how many letters on what begins like an API key is taken for one that was cut off.
const LEAST_OF_KEY: usize = 16;

/// Prints the one sentence of an error, and gives the exit status.
///
/// Whoever reads our output may stop reading (`| head`): that is no error.
pub fn explain(error: &anyhow::Error) -> ExitCode {
    let is_closed = |cause: &io::Error| cause.kind() == io::ErrorKind::BrokenPipe;
    if error.downcast_ref::<io::Error>().is_some_and(is_closed) {
        return ExitCode::SUCCESS;
    }
    if let Some(usage) = error.downcast_ref::<clap::Error>() {
        return explain_usage(usage);
    }
    let mut sentence = error.to_string();
    for cause in error.chain().skip(1).map(ToString::to_string) {
        // Many a sentence says its cause already.
        if !sentence.contains(&cause) {
            sentence = format!("{sentence}: {cause}");
        }
    }
    if let Some(advice) = advice_on_store(&sentence) {
        sentence = format!("{sentence}: {advice}");
    }
    say(&sentence);
    ExitCode::FAILURE
}

/// Prints what was asked for (help, version), or says in one sentence how the command line was wrong.
pub fn explain_usage(error: &clap::Error) -> ExitCode {
    let asked_for = [
        ErrorKind::DisplayHelp,
        ErrorKind::DisplayVersion,
        ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand,
    ];
    let code = ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(2));
    if asked_for.contains(&error.kind()) {
        return match error.print().and_then(|()| io::stdout().flush()) {
            Err(why) if !error.use_stderr() => explain(&output::unwritten(why).into()),
            Ok(()) | Err(_) => code,
        };
    }
    let mut text = error.to_string();
    for kind in [ContextKind::InvalidArg, ContextKind::InvalidValue, ContextKind::InvalidSubcommand] {
        // A database that was given in the wrong place: its password is not for everybody who sees the terminal.
        if let Some(ContextValue::String(word)) = error.get(kind)
            && may_have_password(word)
            && !word.starts_with('-')
        {
            text = text.replace(word, "…");
        }
    }
    // The first paragraph says what is wrong; tips and the usage follow.
    let wrong = text.split("\n\n").next().unwrap_or_default().trim_start_matches("error: ");
    let mut sentences = vec![in_one_line(wrong)];
    sentences.extend(words::tips(error, &text));
    say(&format!("{}; --help says what the command takes", sentences.join("; ")));
    code
}

/// Says a sentence, without the secrets that were given in the wrong place and stand in it.
pub(super) fn say(sentence: &str) {
    let sentence = shortened(&without_secrets(&in_one_line(sentence)));
    // With nobody to read it, the exit status alone must tell.
    let _ = writeln!(io::stderr(), "doorkey: {}", output::shown(&sentence));
}

/// What to do about a store that cannot be used now, unless the sentence says it. Responses of the API have the same sentence,
/// and there it is not the reader who can do something.
fn advice_on_store(sentence: &str) -> Option<&'static str> {
    let (_, why) = sentence.split_once("the store cannot be used now: ")?;
    if why.contains("check --database") {
        return None;
    }
    Some(if why.contains("is locked") {
        "another program holds the database: wait until it is done, and run the command again"
    } else if why.contains("is full") {
        "make room on its disk, and run the command again"
    } else {
        "run the command again; if it stays so, look at the disk or the server that the database is on"
    })
}

fn in_one_line(text: &str) -> String {
    let lines: Vec<_> = text.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    lines.join(" ")
}

/// A text without tokens, API keys and secrets, and without the passwords of addresses.
fn without_secrets(text: &str) -> String {
    let is_apart = |letter: char| !letter.is_ascii_alphanumeric() && letter != '_';
    let piece_without = |piece: &str| {
        let word = piece.trim_end_matches(is_apart);
        if is_secret(word) { format!("…{}", &piece[word.len()..]) } else { piece.to_owned() }
    };
    let pieces = text.split_inclusive(char::is_whitespace);
    let text: String =
        pieces.map(|piece| without_password(piece).unwrap_or_else(|| piece.to_owned())).collect();
    text.split_inclusive(is_apart).map(piece_without).collect()
}

/// An address without its password, if it has one. What follows the last at sign is no part of that.
fn without_password(word: &str) -> Option<String> {
    let (scheme, rest) = word.split_once("://")?;
    let (login, host) = rest.rsplit_once('@')?;
    let (user, _) = login.split_once(':')?;
    Some(format!("{scheme}://{user}:…@{host}"))
}

/// Whether a word is as long as a secret and as mixed: numbers, ids and names in one case are none.
fn is_secret(word: &str) -> bool {
    let key = word.strip_prefix("doorkey_");
    let letters = key.unwrap_or(word).as_bytes();
    let is_mixed = base62::is_base62(letters)
        && letters.iter().any(u8::is_ascii_uppercase)
        && letters.iter().any(u8::is_ascii_lowercase);
    let is_long = match key {
        Some(key) => key.len() >= LEAST_OF_KEY,
        None => SECRET_LENGTHS.contains(&word.len()),
    };
    is_mixed && is_long
}

/// The beginning of a text, and its end, which says what to do.
fn shortened(text: &str) -> String {
    let length = text.chars().count();
    if length <= MAX_SENTENCE {
        return text.to_owned();
    }
    let half = MAX_SENTENCE / 2;
    text.chars().take(half).chain(['…']).chain(text.chars().skip(length - half)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_left_out_and_what_merely_looks_long_is_not() {
        let (token, secret) =
            ("0aB1cD2eF3gH4iJ5kL6mN7oP8qR9sT0u", "0aB1cD2eF3gH4iJ5kL6mN7oP8qR9sT0uV1wX2yZ3aB4");
        for (text, said) in [
            (format!("unexpected argument '{token}' found"), "unexpected argument '…' found"),
            (format!("https://a.test/login/{token}?x=1"), "https://a.test/login/…?x=1"),
            (format!("\"{secret}\\n\": no"), "\"…\\n\": no"),
            (format!("doorkey_{secret}abcdef"), "…"),
            (format!("doorkey_{}", &token[..20]), "…"),
            ("at postgres://u:se@c/ret@h/y: no".to_owned(), "at postgres://u:…@h/y: no"),
        ] {
            assert_eq!(without_secrets(&text), said);
        }
        for text in [
            "the session 0190163d-8694-739b-aea5-966c26f8ad91  is none",
            "0190163d8694739baea5966c26f8ad91",
            "12345678901234567890123456789012",
            "doorkey_0190163d8694739baea5966c26f8ad91",
            "doorkey_Demo and doorkey_mails_sent_total",
            "postgres://me@db:1,other:2/x at https://example.com:8443/a",
            "Zoë's appAbCdEfGhIjKlMnOpQrSt",
            "",
        ] {
            assert_eq!(without_secrets(text), text);
        }
    }

    #[test]
    fn a_sentence_keeps_its_beginning_and_its_end() {
        let long = format!("no workspace {}: make one", "é".repeat(120_000));

        let said = shortened(&long);

        assert_eq!(said.chars().count(), MAX_SENTENCE + 1);
        assert!(said.starts_with("no workspace é") && said.ends_with("é: make one"), "{said}");
        assert_eq!(shortened("short"), "short");
    }

    #[test]
    fn a_store_that_cannot_be_used_comes_with_advice_once() {
        let advice = |why: &str| advice_on_store(&format!("the store cannot be used now: {why}"));

        assert!(advice("database is locked").unwrap().contains("another program"));
        assert!(advice("database or disk is full").unwrap().contains("make room"));
        assert!(advice("a read was broken off").unwrap().contains("run the command again"));
        assert_eq!(advice("connection refused: check --database, and that the server runs"), None);
        assert_eq!(advice_on_store("there is no workspace \"Acme\""), None);
    }
}
