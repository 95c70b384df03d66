//! The embedded engine: SQLite in one file, read in place, written by one thread.
//!
//! What waits to be written is committed together, so that one `fsync` serves many callers.

use std::fmt;
use std::panic::AssertUnwindSafe;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use rusqlite::config::DbConfig;
use rusqlite::{Connection, ErrorCode, MAIN_DB, OpenFlags, Transaction, TransactionBehavior};
use tokio::sync::{mpsc, oneshot};

use super::migrate;
use super::sqlite_checkpoints::Checkpoints;
use super::sqlite_file::{Log, Watched};
use super::sqlite_place::{Place, make_private};
use super::sqlite_readers::{Readers, connect_to_read};
use super::sqlite_values::value_of;
use super::unit::{Statement, Unit, Written};
use super::value::Row;
use super::{OpenError, StoreError};

/// How long a caller waits for its commit before it is told that the store cannot (contract, section 2).
const PATIENCE: Duration = Duration::from_secs(5);

/// How long the writer waits for another process to let go of the file.
pub(super) const LOCK_PATIENCE: Duration = Duration::from_millis(4_500);

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
    writer: Arc<Mutex<Option<JoinHandle<()>>>>,
    pub(super) place: Place,
}

impl fmt::Debug for Sqlite {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Sqlite({})", self.readers.watched.path.display())
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
        let made = make_private(path);
        let place = Place::of(path);
        let connection = made.and_then(|()| connect_to_write(path));
        let mut connection = connection.map_err(|error| migrate::failed(path, &error))?;
        migrate::migrate(&mut connection, path)?;
        place.judge(&connection, path)?;
        let (queue, jobs) = mpsc::channel(QUEUE);
        let watched = Arc::new(Watched::of(path));
        let spawned = Checkpoints::of(&watched).and_then(|checkpoints| {
            let (watched, log) = (Arc::clone(&watched), Log::default());
            let writer = Writer { watched, connection: Some(connection), log, checkpoints, pilot: None };
            std::thread::Builder::new().name("doorkey-writer".to_owned()).spawn(|| writer.run(jobs))
        });
        let spawned = spawned.map_err(|error| OpenError::Failed {
            database: path.display().to_string(),
            source: StoreError::Unavailable(format!("no writer thread: {error}")),
        })?;
        let readers = Arc::new(Readers::of(watched));
        Ok(Self { readers, queue, writer: Arc::new(Mutex::new(Some(spawned))), place })
    }

    /// Carries the log over into the file, as far as nobody stands in the way.
    pub(super) async fn carry_over(&self) {
        let readers = Arc::clone(&self.readers);
        // What is not carried over now is so later.
        let _ = tokio::task::spawn_blocking(move || Place::carry_over(&readers.watched.path)).await;
    }

    /// Closes every connection. The last one that is closed carries the log over into the file.
    pub(super) async fn close(self) {
        let Self { readers, queue, writer, .. } = self;
        drop((readers, queue));
        let writer = writer.lock().unwrap_or_else(PoisonError::into_inner).take();
        // It ends when nobody can send it anything any more.
        let _ = tokio::task::spawn_blocking(|| writer.map(JoinHandle::join)).await;
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
    watched: Arc<Watched>,
    connection: Option<Connection>,
    /// That of the connection.
    log: Log,
    checkpoints: Checkpoints,
    /// A reader that stays. While it is at the newest commit, others of this process that read there need not ask the
    /// operating system for a lock of their own: for two system calls less, they do not stand in each other's way.
    pilot: Option<Connection>,
}

impl Writer {
    /// Commits what comes until nobody can send any more.
    fn run(mut self, mut jobs: mpsc::Receiver<Job>) {
        let mut group = Vec::with_capacity(GROUP);
        if let Some(connection) = &mut self.connection
            && let Err(error) = self.checkpoints.count(connection)
        {
            tracing::warn!(%error, "checkpoints are made by the writer itself");
        }
        while jobs.blocking_recv_many(&mut group, GROUP) > 0 {
            let jobs: Vec<_> = group.drain(..).filter(|job| Instant::now() < job.deadline).collect();
            // Who reads at an older commit keeps the log from being begun anew.
            self.pilot = self.pilot.take().filter(|pilot| step(pilot, "COMMIT").is_ok());
            if let Some(connection) = &self.connection {
                self.checkpoints.end(connection);
            }
            let results = self.commit_or_begin_again(&jobs);
            self.checkpoints.begin();
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
        let committed = self.watched.look(&self.log).and_then(|()| {
            let results = commit_group(self.connected()?, jobs)?;
            self.watched.look_after(&mut self.log).map(|()| results)
        });
        committed.unwrap_or_else(|error| {
            if self.watched.is_here().is_ok() {
                tracing::error!(%error, "a commit failed");
                self.log = Log::default();
            }
            // After a failed sync nobody knows what the file holds: begin again from what it says.
            self.connection = None;
            jobs.iter().map(|_| Err(store_error(&error))).collect()
        })
    }

    fn a_pilot(&mut self) -> rusqlite::Result<Connection> {
        self.watched.is_here()?;
        self.pilot.take().map_or_else(|| connect_to_read(&self.watched.path), Ok)
    }

    fn connected(&mut self) -> rusqlite::Result<&mut Connection> {
        let connection = if let Some(connection) = self.connection.take() {
            connection
        } else {
            let mut connection = connect(&self.watched.path)?;
            make_durable(&connection)?;
            self.checkpoints.count(&mut connection)?;
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

/// Commits a group without savepoints, which serves if every unit goes well or is lost before it changed anything; else
/// begins again with one for each, so that what a unit leaves behind is undone without its neighbours.
fn commit_group(
    connection: &mut Connection,
    jobs: &[Job],
) -> rusqlite::Result<Vec<Result<Written, StoreError>>> {
    if jobs.iter().all(|job| job.unit.statements.is_empty()) {
        return Ok(jobs.iter().map(|_| Ok(Written::Done(Vec::new()))).collect());
    }
    let mut transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let results = if let Some(results) = run_together(&transaction, jobs)? {
        results
    } else {
        transaction.rollback()?;
        transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        jobs.iter().map(|job| run_apart(&transaction, job)).collect::<Result<_, _>>()?
    };
    transaction.commit()?;
    tracing::trace!(units = jobs.len(), "committed");
    Ok(results)
}

/// What became of each unit. `None` if one of them left something behind.
fn run_together(
    transaction: &Transaction<'_>,
    jobs: &[Job],
) -> rusqlite::Result<Option<Vec<Result<Written, StoreError>>>> {
    let mut results = Vec::with_capacity(jobs.len());
    for job in jobs {
        match run_unit(transaction, &job.unit) {
            Ok(Ran::Through(rows)) => results.push(Ok(Written::Done(rows))),
            Ok(Ran::UntilGuard(0)) => results.push(Ok(Written::Lost)),
            Err(error) if breaks_the_group(&error) => return Err(error),
            Ok(Ran::UntilGuard(_)) | Err(_) => return Ok(None),
        }
    }
    Ok(Some(results))
}

/// Runs a unit so that it leaves nothing behind unless it goes through.
fn run_apart(transaction: &Transaction<'_>, job: &Job) -> rusqlite::Result<Result<Written, StoreError>> {
    step(transaction, "SAVEPOINT unit")?;
    let written = match run_unit(transaction, &job.unit) {
        Ok(Ran::Through(rows)) => Ok(Written::Done(rows)),
        Ok(Ran::UntilGuard(_)) => Ok(Written::Lost),
        Err(error) if breaks_the_group(&error) => return Err(error),
        Err(error) => {
            tracing::error!(%error, "a unit of work failed");
            Err(store_error(&error))
        }
    };
    if !matches!(written, Ok(Written::Done(_))) {
        step(transaction, "ROLLBACK TO unit")?;
    }
    step(transaction, "RELEASE unit")?;
    Ok(written)
}

/// A statement without values that stays prepared: to prepare it anew would cost more than to run it.
fn step(connection: &Connection, sql: &str) -> rusqlite::Result<()> {
    connection.prepare_cached(sql)?.execute([]).map(|_| ())
}

/// How far a unit ran.
enum Ran {
    /// To its end; the rows of each statement.
    Through(Vec<Vec<Row>>),
    /// To the statement of this number, from 0: a guard that changed nothing.
    UntilGuard(usize),
}

fn run_unit(connection: &Connection, unit: &Unit) -> rusqlite::Result<Ran> {
    let mut results = Vec::with_capacity(unit.statements.len());
    for (number, statement) in unit.statements.iter().enumerate() {
        results.push(run(connection, statement)?);
        if statement.is_guard && connection.changes() == 0 {
            return Ok(Ran::UntilGuard(number));
        }
    }
    Ok(Ran::Through(results))
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

/// SQLite opens what cannot be written to read it alone, and says so at the first write.
fn connect_to_write(path: &Path) -> rusqlite::Result<Connection> {
    let connection = connect(path)?;
    if connection.is_readonly(MAIN_DB)? {
        let code = rusqlite::ffi::Error::new(rusqlite::ffi::SQLITE_READONLY);
        return Err(rusqlite::Error::SqliteFailure(code, Some("it cannot be written".to_owned())));
    }
    Ok(connection)
}

/// WAL lets readers and the writer pass each other; FULL makes every commit survive a power cut.
pub(super) fn make_durable(connection: &Connection) -> rusqlite::Result<()> {
    let mode = into_wal(connection)?;
    if mode != "wal" {
        let code = rusqlite::ffi::Error::new(rusqlite::ffi::SQLITE_CANTOPEN);
        let why = "its folder is on a file system that cannot share memory between processes".to_owned();
        return Err(rusqlite::Error::SqliteFailure(code, Some(why)));
    }
    connection.pragma_update(None, "cache_size", -WRITERS_CACHE)?;
    tune(connection)
}

/// Where two connections turn a new file to WAL at once, SQLite tells one of them that it is locked without waiting.
fn into_wal(connection: &Connection) -> rusqlite::Result<String> {
    let deadline = Instant::now() + LOCK_PATIENCE;
    loop {
        match connection.pragma_update_and_check(None, "journal_mode", "wal", |row| row.get(0)) {
            Err(error)
                if error.sqlite_error_code() == Some(ErrorCode::DatabaseBusy)
                    && Instant::now() < deadline =>
            {
                std::thread::sleep(Duration::from_millis(2));
            }
            turned => return turned,
        }
    }
}

/// What the connection that writes may keep of the file in memory, in KiB: new links land on pages all over it.
const WRITERS_CACHE: i64 = 16 << 10;

pub(super) fn tune(connection: &Connection) -> rusqlite::Result<()> {
    connection.pragma_update(None, "synchronous", "full")?;
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
