//! Mail by SMTP (RFC 5321): to the one server that is configured, encrypted or not at all.

mod certificate;
mod connect;
mod connection;
mod endpoint;
mod pool;
mod reply;
mod tls;
mod transcript;
mod trouble;
mod wire;

use std::future::{Future, ready};
use std::sync::Arc;

use tokio::time::timeout;

use self::connection::Connection;
use self::endpoint::Endpoint;
use self::pool::Pool;
use self::transcript::Transcript;
use self::trouble::Trouble;
use crate::config::SmtpConfig;
use crate::domain::mail::Message;
use crate::outbound::text::for_people;

pub use self::endpoint::Timeouts;
pub use self::transcript::Step;

/// A mail server.
pub(super) struct SmtpServer {
    endpoint: Endpoint,
    pool: Arc<Pool>,
}

/// A mail that was not taken.
pub(super) struct Refused {
    /// Whether another try would come to the same.
    pub(super) is_permanent: bool,
    /// What is kept of it.
    pub(super) reply: String,
    /// What an operator should know and do.
    pub(super) advice: String,
}

impl SmtpServer {
    /// Reads the files that the settings name; connects to nothing yet.
    pub(super) fn new(config: &SmtpConfig, timeouts: Timeouts) -> Result<Self, String> {
        Ok(Self { endpoint: Endpoint::new(config, timeouts)?, pool: Arc::default() })
    }

    /// Sends a mail, over a kept connection if there is one. Gives the server's last reply; nothing, if the mail is not wanted any more
    /// once the server is ready for it.
    pub(super) async fn send<F: Future<Output = bool> + Send>(
        &self,
        message: &Message,
        is_wanted: impl Fn() -> F,
    ) -> Result<Option<String>, Refused> {
        let sent = timeout(self.endpoint.timeouts.whole, self.send_over_any(message, is_wanted)).await;
        sent.unwrap_or(Err(Trouble::TooSlow)).map_err(|trouble| self.refused(&trouble))
    }

    /// Sends a mail over a connection of its own, and gives the steps too.
    pub(super) async fn converse(&self, message: &Message) -> (Vec<Step>, Result<String, Refused>) {
        let transcript = Transcript::written();
        let sent = timeout(self.endpoint.timeouts.whole, self.send_alone(message, &transcript)).await;
        let sent = sent.unwrap_or(Err(Trouble::TooSlow));
        (transcript.steps(), sent.map_err(|trouble| self.refused(&trouble)))
    }

    async fn send_over_any<F: Future<Output = bool> + Send>(
        &self,
        message: &Message,
        is_wanted: impl Fn() -> F,
    ) -> Result<Option<String>, Trouble> {
        let kept = self.pool.take();
        let was_kept = kept.is_some();
        let mut connection = match kept {
            Some(kept) => kept,
            None => Connection::open(&self.endpoint, &Transcript::default()).await?,
        };
        let mut sent = connection.deliver(message, &is_wanted).await;
        if was_kept && sent.as_ref().is_err_and(Trouble::is_stale_connection) {
            connection = Connection::open(&self.endpoint, &Transcript::default()).await?;
            sent = connection.deliver(message, &is_wanted).await;
        }
        // What can be used again is kept.
        if connection.is_reusable && sent.as_ref().map_or_else(Trouble::is_in_step, |_| true) {
            self.pool.keep(connection);
        }
        sent
    }

    async fn send_alone(&self, message: &Message, transcript: &Transcript) -> Result<String, Trouble> {
        let mut connection = Connection::open(&self.endpoint, transcript).await?;
        let sent = connection.deliver(message, || ready(true)).await;
        if sent.as_ref().map_or_else(Trouble::is_in_step, |_| true) {
            connection.quit().await;
        }
        // What is always wanted has a reply.
        sent.map(Option::unwrap_or_default)
    }

    fn refused(&self, trouble: &Trouble) -> Refused {
        Refused {
            is_permanent: trouble.is_permanent(),
            reply: for_people(&trouble.to_string()),
            advice: for_people(&trouble.advice(&self.endpoint.config)),
        }
    }
}
