//! Connections to PostgreSQL: to the first server of several that answers and takes writes.

use std::ops::Deref;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use deadpool_postgres::ClientWrapper;
use tokio_postgres::{Config, Error, SimpleQueryMessage};
use tokio_postgres_rustls::MakeRustlsConnect;

use super::durable::Primary;
use super::error::{STORE_TIMEOUT, explained, late};
use super::tls;
use crate::store::database_url::PostgresUrl;
use crate::store::{OpenError, StoreError};

/// How long one of several servers may take before the next is tried: it may be frozen, or cut off.
const CONNECT_TIMEOUT: Duration = Duration::from_millis(1_500);

/// What is sent first on every connection. The server gives up a statement before its caller does, so that what was
/// refused does not happen a moment later. A commit that waits for a standby is no statement and is never given up. Of a
/// node that vanishes amidst a transaction the rows are let go.
const SETTINGS: &str = "SET statement_timeout = '4500ms'; SET idle_in_transaction_session_timeout = '2s';
                        SET default_transaction_read_only = on";

/// Servers that hold one database, and how they are reached.
pub(in crate::store) struct Servers {
    configs: Vec<Config>,
    trust: Mutex<PrimaryGeneration>,
    pub(super) tls: MakeRustlsConnect,
    pub(super) primary: Primary,
}

/// Who is asked first.
///
/// A primary that was frozen while another took over knows nothing of it when it comes back. It takes no write, since
/// its standby is gone, but whoever still has a connection to it would read what was true before. So with each turn to
/// another server all connections of the age before are given up.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct PrimaryGeneration {
    server: usize,
    age: usize,
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
                server.tcp_user_timeout(STORE_TIMEOUT);
            }
        }
        let trust = Mutex::new(PrimaryGeneration { server: 0, age: 0 });
        Ok(Self { configs, trust, tls: tls::connector(url, shown)?, primary: Primary::unknown() })
    }

    /// A connection that may write, to the server that was last seen to let it, else to the next.
    pub(super) async fn connect(&self) -> Result<Connected, StoreError> {
        self.reach(SETTINGS).await
    }

    /// The first of them. `None` if what answers hands each transaction to whichever server is free: settings and
    /// prepared statements would then be somebody else's.
    pub(super) async fn connect_first(&self) -> Result<Option<Connected>, StoreError> {
        // Nothing is set before this is known: it would be set for others.
        let (one, other) = (self.reach("").await?, self.reach("").await?);
        let look = async {
            let first = query_text(&one, "SELECT pg_backend_pid()").await?;
            let meanwhile = query_text(&other, "BEGIN; SELECT pg_backend_pid()").await?;
            let second = query_text(&one, "SELECT pg_backend_pid()").await?;
            let is_its_own = first != meanwhile && first == second;
            if is_its_own {
                one.batch_execute(SETTINGS).await?;
            }
            Ok::<_, Error>(is_its_own)
        };
        let is_its_own = look.await?;
        Ok(is_its_own.then_some(one))
    }

    async fn reach(&self, settings: &str) -> Result<Connected, StoreError> {
        let timeout = if self.configs.len() > 1 { CONNECT_TIMEOUT } else { STORE_TIMEOUT };
        let mut error = late();
        let first = self.trust().server;
        for number in (first..self.configs.len()).chain(0..first) {
            let Some(server) = self.configs.get(number) else { continue };
            let before = *self.trust();
            match tokio::time::timeout(timeout, self.connect_to(server, settings)).await {
                Ok(Ok((client, process))) => {
                    if let Some(trust) = self.turn_to(number, before) {
                        let server = process.as_ref().map(|process| &*process.server);
                        let generation = self.primary.meet(server);
                        let process = process.map(|process| process.number);
                        return Ok(Connected { client, trust, generation, process });
                    }
                    // Another caller has found another server meanwhile: this one may be the old primary.
                    error = StoreError::Unavailable("another server has taken over".to_owned());
                }
                Ok(Err(refused)) => error = StoreError::Unavailable(explained(&refused)),
                Err(_) => {
                    error = StoreError::Unavailable(format!("PostgreSQL did not let us in for {timeout:?}"));
                }
            }
        }
        Err(error)
    }

    /// Trusts a server that takes writes; none if others have turned elsewhere since.
    fn turn_to(&self, server: usize, before: PrimaryGeneration) -> Option<PrimaryGeneration> {
        let mut trust = self.trust();
        if trust.server != server {
            if *trust != before {
                return None;
            }
            *trust = PrimaryGeneration { server, age: before.age + 1 };
        }
        Some(*trust)
    }

    /// Turns away from a server that does not answer, or is no longer the one to ask: the next one is asked first, and
    /// no other caller finds out by waiting on a connection of its own.
    pub(super) fn turn_from(&self, given_up: PrimaryGeneration) {
        let mut trust = self.trust();
        if *trust == given_up {
            *trust = PrimaryGeneration {
                server: (trust.server + 1) % self.configs.len().max(1),
                age: trust.age + 1,
            };
        }
    }

    fn trust(&self) -> MutexGuard<'_, PrimaryGeneration> {
        self.trust.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether a connection can be lent: it is open, and to the server that is asked now.
    pub(super) fn is_usable(&self, connected: &Connected) -> bool {
        !connected.is_closed()
            && connected.trust == *self.trust()
            && connected.generation == self.primary.generation()
    }

    async fn connect_to(
        &self,
        server: &Config,
        settings: &str,
    ) -> Result<(ClientWrapper, Option<Process>), Error> {
        let (client, connection) = server.connect(self.tls.clone()).await?;
        let task = tokio::spawn(async {
            if let Err(error) = connection.await {
                tracing::warn!(error = %explained(&error), "a connection to PostgreSQL broke");
            }
        });
        // From here on the task ends with the client.
        let client = ClientWrapper::new(client, task);
        let standbys = "SELECT coalesce(current_setting('synchronous_standby_names', true), '')";
        let question =
            if settings.is_empty() { standbys.to_owned() } else { format!("{settings}; {standbys}") };
        let standbys = query_text(&client, &question).await?;
        let process =
            if standbys.is_none_or(|names| names.is_empty()) { None } else { process_of(&client).await? };
        Ok((client, process))
    }
}

/// The first value that is told. Without a prepared statement, which a pooler may not carry.
async fn query_text(client: &ClientWrapper, question: &str) -> Result<Option<String>, Error> {
    let query_text = client.simple_query(question).await?;
    Ok(query_text.iter().find_map(|message| {
        let SimpleQueryMessage::Row(row) = message else { return None };
        row.get(0).map(str::to_owned)
    }))
}

/// A process of a server.
struct Process {
    /// Which start of which server: no other has begun at the same microsecond.
    server: String,
    number: i64,
}

/// Asked only where commits wait for a standby. Neither changes while the connection lives.
async fn process_of(client: &ClientWrapper) -> Result<Option<Process>, Error> {
    let server = query_text(client, "SELECT pg_postmaster_start_time()").await?;
    let number = query_text(client, "SELECT pg_backend_pid()").await?.and_then(|number| number.parse().ok());
    Ok(server.zip(number).map(|(server, number)| Process { server, number }))
}

/// A connection, and what was trusted when it was made.
pub(in crate::store) struct Connected {
    client: ClientWrapper,
    pub(super) trust: PrimaryGeneration,
    /// Of the server, as [`Primary`] counts.
    pub(super) generation: u64,
    /// The number of the server's process, where its commits wait for a standby.
    pub(super) process: Option<i64>,
}

impl Deref for Connected {
    type Target = ClientWrapper;

    fn deref(&self) -> &ClientWrapper {
        &self.client
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::DatabaseUrl;

    fn two_servers() -> Servers {
        match DatabaseUrl::parse("postgres://old,new/x").unwrap() {
            DatabaseUrl::Postgres(url) => Servers::new(&url, "x").unwrap(),
            DatabaseUrl::Sqlite(path) => panic!("{}", path.display()),
        }
    }

    #[test]
    fn of_those_who_wait_in_vain_one_has_the_next_server_asked_first() {
        let servers = two_servers();
        let silent = *servers.trust();

        servers.turn_from(silent);
        servers.turn_from(silent);

        assert_eq!(servers.trust().server, 1);
    }

    #[test]
    fn a_connection_that_was_begun_before_another_server_took_over_is_not_used() {
        let servers = two_servers();
        let before = *servers.trust();

        let new = servers.turn_to(1, before);

        assert_eq!(servers.turn_to(0, before), None, "the old primary has come back");
        assert_eq!(new, servers.turn_to(1, before), "the same server is the same whoever finds it");
        assert_ne!(new, Some(before), "connections to the old one are used on");
    }
}
