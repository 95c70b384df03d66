//! What is kept: one file for each noun, and the engines behind one small door.
//!
//! The door has three sides, and all of them take *data*: [`Store::read`] a few lookups seen at one moment,
//! [`Store::scan`] a query that may take long, [`Store::write`] a unit of work. The nouns' methods, which are
//! what flows call, are written once for every engine.

mod backup;
mod database_url;
mod durability;
mod engine;
mod list_limiter;
mod queries;
mod transfer;

use std::sync::Arc;

use self::engine::unit_of_work::{Statement, UnitOfWork, UnitResult};
use self::engine::value::Row;

pub use self::backup::{CarriedOver, CarryWith, CopyError, NotCarried, Replaced, Restore, back_up};
pub use self::database_url::DatabaseUrl;
pub use self::durability::ReadPoint;
pub use self::engine::sqlite::{FileState, make_file, state_of};
pub use self::engine::unit_of_work::Outcome;
pub use self::list_limiter::{ListError, ListPermit, UnsentRoom};
pub use self::queries::audit::{AuditFilter, AuditPosition, ListedEntry};
pub use self::queries::cleanup::Swept;
pub use self::queries::key_usage::{KeyUsage, SessionUsingKey};
pub use self::queries::login_links::{FoundLink, ListedLink};
pub use self::queries::nodes::KeysAndClock;
pub use self::queries::post_restore::{Flags, KeyBefore, MovedAddress, RestoredKey, RestoredUser, Revived};
pub use self::queries::request_lookup::{LookupBy, LookupRow};
pub use self::queries::sessions::ListedSession;
pub use self::queries::users::{AddedUser, NewUser};
pub use self::transfer::{Transfer, TransferError};

/// The store did not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// It cannot be reached or cannot commit; the same request may go through later.
    #[error("the store cannot be used now: {0}")]
    Unavailable(String),
    /// Others kept changing the same rows; the same request may go through later.
    #[error("the store cannot be used now: {0}")]
    Contended(&'static str),
    /// A row does not hold what it should.
    #[error("the store holds something unexpected: {0}")]
    Unexpected(&'static str),
    /// It refused a statement of ours.
    #[error("the store refused a statement: {0}")]
    Refused(String),
}

/// Why a store cannot be opened. A database is named by its path, or by its URL without the password.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The address of the database is none that this version knows. The error names only its scheme, if that is known.
    #[error(
        "--database {}is not understood: give sqlite://FILE, such as sqlite://doorkey.db or \
         sqlite:///var/lib/doorkey.db, or postgres://USER:PASSWORD@HOST:PORT/NAME, with ?sslmode=disable, prefer, \
         require, verify-ca or verify-full, and what has a meaning in a URL percent-encoded in the password: \
         %40 for @, %2F for /, %3F for ?",
        if .0.is_empty() { String::new() } else { format!("{}… ", .0) }
    )]
    UnknownUrl(&'static str),
    /// There is no database.
    #[error(
        "there is no database at {0}: `doorkey workspace create` or `doorkey serve` makes one, or check --database"
    )]
    Missing(String),
    /// A server has it, but there is nothing in it.
    #[error(
        "the database at {0} is empty: `doorkey workspace create` or `doorkey serve` makes the tables; if something should \
         be in it, check --database"
    )]
    Empty(String),
    /// It is there, but is no database of doorkey's.
    #[error("{0} is not a doorkey database: it is left as it is; check --database")]
    Foreign(String),
    /// It is a copy of a file that was in use, and lacks a part.
    #[error(
        "the database at {0} is a copy of a file that a server had open, without the -wal that belongs to it, and may be \
         of two moments: `doorkey restore` takes it in if it is whole; copies are made with `doorkey backup`"
    )]
    BareCopy(String),
    /// The database was made by a newer version.
    #[error(
        "the database at {database} is of schema {found}, newer than this version's {known}: use a newer doorkey"
    )]
    Newer {
        /// Where it is.
        database: String,
        /// Its newest migration.
        found: i64,
        /// This binary's newest migration.
        known: i64,
    },
    /// What it held is elsewhere.
    #[error("the database {database} was moved to {to}: give that with --database, and the same key file")]
    Moved {
        /// Where it is.
        database: String,
        /// Where its rows are.
        to: String,
    },
    /// A move to it has begun, and has not come to its end.
    #[error(
        "the database at {database} is being filled from {from}, and that has not come to its end: wait for it, or \
         run `doorkey migrate` again if it was broken off"
    )]
    HalfMoved {
        /// Where it is.
        database: String,
        /// What is copied into it.
        from: String,
    },
    /// The server's certificate cannot be proven with what was given.
    #[error(
        "{0}: check --database-root-certificate, a file with the certificate(s) that the server's rests on"
    )]
    RootCertificate(String),
    /// What answers is no server, but hands each transaction to whichever one is free.
    #[error(
        "the database at {0} is behind a pooler that hands out servers by transaction, which doorkey cannot work with: \
         set pool_mode = session for it (pgbouncer), or give the server's own address with --database"
    )]
    Pooled(String),
    /// It cannot hold every letter.
    #[error(
        "the database at {database} has the encoding {encoding}, in which many names cannot be written: doorkey needs \
         one in UTF8, such as `CREATE DATABASE doorkey OWNER doorkey ENCODING 'UTF8' LOCALE 'C' TEMPLATE template0` makes"
    )]
    Encoding {
        /// Where it is.
        database: String,
        /// Its encoding.
        encoding: String,
    },
    /// Its server cannot be reached, or does not let us in.
    #[error(
        "the database at {database} cannot be reached: {source}: check --database, and that the server runs, takes \
         writes and lets doorkey in"
    )]
    Unreachable {
        /// Where it is.
        database: String,
        /// What went wrong.
        source: StoreError,
    },
    /// Its file, or the folder of that, is not for this process.
    #[error("the database at {database} cannot be opened: {why}")]
    Inaccessible {
        /// Where it is.
        database: String,
        /// What stands in the way, and what to do.
        why: String,
    },
    /// It cannot be opened or brought up to date.
    #[error("the database at {database} cannot be opened: {source}")]
    Failed {
        /// Where it is.
        database: String,
        /// What went wrong.
        source: StoreError,
    },
}

/// What is kept, in one of the engines.
#[derive(Clone, Debug)]
pub struct Store {
    engine: Engine,
    reuses: Arc<queries::reuse_counters::Reuses>,
    list_limiter: Arc<list_limiter::ListLimiter>,
}

#[derive(Clone, Debug)]
enum Engine {
    Sqlite(engine::sqlite::Sqlite),
    Postgres(engine::postgres::Postgres),
}

impl Store {
    /// Opens a database and brings its schema up to date; makes it first, if `may_create` and there is none.
    pub async fn open(url: &DatabaseUrl, may_create: bool) -> Result<Self, OpenError> {
        let engine = match url {
            DatabaseUrl::Sqlite(path) => Engine::Sqlite(engine::sqlite::Sqlite::open(path, may_create)?),
            DatabaseUrl::Postgres(servers) => Engine::Postgres(
                engine::postgres::Postgres::open(servers, &url.to_string(), may_create).await?,
            ),
        };
        let store = Self { engine, reuses: Arc::default(), list_limiter: Arc::default() };
        store.check_marker(url).await?;
        Ok(store)
    }

    /// Goes to what other processes have written, several times a second: the embedded engine reads faster from there. With a
    /// synchronous standby, what was read a while ago is covered by a commit each second.
    pub async fn refresh_snapshot(&self) -> Result<(), StoreError> {
        match &self.engine {
            Engine::Sqlite(sqlite) => sqlite.write(UnitOfWork::new()).await.map(|_| ()),
            Engine::Postgres(postgres) => Box::pin(postgres.keep_covering()).await,
        }
    }

    /// Lets go of the database, and returns when nothing of it is open any more. There must be no other clone.
    pub async fn close(self) {
        match self.engine {
            Engine::Sqlite(sqlite) => sqlite.close().await,
            // Its connections close by themselves, and nobody waits for that.
            Engine::Postgres(_) => {}
        }
    }

    /// A few lookups, seen at one moment, each of which must be answered from an index: in SQLite on the calling
    /// thread, in PostgreSQL in one round trip.
    async fn read<const N: usize>(&self, statements: [Statement; N]) -> Result<[Vec<Row>; N], StoreError> {
        match &self.engine {
            Engine::Sqlite(sqlite) => sqlite.readers().read(&statements),
            Engine::Postgres(postgres) => Box::pin(postgres.read(&statements)).await,
        }
    }

    /// Queries that may take long, seen at one moment, off the calling thread. They end if nobody waits for them any
    /// more.
    async fn scan<const N: usize>(&self, statements: [Statement; N]) -> Result<[Vec<Row>; N], StoreError> {
        self.scan_with(statements, None, Ok).await
    }

    /// The same for a list, which also ends when its time is over; its rows are made into something there, too.
    async fn scan_with<const N: usize, T: Send + 'static>(
        &self,
        statements: [Statement; N],
        permit: Option<ListPermit>,
        made_of: impl FnOnce([Vec<Row>; N]) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        match &self.engine {
            Engine::Sqlite(sqlite) => sqlite.scan(statements, permit, made_of).await,
            Engine::Postgres(postgres) => Box::pin(postgres.scan(&statements, permit, made_of)).await,
        }
    }

    /// A unit of work: all of it or nothing, durable before this returns.
    async fn write(&self, unit: UnitOfWork) -> Result<UnitResult, StoreError> {
        match &self.engine {
            Engine::Sqlite(sqlite) => sqlite.write(unit).await,
            Engine::Postgres(postgres) => Box::pin(postgres.write(&unit)).await,
        }
    }
}
