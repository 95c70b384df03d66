//! The embedded engine: SQLite in one file, read in place, written by one thread.
//!
//! What waits to be written is committed together, so that one `fsync` serves many callers.

use std::fmt;
use std::fs::OpenOptions;
use std::os::unix::fs::OpenOptionsExt;
use std::panic::AssertUnwindSafe;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rusqlite::config::DbConfig;
use rusqlite::{Connection, ErrorCode, OpenFlags, TransactionBehavior};
use tokio::sync::{mpsc, oneshot};

use super::migrate;
use super::sqlite_file::{Log, Place};
use super::sqlite_readers::{Readers, connect_to_read};
use super::sqlite_values::value_of;
use super::unit::{Statement, Unit, Written};
use super::value::Row;
use super::{OpenError, StoreError};

/// How long a caller waits for its commit before it is told that the store cannot (contract, section 2).
const PATIENCE: Duration = Duration::from_secs(5);

/// How long the writer waits for another process to let go of the file.
const LOCK_PATIENCE: Duration = Duration::from_millis(4_500);

/// Units that are committed together at most: more would make the first of them wait.
const GROUP: usize = 64;

/// Units that may wait; beyond, callers are told at once that the store cannot keep up.
const QUEUE: usize = 4_096;

/// Statements kept prepared on each connection.
const PREPARED: usize = 64;

#[derive(Clone)]
pub(super) struct Sqlite {
    readers: Arc<Readers>,
    queue: mpsc::Sender<Job>,
}

impl fmt::Debug for Sqlite {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Sqlite({})", self.readers.place.path.display())
    }
}

/// A unit on its way to the writer.
struct Job {
    unit: Unit,
    deadline: Instant,
    reply: oneshot::Sender<Result<Written, StoreError>>,
}

impl Sqlite {
    pub(super) fn open(path: &Path, may_create: bool) -> Result<Self, OpenError> {
        if !may_create && !path.exists() {
            return Err(OpenError::Missing(path.display().to_string()));
        }
        let connection = make_private(path).and_then(|()| connect(path));
        let mut connection = connection.map_err(|error| migrate::failed(path, &error))?;
        migrate::migrate(&mut connection, path)?;
        let (queue, jobs) = mpsc::channel(QUEUE);
        let place = Arc::new(Place::of(path));
        let at = Arc::clone(&place);
        let writer = Writer { place: at, connection: Some(connection), log: Log::default(), pilot: None };
        let spawned =
            std::thread::Builder::new().name("doorkey-writer".to_owned()).spawn(|| writer.run(jobs));
        spawned.map_err(|error| OpenError::Failed {
            database: path.display().to_string(),
            source: StoreError::Unavailable(format!("no writer thread: {error}")),
        })?;
        Ok(Self { readers: Arc::new(Readers::of(place)), queue })
    }

    /// The connections that read.
    pub(super) fn readers(&self) -> &Readers {
        &self.readers
    }

    pub(super) async fn scan<const N: usize>(
        &self,
        statements: [Statement; N],
    ) -> Result<[Vec<Row>; N], StoreError> {
        let readers = Arc::clone(&self.readers);
        let scanned = tokio::task::spawn_blocking(move || readers.read(&statements)).await;
        scanned.map_err(|_| StoreError::Unavailable("a read was broken off".to_owned()))?
    }

    pub(super) async fn write(&self, unit: Unit) -> Result<Written, StoreError> {
        let late = || StoreError::Unavailable("nothing could be committed for 5 s".to_owned());
        let (reply, answer) = oneshot::channel();
        let job = Job { unit, deadline: Instant::now() + PATIENCE, reply };
        self.queue.try_send(job).map_err(|_| StoreError::Unavailable("too many writes wait".to_owned()))?;
        let answered = tokio::time::timeout(PATIENCE, answer).await.map_err(|_| late())?;
        answered.map_err(|_| late())?
    }
}

/// The thread that alone writes.
struct Writer {
    place: Arc<Place>,
    connection: Option<Connection>,
    /// That of the connection.
    log: Log,
    /// A reader that stays. While it is at the newest commit, others of this process that read there need not ask the
    /// operating system for a lock of their own: for two system calls less, they do not stand in each other's way.
    pilot: Option<Connection>,
}

impl Writer {
    /// Commits what comes until nobody can send any more.
    fn run(mut self, mut jobs: mpsc::Receiver<Job>) {
        let mut group = Vec::with_capacity(GROUP);
        while jobs.blocking_recv_many(&mut group, GROUP) > 0 {
            let jobs: Vec<_> = group.drain(..).filter(|job| Instant::now() < job.deadline).collect();
            // Who reads at an older commit keeps the log from being begun anew.
            self.pilot = self.pilot.take().filter(|pilot| step(pilot, "COMMIT").is_ok());
            let results = self.commit_or_begin_again(&jobs);
            for (job, result) in jobs.into_iter().zip(results) {
                // The caller may have given up waiting.
                let _ = job.reply.send(result);
            }
            self.pilot = self.a_pilot().and_then(take_place).ok();
        }
    }

    /// A panic on the way would leave everybody without a writer: it is a failure like any other.
    fn commit_or_begin_again(&mut self, jobs: &[Job]) -> Vec<Result<Written, StoreError>> {
        let committed = std::panic::catch_unwind(AssertUnwindSafe(|| self.commit(jobs)));
        committed.unwrap_or_else(|_| {
            self.connection = None;
            jobs.iter().map(|_| Err(StoreError::Unexpected("a panic in the writer"))).collect()
        })
    }

    /// Runs each unit by itself and commits all that went well, or tells everybody that nothing was.
    fn commit(&mut self, jobs: &[Job]) -> Vec<Result<Written, StoreError>> {
        // Looked at before and after: what was committed into a file that nobody finds again is not acknowledged.
        let committed = self.place.look(&self.log).and_then(|()| {
            let results = commit_group(self.connected()?, jobs)?;
            self.place.look_after(&mut self.log).map(|()| results)
        });
        committed.unwrap_or_else(|error| {
            if self.place.is_here().is_ok() {
                tracing::error!(%error, "a commit failed");
                self.log = Log::default();
            }
            // After a failed sync nobody knows what the file holds: begin again from what it says.
            self.connection = None;
            jobs.iter().map(|_| Err(store_error(&error))).collect()
        })
    }

    fn a_pilot(&mut self) -> rusqlite::Result<Connection> {
        self.place.is_here()?;
        self.pilot.take().map_or_else(|| connect_to_read(&self.place.path), Ok)
    }

    fn connected(&mut self) -> rusqlite::Result<&mut Connection> {
        let connection = if let Some(connection) = self.connection.take() {
            connection
        } else {
            let connection = connect(&self.place.path)?;
            make_durable(&connection)?;
            connection
        };
        Ok(self.connection.insert(connection))
    }
}

/// Reads, and stays where it has read.
fn take_place(pilot: Connection) -> rusqlite::Result<Connection> {
    step(&pilot, "BEGIN")?;
    pilot.prepare_cached("SELECT max(number) FROM migrations")?.query_row([], |_| Ok(()))?;
    Ok(pilot)
}

fn commit_group(
    connection: &mut Connection,
    jobs: &[Job],
) -> rusqlite::Result<Vec<Result<Written, StoreError>>> {
    if jobs.iter().all(|job| job.unit.statements.is_empty()) {
        return Ok(jobs.iter().map(|_| Ok(Written::Done(Vec::new()))).collect());
    }
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let mut results = Vec::with_capacity(jobs.len());
    for job in jobs {
        step(&transaction, "SAVEPOINT unit")?;
        let written = match run_unit(&transaction, &job.unit) {
            Ok(Some(rows)) => Ok(Written::Done(rows)),
            Ok(None) => Ok(Written::Lost),
            Err(error) if breaks_the_group(&error) => return Err(error),
            Err(error) => {
                tracing::error!(%error, "a unit of work failed");
                Err(store_error(&error))
            }
        };
        if !matches!(written, Ok(Written::Done(_))) {
            step(&transaction, "ROLLBACK TO unit")?;
        }
        step(&transaction, "RELEASE unit")?;
        results.push(written);
    }
    transaction.commit()?;
    tracing::trace!(units = jobs.len(), "committed");
    Ok(results)
}

/// A statement without values that stays prepared: to prepare it anew would cost more than to run it.
fn step(connection: &Connection, sql: &str) -> rusqlite::Result<()> {
    connection.prepare_cached(sql)?.execute([]).map(|_| ())
}

/// The rows of each statement; `None` if a guard changed nothing.
fn run_unit(connection: &Connection, unit: &Unit) -> rusqlite::Result<Option<Vec<Vec<Row>>>> {
    let mut results = Vec::with_capacity(unit.statements.len());
    for statement in &unit.statements {
        results.push(run(connection, statement)?);
        if statement.is_guard && connection.changes() == 0 {
            return Ok(None);
        }
    }
    Ok(Some(results))
}

pub(super) fn run(connection: &Connection, statement: &Statement) -> rusqlite::Result<Vec<Row>> {
    const PLACEHOLDERS: [&str; 24] = [
        "$1", "$2", "$3", "$4", "$5", "$6", "$7", "$8", "$9", "$10", "$11", "$12", "$13", "$14", "$15",
        "$16", "$17", "$18", "$19", "$20", "$21", "$22", "$23", "$24",
    ];
    let mut prepared = connection.prepare_cached(&statement.sql)?;
    for (number, value) in statement.values.iter().enumerate() {
        // SQLite numbers such placeholders as they come in the text, so each is asked for by its name.
        let further = if number < PLACEHOLDERS.len() { String::new() } else { format!("${}", number + 1) };
        let name = PLACEHOLDERS.get(number).copied().unwrap_or(&further);
        let place =
            prepared.parameter_index(name)?.ok_or(rusqlite::Error::InvalidParameterCount(number, 0))?;
        prepared.raw_bind_parameter(place, value)?;
    }
    let columns = prepared.column_count();
    let mut found = prepared.raw_query();
    let mut rows = Vec::new();
    while let Some(row) = found.next()? {
        let mut values = Vec::with_capacity(columns);
        for column in 0..columns {
            values.push(value_of(row.get_ref(column)?));
        }
        rows.push(Row::of(values));
    }
    Ok(rows)
}

pub(super) fn connect(path: &Path) -> rusqlite::Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags)?;
    connection.busy_timeout(LOCK_PATIENCE)?;
    Ok(connection)
}

/// Makes the file, if there is none, so that its owner alone can read it.
///
/// One that is there is not even opened: closing it would drop the locks that this process holds on it.
fn make_private(path: &Path) -> rusqlite::Result<()> {
    if path.exists() {
        return Ok(());
    }
    let made = OpenOptions::new().create(true).append(true).mode(0o600).open(path);
    made.map(|_| ()).map_err(|error| {
        let code = rusqlite::ffi::Error::new(rusqlite::ffi::SQLITE_CANTOPEN);
        rusqlite::Error::SqliteFailure(code, Some(error.to_string()))
    })
}

/// WAL lets readers and the writer pass each other; FULL makes every commit survive a power cut.
pub(super) fn make_durable(connection: &Connection) -> rusqlite::Result<()> {
    let mode: String = connection.pragma_update_and_check(None, "journal_mode", "wal", |row| row.get(0))?;
    if mode != "wal" {
        let code = rusqlite::ffi::Error::new(rusqlite::ffi::SQLITE_CANTOPEN);
        let why = "its folder is on a file system that cannot share memory between processes".to_owned();
        return Err(rusqlite::Error::SqliteFailure(code, Some(why)));
    }
    tune(connection)
}

/// Pages of the log that are carried over into the file together: a page that was written several times meanwhile is
/// carried over once, and the file is synced once for all of them.
const CHECKPOINT: i64 = 8_000;

pub(super) fn tune(connection: &Connection) -> rusqlite::Result<()> {
    connection.pragma_update(None, "synchronous", "full")?;
    connection.pragma_update(None, "wal_autocheckpoint", CHECKPOINT)?;
    connection.set_prepared_statement_cache_capacity(PREPARED);
    // Without it a statement with several tables is planned anew each time its values change.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
    Ok(())
}

/// Whether the failure is the file's or the disk's, and so every waiting caller's.
fn breaks_the_group(error: &rusqlite::Error) -> bool {
    matches!(store_error(error), StoreError::Unavailable(_))
}

pub(super) fn store_error(error: &rusqlite::Error) -> StoreError {
    match error.sqlite_error_code() {
        Some(
            ErrorCode::DatabaseBusy
            | ErrorCode::DatabaseLocked
            | ErrorCode::DiskFull
            | ErrorCode::SystemIoFailure
            | ErrorCode::CannotOpen
            | ErrorCode::ReadOnly
            | ErrorCode::FileLockingProtocolFailed
            | ErrorCode::PermissionDenied
            | ErrorCode::OutOfMemory,
        ) => StoreError::Unavailable(error.to_string()),
        _ => StoreError::Refused(error.to_string()),
    }
}
