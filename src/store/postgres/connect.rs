//! Connections to PostgreSQL: to the first server of several that answers and takes writes.

use std::ops::Deref;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use deadpool::managed::{Manager, Metrics, RecycleError, RecycleResult};
use deadpool_postgres::ClientWrapper;
use tokio_postgres::Config;
use tokio_postgres_rustls::MakeRustlsConnect;

use super::{explained, late, tls};
use crate::store::database_url::PostgresUrl;
use crate::store::{OpenError, StoreError};

/// How long one of several servers may take before the next is tried: it may be frozen, or cut off.
const PATIENCE: Duration = Duration::from_millis(1_500);

/// What every connection is told first. The server gives up a statement before its caller does, so that what was
/// refused does not happen a moment later. A commit that waits for a standby is no statement and is never given up.
const SETTINGS: &str = "SET statement_timeout = '4500ms'; SET default_transaction_read_only = on";

/// Servers that hold one database, and how they are reached.
pub(in crate::store) struct Servers {
    configs: Vec<Config>,
    /// The one that was last found to take writes.
    last: AtomicUsize,
    /// Connections that were made in an earlier age are not used again.
    age: AtomicUsize,
    tls: MakeRustlsConnect,
}

impl Servers {
    pub(super) fn new(url: &PostgresUrl, shown: &str) -> Result<Self, OpenError> {
        let mut configs = url.servers.clone();
        for server in &mut configs {
            if server.get_application_name().is_none() {
                server.application_name("doorkey");
            }
            // Whoever does not acknowledge what was sent is gone, and so is what waits for its answer.
            if server.get_tcp_user_timeout().is_none() {
                server.tcp_user_timeout(super::PATIENCE);
            }
        }
        Ok(Self {
            configs,
            last: AtomicUsize::new(0),
            age: AtomicUsize::new(0),
            tls: tls::connector(url, shown)?,
        })
    }

    /// A connection that may write, to the server that was last seen to let it, else to the next.
    ///
    /// # Errors
    /// `StoreError::Unavailable` with what the last of them said.
    pub(super) async fn connect(&self) -> Result<Connected, StoreError> {
        let first = self.last.load(Ordering::Relaxed);
        let patience = if self.configs.len() > 1 { PATIENCE } else { super::PATIENCE };
        let mut error = late();
        for number in (first..self.configs.len()).chain(0..first) {
            let Some(server) = self.configs.get(number) else { continue };
            match tokio::time::timeout(patience, self.connect_to(server)).await {
                Ok(Ok(client)) => {
                    if self.last.swap(number, Ordering::Relaxed) != number {
                        // A primary that was frozen while another took over knows nothing of it when it comes back:
                        // whoever still has a connection would read what was true before.
                        self.begin_age();
                    }
                    return Ok(Connected { client, age: self.age.load(Ordering::Relaxed) });
                }
                Ok(Err(refused)) => error = StoreError::Unavailable(explained(&refused)),
                Err(_) => {
                    error = StoreError::Unavailable(format!("PostgreSQL did not let us in for {patience:?}"));
                }
            }
        }
        Err(error)
    }

    /// Whatever connections there are, they are made anew before they are used again: a server may be frozen, and each
    /// of them would take its user's time to find that out.
    pub(super) fn begin_age(&self) {
        self.age.fetch_add(1, Ordering::Relaxed);
    }

    async fn connect_to(&self, server: &Config) -> Result<ClientWrapper, tokio_postgres::Error> {
        let (client, connection) = server.connect(self.tls.clone()).await?;
        let task = tokio::spawn(async {
            if let Err(error) = connection.await {
                tracing::warn!(error = %explained(&error), "a connection to PostgreSQL broke");
            }
        });
        // From here on the task ends with the client.
        let client = ClientWrapper::new(client, task);
        client.batch_execute(SETTINGS).await?;
        Ok(client)
    }
}

/// A connection, and when it was made.
pub(in crate::store) struct Connected {
    client: ClientWrapper,
    age: usize,
}

impl Deref for Connected {
    type Target = ClientWrapper;

    fn deref(&self) -> &ClientWrapper {
        &self.client
    }
}

impl Manager for Servers {
    type Type = Connected;
    type Error = StoreError;

    async fn create(&self) -> Result<Connected, StoreError> {
        self.connect().await
    }

    async fn recycle(&self, connected: &mut Connected, _: &Metrics) -> RecycleResult<StoreError> {
        if connected.is_closed() {
            return Err(RecycleError::message("it was closed"));
        }
        if connected.age != self.age.load(Ordering::Relaxed) {
            return Err(RecycleError::message("its server is no longer trusted"));
        }
        Ok(())
    }
}
