//! The values of settings, parsed from their texts.

use std::net::{IpAddr, SocketAddr};
use std::num::{NonZeroU32, ParseIntError};
use std::path::PathBuf;

use ipnet::IpNet;

use crate::domain::duration;
use crate::domain::host::HostName;
use crate::domain::outbound::{InvalidAllow, OutboundAllow};

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

/// Takes a text that has no control characters: with a carriage return at its end it would name another file.
pub fn plain(text: &str) -> Result<&str, String> {
    match text.chars().find(|letter| letter.is_control()) {
        None => Ok(text),
        Some(letter) => {
            Err(format!("it has a control character ({}), and is not taken", letter.escape_default()))
        }
    }
}

/// Takes a duration such as `90d`, `12h`, `30m`, `45s` or, in seconds, `7200`, and gives its seconds: at least one, at most a
/// hundred years.
pub fn parse_duration(text: &str) -> Result<i64, String> {
    let seconds = duration::parse(text);
    seconds.filter(|seconds| (1..=MAX_DURATION).contains(seconds)).ok_or_else(|| {
        format!("{} is no duration: give one such as 90d, 12h, 30m, or a number of seconds", quoted(text))
    })
}

/// Takes the path of a file. An address, which may have a password in it, is none: sentences about a file show its path.
pub fn parse_path(text: &str) -> Result<PathBuf, &'static str> {
    let has_login = text.split_once(':').is_some_and(|(_, rest)| rest.contains('@'));
    if text.is_empty() {
        Err("give the path of a file")
    } else if has_login || text.contains("://") || text.contains("password=") {
        Err(
            "that looks like an address: give the path of a file (--database takes the address of a database)",
        )
    } else {
        Ok(PathBuf::from(text))
    }
}

pub(super) fn address(text: &str) -> Result<String, String> {
    let is_host = |host: &str| host.parse::<IpAddr>().is_ok() || HostName::parse(host).is_ok();
    let is_split = |(host, port): (&str, &str)| is_host(host) && port.parse::<u16>().is_ok();
    if text.parse::<SocketAddr>().is_ok() || text.rsplit_once(':').is_some_and(is_split) {
        Ok(text.to_owned())
    } else {
        Err(format!(
            "{} is no host with a port: give one such as 127.0.0.1:8080, without http://",
            quoted(text)
        ))
    }
}

pub(super) fn networks(list: &str) -> Result<Vec<IpNet>, String> {
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

pub(super) fn outbound_allow(list: &str) -> Result<OutboundAllow, String> {
    OutboundAllow::parse(list).map_err(|error| match error {
        // Any part of it may be a part of a password.
        InvalidAllow::Malformed(_) if may_have_password(list) => {
            InvalidAllow::Malformed("…".to_owned()).to_string()
        }
        InvalidAllow::Malformed(_) | InvalidAllow::TooMany => error.to_string(),
    })
}

pub(super) fn log_format(text: &str) -> Result<LogFormat, String> {
    match text {
        "text" => Ok(LogFormat::Text),
        "json" => Ok(LogFormat::Json),
        _ => Err(format!("{} is no way to write the log: give text or json", quoted(text))),
    }
}

pub(super) fn parse_bool(text: &str) -> Result<bool, String> {
    match text {
        "true" | "1" => Ok(true),
        "false" | "0" => Ok(false),
        _ => Err(format!("{} is neither true nor false", quoted(text))),
    }
}

pub(super) fn quota(text: &str) -> Result<Option<NonZeroU32>, String> {
    let refused =
        |_: ParseIntError| format!("{} is no limit: give a whole number from 1, or off", quoted(text));
    if text == "off" { Ok(None) } else { text.parse().map(Some).map_err(refused) }
}

/// A value in a message, unless it may be the address of a database that was given in the wrong place: that has a
/// password in it.
fn quoted(text: &str) -> String {
    if may_have_password(text) { "what was given".to_owned() } else { format!("{text:?}") }
}

/// Whether a text looks as if it were the address of a database.
pub(crate) fn may_have_password(text: &str) -> bool {
    let text = text.to_ascii_lowercase();
    ["postgres", "://", "password"].iter().any(|mark| text.contains(mark))
}
