//! The words of the command line, before anything is made of them.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::Parser;
use clap::error::{Error, ErrorKind};

use super::Cli;
use crate::config;

impl Cli {
    /// Takes the words that this process was started with.
    pub fn of_this_process() -> Result<Self, Error> {
        let words: Vec<_> = std::env::args_os().collect();
        match not_text(&words) {
            Some(name) => Err(Error::raw(
                ErrorKind::InvalidUtf8,
                format!("what is given for {name} is no UTF-8, and is not guessed at"),
            )),
            None => Self::try_parse_from(words),
        }
    }
}

/// What a word that is no text was given for: the flag in it or before it, else the word itself, as far as it can be shown.
fn not_text(words: &[OsString]) -> Option<String> {
    let place = words.iter().position(|word| word.to_str().is_none())?;
    let shown = |word: &OsString| word.to_string_lossy().escape_debug().to_string();
    let word = shown(&words[place]);
    let flag = word.split_once('=').map(|(flag, _)| flag.to_owned()).filter(|flag| flag.starts_with("--"));
    let before = place.checked_sub(1).and_then(|place| words.get(place)).map(shown);
    let before = before.filter(|word| word.starts_with("--") && !word.contains('='));
    Some(flag.or(before).unwrap_or_else(|| format!("\"{word}\"")))
}

/// Takes the path of a file.
pub(super) fn path(text: &str) -> Result<PathBuf, String> {
    plain(text).map(PathBuf::from)
}

/// Takes a text without control characters.
pub(super) fn plain(text: &str) -> Result<String, String> {
    config::plain(text).map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use std::os::unix::ffi::OsStringExt;

    use super::*;

    #[test]
    fn a_word_that_is_no_text_is_named_by_its_flag() {
        let words = |line: &[u8]| {
            line.split(|byte| *byte == b' ').map(|w| OsString::from_vec(w.to_vec())).collect::<Vec<_>>()
        };
        for (line, name) in [
            (&b"doorkey check --database \xff"[..], Some("--database")),
            (b"doorkey check --database=sqlite://\xff.db", Some("--database")),
            (b"doorkey backup a\xff", Some("\"a\u{fffd}\"")),
            (b"doorkey --json=x \xff", Some("\"\u{fffd}\"")),
            (b"doorkey check", None),
        ] {
            assert_eq!(not_text(&words(line)).as_deref(), name, "{}", line.escape_ascii());
        }
    }
}
