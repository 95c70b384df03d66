//! Checkpoints of the embedded engine: what its log holds is carried over into the file while the writer goes on.

use std::io;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

use rusqlite::wal::CheckpointMode;
use rusqlite::{Connection, DEFAULT_NAME, ErrorCode};

use super::connect::{LOCK_PATIENCE, connect, tune};
use super::file::Watched;

/// Pages in the log that are worth a checkpoint: a page that was written several times is carried over once.
const WORTH_IT: usize = 4_000;

/// Pages that the writer itself may carry over at the end, so that the log begins anew.
const REST: i32 = 500;

/// How often the log is gone through for the pages that came meanwhile, before the writer takes over.
const ROUNDS: usize = 4;

/// Pages in the log beyond which writes wait until it was carried over, unless somebody reads at an older commit.
const TOO_MANY: usize = 25_000;

/// How long the writer waits for readers before it leaves the end of the checkpoint for later.
const READERS_PATIENCE: Duration = Duration::from_millis(20);

/// The writer's side of the checkpoints; a thread of their own does most of the work.
pub(super) struct Checkpoints {
    /// Pages in the log after the last commit.
    pages: Arc<AtomicUsize>,
    /// Whether little is left to be carried over.
    is_nearly_done: Arc<AtomicBool>,
    /// Held by the thread while it carries over, and by a writer that must not go on before.
    turn: Arc<Mutex<()>>,
    ask: Option<SyncSender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Checkpoints {
    /// Checkpoints of a database, for the writer of this process.
    pub(super) fn of(watched: &Arc<Watched>) -> io::Result<Self> {
        let (ask, asked) = sync_channel(1);
        let (pages, is_nearly_done, turn) = Default::default();
        let carrier = Carrier {
            watched: Arc::clone(watched),
            pages: Arc::clone(&pages),
            is_nearly_done: Arc::clone(&is_nearly_done),
            turn: Arc::clone(&turn),
        };
        let thread = std::thread::Builder::new().name("doorkey-log-over".to_owned());
        let thread = thread.spawn(move || carrier.run(&asked))?;
        Ok(Self { pages, is_nearly_done, turn, ask: Some(ask), thread: Some(thread) })
    }

    /// Counts the pages that a connection's commits leave in the log; it makes no checkpoints by itself from here on.
    pub(super) fn count(&self, connection: &mut Connection) -> rusqlite::Result<()> {
        let counted = Arc::clone(&self.pages);
        connection.wal_hook(Some(move |_: &mut _, pages| {
            counted.store(usize::try_from(pages).unwrap_or(0), Ordering::Relaxed);
            Ok(())
        }))
    }

    /// Ends a checkpoint that is nearly done, so that what comes next is written to the log's beginning.
    pub(super) fn end(&self, connection: &Connection) {
        let is_nearly_done = self.is_nearly_done.swap(false, Ordering::Acquire);
        let is_too_long = self.pages.load(Ordering::Relaxed) > TOO_MANY;
        if is_nearly_done || is_too_long {
            // The thread ends what it is at, and nothing is added meanwhile. Most often it is at nothing.
            let _turn = is_too_long.then(|| self.turn.lock());
            let _ = connection.busy_timeout(READERS_PATIENCE);
            // What could not be carried over now stays in the log, and is as safe there.
            if let Err(error) = connection.wal_checkpoint_v2(DEFAULT_NAME, CheckpointMode::RESTART) {
                tracing::debug!(%error, "a checkpoint waits");
            }
            let _ = connection.busy_timeout(LOCK_PATIENCE);
        }
    }

    /// Begins a checkpoint if one is worth it by now.
    pub(super) fn begin(&self) {
        if self.pages.load(Ordering::Relaxed) > WORTH_IT {
            // A full queue means that one is under way.
            let _ = self.ask.as_ref().map(|ask| ask.try_send(()));
        }
    }
}

impl Drop for Checkpoints {
    /// Once this returns, the thread has let go of the file.
    fn drop(&mut self) {
        self.ask = None;
        let _ = self.thread.take().map(JoinHandle::join);
    }
}

/// The thread's side of the checkpoints.
struct Carrier {
    watched: Arc<Watched>,
    pages: Arc<AtomicUsize>,
    is_nearly_done: Arc<AtomicBool>,
    turn: Arc<Mutex<()>>,
}

impl Carrier {
    /// Does one checkpoint after the other, as long as somebody may ask for one.
    fn run(self, asked: &Receiver<()>) {
        let mut kept = None;
        while asked.recv().is_ok() {
            if self.is_nearly_done.load(Ordering::Relaxed) {
                // The rest is the writer's; this was asked for before.
                continue;
            }
            let connection = kept.take().map_or_else(|| self.connect(), Ok);
            match connection.and_then(|connection| self.carry_over(&connection).map(|()| connection)) {
                Ok(connection) => {
                    kept = Some(connection);
                    self.is_nearly_done.store(true, Ordering::Release);
                }
                // Another process is at it.
                Err(error) if error.sqlite_error_code() == Some(ErrorCode::DatabaseBusy) => {
                    tracing::debug!(%error, "a checkpoint waits");
                }
                Err(error) => tracing::warn!(%error, "the log could not be carried over into the database"),
            }
        }
    }

    fn carry_over(&self, connection: &Connection) -> rusqlite::Result<()> {
        let _turn = self.turn.lock();
        for _ in 0..ROUNDS {
            let (pages, carried) = connection.wal_checkpoint_v2(DEFAULT_NAME, CheckpointMode::PASSIVE)?;
            if pages.saturating_sub(carried) <= REST || self.pages.load(Ordering::Relaxed) > TOO_MANY {
                break;
            }
        }
        Ok(())
    }

    fn connect(&self) -> rusqlite::Result<Connection> {
        self.watched.is_here()?;
        let connection = connect(&self.watched.path)?;
        tune(&connection)?;
        Ok(connection)
    }
}
