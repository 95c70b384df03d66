//! Checkpoints of the embedded engine: what its log holds is carried over into the file while the writer goes on.

use std::fs::File;
use std::io;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use rusqlite::wal::CheckpointMode;
use rusqlite::{Connection, DEFAULT_NAME, ErrorCode};

use super::connect::{LOCK_TIMEOUT, connect_to_share, leave_log, tune};
use super::database_file::DatabaseFile;
use super::fsync_failure::sync_failed;

/// Pages in the log that are worth a checkpoint: a page that was written several times is carried over once.
const WORTH_IT: usize = 2_000;

/// Pages that the writer itself may carry over at the end, so that the log begins anew.
const REST: usize = 100;

/// How often the log is gone through for the pages that came meanwhile, before the writer takes over.
const ROUNDS: usize = 4;

/// Pages in the log beyond which writes wait until it was carried over, unless somebody reads at an older commit.
const TOO_MANY: usize = 25_000;

/// How long the writer waits for readers before it leaves the end of the checkpoint for later.
const READERS_TIMEOUT: Duration = Duration::from_millis(20);

/// The writer's side of the checkpoints; a thread of their own does most of the work.
pub(super) struct Checkpoints {
    carrier: Arc<Checkpointer>,
    ask: Option<SyncSender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Checkpoints {
    /// Checkpoints of a database, for the writer of this process.
    pub(super) fn of(watched: &Arc<DatabaseFile>) -> io::Result<Self> {
        let (ask, asked) = sync_channel(1);
        let carrier = Arc::new(Checkpointer {
            watched: Arc::clone(watched),
            file: Box::leak(Box::new(File::open(&watched.path)?)),
            pages: AtomicUsize::new(0),
            is_nearly_done: AtomicBool::new(false),
            connection: Mutex::new(None),
        });
        let thread = std::thread::Builder::new().name("doorkey-log-over".to_owned());
        let at_work = Arc::clone(&carrier);
        let thread = Some(thread.spawn(move || at_work.run(&asked))?);
        Ok(Self { carrier, ask: Some(ask), thread })
    }

    /// Counts the pages that a connection's commits leave in the log; it makes no checkpoints by itself from here on.
    pub(super) fn count(&self, connection: &mut Connection) -> rusqlite::Result<()> {
        leave_log(connection)?;
        let carrier = Arc::clone(&self.carrier);
        connection.wal_hook(Some(move |_: &mut _, pages| {
            carrier.pages.store(usize::try_from(pages).unwrap_or(0), Ordering::Relaxed);
            Ok(())
        }))
    }

    /// Ends a checkpoint that is nearly done, so that what comes next is written to the log's beginning.
    pub(super) fn end(&self, connection: &Connection) {
        let is_nearly_done = self.carrier.is_nearly_done.swap(false, Ordering::Acquire);
        let is_too_long = self.carrier.pages.load(Ordering::Relaxed) > TOO_MANY;
        if is_nearly_done || is_too_long {
            // The thread ends what it is at, and nothing is added meanwhile. Most often it is at nothing.
            let _turn = is_too_long.then(|| self.carrier.connection.lock());
            let _ = connection.busy_timeout(READERS_TIMEOUT);
            // What could not be carried over now stays in the log, and is as safe there.
            if let Err(error) = connection.wal_checkpoint_v2(DEFAULT_NAME, CheckpointMode::RESTART) {
                tracing::debug!(%error, "a checkpoint waits");
                self.carrier.watched.fsync_failure.observe(&error);
            }
            let _ = connection.busy_timeout(LOCK_TIMEOUT);
        }
    }

    /// Begins a checkpoint if one is worth it by now.
    pub(super) fn begin(&self) {
        let is_worth_it = self.carrier.pages.load(Ordering::Relaxed) > WORTH_IT;
        if is_worth_it && self.carrier.watched.is_here().is_ok() {
            // A full queue means that one is under way.
            let _ = self.ask.as_ref().map(|ask| ask.try_send(()));
        }
    }

    /// Closes the thread's connection, once it is at nothing.
    pub(super) fn rest(&self) {
        *self.carrier.connection.lock().unwrap_or_else(PoisonError::into_inner) = None;
        // What it has not heard yet of the failed sync is of no more use.
        let _ = self.carrier.file.sync_data();
    }
}

impl Drop for Checkpoints {
    /// Once this returns, the thread has let go of the file.
    fn drop(&mut self) {
        self.ask = None;
        let _ = self.thread.take().map(JoinHandle::join);
    }
}

/// What the thread has.
struct Checkpointer {
    watched: Arc<DatabaseFile>,
    /// The database, to sync what was carried over: the writer would do so else, and everybody would wait for it.
    ///
    /// It is never closed: a process that closes a file loses all locks that it holds on it, and SQLite's are such locks
    /// (POSIX, `fcntl`).
    file: &'static File,
    /// Pages in the log after the writer's last commit.
    pages: AtomicUsize,
    /// Whether little is left to be carried over.
    is_nearly_done: AtomicBool,
    /// Held while the log is carried over, and by a writer that must not go on before.
    connection: Mutex<Option<Connection>>,
}

impl Checkpointer {
    /// Does one checkpoint after the other, as long as somebody may ask for one.
    fn run(&self, asked: &Receiver<()>) {
        while asked.recv().is_ok() {
            if self.is_nearly_done.load(Ordering::Relaxed) {
                // The rest is the writer's; this was asked for before.
                continue;
            }
            match self.checkpoint() {
                Ok(()) => self.is_nearly_done.store(true, Ordering::Release),
                // Another process is at it.
                Err(error) if is_busy(&error) => {
                    tracing::debug!(%error, "a checkpoint waits");
                }
                Err(error) => tracing::warn!(%error, "the log could not be carried over into the database"),
            }
        }
    }

    fn checkpoint(&self) -> rusqlite::Result<()> {
        let mut kept = self.connection.lock().unwrap_or_else(PoisonError::into_inner);
        self.watched.is_here()?;
        let connection = kept.take().map_or_else(|| self.connect(), Ok)?;
        let carried = self.go_through(&connection);
        match &carried {
            Err(error) if !is_busy(error) => {
                // Before anybody else may carry over. What fails is not used again.
                self.watched.fsync_failure.observe(error);
            }
            _ => *kept = Some(connection),
        }
        carried
    }

    /// Carries over what is there, and then what came meanwhile.
    fn go_through(&self, connection: &Connection) -> rusqlite::Result<()> {
        for _ in 0..ROUNDS {
            let (_, carried) = connection.wal_checkpoint_v2(DEFAULT_NAME, CheckpointMode::PASSIVE)?;
            self.file.sync_data().map_err(|error| sync_failed(&error))?;
            let pages = self.pages.load(Ordering::Relaxed);
            if pages.saturating_sub(usize::try_from(carried).unwrap_or(0)) <= REST || pages > TOO_MANY {
                break;
            }
        }
        Ok(())
    }

    fn connect(&self) -> rusqlite::Result<Connection> {
        let connection = connect_to_share(&self.watched.path)?;
        tune(&connection)?;
        Ok(connection)
    }
}

fn is_busy(error: &rusqlite::Error) -> bool {
    error.sqlite_error_code() == Some(ErrorCode::DatabaseBusy)
}
