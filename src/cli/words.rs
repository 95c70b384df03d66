//! The words of the command line, before anything is made of them.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::Parser;
use clap::error::{ContextKind, ContextValue, Error, ErrorKind};

use super::Cli;
use crate::config;
use crate::domain::user::fields::{self, Kind};
use crate::domain::workspace::SETTINGS;

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

/// What to write instead, if the error or its text knows.
pub(super) fn tips(error: &Error, text: &str) -> Vec<String> {
    if let Some(ContextValue::String(flag)) = error.get(ContextKind::InvalidArg)
        && let Some(pair) = as_pair(flag, text)
    {
        return vec![format!("write it as {pair}")];
    }
    // No command takes a value that looks like a flag, so `-- --flag` leads nowhere.
    let is_tip = |line: &&str| line.starts_with("tip:") && !line.contains("as a value, use");
    text.lines().map(str::trim).filter(is_tip).map(str::to_owned).collect()
}

/// A field or a setting that was written as a flag, as the command with this usage takes it.
fn as_pair(flag: &str, usage: &str) -> Option<String> {
    let name = flag.strip_prefix("--")?.replace('-', "_");
    if usage.contains("<FIELD=VALUE>") {
        // `user add` has a flag of this name.
        let name = if name == "two_factor" { "two_factor_enabled" } else { &name };
        let field = fields::find(name).filter(|field| !field.is_read_only())?;
        let value = if matches!(field.kind, Kind::Flag(_) | Kind::Staff(_)) { "true" } else { "VALUE" };
        return Some(format!("{name}={value}"));
    }
    let is_setting = usage.contains("<KEY=VALUE>") && SETTINGS.split(", ").any(|setting| setting == name);
    is_setting.then(|| format!("{name}=VALUE"))
}

/// Takes the path of a file.
pub(super) fn path(text: &str) -> Result<PathBuf, String> {
    config::parse_path(config::plain(text)?).map_err(str::to_owned)
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
