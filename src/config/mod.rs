//! The configuration: a setting is a flag, else an environment variable, else a key of the file.
//!
//! Variables are not read by clap: it reads only those of the flags that a command has, takes an empty one as a value, and
//! names the flag where a variable was wrong.

mod admin;
mod flags;
mod mail;
mod sources;
mod values;

use std::ffi::OsString;
use std::path::PathBuf;

use ipnet::IpNet;

use crate::domain::outbound::OutboundAllow;
use crate::rate_limits::RateLimitConfig;
use crate::store::DatabaseUrl;

use self::flags::settings;
use self::sources::{RawSetting, RawSettings};
use self::values::{address, log_format, networks, outbound_allow, parse_bool, quota};

pub use self::admin::AdminConfig;
pub(crate) use self::flags::COMMON;
pub use self::flags::{AdminFlags, CommonFlags, MailFlags, OutboundFlags, ServeFlags};
pub use self::mail::{MailConfig, MailRoute, Security, SmtpConfig};
pub use self::sources::{ConfigError, unknown_variables};
pub(crate) use self::values::may_have_password;
pub use self::values::{LogFormat, parse_duration, parse_path, plain};

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
    /// How long dead links are known, in seconds.
    pub dead_link_memory: i64,
    /// Where the admin pages are, and who is let in by a proxy.
    pub admin: AdminConfig,
    /// How mail goes out; `None` if mail is not set up.
    pub mail: Option<MailConfig>,
    /// What may be called although it is not public.
    pub outbound_allow: OutboundAllow,
}

impl Config {
    /// Puts the settings together. `variable` looks up an environment variable; an empty one counts as not set.
    pub fn load(
        common: &CommonFlags,
        serve: &ServeFlags,
        variable: impl Fn(&str) -> Option<OsString>,
    ) -> Result<Self, ConfigError> {
        let mut given = RawSettings::default();
        for (name, flag) in settings(common, serve) {
            if let Some(setting) = RawSetting::find(name, flag, &variable)? {
                given.add(name, setting);
            }
        }
        if let Some(path) = RawSetting::find("config", common.config.clone(), &variable)? {
            given.add_file(&path.parse(parse_path)?)?;
        }
        let root_certificate = given.optional("database_root_certificate", parse_path)?;
        let database = given.value("database", "sqlite://doorkey.db", DatabaseUrl::parse)?;
        Ok(Self {
            database: database.with_root_certificate(root_certificate),
            secret_key_file: given.value("secret_key_file", "doorkey.key", parse_path)?,
            listen: given.value("listen", "127.0.0.1:8080", address)?,
            ops_listen: given.value("ops_listen", "127.0.0.1:9191", address)?,
            trusted_proxies: given.value("trusted_proxy", "", networks)?,
            log: given.value("log", "text", log_format)?,
            has_docs: !given.value("no_docs", "false", parse_bool)?,
            quotas: RateLimitConfig {
                login_misses_per_minute: given.value("login_misses_per_minute", "600", quota)?,
                auth_failures_per_minute: given.value("auth_failures_per_minute", "600", quota)?,
                key_requests_per_second: given.value("key_requests_per_second", "off", quota)?,
            },
            audit_retention: given.value("audit_retention", "365d", parse_duration)?,
            dead_link_memory: given.value("dead_link_memory", "90d", parse_duration)?,
            admin: AdminConfig::load(&given)?,
            mail: MailConfig::load(&given)?,
            outbound_allow: given.value("outbound_allow", "", outbound_allow)?,
        })
    }
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroU32;

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
            (Some("http://127.0.0.1:1"), None, "", "--listen"),
            (Some("a b:1"), None, "", "--listen"),
            (Some("127.0.0.1:1,127.0.0.1:2"), None, "", "--listen"),
            (Some("127.0.0.1:1"), Some("127.0.0.1:2\u{1}"), "", "DOORKEY_LISTEN"),
            (None, None, "listen = ['127.0.0.1:1', '127.0.0.1:2']", "listen must be a text"),
            (None, None, "log = ['text']", "log must be a text"),
            (None, None, "secret_key_file = 'postgres://me@db/x'", "the path of a file"),
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
            (None, None, "listen = 127.0.0.1:1", "put the value into quotes"),
            (None, None, "audit_retention = 30d", "put the value into quotes"),
        ] {
            let error = load(flag, variable, file).expect_err(name).to_string();
            assert!(error.contains(name) && !error.contains('\n'), "{error}");
        }
    }

    #[test]
    fn an_address_is_a_host_of_any_kind_and_a_port() {
        for listen in ["127.0.0.1:1", "[::1]:0", "::1:80", "localhost:65535", "my_host.internal:1"] {
            assert_eq!(load(Some(listen), None, "").unwrap().listen, listen);
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
    fn what_may_be_called_is_a_list_of_hosts_and_networks() {
        let config = load(None, None, "outbound-allow = ['10.0.0.0/8', 'Hooks.internal', '::1']").unwrap();

        assert_eq!(config.outbound_allow, OutboundAllow::parse("10.0.0.0/8,hooks.internal,::1").unwrap());
        assert_eq!(load(None, None, "").unwrap().outbound_allow, OutboundAllow::default());
        let error = load(None, None, "outbound_allow = ['a b']").unwrap_err().to_string();
        assert!(error.starts_with("outbound_allow in") && error.contains("\"a b\" is neither"), "{error}");
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
    fn a_duration_has_a_number_and_a_unit_or_counts_seconds() {
        let (day, century) = (86_400, 36_500 * 86_400);
        for (text, seconds) in
            [("90d", 90 * day), ("12h", 43_200), ("30m", 1_800), ("45s", 45), ("7200", 7_200), ("1", 1)]
        {
            assert_eq!(parse_duration(text), Ok(seconds));
        }
        assert_eq!(parse_duration(&century.to_string()), Ok(century));
        assert_eq!(load(None, None, "audit_retention = 86400").unwrap().audit_retention, day);
        for text in ["", "d", "0s", "-1d", "+1d", "1.5h", "1 d", "1w", "99999999999999999999d", "36501d", "é"]
        {
            assert!(parse_duration(text).is_err(), "{text}");
        }
        for seconds in ["0", "-1", "+1", "1.5", "3153600001", "99999999999999999999"] {
            assert!(parse_duration(seconds).is_err(), "{seconds}");
        }
    }
}
