//! The thread that alone writes: what waits is committed together, so that one `fsync` serves many callers.

use std::io;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use rusqlite::{Connection, Transaction, TransactionBehavior};
use tokio::sync::{mpsc, oneshot};

use super::checkpoints::Checkpoints;
use super::connect::{connect, make_durable, store_error};
use super::file::{Log, Watched};
use super::readers::{Readers, connect_to_read};
use super::run::{run, step};
use crate::store::StoreError;
use crate::store::unit::{Unit, Written};
use crate::store::value::Row;

/// Units that are committed together at most: more would make the first of them wait.
const GROUP: usize = 64;

/// How long others are waited for to let go of a file in doubt: that is tried ten times a second.
const SETTLE_PATIENCE: Duration = Duration::from_millis(50);

/// A unit on its way to the writer.
pub(super) struct Job {
    pub(super) unit: Unit,
    pub(super) deadline: Instant,
    pub(super) reply: oneshot::Sender<Result<Written, StoreError>>,
}

/// What the thread has.
pub(super) struct Writer {
    readers: Arc<Readers>,
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
    /// Begins to write what comes, over a connection whose schema is up to date.
    pub(super) fn spawn(
        readers: Arc<Readers>,
        connection: Connection,
        jobs: mpsc::Receiver<Job>,
    ) -> io::Result<JoinHandle<()>> {
        let watched = Arc::clone(&readers.watched);
        let checkpoints = Checkpoints::of(&watched)?;
        let (connection, log) = (Some(connection), Log::default());
        let writer = Self { readers, watched, connection, log, checkpoints, pilot: None };
        std::thread::Builder::new().name("doorkey-writer".to_owned()).spawn(|| writer.run(jobs))
    }

    /// Commits what comes until nobody can send any more.
    fn run(mut self, mut jobs: mpsc::Receiver<Job>) {
        let mut group = Vec::with_capacity(GROUP);
        if let Some(connection) = &mut self.connection
            && let Err(error) = self.checkpoints.count(connection)
        {
            tracing::warn!(%error, "checkpoints are made by the writer itself");
        }
        while jobs.blocking_recv_many(&mut group, GROUP) > 0 {
            // Who reads at an older commit keeps the log from being begun anew.
            self.pilot = self.pilot.take().filter(|pilot| step(pilot, "COMMIT").is_ok());
            if self.watched.doubt.look() {
                self.settle();
            }
            if let Some(connection) = &self.connection {
                self.checkpoints.end(connection);
            }
            let jobs: Vec<_> = group.drain(..).filter(|job| Instant::now() < job.deadline).collect();
            let results = self.commit_or_begin_again(&jobs);
            self.checkpoints.begin();
            for (job, result) in jobs.into_iter().zip(results) {
                // The caller may have given up waiting.
                let _ = job.reply.send(result);
            }
            self.pilot = self.a_pilot().and_then(take_place).ok();
        }
    }

    /// Closes all that this process has open of a file in doubt, and tries to end that.
    fn settle(&mut self) {
        (self.connection, self.pilot) = (None, None);
        self.checkpoints.rest();
        self.readers.close();
        // Without its log it would be taken for whole.
        if self.watched.are_named(&self.log) {
            let watched = Arc::clone(&self.watched);
            watched.doubt.end(SETTLE_PATIENCE, || self.begins());
        }
    }

    /// Whether it can write again. Before anybody reads, since the first to open the log's index settles for the whole process
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

/// Whether the failure is the file's or the disk's, and so every waiting caller's.
fn breaks_the_group(error: &rusqlite::Error) -> bool {
    matches!(store_error(error), StoreError::Unavailable(_))
}
