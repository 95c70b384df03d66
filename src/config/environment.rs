//! Variables and texts from outside: what cannot be read as it was meant is refused by the name that it was given under.

use std::collections::BTreeMap;
use std::ffi::OsString;

use super::{ConfigError, SETTINGS};

/// What the names of all variables begin with.
const PREFIX: &str = "DOORKEY_";

/// The variable of a setting.
pub(super) fn variable_of(setting: &str) -> String {
    format!("{PREFIX}{}", setting.to_ascii_uppercase())
}

/// The variables of all settings, and of the file with settings, that are set. An empty one counts as not set.
pub(super) fn read(
    variable: impl Fn(&str) -> Option<OsString>,
) -> Result<BTreeMap<String, String>, ConfigError> {
    let mut found = BTreeMap::new();
    for setting in SETTINGS.into_iter().chain(["config"]) {
        let name = variable_of(setting);
        let Some(value) = variable(&name).filter(|value| !value.is_empty()) else { continue };
        let value = value.into_string().map_err(|_| ConfigError::ValidationErrors {
            origin: name.clone(),
            why: "it is no UTF-8, and is not guessed at".to_owned(),
        })?;
        found.insert(name, value);
    }
    Ok(found)
}

/// Takes a text that has no control characters: with a carriage return at its end it would name another file.
pub fn plain(text: &str) -> Result<&str, String> {
    match text.chars().find(|letter| letter.is_control()) {
        None => Ok(text),
        Some(letter) => {
            Err(format!("it has a control character ({}), and is not taken", letter.escape_default()))
        }
    }
}

/// The names of variables that are set and look like settings, but are none.
pub fn unknown_variables(all: impl Iterator<Item = (OsString, OsString)>) -> Vec<String> {
    let known: Vec<_> = SETTINGS.into_iter().chain(["config"]).map(variable_of).collect();
    let name = |(name, value): (OsString, OsString)| {
        let name = name.to_string_lossy().into_owned();
        let is_unknown = name.starts_with(PREFIX) && !known.contains(&name) && !value.is_empty();
        is_unknown.then(|| name.escape_debug().to_string())
    };
    let mut names: Vec<_> = all.filter_map(name).collect();
    names.sort();
    names
}
