//! How mail goes out: the settings of mail, put together from what was given.

use std::borrow::Cow;
use std::fmt;
use std::net::{IpAddr, Ipv6Addr};
use std::num::NonZeroU32;
use std::path::PathBuf;

use percent_encoding::percent_decode_str;
use rustls::pki_types::ServerName;

use super::sources::{ConfigError, RawSettings};
use super::values::{parse_bool, parse_path, quota};
use crate::domain::email::EmailAddress;
use crate::domain::host::HostName;

/// What `--smtp` may be. What was given is never shown: it may have a password in it.
const FORMS: &str = "give smtp://[USER@]HOST[:PORT] (STARTTLS), smtps://[USER@]HOST[:PORT] (TLS at once), \
                     smtp+plain://[USER@]HOST[:PORT] (no TLS) or file:DIR";

/// The settings of a process that mails.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct MailConfig {
    /// Where mail goes.
    pub route: MailRoute,
    /// The sender of workspaces that have none of their own.
    pub from: EmailAddress,
    /// How many mails one client address may ask for in ten minutes; `None` is no limit.
    pub asks_per_source: Option<NonZeroU32>,
}

/// Where mail goes.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum MailRoute {
    /// To a mail server.
    Smtp(SmtpConfig),
    /// Into a folder, a file for each mail.
    Folder(PathBuf),
}

/// A mail server, and what it takes to trust it and to be let in.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SmtpConfig {
    /// How the connection is encrypted.
    pub security: Security,
    /// A host name in lower case, or an IP address without brackets.
    pub host: String,
    /// The port.
    pub port: u16,
    /// Who signs in, and the file whose first line is the password.
    pub login: Option<(String, PathBuf)>,
    /// A PEM file, instead of the system's roots.
    pub ca_file: Option<PathBuf>,
}

/// How a connection to a mail server is encrypted.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Security {
    /// By STARTTLS, without which nothing is sent.
    StartTls,
    /// From the first byte on.
    Tls,
    /// Not at all.
    Plain {
        /// Whether the server may be another machine.
        is_anywhere_allowed: bool,
    },
}

impl MailConfig {
    /// `None` without `--smtp`. Files are not read yet: most commands mail nothing, and may not be allowed to.
    pub(super) fn load(given: &RawSettings) -> Result<Option<Self>, ConfigError> {
        let from = given.optional("mail_from", EmailAddress::parse)?;
        let asks_per_source = given.value("asks_per_source", "10", quota)?;
        let is_plain_allowed = given.value("smtp_allow_plain", "false", parse_bool)?;
        let password_file = given.optional("smtp_password_file", parse_path)?;
        let ca_file = given.optional("smtp_ca", parse_path)?;
        let Some(target) = given.optional("smtp", parse_target)? else {
            let names = ["mail_from", "asks_per_source", "smtp_allow_plain", "smtp_password_file", "smtp_ca"];
            // The file and the variables are those of other commands too, which may be given --smtp as a flag.
            return match names.into_iter().find(|name| given.is_flag(name)) {
                Some(name) => {
                    Err(given.refusal(name, "it is about mail, which is not set up: give --smtp too"))
                }
                None => Ok(None),
            };
        };
        let from = from.ok_or_else(|| {
            let why = "mail needs a sender: give one with --mail-from, such as --mail-from login@example.org";
            given.refusal("smtp", why)
        })?;
        let route = match target {
            Target::Folder(folder) => MailRoute::Folder(folder),
            Target::Server(server) => {
                let security = server.security(given, is_plain_allowed)?;
                let login = login(given, server.user, password_file)?;
                MailRoute::Smtp(SmtpConfig { security, host: server.host, port: server.port, login, ca_file })
            }
        };
        Ok(Some(Self { route, from, asks_per_source }))
    }
}

/// Without user and password.
impl fmt::Display for MailRoute {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let SmtpConfig { security, host, port, .. } = match self {
            Self::Folder(folder) => return write!(f, "file:{}", folder.display()),
            Self::Smtp(server) => server,
        };
        let scheme = match security {
            Security::StartTls => "smtp",
            Security::Tls => "smtps",
            Security::Plain { .. } => "smtp+plain",
        };
        if host.contains(':') {
            write!(f, "{scheme}://[{host}]:{port}")
        } else {
            write!(f, "{scheme}://{host}:{port}")
        }
    }
}

/// What `--smtp` says.
enum Target {
    Folder(PathBuf),
    Server(Server),
}

struct Server {
    scheme: Scheme,
    user: Option<String>,
    host: String,
    port: u16,
}

#[derive(Clone, Copy, PartialEq)]
enum Scheme {
    StartTls,
    Tls,
    Plain,
}

impl Server {
    fn security(&self, given: &RawSettings, is_plain_allowed: bool) -> Result<Security, ConfigError> {
        match self.scheme {
            Scheme::StartTls => Ok(Security::StartTls),
            Scheme::Tls => Ok(Security::Tls),
            Scheme::Plain if is_loopback(&self.host) => Ok(Security::Plain { is_anywhere_allowed: false }),
            Scheme::Plain if !is_plain_allowed => {
                let why = "smtp+plain:// would send login links, and the password of a USER, unencrypted to another machine: use \
                           smtp:// or smtps://, or allow it with --smtp-allow-plain";
                Err(given.refusal("smtp", why))
            }
            Scheme::Plain => Ok(Security::Plain { is_anywhere_allowed: true }),
        }
    }
}

fn login(
    given: &RawSettings,
    user: Option<String>,
    password_file: Option<PathBuf>,
) -> Result<Option<(String, PathBuf)>, ConfigError> {
    match (user, password_file) {
        (Some(user), Some(file)) => Ok(Some((user, file))),
        (None, None) => Ok(None),
        (Some(_), None) => {
            let why = "it names a USER, whose password is missing: put it into a file of mode 0600 and give that with \
                       --smtp-password-file";
            Err(given.refusal("smtp", why))
        }
        (None, Some(_)) => {
            let why = "whose password is this? --smtp names no USER: write smtp://USER@HOST";
            Err(given.refusal("smtp_password_file", why))
        }
    }
}

fn parse_target(text: &str) -> Result<Target, String> {
    let (scheme, rest) = text.split_once(':').ok_or(FORMS)?;
    let scheme = scheme.to_ascii_lowercase();
    if scheme == "file" {
        return folder_in(rest).map(Target::Folder);
    }
    let (scheme, port) = match &*scheme {
        "smtp" => (Scheme::StartTls, 587),
        "smtps" => (Scheme::Tls, 465),
        "smtp+plain" => (Scheme::Plain, 25),
        _ => return Err(FORMS.to_owned()),
    };
    let authority = rest.strip_prefix("//").ok_or(FORMS)?;
    let authority = authority.strip_suffix('/').unwrap_or(authority);
    let (user, host) = match authority.rsplit_once('@') {
        Some((user, host)) => (Some(parse_user(user)?), host),
        None => (None, authority),
    };
    if host.contains(['/', '?', '#']) {
        return Err("it is a host and a port alone: what follows them means nothing".to_owned());
    }
    let (host, given_port) = match host.rsplit_once(':') {
        Some((host, port)) if !port.contains(']') => (host, Some(port)),
        _ => (host, None),
    };
    let parsed = given_port.map_or(Some(port), |port| port.parse().ok().filter(|port| *port > 0));
    let port = parsed.ok_or("its port must be a number from 1 to 65535")?;
    Ok(Target::Server(Server { scheme, user, host: parse_host(host)?, port }))
}

/// `file:DIR`, and `file:///DIR` as others write it.
fn folder_in(rest: &str) -> Result<PathBuf, String> {
    let path = rest.strip_prefix("//").unwrap_or(rest);
    let is_host_named = rest.starts_with("//") && !path.starts_with('/');
    if path.is_empty() || is_host_named {
        return Err("give the folder for the mails: file:DIR, or file:/DIR from the root on".to_owned());
    }
    Ok(PathBuf::from(path))
}

fn parse_user(text: &str) -> Result<String, String> {
    if text.contains(':') {
        return Err("it has a password in it, which others can see where processes are listed: put it into a file of \
                    mode 0600 and give that with --smtp-password-file (a `:` in USER is written %3A)"
            .to_owned());
    }
    let is_escaped = |rest: &str| rest.len() > 1 && rest.bytes().take(2).all(|byte| byte.is_ascii_hexdigit());
    let is_whole = text.split('%').skip(1).all(is_escaped);
    let user = percent_decode_str(text).decode_utf8().ok().filter(|_| is_whole);
    let is_fine = |user: &str| !user.is_empty() && user.len() <= 255 && !user.chars().any(char::is_control);
    let user = user.filter(|user| is_fine(user));
    let why = "its USER must be 1 to 255 bytes in percent-encoding, such as login%40example.org";
    user.map(Cow::into_owned).ok_or_else(|| why.to_owned())
}

fn parse_host(text: &str) -> Result<String, String> {
    let why = "its HOST must be a host name or an IP address (an IPv6 one in brackets), as in smtp://mail.example.org";
    if let Some(inner) = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
        return inner.parse::<Ipv6Addr>().map(|address| address.to_string()).map_err(|_| why.to_owned());
    }
    let name = HostName::parse_international(text).map_err(|_| why.to_owned())?.as_str().to_owned();
    // What no certificate can be for is no host.
    if ServerName::try_from(&*name).is_ok() { Ok(name) } else { Err(why.to_owned()) }
}

fn is_loopback(host: &str) -> bool {
    let is_address = host.parse().is_ok_and(|address: IpAddr| address.is_loopback());
    is_address || host == "localhost" || host.ends_with(".localhost")
}

#[cfg(test)]
mod tests;
