//! Mails to send, and settings for servers of a test's own.

use std::path::{Path, PathBuf};
use std::time::Duration;

use doorkey::config::{MailConfig, MailRoute, Security, SmtpConfig};
use doorkey::domain::email::EmailAddress;
use doorkey::domain::mail::Message;
use doorkey::domain::timestamp::Timestamp;
use doorkey::outbound::mail_server::{MailServer, SendError, Sent, Timeouts};
use uuid::Uuid;

/// So that a test does not wait as long as an operator would.
pub const SHORT: Timeouts = Timeouts {
    connect: Duration::from_secs(2),
    reply: Duration::from_millis(300),
    whole: Duration::from_secs(5),
};

/// Time enough for a server that is not to be too slow.
pub const PATIENT: Timeouts = Timeouts {
    connect: Duration::from_secs(10),
    reply: Duration::from_secs(10),
    whole: Duration::from_secs(30),
};

pub fn address(text: &str) -> EmailAddress {
    EmailAddress::parse(text).unwrap()
}

pub fn message() -> Message {
    let link = "https://portal.example.org/login?token=G3Dabcdefghijklmnopqrstuvwxyz012";
    Message {
        id: Uuid::now_v7(),
        from: address("login@example.org"),
        from_name: "Acme".to_owned(),
        reply_to: None,
        to: address("ada@example.net"),
        date: Timestamp::from_millis(1_795_404_180_007),
        language: "en".to_owned(),
        subject: "Sign in to Acme".to_owned(),
        text: format!("Here is your link:\n\n{link}\n"),
        html: format!("<p>Here is your link: <a href=\"{link}\">Sign in</a></p>\n"),
    }
}

/// Settings of a server, changed by tests where they want others.
pub fn smtp(security: Security, host: &str, port: u16, ca_file: Option<PathBuf>) -> SmtpConfig {
    SmtpConfig { security, host: host.to_owned(), port, login: None, ca_file }
}

pub fn plain(port: u16) -> SmtpConfig {
    smtp(Security::Plain { is_anywhere_allowed: false }, "127.0.0.1", port, None)
}

pub fn with_login(folder: &Path, config: SmtpConfig) -> SmtpConfig {
    use std::os::unix::fs::PermissionsExt;
    let file = folder.join("password");
    std::fs::write(&file, "s3cret\n").unwrap();
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o600)).unwrap();
    SmtpConfig { login: Some(("login@example.org".to_owned(), file)), ..config }
}

/// Sends what is wanted.
pub trait Deliver {
    async fn deliver(&self, message: &Message) -> Result<Sent, SendError>;
}

impl Deliver for MailServer {
    async fn deliver(&self, message: &Message) -> Result<Sent, SendError> {
        Ok(self.send(message, || std::future::ready(true)).await?.expect("it was wanted"))
    }
}

pub fn mail_server(config: SmtpConfig, timeouts: Timeouts) -> MailServer {
    MailServer::with_timeouts(&mail_config(MailRoute::Smtp(config)), timeouts).unwrap()
}

pub fn mail_config(route: MailRoute) -> MailConfig {
    MailConfig { route, from: address("login@example.org"), asks_per_source: None }
}
