//! A mail server as it is configured, with the files that the settings name read: password and roots.

use std::fs::File;
use std::io::Read as _;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::Path;
use std::time::Duration;

use zeroize::Zeroizing;

use super::tls::Tls;
use crate::config::{Security, SmtpConfig};
use crate::files;

/// The longest password file that is read.
const MAX_PASSWORD_FILE: u64 = 4 << 10;

/// How long a mail server is waited for.
#[derive(Clone, Copy, Debug)]
pub struct Timeouts {
    /// For a connection, over all addresses of a name.
    pub connect: Duration,
    /// For each reply, and for TLS.
    pub reply: Duration,
    /// For all of one mail: for each of its replies, and no longer.
    pub whole: Duration,
}

impl Default for Timeouts {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(10),
            reply: Duration::from_secs(30),
            whole: Duration::from_secs(330),
        }
    }
}

/// A mail server, ready to be connected to.
pub(super) struct Endpoint {
    pub(super) config: SmtpConfig,
    pub(super) encryption: Encryption,
    pub(super) login: Option<Login>,
    pub(super) timeouts: Timeouts,
}

/// How a connection is encrypted, and what it takes.
pub(super) enum Encryption {
    StartTls(Tls),
    AtOnce(Tls),
    None { is_anywhere_allowed: bool },
}

/// Who signs in.
pub(super) struct Login {
    pub(super) user: String,
    pub(super) password: Zeroizing<String>,
}

impl Endpoint {
    /// Reads the files. An error is a sentence that begins with the flag.
    pub(super) fn new(config: &SmtpConfig, timeouts: Timeouts) -> Result<Self, String> {
        let tls = || Tls::new(config.ca_file.as_deref());
        let encryption = match config.security {
            Security::StartTls => Encryption::StartTls(tls()?),
            Security::Tls => Encryption::AtOnce(tls()?),
            Security::Plain { is_anywhere_allowed } => Encryption::None { is_anywhere_allowed },
        };
        let login = config.login.as_ref().map(|(user, file)| {
            let password = read_password(file);
            let password =
                password.map_err(|why| format!("--smtp-password-file {}: {why}", file.display()))?;
            Ok::<_, String>(Login { user: user.clone(), password })
        });
        Ok(Self { config: config.clone(), encryption, login: login.transpose()?, timeouts })
    }
}

fn read_password(path: &Path) -> Result<Zeroizing<String>, String> {
    let explain = |error| files::explain(path, &error);
    let mut file = File::open(path).map_err(explain)?;
    let found = file.metadata().map_err(explain)?;
    let mode = found.mode() & 0o777;
    if found.permissions().mode() & 0o066 != 0 {
        return Err(format!("it is open to others (mode {mode:04o}): run `chmod 600 {}`", path.display()));
    }
    let mut text = Zeroizing::new(String::new());
    let read = file.by_ref().take(MAX_PASSWORD_FILE + 1).read_to_string(&mut text);
    read.map_err(|error| files::explain(path, &error))?;
    let line = text.lines().next().unwrap_or_default();
    if line.is_empty() {
        return Err("its first line, which is the password, is empty".to_owned());
    }
    if line.len() > 1_000 || line.chars().any(char::is_control) {
        return Err(
            "its first line is no password: it is longer than 1,000 bytes, or has control characters"
                .to_owned(),
        );
    }
    Ok(Zeroizing::new(line.to_owned()))
}
