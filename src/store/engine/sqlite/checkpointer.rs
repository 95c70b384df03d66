//! Checkpoints of the embedded engine: the WAL is copied into the file while the writer goes on.

use std::fs::{self, File};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use rusqlite::wal::CheckpointMode;
use rusqlite::{Connection, DEFAULT_NAME, ErrorCode};

use super::connect::{LOCK_TIMEOUT, connect_to_share, leave_log, tune, wait_in_short_steps};
use super::database_file::DatabaseFile;
use super::fsync_failure::sync_failed;

/// Pages in the WAL that are worth a checkpoint: a page that was written several times is copied once.
const WORTH_IT: usize = 2_000;

/// Pages that the writer itself may checkpoint at the end, so that the WAL is restarted.
const REST: usize = 100;

/// Pages that are still little at the end, if others have written meanwhile: nobody can write while they are copied.
const LITTLE: usize = 500;

/// How often the WAL is read for the pages that came meanwhile, before the writer takes over.
const ROUNDS: usize = 4;

/// Pages in the WAL beyond which writes wait for a checkpoint, unless somebody reads at an older commit.
const TOO_MANY: usize = 25_000;

/// How long the writer waits for readers before it leaves the end of the checkpoint for later.
const READERS_TIMEOUT: Duration = Duration::from_millis(20);

/// The writer's side of the checkpoints; a thread of their own does most of the work.
pub(super) struct Checkpoints {
    checkpointer: Arc<Checkpointer>,
    ask: Option<SyncSender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Checkpoints {
    /// Checkpoints of a database, for the writer of this process.
    pub(super) fn of(watched: &Arc<DatabaseFile>) -> io::Result<Self> {
        let (ask, asked) = sync_channel(1);
        let checkpointer = Arc::new(Checkpointer {
            watched: Arc::clone(watched),
            file: never_closed(&watched.path)?,
            pages: AtomicUsize::new(0),
            copied: AtomicUsize::new(0),
            is_nearly_done: AtomicBool::new(false),
            connection: Mutex::new(None),
        });
        let thread = std::thread::Builder::new().name("doorkey-chkpt".to_owned());
        let at_work = Arc::clone(&checkpointer);
        let thread = Some(thread.spawn(move || at_work.run(&asked))?);
        Ok(Self { checkpointer, ask: Some(ask), thread })
    }

    /// Counts the pages that a connection's commits leave in the WAL; it makes no checkpoints by itself from here on.
    pub(super) fn count(&self, connection: &mut Connection) -> rusqlite::Result<()> {
        leave_log(connection)?;
        let checkpointer = Arc::clone(&self.checkpointer);
        connection.wal_hook(Some(move |_: &mut _, pages| {
            checkpointer.pages.store(usize::try_from(pages).unwrap_or(0), Ordering::Relaxed);
            Ok(())
        }))
    }

    /// Ends a checkpoint that is nearly done, so that what comes next is written to the WAL's beginning.
    pub(super) fn end(&self, connection: &mut Connection) {
        let is_nearly_done = self.checkpointer.is_nearly_done.swap(false, Ordering::Acquire);
        let pages = self.checkpointer.pages.load(Ordering::Relaxed);
        let left = pages.saturating_sub(self.checkpointer.copied.load(Ordering::Relaxed));
        let is_too_long = pages > TOO_MANY;
        if is_nearly_done && left <= LITTLE || is_too_long {
            // The thread ends what it is at, and nothing is added meanwhile. Most often it is at nothing.
            let _turn = is_too_long.then(|| self.checkpointer.connection.lock());
            if self.checkpointer.watched.fsync_failure.is_pending() {
                // Nobody may take what was copied for synced.
                return;
            }
            let _ = wait_in_short_steps(connection, READERS_TIMEOUT);
            // What could not be checkpointed now stays in the WAL, and is as safe there.
            if let Err(error) = connection.wal_checkpoint_v2(DEFAULT_NAME, CheckpointMode::RESTART) {
                tracing::debug!(%error, "a checkpoint waits");
                self.checkpointer.watched.fsync_failure.observe(&error);
            }
            let _ = wait_in_short_steps(connection, LOCK_TIMEOUT);
        }
    }

    /// Begins a checkpoint if one is worth it by now.
    pub(super) fn begin(&self) {
        let is_worth_it = self.checkpointer.pages.load(Ordering::Relaxed) > WORTH_IT;
        if is_worth_it && self.checkpointer.watched.is_here().is_ok() {
            // A full queue means that one is under way.
            let _ = self.ask.as_ref().map(|ask| ask.try_send(()));
        }
    }

    /// Makes a checkpoint if one is worth it by now, and returns once it is made. An import beside a server does not write on
    /// meanwhile: else what is left for the end, while nobody can write, would never become little.
    pub(super) fn make(&self) {
        if self.checkpointer.pages.load(Ordering::Relaxed) > WORTH_IT {
            self.checkpointer.try_once();
        }
    }

    /// Closes the thread's connection, once it is at nothing.
    pub(super) fn rest(&self) {
        *self.checkpointer.connection.lock().unwrap_or_else(PoisonError::into_inner) = None;
        // What it has not heard yet of the failed sync is of no more use.
        let _ = self.checkpointer.file.sync_data();
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
    /// The database, to sync what was checkpointed: the writer would do so else, and everybody would wait for it.
    ///
    /// It is never closed: a process that closes a file loses all locks that it holds on it, and SQLite's are such locks
    /// (POSIX, `fcntl`).
    file: Arc<File>,
    /// Pages in the WAL after the writer's last commit.
    pages: AtomicUsize,
    /// Pages of it that the last checkpoint left in the file.
    copied: AtomicUsize,
    /// Whether little is left to be checkpointed.
    is_nearly_done: AtomicBool,
    /// Held during a checkpoint, and by a writer that must not go on before.
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
            self.try_once();
        }
    }

    fn try_once(&self) {
        match self.checkpoint() {
            Ok(()) => self.is_nearly_done.store(true, Ordering::Release),
            // Another process is at it.
            Err(error) if is_busy(&error) => {
                tracing::debug!(%error, "a checkpoint waits");
            }
            Err(error) => tracing::warn!(%error, "the WAL could not be checkpointed"),
        }
    }

    fn checkpoint(&self) -> rusqlite::Result<()> {
        let mut kept = self.connection.lock().unwrap_or_else(PoisonError::into_inner);
        self.watched.is_here()?;
        let connection = kept.take().map_or_else(|| self.connect(), Ok)?;
        let copied = self.go_through(&connection);
        match &copied {
            Err(error) if !is_busy(error) => {
                // Before any other connection may make a checkpoint. What fails is not used again.
                self.watched.fsync_failure.observe(error);
            }
            _ => *kept = Some(connection),
        }
        copied
    }

    /// Checkpoints what is there, and then what came meanwhile.
    fn go_through(&self, connection: &Connection) -> rusqlite::Result<()> {
        for _ in 0..ROUNDS {
            let (_, copied) = connection.wal_checkpoint_v2(DEFAULT_NAME, CheckpointMode::PASSIVE)?;
            self.file.sync_data().map_err(|error| sync_failed(&error))?;
            self.copied.store(usize::try_from(copied).unwrap_or(0), Ordering::Relaxed);
            let pages = self.pages.load(Ordering::Relaxed);
            if pages.saturating_sub(usize::try_from(copied).unwrap_or(0)) <= REST || pages > TOO_MANY {
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

/// The file at a path, opened once for the whole process.
fn never_closed(path: &Path) -> io::Result<Arc<File>> {
    static OPEN: Mutex<Vec<Arc<File>>> = Mutex::new(Vec::new());
    let found = fs::metadata(path)?;
    let mut open = OPEN.lock().unwrap_or_else(PoisonError::into_inner);
    for file in &*open {
        let known = file.metadata()?;
        if (known.dev(), known.ino()) == (found.dev(), found.ino()) {
            return Ok(Arc::clone(file));
        }
    }
    let file = Arc::new(File::open(path)?);
    open.push(Arc::clone(&file));
    Ok(file)
}

fn is_busy(error: &rusqlite::Error) -> bool {
    error.sqlite_error_code() == Some(ErrorCode::DatabaseBusy)
}
