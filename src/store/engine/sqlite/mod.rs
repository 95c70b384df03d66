//! The embedded engine: SQLite in one file, read in place, written by one thread.

mod checkpointer;
mod connect;
mod database_file;
pub(in crate::store) mod exclusive;
mod fsync_failure;
mod paths;
mod read_pool;
mod scans;
pub(in crate::store) mod schema;
mod snapshot_cache;
mod statement;
#[cfg(test)]
mod tests;
mod values;
mod writer;

use std::fmt;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use tokio::sync::{mpsc, oneshot};

use self::connect::connect_to_write;
pub(in crate::store) use self::connect::{LOCK_TIMEOUT, connect, connect_to_share};
use self::database_file::{DatabaseFile, FileId, make_private};
pub use self::database_file::{FileState, make_file, state_of};
use self::fsync_failure::FsyncFailure;
pub(in crate::store) use self::paths::beside;
use self::read_pool::ReadPool;
pub(in crate::store) use self::statement::run;
use self::writer::{WriteRequest, Writer};
use super::unit_of_work::{UnitOfWork, UnitResult};
use crate::store::{OpenError, StoreError};

/// How long a caller waits for its commit before it gets an error (contract, section 2).
const WRITE_TIMEOUT: Duration = Duration::from_secs(5);

/// Units that may wait; beyond, callers get an error at once.
const QUEUE: usize = 4_096;

/// `C` is what lookups find that are cached.
#[derive(Clone)]
pub(in crate::store) struct Sqlite<C> {
    readers: Arc<ReadPool<C>>,
    queue: mpsc::Sender<WriteRequest>,
    writer: Arc<Mutex<Option<JoinHandle<()>>>>,
    pub(in crate::store) file: FileId,
}

impl<C> fmt::Debug for Sqlite<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Sqlite({})", self.readers.watched.path.display())
    }
}

impl<C: Clone + Send + 'static> Sqlite<C> {
    pub(in crate::store) fn open(path: &Path, may_create: bool) -> Result<Self, OpenError> {
        if !may_create && state_of(path) != FileState::Filled {
            return Err(OpenError::Missing(path.display().to_string()));
        }
        let made = make_private(path);
        end_doubt(path).map_err(|error| schema::failed(path, &error))?;
        let file = FileId::of(path);
        let connection = made.and_then(|()| connect_to_write(path));
        let mut connection = connection.map_err(|error| schema::failed(path, &error))?;
        schema::migrate(&mut connection, path)?;
        file.validate(&connection, path)?;
        let (queue, jobs) = mpsc::channel(QUEUE);
        let readers = Arc::new(ReadPool::of(Arc::new(DatabaseFile::of(path))));
        let writer = Writer::spawn(Arc::clone(&readers), connection, jobs);
        let writer = writer.map_err(|error| OpenError::Failed {
            database: path.display().to_string(),
            source: StoreError::Unavailable(format!("no writer thread: {error}")),
        })?;
        Ok(Self { readers, queue, writer: Arc::new(Mutex::new(Some(writer))), file })
    }

    /// Checkpoints the WAL, as far as no other connection stands in the way.
    pub(in crate::store) async fn checkpoint(&self) {
        let readers = Arc::clone(&self.readers);
        let checkpoint = move || {
            let watched = &readers.watched;
            // What is not checkpointed now is so later.
            let carried = watched.is_here().and_then(|()| FileId::checkpoint(&watched.path));
            carried.map_err(|error| watched.fsync_failure.observe(&error))
        };
        let _ = tokio::task::spawn_blocking(checkpoint).await;
    }

    /// Closes every connection.
    pub(in crate::store) async fn close(self) {
        let Self { readers, queue, writer, .. } = self;
        drop((readers, queue));
        let writer = writer.lock().unwrap_or_else(PoisonError::into_inner).take();
        // It ends when nobody can send it anything any more.
        let _ = tokio::task::spawn_blocking(|| writer.map(JoinHandle::join)).await;
    }

    /// The connections that read.
    pub(in crate::store) fn readers(&self) -> &ReadPool<C> {
        &self.readers
    }

    /// What became of a unit, and how long its commit kept others from the file.
    pub(in crate::store) async fn write(
        &self,
        unit: UnitOfWork,
    ) -> Result<(UnitResult, Duration), StoreError> {
        let late = || StoreError::Unavailable("nothing could be committed for 5 s".to_owned());
        let (reply, answer) = oneshot::channel();
        let job = WriteRequest { unit, deadline: Instant::now() + WRITE_TIMEOUT, reply };
        self.queue.try_send(job).map_err(|_| StoreError::Unavailable("too many writes wait".to_owned()))?;
        let answered = tokio::time::timeout(WRITE_TIMEOUT, answer).await.map_err(|_| late())?;
        answered.map_err(|_| late())?
    }
}

/// Ends the doubt in which a process before this one left the file, if one did.
fn end_doubt(path: &Path) -> rusqlite::Result<()> {
    let fsync_failure = FsyncFailure::of(path);
    if fsync_failure.is_pending() {
        fsync_failure.end(LOCK_TIMEOUT, || true);
    }
    // Somebody else may have been quicker.
    if fsync_failure.check() { Err(fsync_failure.error()) } else { Ok(()) }
}
