//! The thread that alone writes: what waits is committed together, so that one `fsync` serves many callers.

use std::io;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use rusqlite::{Connection, Transaction, TransactionBehavior};
use tokio::sync::{mpsc, oneshot};

use super::checkpointer::Checkpoints;
use super::connect::{LOCK_TIMEOUT, connect, make_durable, wait_in_short_steps};
use super::database_file::{DatabaseFile, WalIdentity};
use super::read_pool::{ReadPool, connect_to_read};
use super::statement::{run, step};
use crate::store::StoreError;
use crate::store::engine::unit_of_work::{Statement, UnitOfWork, UnitResult};
use crate::store::engine::value::Row;

/// Units that are committed together at most: more would make the first of them wait.
const MAX_GROUP_COMMIT: usize = 64;

/// How long others are waited for to let go of a file in doubt: that is tried ten times a second.
const CHECKPOINT_TIMEOUT: Duration = Duration::from_millis(50);

/// A unit on its way to the writer.
pub(super) struct WriteRequest {
    pub(super) unit: UnitOfWork,
    pub(super) deadline: Instant,
    pub(super) reply: oneshot::Sender<Result<Written, StoreError>>,
}

/// What became of a unit, and how long the group that it was in kept others from the file.
pub(super) type Written = (UnitResult, Duration);

/// What the thread has.
pub(super) struct Writer<C> {
    readers: Arc<ReadPool<C>>,
    watched: Arc<DatabaseFile>,
    connection: Option<Connection>,
    /// That of the connection.
    wal: WalIdentity,
    checkpoints: Checkpoints,
    /// A reader that stays. While it is at the newest commit, others of this process that read there need not ask the
    /// operating system for a lock of their own: for two system calls less, they do not stand in each other's way.
    pinned_reader: Option<Connection>,
    /// Whether this process goes to the newest commit by itself now and then, as a server does. One that does not must not stay
    /// anywhere: while it is at nothing, others could not restart the WAL, and would wait for that with the lock in their hands.
    is_kept_fresh: bool,
    /// SQLite's number for what others have committed; a server does not look.
    version: i64,
}

impl<C: Clone + Send + 'static> Writer<C> {
    /// Begins to write what comes, over a connection whose schema is up to date.
    pub(super) fn spawn(
        readers: Arc<ReadPool<C>>,
        connection: Connection,
        jobs: mpsc::Receiver<WriteRequest>,
    ) -> io::Result<JoinHandle<()>> {
        let watched = Arc::clone(&readers.watched);
        let checkpoints = Checkpoints::of(&watched)?;
        let (connection, wal) = (Some(connection), WalIdentity::default());
        let (pinned_reader, is_kept_fresh, version) = (None, false, 0);
        let writer =
            Self { readers, watched, connection, wal, checkpoints, pinned_reader, is_kept_fresh, version };
        std::thread::Builder::new().name("doorkey-writer".to_owned()).spawn(|| writer.run(jobs))
    }

    /// Commits what comes until nobody can send any more.
    fn run(mut self, mut jobs: mpsc::Receiver<WriteRequest>) {
        let mut group = Vec::with_capacity(MAX_GROUP_COMMIT);
        if let Some(connection) = &mut self.connection
            && let Err(error) = self.checkpoints.count(connection)
        {
            tracing::warn!(%error, "checkpoints are made by the writer itself");
        }
        while jobs.blocking_recv_many(&mut group, MAX_GROUP_COMMIT) > 0 {
            // Who reads at an older commit keeps the WAL from being restarted.
            self.pinned_reader =
                self.pinned_reader.take().filter(|pinned_reader| step(pinned_reader, "COMMIT").is_ok());
            if self.watched.fsync_failure.check() {
                self.settle();
            }
            self.is_kept_fresh |= group.iter().any(|job| job.unit.statements.is_empty());
            let jobs: Vec<_> = group.drain(..).filter(|job| Instant::now() < job.deadline).collect();
            let is_news = jobs.iter().any(|job| !job.unit.statements.is_empty());
            let results = self.commit_or_begin_again(&jobs);
            for (job, result) in jobs.into_iter().zip(results) {
                // The caller may have given up waiting.
                let _ = job.reply.send(result);
            }
            if is_news {
                self.checkpoint();
            }
            if self.is_kept_fresh {
                self.pinned_reader = self.pin_reader().and_then(take_place).ok();
            }
        }
    }

    /// Closes all that this process has open of a file in doubt, and tries to end that.
    fn settle(&mut self) {
        (self.connection, self.pinned_reader) = (None, None);
        self.checkpoints.rest();
        self.readers.close();
        // Without its WAL it would be taken for whole.
        if self.watched.are_named(&self.wal) {
            let watched = Arc::clone(&self.watched);
            watched.fsync_failure.end(CHECKPOINT_TIMEOUT, || self.begins());
        }
    }

    /// Whether it can write again. Before anybody reads, since the first to open the WAL's index settles for the whole process
    /// whether that can be written.
    fn begins(&mut self) -> bool {
        let begun = self.connected().and_then(|connection| {
            connection
                .transaction_with_behavior(TransactionBehavior::Immediate)
                .and_then(Transaction::rollback)
        });
        if let Err(error) = &begun {
            tracing::debug!(%error, "the database cannot be written yet");
            self.connection = None;
        }
        begun.is_ok()
    }

    /// A panic on the way would leave everybody without a writer: it is a failure like any other.
    fn commit_or_begin_again(&mut self, jobs: &[WriteRequest]) -> Vec<Result<Written, StoreError>> {
        let committed = std::panic::catch_unwind(AssertUnwindSafe(|| self.commit(jobs)));
        committed.unwrap_or_else(|_| {
            self.connection = None;
            jobs.iter().map(|_| Err(StoreError::Unexpected("a panic in the writer"))).collect()
        })
    }

    /// Runs each unit by itself and commits all that went well, or tells everybody that nothing was.
    fn commit(&mut self, jobs: &[WriteRequest]) -> Vec<Result<Written, StoreError>> {
        // Looked at before and after: what was committed into a file that nobody finds again is not acknowledged.
        let committed = self.watched.check(&self.wal).and_then(|()| {
            let (results, held) = commit_group(self.connected()?, jobs)?;
            self.watched.check_after_commit(&mut self.wal)?;
            Ok(results.into_iter().map(|result| result.map(|result| (result, held))).collect())
        });
        committed.unwrap_or_else(|error| {
            if self.watched.is_here().is_ok() {
                tracing::error!(%error, "a commit failed");
                self.wal = WalIdentity::default();
            }
            // After a failed sync nobody knows what the file holds: begin again from what it says.
            self.connection = None;
            jobs.iter().map(|_| Err(StoreError::from(&error))).collect()
        })
    }

    /// Right after a commit, when it is known how long the WAL is.
    fn checkpoint(&mut self) {
        let Some(connection) = &mut self.connection else { return };
        let version = if self.is_kept_fresh {
            self.version
        } else {
            connection.pragma_query_value(None, "data_version", |row| row.get(0)).unwrap_or(self.version)
        };
        let others_write = std::mem::replace(&mut self.version, version) != version;
        if others_write {
            self.checkpoints.make();
        } else {
            self.checkpoints.begin();
        }
        self.checkpoints.end(connection);
    }

    fn pin_reader(&mut self) -> rusqlite::Result<Connection> {
        self.watched.is_here()?;
        self.pinned_reader.take().map_or_else(|| connect_to_read(&self.watched.path), Ok)
    }

    fn connected(&mut self) -> rusqlite::Result<&mut Connection> {
        let connection = if let Some(connection) = self.connection.take() {
            connection
        } else {
            let mut connection = connect(&self.watched.path)?;
            make_durable(&connection)?;
            wait_in_short_steps(&mut connection, LOCK_TIMEOUT)?;
            self.checkpoints.count(&mut connection)?;
            connection
        };
        Ok(self.connection.insert(connection))
    }
}

/// Reads, and stays where it has read.
fn take_place(pinned_reader: Connection) -> rusqlite::Result<Connection> {
    step(&pinned_reader, "BEGIN")?;
    pinned_reader.prepare_cached("SELECT max(number) FROM migrations")?.query_row([], |_| Ok(()))?;
    Ok(pinned_reader)
}

/// What became of each unit of a group, and how long the lock of the file was held for all of them.
type GroupResult = (Vec<Result<UnitResult, StoreError>>, Duration);

/// Commits a group without savepoints, which serves if every unit goes well or is lost before it changed anything; else
/// begins again with one for each, so that what a unit leaves behind is undone without its neighbours.
fn commit_group(connection: &mut Connection, jobs: &[WriteRequest]) -> rusqlite::Result<GroupResult> {
    if jobs.iter().all(|job| job.unit.statements.is_empty()) {
        return Ok((jobs.iter().map(|_| Ok(UnitResult::Done(Vec::new()))).collect(), Duration::ZERO));
    }
    let mut transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let begun = Instant::now();
    let results = if let Some(results) = run_together(&transaction, jobs)? {
        results
    } else {
        transaction.rollback()?;
        transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        jobs.iter().map(|job| run_apart(&transaction, job)).collect::<Result<_, _>>()?
    };
    transaction.commit()?;
    tracing::trace!(units = jobs.len(), "committed");
    Ok((results, begun.elapsed()))
}

/// What became of each unit. `None` if one of them left something behind.
fn run_together(
    transaction: &Transaction<'_>,
    jobs: &[WriteRequest],
) -> rusqlite::Result<Option<Vec<Result<UnitResult, StoreError>>>> {
    let (mut results, mut counters) = (Vec::with_capacity(jobs.len()), Vec::new());
    for job in jobs {
        match run_unit(transaction, &job.unit, Counters::PutOff) {
            Ok(UnitProgress::Through(rows)) => {
                results.push(Ok(UnitResult::Done(rows)));
                add_counters(&mut counters, &job.unit);
            }
            Ok(UnitProgress::LostGuard { is_clean: true }) => results.push(Ok(UnitResult::Conflict)),
            Err(error) if breaks_the_group(&error) => return Err(error),
            Ok(UnitProgress::LostGuard { is_clean: false }) | Err(_) => return Ok(None),
        }
    }
    match counters.iter().try_for_each(|counter| run(transaction, counter).map(drop)) {
        Ok(()) => Ok(Some(results)),
        Err(error) if breaks_the_group(&error) => Err(error),
        Err(_) => Ok(None),
    }
}

/// Runs a unit so that it leaves nothing behind unless it goes through.
fn run_apart(
    transaction: &Transaction<'_>,
    job: &WriteRequest,
) -> rusqlite::Result<Result<UnitResult, StoreError>> {
    step(transaction, "SAVEPOINT unit")?;
    let written = match run_unit(transaction, &job.unit, Counters::InPlace) {
        Ok(UnitProgress::Through(rows)) => Ok(UnitResult::Done(rows)),
        Ok(UnitProgress::LostGuard { .. }) => Ok(UnitResult::Conflict),
        Err(error) if breaks_the_group(&error) => return Err(error),
        Err(error) => {
            tracing::error!(%error, "a unit of work failed");
            Err(StoreError::from(&error))
        }
    };
    if !matches!(written, Ok(UnitResult::Done(_))) {
        step(transaction, "ROLLBACK TO unit")?;
    }
    step(transaction, "RELEASE unit")?;
    Ok(written)
}

/// How far a unit ran.
enum UnitProgress {
    /// To its end; the rows of each statement.
    Through(Vec<Vec<Row>>),
    /// To a guard that changed too little; `is_clean` if nothing was changed by then.
    LostGuard { is_clean: bool },
}

/// When the counters of a unit run.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Counters {
    InPlace,
    /// Behind all units of the group, with those that are alike.
    PutOff,
}

fn run_unit(
    connection: &Connection,
    unit: &UnitOfWork,
    counters: Counters,
) -> rusqlite::Result<UnitProgress> {
    let mut results = Vec::with_capacity(unit.statements.len());
    let begun = connection.total_changes();
    for statement in &unit.statements {
        if statement.is_counter && counters == Counters::PutOff {
            results.push(Vec::new());
            continue;
        }
        let before = connection.total_changes();
        results.push(run(connection, statement)?);
        let after = connection.total_changes();
        if statement.is_guard && after - before < statement.least_changes() as u64 {
            return Ok(UnitProgress::LostGuard { is_clean: after == begun });
        }
    }
    Ok(UnitProgress::Through(results))
}

/// Adds the counters of a unit to those of its group.
fn add_counters(counters: &mut Vec<Statement>, unit: &UnitOfWork) {
    for counter in unit.statements.iter().filter(|statement| statement.is_counter) {
        if !counters.iter_mut().any(|known| known.absorb(counter)) {
            counters.push(counter.clone());
        }
    }
}

/// Whether the failure is the file's or the disk's, and so every waiting caller's.
fn breaks_the_group(error: &rusqlite::Error) -> bool {
    matches!(StoreError::from(error), StoreError::Unavailable(_))
}
