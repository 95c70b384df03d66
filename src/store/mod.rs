//! What is kept: one file for each noun, and the engines behind one small door.
//!
//! The door has three sides, and all of them take *data*: [`Store::read`] a few lookups seen at one moment,
//! [`Store::scan`] a query that may take long, [`Store::write`] a unit of work. The nouns' methods, which are
//! what flows call, are written once for every engine.

mod api_keys;
mod arrivals;
mod audit;
mod columns;
mod key_fingerprints;
mod lists;
mod login_links;
mod migrate;
mod reuses;
mod sessions;
mod sqlite;
#[cfg(test)]
mod sqlite_tests;
mod sweep;
mod unit;
mod user_lists;
mod users;
mod value;
mod workspaces;

use std::path::PathBuf;
use std::sync::Arc;

use unit::{Statement, Unit, Written};
use value::Row;
#[cfg(test)]
use value::Value;

pub use arrivals::{Arrival, Named};
pub use audit::ListedEntry;
pub use login_links::{FoundLink, ListedLink};
pub use sessions::ListedSession;
pub use sweep::Swept;
pub use unit::Outcome;
pub use user_lists::USER_FIELDS;
pub use users::NewUser;

/// The store did not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// It cannot be reached or cannot commit; the same request may go through later.
    #[error("the store cannot be used now: {0}")]
    Unavailable(String),
    /// A row does not hold what it should.
    #[error("the store holds something unexpected: {0}")]
    Unexpected(&'static str),
    /// It refused a statement of ours.
    #[error("the store refused a statement: {0}")]
    Refused(String),
}

/// Why a store cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The address of the database is none that this version knows.
    #[error(
        "--database {0:?} is not understood: give sqlite://FILE, such as sqlite://doorkey.db or \
         sqlite:///var/lib/doorkey.db (PostgreSQL comes with a later version)"
    )]
    UnknownUrl(String),
    /// There is no database file.
    #[error(
        "there is no database at {0}: `doorkey workspace create` or `doorkey serve` makes one, or check --database"
    )]
    Missing(PathBuf),
    /// The file is there, but is no database of doorkey's.
    #[error("{0} is not a doorkey database: it is left as it is; check --database")]
    Foreign(PathBuf),
    /// The database was made by a newer version.
    #[error(
        "the database at {path} is of schema {found}, newer than this version's {known}: use a newer doorkey"
    )]
    Newer {
        /// The file.
        path: PathBuf,
        /// Its newest migration.
        found: i64,
        /// This binary's newest migration.
        known: i64,
    },
    /// It cannot be opened or brought up to date.
    #[error("the database at {path} cannot be opened: {source}")]
    Failed {
        /// The file.
        path: PathBuf,
        /// What went wrong.
        source: StoreError,
    },
}

/// Where a database is.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum DatabaseUrl {
    /// An SQLite file.
    Sqlite(PathBuf),
}

impl DatabaseUrl {
    /// Takes `sqlite://PATH`, relative or absolute.
    ///
    /// # Errors
    /// `OpenError::UnknownUrl` for anything else.
    pub fn parse(text: &str) -> Result<Self, OpenError> {
        let path = text.strip_prefix("sqlite://").filter(|path| !path.is_empty() && !path.contains('?'));
        path.map(|path| Self::Sqlite(path.into()))
            .ok_or_else(|| OpenError::UnknownUrl(without_password(text)))
    }

    /// Whether there is a database already.
    pub fn exists(&self) -> bool {
        match self {
            Self::Sqlite(path) => path.exists(),
        }
    }

    /// The file of an embedded database.
    pub const fn path(&self) -> &PathBuf {
        match self {
            Self::Sqlite(path) => path,
        }
    }
}

/// A URL may carry a password, and an error message is no place for one.
fn without_password(text: &str) -> String {
    match (text.find("://"), text.find('@')) {
        (Some(start), Some(end)) if start + 3 < end => format!("{}…{}", &text[..start + 3], &text[end..]),
        _ => text.to_owned(),
    }
}

/// What is kept, in one of the engines.
#[derive(Clone, Debug)]
pub struct Store {
    engine: Engine,
    reuses: Arc<reuses::Reuses>,
}

#[derive(Clone, Debug)]
enum Engine {
    Sqlite(sqlite::Sqlite),
}

impl Store {
    /// Opens a database and brings its schema up to date; makes it first, if `may_create` and there is none.
    ///
    /// # Errors
    /// `OpenError` says what stands in the way.
    pub fn open(url: &DatabaseUrl, may_create: bool) -> Result<Self, OpenError> {
        match url {
            DatabaseUrl::Sqlite(path) => {
                let engine = Engine::Sqlite(sqlite::Sqlite::open(path, may_create)?);
                Ok(Self { engine, reuses: Arc::default() })
            }
        }
    }

    /// Asks whether the store can commit now, by writing what stands there already.
    ///
    /// # Errors
    /// `StoreError` if it cannot.
    pub async fn ping(&self) -> Result<(), StoreError> {
        let rewritten = unit::sql("UPDATE migrations SET number = number", Vec::new());
        self.write(Unit::new().and(rewritten)).await.map(|_| ())
    }

    /// A few lookups, seen at one moment, on the calling thread: each must be answered from an index.
    #[expect(
        clippy::unused_async,
        reason = "SQLite is read in place; an engine behind a network will wait here"
    )]
    async fn read<const N: usize>(&self, statements: [Statement; N]) -> Result<[Vec<Row>; N], StoreError> {
        match &self.engine {
            Engine::Sqlite(sqlite) => sqlite.read(&statements),
        }
    }

    /// Queries that may take long, seen at one moment, off the calling thread.
    async fn scan<const N: usize>(&self, statements: [Statement; N]) -> Result<[Vec<Row>; N], StoreError> {
        match &self.engine {
            Engine::Sqlite(sqlite) => sqlite.scan(statements).await,
        }
    }

    /// A unit of work: all of it or nothing, durable before this returns.
    async fn write(&self, unit: Unit) -> Result<Written, StoreError> {
        match &self.engine {
            Engine::Sqlite(sqlite) => sqlite.write(unit).await,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_database_is_named_by_its_path() {
        assert_eq!(DatabaseUrl::parse("sqlite://doorkey.db").unwrap().path(), &PathBuf::from("doorkey.db"));
        assert_eq!(DatabaseUrl::parse("sqlite:///var/x.db").unwrap().path(), &PathBuf::from("/var/x.db"));
        for text in ["", "doorkey.db", "sqlite://", "sqlite:doorkey.db", "mysql://x", "sqlite://x?mode=ro"] {
            assert!(DatabaseUrl::parse(text).is_err(), "{text}");
        }
        let error = DatabaseUrl::parse("postgres://me:secret@db/x").unwrap_err().to_string();
        assert!(!error.contains("secret"), "{error}");
    }
}
