//! Connections to PostgreSQL: to the first server of several that answers and takes writes.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use deadpool::managed::{Manager, Metrics, RecycleError, RecycleResult};
use deadpool_postgres::ClientWrapper;
use tokio_postgres::{Config, Error, SimpleQueryMessage};
use tokio_postgres_rustls::MakeRustlsConnect;

use super::{explained, late, store_error, tls};
use crate::store::database_url::PostgresUrl;
use crate::store::{OpenError, StoreError};

/// How long one of several servers may take before the next is tried: it may be frozen, or cut off.
const PATIENCE: Duration = Duration::from_millis(1_500);

/// What every connection is told first. The server gives up a statement before its caller does, so that what was
/// refused does not happen a moment later. A commit that waits for a standby is no statement and is never given up. Of a
/// node that vanishes amidst a transaction the rows are let go.
const SETTINGS: &str = "SET statement_timeout = '4500ms'; SET idle_in_transaction_session_timeout = '2s';
                        SET default_transaction_read_only = on";

/// Servers that hold one database, and how they are reached.
pub(super) struct Servers {
    configs: Vec<Config>,
    /// The one that was last found to take writes.
    last: AtomicUsize,
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
        Ok(Self { configs, last: AtomicUsize::new(0), tls: tls::connector(url, shown)? })
    }

    /// A connection that may write, to the server that was last seen to let it, else to the next.
    ///
    /// # Errors
    /// `StoreError::Unavailable` with what the last of them said.
    pub(super) async fn connect(&self) -> Result<ClientWrapper, StoreError> {
        let client = self.reach().await?;
        client.batch_execute(SETTINGS).await.map_err(|error| store_error(&error))?;
        Ok(client)
    }

    /// The first of them. `None` if what answers hands each transaction to whichever server is free: settings and
    /// prepared statements would then be somebody else's.
    ///
    /// # Errors
    /// As `connect`.
    pub(super) async fn connect_first(&self) -> Result<Option<ClientWrapper>, StoreError> {
        // Nothing is set before this is known: it would be set for others.
        let (one, other) = (self.reach().await?, self.reach().await?);
        let look = async {
            let first = server_of(&one, "SELECT pg_backend_pid()").await?;
            let meanwhile = server_of(&other, "BEGIN; SELECT pg_backend_pid()").await?;
            let second = server_of(&one, "SELECT pg_backend_pid()").await?;
            let is_its_own = first != meanwhile && first == second;
            if is_its_own {
                one.batch_execute(SETTINGS).await?;
            }
            Ok(is_its_own)
        };
        let is_its_own = look.await.map_err(|error| store_error(&error))?;
        Ok(is_its_own.then_some(one))
    }

    async fn reach(&self) -> Result<ClientWrapper, StoreError> {
        let first = self.last.load(Ordering::Relaxed);
        let patience = if self.configs.len() > 1 { PATIENCE } else { super::PATIENCE };
        let mut error = late();
        for number in (first..self.configs.len()).chain(0..first) {
            let Some(server) = self.configs.get(number) else { continue };
            match tokio::time::timeout(patience, self.connect_to(server)).await {
                Ok(Ok(client)) => {
                    self.last.store(number, Ordering::Relaxed);
                    return Ok(client);
                }
                Ok(Err(refused)) => error = StoreError::Unavailable(explained(&refused)),
                Err(_) => {
                    error = StoreError::Unavailable(format!("PostgreSQL did not let us in for {patience:?}"));
                }
            }
        }
        Err(error)
    }

    async fn connect_to(&self, server: &Config) -> Result<ClientWrapper, Error> {
        let (client, connection) = server.connect(self.tls.clone()).await?;
        let task = tokio::spawn(async {
            if let Err(error) = connection.await {
                tracing::warn!(error = %explained(&error), "a connection to PostgreSQL broke");
            }
        });
        // From here on the task ends with the client.
        Ok(ClientWrapper::new(client, task))
    }
}

/// Which of the server's processes answers. Without a prepared statement, which a pooler may not carry.
async fn server_of(client: &ClientWrapper, question: &str) -> Result<Option<String>, Error> {
    let told = client.simple_query(question).await?;
    Ok(told.iter().find_map(|message| {
        let SimpleQueryMessage::Row(row) = message else { return None };
        row.get(0).map(str::to_owned)
    }))
}

impl Manager for Servers {
    type Type = ClientWrapper;
    type Error = StoreError;

    async fn create(&self) -> Result<ClientWrapper, StoreError> {
        self.connect().await
    }

    async fn recycle(&self, client: &mut ClientWrapper, _: &Metrics) -> RecycleResult<StoreError> {
        if client.is_closed() { Err(RecycleError::message("it was closed")) } else { Ok(()) }
    }
}
