//! Where settings are given: by flags, in variables and in the file. They are texts here, not parsed yet.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;
use std::io;
use std::path::{Path, PathBuf};

use super::flags::names;
use super::values::{may_have_password, plain};
use crate::files;

/// The settings that are lists.
const LISTS: [&str; 2] = ["trusted_proxy", "outbound_allow"];

/// What the names of all variables begin with.
const PREFIX: &str = "DOORKEY_";

/// Why the settings cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file cannot be read.
    #[error("the configuration file {path} cannot be read: {}: check --config", files::explain(.path, .source))]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the operating system said.
        source: io::Error,
    },
    /// The file is no TOML, or a key has a value of the wrong kind.
    #[error("the configuration file {path} is wrong: {why}")]
    Malformed {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        why: String,
    },
    /// The file has a key that means nothing.
    #[error("{key:?} in the configuration file {path} is no setting; there are {}", names().join(", "))]
    UnknownKey {
        /// The file.
        path: PathBuf,
        /// The key.
        key: String,
    },
    /// A setting has a value that it cannot have.
    #[error("{origin}: {why}")]
    ValidationErrors {
        /// The flag, variable or key that was given.
        origin: String,
        /// What it takes.
        why: String,
    },
}

/// A text and where it was given.
pub(super) struct RawSetting {
    origin: String,
    text: String,
}

impl RawSetting {
    /// From a flag, else a variable. An empty variable counts as not set.
    pub(super) fn find(
        name: &str,
        flag: Option<String>,
        variable: impl Fn(&str) -> Option<OsString>,
    ) -> Result<Option<Self>, ConfigError> {
        let origin = variable_of(name);
        let by_variable = match variable(&origin).map(OsString::into_string) {
            Some(Ok(text)) if !text.is_empty() => {
                let variable = Self { origin, text };
                // It is refused where a flag goes before it, too.
                variable.parse(|_| Ok::<_, String>(()))?;
                Some(variable)
            }
            Some(Err(_)) => {
                let why = "it is no UTF-8, and is not guessed at".to_owned();
                return Err(ConfigError::ValidationErrors { origin, why });
            }
            Some(Ok(_)) | None => None,
        };
        let by_flag = flag.map(|text| Self { origin: flag_of(name), text });
        Ok(by_flag.or(by_variable))
    }

    /// Parses the text, unless it has control characters.
    pub(super) fn parse<T, E: ToString>(
        &self,
        parse: impl Fn(&str) -> Result<T, E>,
    ) -> Result<T, ConfigError> {
        let parsed = plain(&self.text).and_then(|text| parse(text).map_err(|error| error.to_string()));
        parsed.map_err(|why| ConfigError::ValidationErrors { origin: self.origin.clone(), why })
    }
}

/// The settings that were given, by their names.
#[derive(Default)]
pub(super) struct RawSettings(BTreeMap<String, RawSetting>);

impl RawSettings {
    /// Adds a setting, unless it was given already.
    pub(super) fn add(&mut self, name: &str, setting: RawSetting) {
        self.0.entry(name.to_owned()).or_insert(setting);
    }

    /// Adds the keys of the file, which may be written with dashes too.
    pub(super) fn add_file(&mut self, path: &Path) -> Result<(), ConfigError> {
        let malformed = |why: String| ConfigError::Malformed { path: path.to_owned(), why };
        let mut seen = BTreeSet::new();
        for (key, value) in read_toml(path)? {
            let name = key.replace('-', "_");
            if !names().contains(&&*name) {
                let key = if may_have_password(&key) { "what stands".to_owned() } else { key };
                return Err(ConfigError::UnknownKey { path: path.to_owned(), key });
            }
            let is_misplaced = value.is_array() && !LISTS.contains(&&*name);
            let text = if is_misplaced { None } else { text_of(&value) };
            let text = text.ok_or_else(|| {
                malformed(format!(
                    "{key} must be a text in quotes, a whole number, true or false, or for trusted_proxy and outbound_allow a list of texts"
                ))
            })?;
            self.add(&name, RawSetting { origin: format!("{key} in {}", path.display()), text });
            if !seen.insert(name) {
                return Err(malformed(format!("{key} is set twice")));
            }
        }
        Ok(())
    }

    /// An error about a setting, by the name it was given under; by its flag if it was not given.
    pub(super) fn refusal(&self, name: &str, why: &str) -> ConfigError {
        let origin = self.0.get(name).map_or_else(|| flag_of(name), |setting| setting.origin.clone());
        ConfigError::ValidationErrors { origin, why: why.to_owned() }
    }

    /// Whether a setting was given as a flag: to this command, and not to whatever reads the same file or variables.
    pub(super) fn is_flag(&self, name: &str) -> bool {
        self.0.get(name).is_some_and(|setting| setting.origin == flag_of(name))
    }

    /// The value of a setting, if it was given.
    pub(super) fn optional<T, E: ToString>(
        &self,
        name: &str,
        parse: impl Fn(&str) -> Result<T, E>,
    ) -> Result<Option<T>, ConfigError> {
        self.0.get(name).map(|setting| setting.parse(parse)).transpose()
    }

    /// The value of a setting, or what it is otherwise.
    pub(super) fn value<T, E: ToString>(
        &self,
        name: &str,
        default: &str,
        parse: impl Fn(&str) -> Result<T, E>,
    ) -> Result<T, ConfigError> {
        let default = || RawSetting { origin: name.to_owned(), text: default.to_owned() };
        self.optional(name, &parse)?.map_or_else(|| default().parse(&parse), Ok)
    }
}

/// The names of variables that are set and look like settings, but are none.
pub fn unknown_variables(all: impl Iterator<Item = (OsString, OsString)>) -> Vec<String> {
    let known: Vec<_> = names().into_iter().chain(["config"]).map(variable_of).collect();
    let set = all.filter(|(_, value)| !value.is_empty()).map(|(name, _)| name.to_string_lossy().into_owned());
    let mut unknown: Vec<_> = set.filter(|name| name.starts_with(PREFIX) && !known.contains(name)).collect();
    unknown.sort();
    unknown.into_iter().map(|name| name.escape_debug().to_string()).collect()
}

/// The flag of a setting.
fn flag_of(name: &str) -> String {
    format!("--{}", name.replace('_', "-"))
}

/// The variable of a setting.
fn variable_of(name: &str) -> String {
    format!("{PREFIX}{}", name.to_ascii_uppercase())
}

fn read_toml(path: &Path) -> Result<toml::Table, ConfigError> {
    let text = std::fs::read_to_string(path)
        .map_err(|source| ConfigError::Unreadable { path: path.to_owned(), source })?;
    text.parse::<toml::Table>().map_err(|error| {
        let before = error.span().and_then(|span| text.get(..span.start)).unwrap_or_default();
        let place = before.split('\n').count();
        let value = text.split('\n').nth(place - 1).and_then(|line| line.split_once('='));
        let is_bare = value.is_some_and(|(_, value)| value.trim_start().starts_with(char::is_alphanumeric));
        let advice =
            if is_bare { "; put the value into quotes, as in listen = \"127.0.0.1:8080\"" } else { "" };
        let why = format!("line {place}: {}{advice}", error.message().replace('\n', ", "));
        ConfigError::Malformed { path: path.to_owned(), why }
    })
}

/// A value as a flag would be given it: the texts of a list stand behind commas.
fn text_of(value: &toml::Value) -> Option<String> {
    match value {
        toml::Value::String(text) => Some(text.clone()),
        toml::Value::Integer(number) => Some(number.to_string()),
        toml::Value::Boolean(is_so) => Some(is_so.to_string()),
        toml::Value::Array(list) => {
            let texts = list.iter().map(|value| if value.is_array() { None } else { text_of(value) });
            texts.collect::<Option<Vec<_>>>().map(|texts| texts.join(","))
        }
        toml::Value::Float(_) | toml::Value::Datetime(_) | toml::Value::Table(_) => None,
    }
}
