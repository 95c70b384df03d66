//! What is kept: one file for each noun, and the engines behind one small door.
//!
//! The door has three sides, and all of them take *data*: [`Store::read`] a few lookups seen at one moment,
//! [`Store::scan`] a query that may take long, [`Store::write`] a unit of work. The nouns' methods, which are
//! what flows call, are written once for every engine.

mod backup;
mod counted_rows;
mod database_url;
mod durability;
mod engine;
mod error;
mod list_limiter;
mod pending_reuses;
mod pending_touches;
mod queries;
mod transfer;

use std::sync::Arc;
use std::time::{Duration, Instant};

use self::engine::sqlite::Sqlite;
use self::engine::unit_of_work::{Statement, UnitOfWork, UnitResult};
use self::engine::value::{FromRow, Row, all, first};

pub use self::backup::{CarriedOver, CarryWith, CopyError, NotCarried, Replaced, Restore, back_up};
pub use self::database_url::DatabaseUrl;
pub use self::durability::ReadPoint;
pub use self::engine::sqlite::{FileState, make_file, state_of};
pub use self::engine::unit_of_work::Outcome;
pub use self::error::{OpenError, StoreError};
pub use self::list_limiter::{ListError, ListPermit, UnsentRoom};
pub use self::queries::admins::{EndingAdmin, ListedAdmins};
pub use self::queries::app_codes::Exchange;
pub use self::queries::app_refusals::RefusalsOfApps;
pub use self::queries::app_sessions::{DueSignOut, EndedAppSession};
pub use self::queries::apps::APP_FIELDS;
pub use self::queries::asks::{AskedMail, CountedTry};
pub use self::queries::audit::{AuditFilter, AuditPosition, ListedEntry};
pub use self::queries::audit_search::AuditPiece;
pub use self::queries::cleanup::{SweepLimits, Swept};
pub use self::queries::client_search::{ClientLink, KnownLink, ListedClient};
pub use self::queries::directory::DirectoryEntry;
pub use self::queries::first_steps::FirstSteps;
pub use self::queries::idempotency::KeptRequest;
pub use self::queries::key_usage::{KeyUsage, SessionUsingKey};
pub use self::queries::link_events::{OpeningFacts, SettledLink, Unsettled};
pub use self::queries::login_link_lists::ListedLink;
pub use self::queries::login_links::{FoundLink, Redemption};
pub use self::queries::lookup_row::{LookupBy, LookupRow};
pub use self::queries::mail_counters::MailCounter;
pub use self::queries::mail_pages::{FailingMail, MAX_COUNTED_MAILS, WaitingMails};
pub use self::queries::mails::{Attempt, MAIL_FIELDS, WaitingMail};
pub use self::queries::nodes::KeysAndClock;
pub use self::queries::outbox::{OutboxItem, OutboxKind};
pub use self::queries::post_restore::{
    Flags, KeyBefore, MovedAddress, RestoredAdmin, RestoredApp, RestoredKey, RestoredSecret, RestoredUser,
    Revived,
};
pub use self::queries::sessions::ListedSession;
pub use self::queries::signing_keys::SigningKeyChange;
pub use self::queries::stories::ToldLink;
pub use self::queries::user_batches::{BatchedChange, TakenKeys, UserBatch};
pub use self::queries::users::{ChangedUser, NewUser};
pub use self::queries::workspaces::WorkspaceChange;
pub use self::transfer::{Transfer, TransferError};

/// What is kept, in one of the engines.
#[derive(Clone, Debug)]
pub struct Store {
    engine: Engine,
    reuses: Arc<pending_reuses::PendingReuses>,
    touches: Arc<pending_touches::PendingTouches>,
    list_limiter: Arc<list_limiter::ListLimiter>,
    counted: Arc<counted_rows::Counted>,
}

#[derive(Clone, Debug)]
enum Engine {
    Sqlite(Sqlite<LookupRow>),
    Postgres(engine::postgres::Postgres),
}

impl Store {
    /// Opens a database and brings its schema up to date; makes it first, if `may_create` and there is none.
    pub async fn open(url: &DatabaseUrl, may_create: bool) -> Result<Self, OpenError> {
        let engine = match url {
            DatabaseUrl::Sqlite(path) => Engine::Sqlite(Sqlite::open(path, may_create)?),
            DatabaseUrl::Postgres(servers) => Engine::Postgres(
                engine::postgres::Postgres::open(servers, &url.to_string(), may_create).await?,
            ),
        };
        let store = Self {
            engine,
            reuses: Arc::default(),
            touches: Arc::default(),
            list_limiter: Arc::default(),
            counted: Arc::default(),
        };
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

    /// Whether a commit keeps everybody else from writing, and not only those who write to the same rows.
    pub const fn has_one_writer(&self) -> bool {
        matches!(self.engine, Engine::Sqlite(_))
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

    /// What a lookup finds first.
    async fn find<T: FromRow>(&self, statement: Statement) -> Result<Option<T>, StoreError> {
        let [rows] = self.read([statement]).await?;
        first(rows)
    }

    /// All that a query finds.
    async fn find_all<T: FromRow>(&self, statement: Statement) -> Result<Vec<T>, StoreError> {
        let [rows] = self.scan([statement]).await?;
        all(rows)
    }

    /// Writes a unit of work, and says whether its guards held.
    async fn apply(&self, unit: UnitOfWork) -> Result<Outcome, StoreError> {
        self.write(unit).await.map(Outcome::from)
    }

    /// A unit of work: all of it or nothing, durable before this returns.
    async fn write(&self, unit: UnitOfWork) -> Result<UnitResult, StoreError> {
        self.write_timed(unit).await.map(|(result, _)| result)
    }

    /// The same, with how long its commit stood in the way of others: in SQLite, who has one lock, from when it had it.
    async fn write_timed(&self, unit: UnitOfWork) -> Result<(UnitResult, Duration), StoreError> {
        // The tests of the engines have its tables for theirs.
        debug_assert!(
            cfg!(test) || queries::directory_stamp::is_stamped(&unit),
            "the directory changes unnoticed"
        );
        match &self.engine {
            Engine::Sqlite(sqlite) => sqlite.write(unit).await,
            Engine::Postgres(postgres) => {
                let began = Instant::now();
                Box::pin(postgres.write(&unit)).await.map(|result| (result, began.elapsed()))
            }
        }
    }
}
