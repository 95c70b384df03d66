//! The configuration: a setting is a flag, else an environment variable, else a key of the file.

mod environment;
mod flags;
mod quoting;

use std::ffi::OsString;
use std::io;
use std::net::IpAddr;
use std::num::{NonZeroU32, ParseIntError};
use std::path::{Path, PathBuf};

use ipnet::IpNet;

use crate::domain::duration;
use crate::files;
use crate::rate_limits::RateLimitConfig;
use crate::store::DatabaseUrl;

use self::quoting::quoted;

pub use self::environment::{plain, unknown_variables};
pub(crate) use self::flags::COMMON;
pub use self::flags::{CommonFlags, ServeFlags};
pub(crate) use self::quoting::may_have_password;

/// The names of all settings, as keys of the file; as flags they have dashes, as variables `DOORKEY_` and capitals.
const SETTINGS: [&str; 12] = [
    "database",
    "database_root_certificate",
    "secret_key_file",
    "listen",
    "ops_listen",
    "trusted_proxy",
    "log",
    "no_docs",
    "login_misses_per_minute",
    "auth_failures_per_minute",
    "key_requests_per_second",
    "audit_retention",
];

/// The longest duration that is taken: a hundred years, in seconds.
const MAX_DURATION: i64 = 36_500 * 86_400;

/// How log lines are written.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum LogFormat {
    /// For people.
    Text,
    /// One JSON object a line.
    Json,
}

/// Every setting of a process.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Config {
    /// Where the database is.
    pub database: DatabaseUrl,
    /// The file of the secret keys.
    pub secret_key_file: PathBuf,
    /// Where people and back offices connect: host and port.
    pub listen: String,
    /// Where operators connect: host and port.
    pub ops_listen: String,
    /// Proxies whose `X-Forwarded-*` headers count.
    pub trusted_proxies: Vec<IpNet>,
    /// How log lines are written.
    pub log: LogFormat,
    /// Whether the console stands at `/docs`.
    pub has_docs: bool,
    /// What strangers, and API keys, may do how often.
    pub quotas: RateLimitConfig,
    /// How long the audit log is kept, in seconds.
    pub audit_retention: i64,
}

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
    #[error("{key:?} in the configuration file {path} is no setting; there are {}", SETTINGS.join(", "))]
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

impl Config {
    /// Puts the settings together. `variable` looks up an environment variable; an empty one counts as not set.
    pub fn load(
        common: &CommonFlags,
        serve: &ServeFlags,
        variable: impl Fn(&str) -> Option<OsString>,
    ) -> Result<Self, ConfigError> {
        let variables = environment::read(variable)?;
        let variable = |setting: &str| {
            let (origin, text) = variables.get_key_value(&environment::variable_of(setting))?;
            Some(RawSetting { origin: origin.clone(), texts: vec![text.clone()] })
        };
        let flag =
            common.config.clone().map(|text| RawSetting { origin: "--config".to_owned(), texts: vec![text] });
        let path = flag.or_else(|| variable("config"));
        let path = path.map(|given| parsed(Some(given), "", path_of)).transpose()?;
        let file = path.as_deref().map(read_file).transpose()?.unwrap_or_default();
        let pick = |name: &str, flag: &[String]| {
            let dashed = format!("--{}", name.replace('_', "-"));
            if !flag.is_empty() {
                return Some(RawSetting { origin: dashed, texts: flag.to_vec() });
            }
            variable(name)
                .or_else(|| file.iter().find(|(key, _)| key == name).map(|(_, given)| given.clone()))
        };
        let one = |name: &str, flag: &Option<String>| pick(name, flag.as_slice());
        let database = one("database", &common.database);
        let root_certificate = one("database_root_certificate", &common.database_root_certificate);
        let key_file = one("secret_key_file", &common.secret_key_file);
        let no_docs = one("no_docs", &serve.no_docs.then(|| "true".to_owned()));
        let misses = one("login_misses_per_minute", &serve.login_misses_per_minute);
        let failures = one("auth_failures_per_minute", &serve.auth_failures_per_minute);
        let requests = one("key_requests_per_second", &serve.key_requests_per_second);
        let retention = one("audit_retention", &serve.audit_retention);
        let root_certificate = root_certificate.map(|given| parsed(Some(given), "", path_of)).transpose()?;
        let database = parsed(database, "sqlite://doorkey.db", DatabaseUrl::parse)?;
        Ok(Self {
            database: database.with_root_certificate(root_certificate),
            secret_key_file: parsed(key_file, "doorkey.key", path_of)?,
            listen: parsed(one("listen", &serve.listen), "127.0.0.1:8080", address)?,
            ops_listen: parsed(one("ops_listen", &serve.ops_listen), "127.0.0.1:9191", address)?,
            trusted_proxies: parsed(pick("trusted_proxy", &serve.trusted_proxy), "", networks)?,
            log: parsed(one("log", &serve.log), "text", log_format)?,
            has_docs: !parsed(no_docs, "false", parse_bool)?,
            quotas: RateLimitConfig {
                login_misses_per_minute: parsed(misses, "600", quota)?,
                auth_failures_per_minute: parsed(failures, "600", quota)?,
                key_requests_per_second: parsed(requests, "off", quota)?,
            },
            audit_retention: parsed(retention, "365d", parse_duration)?,
        })
    }
}

/// A value and where it was given.
#[derive(Clone, Debug)]
struct RawSetting {
    origin: String,
    texts: Vec<String>,
}

fn parsed<T, E: ToString>(
    given: Option<RawSetting>,
    fallback: &str,
    parse: impl Fn(&str) -> Result<T, E>,
) -> Result<T, ConfigError> {
    let given =
        given.unwrap_or_else(|| RawSetting { origin: String::new(), texts: vec![fallback.to_owned()] });
    let text = given.texts.join(",");
    let value = plain(&text).and_then(|text| parse(text).map_err(|error| error.to_string()));
    value.map_err(|why| ConfigError::ValidationErrors { origin: given.origin, why })
}

fn path_of(text: &str) -> Result<PathBuf, String> {
    let is_some = !text.is_empty();
    is_some.then(|| PathBuf::from(text)).ok_or_else(|| "give the path of a file".to_owned())
}

/// The keys of the file, which may be written with dashes too, and their values.
fn read_file(path: &Path) -> Result<Vec<(String, RawSetting)>, ConfigError> {
    let unreadable = |source| ConfigError::Unreadable { path: path.to_owned(), source };
    let malformed = |why: String| ConfigError::Malformed { path: path.to_owned(), why };
    let text = std::fs::read_to_string(path).map_err(unreadable)?;
    let table = text.parse::<toml::Table>().map_err(|error| {
        let line = error.span().and_then(|span| text.get(..span.start)).map_or(1, |s| s.split('\n').count());
        malformed(format!("line {line}: {}", error.message().replace('\n', ", ")))
    })?;
    let mut settings: Vec<(String, RawSetting)> = Vec::new();
    for (key, value) in table {
        let name = key.replace('-', "_");
        if !SETTINGS.contains(&&*name) {
            let key = if may_have_password(&key) { "what stands".to_owned() } else { key };
            return Err(ConfigError::UnknownKey { path: path.to_owned(), key });
        }
        if settings.iter().any(|(known, _)| *known == name) {
            return Err(malformed(format!("{name} is set twice")));
        }
        let texts = texts_of(&value).ok_or_else(|| {
            malformed(format!(
                "{key} must be a text in quotes, a whole number, true or false, or for trusted_proxy a list of texts"
            ))
        })?;
        settings.push((name, RawSetting { origin: format!("{key} in {}", path.display()), texts }));
    }
    Ok(settings)
}

fn texts_of(value: &toml::Value) -> Option<Vec<String>> {
    let text_of = |value: &toml::Value| {
        let text = value.as_str().map(str::to_owned);
        let number = || value.as_integer().map(|number| number.to_string());
        text.or_else(number).or_else(|| value.as_bool().map(|is_so| is_so.to_string()))
    };
    match value.as_array() {
        Some(list) => list.iter().map(text_of).collect(),
        None => text_of(value).map(|text| vec![text]),
    }
}

fn address(text: &str) -> Result<String, String> {
    let parts = text.rsplit_once(':');
    let is_fine = parts.is_some_and(|(host, port)| !host.is_empty() && port.parse::<u16>().is_ok());
    let refused = || format!("{} is no address with a port: give one such as 127.0.0.1:8080", quoted(text));
    is_fine.then(|| text.to_owned()).ok_or_else(refused)
}

fn networks(list: &str) -> Result<Vec<IpNet>, String> {
    let given = list.split(',').map(str::trim).filter(|text| !text.is_empty());
    let network = |text: &str| {
        let single = text.parse::<IpAddr>().map(IpNet::from);
        single.or_else(|_| text.parse::<IpNet>()).map_err(|_| {
            let text = quoted(text);
            format!("{text} is no network: give one such as 10.0.0.0/8, or one address such as 127.0.0.1")
        })
    };
    given.map(network).collect()
}

fn log_format(text: &str) -> Result<LogFormat, String> {
    match text {
        "text" => Ok(LogFormat::Text),
        "json" => Ok(LogFormat::Json),
        _ => Err(format!("{} is no way to write the log: give text or json", quoted(text))),
    }
}

fn parse_bool(text: &str) -> Result<bool, String> {
    match text {
        "true" | "1" => Ok(true),
        "false" | "0" => Ok(false),
        _ => Err(format!("{} is neither true nor false", quoted(text))),
    }
}

fn quota(text: &str) -> Result<Option<NonZeroU32>, String> {
    let refused =
        |_: ParseIntError| format!("{} is no limit: give a whole number from 1, or off", quoted(text));
    if text == "off" { Ok(None) } else { text.parse().map(Some).map_err(refused) }
}

/// Takes a duration such as `90d`, `12h`, `30m` or `45s` and gives its seconds: at least one, at most a hundred years.
pub fn parse_duration(text: &str) -> Result<i64, String> {
    let refused = || format!("{} is no duration: give one such as 90d, 12h, 30m or 45s", quoted(text));
    let seconds = duration::parse(text).filter(|seconds| (1..=MAX_DURATION).contains(seconds));
    seconds.ok_or_else(refused)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn load(flag: Option<&str>, variable: Option<&str>, file: &str) -> Result<Config, ConfigError> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("doorkey.toml");
        std::fs::write(&path, file).unwrap();
        let common = CommonFlags { config: Some(path.display().to_string()), ..CommonFlags::default() };
        let serve = ServeFlags { listen: flag.map(str::to_owned), ..ServeFlags::default() };
        let found = |name: &str| variable.filter(|_| name == "DOORKEY_LISTEN").map(OsString::from);
        Config::load(&common, &serve, found)
    }

    #[test]
    fn a_flag_goes_before_a_variable_and_a_variable_before_the_file() {
        let file = "listen = '127.0.0.1:3'";

        assert_eq!(load(Some("127.0.0.1:1"), Some("127.0.0.1:2"), file).unwrap().listen, "127.0.0.1:1");
        assert_eq!(load(None, Some("127.0.0.1:2"), file).unwrap().listen, "127.0.0.1:2");
        assert_eq!(load(None, Some(""), file).unwrap().listen, "127.0.0.1:3");
        assert_eq!(load(None, None, "").unwrap().listen, "127.0.0.1:8080");
    }

    #[test]
    fn a_wrong_value_is_refused_by_the_name_it_was_given_under() {
        for (flag, variable, file, name) in [
            (Some("8080"), None, "", "--listen"),
            (None, Some("x:99999"), "", "DOORKEY_LISTEN"),
            (None, None, "listen = ':1'", "listen in"),
            (None, None, "ops-listen = 1", "ops-listen"),
            (None, None, "colour = 'red'", "\"colour\""),
            (None, None, "log = 'xml'", "log in"),
            (None, None, "trusted_proxy = ['10.0.0.0/8', 'x']", "\"x\""),
            (None, None, "audit_retention = '1y'", "audit_retention"),
            (None, None, "login_misses_per_minute = 0", "login_misses_per_minute"),
            (None, None, "auth_failures_per_minute = '1.5'", "auth_failures_per_minute"),
            (None, None, "key_requests_per_second = -1", "key_requests_per_second"),
            (None, None, "key_requests_per_second = '4294967296'", "key_requests_per_second"),
            (None, None, "log = 'text'\nlisten = ", "line 2"),
        ] {
            let error = load(flag, variable, file).expect_err(name).to_string();
            assert!(error.contains(name) && !error.contains('\n'), "{error}");
        }
    }

    #[test]
    fn a_proxy_is_a_network_or_one_address() {
        let config = load(None, None, "trusted_proxy = ['10.0.0.0/8', '::1']").unwrap();
        let as_list = load(None, None, "trusted_proxy = '10.0.0.0/8, ::1'").unwrap();

        assert_eq!(config.trusted_proxies, ["10.0.0.0/8".parse().unwrap(), "::1/128".parse().unwrap()]);
        assert_eq!(as_list.trusted_proxies, config.trusted_proxies);
    }

    #[test]
    fn the_console_is_there_unless_it_is_left_out() {
        for (file, has_docs) in [
            ("", true),
            ("no_docs = false", true),
            ("no_docs = '0'", true),
            ("no-docs = true", false),
            ("no_docs = '1'", false),
        ] {
            assert_eq!(load(None, None, file).unwrap().has_docs, has_docs, "{file}");
        }
        assert!(load(None, None, "no_docs = 'no'").is_err());
    }

    #[test]
    fn a_limit_is_a_number_or_off_and_that_of_keys_is_off_unless_set() {
        let numbers = |file: &str| {
            let RateLimitConfig {
                login_misses_per_minute,
                auth_failures_per_minute,
                key_requests_per_second,
            } = load(None, None, file).unwrap().quotas;
            [login_misses_per_minute, auth_failures_per_minute, key_requests_per_second]
                .map(|limit| limit.map_or(0, NonZeroU32::get))
        };

        assert_eq!(numbers(""), [600, 600, 0]);
        assert_eq!(numbers("login_misses_per_minute = 'off'\nauth-failures-per-minute = 1"), [0, 1, 0]);
        assert_eq!(numbers("login-misses-per-minute = '7'\nkey_requests_per_second = 50"), [7, 600, 50]);
        assert_eq!(load(None, None, "").unwrap().quotas, RateLimitConfig::default());
    }

    #[test]
    fn a_duration_has_a_number_and_a_unit() {
        for (text, seconds) in [("90d", 7_776_000), ("12h", 43_200), ("30m", 1_800), ("45s", 45)] {
            assert_eq!(parse_duration(text), Ok(seconds));
        }
        for text in
            ["", "d", "90", "0s", "-1d", "+1d", "1.5h", "1 d", "1w", "99999999999999999999d", "36501d", "é"]
        {
            assert!(parse_duration(text).is_err(), "{text}");
        }
    }
}
