//! The embedded engine: SQLite in one file, read in place, written by one thread.

pub(super) mod alone;
mod checkpoints;
mod connect;
mod doubt;
mod file;
mod memory;
pub(super) mod migrate;
mod readers;
mod run;
mod scans;
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
pub(super) use self::connect::{LOCK_PATIENCE, connect, connect_to_share, store_error};
use self::doubt::Doubt;
pub(super) use self::file::beside;
pub use self::file::{FileState, make_file, state_of};
use self::file::{Place, Watched, make_private};
use self::readers::Readers;
pub(super) use self::run::run;
use self::writer::{Job, Writer};
use super::unit::{Unit, Written};
use super::{OpenError, StoreError};

/// How long a caller waits for its commit before it is told that the store cannot (contract, section 2).
const PATIENCE: Duration = Duration::from_secs(5);

/// Units that may wait; beyond, callers are told at once that the store cannot keep up.
const QUEUE: usize = 4_096;

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

impl Sqlite {
    pub(super) fn open(path: &Path, may_create: bool) -> Result<Self, OpenError> {
        if !may_create && state_of(path) != FileState::Filled {
            return Err(OpenError::Missing(path.display().to_string()));
        }
        let made = make_private(path);
        end_doubt(path).map_err(|error| migrate::failed(path, &error))?;
        let place = Place::of(path);
        let connection = made.and_then(|()| connect_to_write(path));
        let mut connection = connection.map_err(|error| migrate::failed(path, &error))?;
        migrate::migrate(&mut connection, path)?;
        place.judge(&connection, path)?;
        let (queue, jobs) = mpsc::channel(QUEUE);
        let readers = Arc::new(Readers::of(Arc::new(Watched::of(path))));
        let writer = Writer::spawn(Arc::clone(&readers), connection, jobs);
        let writer = writer.map_err(|error| OpenError::Failed {
            database: path.display().to_string(),
            source: StoreError::Unavailable(format!("no writer thread: {error}")),
        })?;
        Ok(Self { readers, queue, writer: Arc::new(Mutex::new(Some(writer))), place })
    }

    /// Carries the log over into the file, as far as nobody stands in the way.
    pub(super) async fn carry_over(&self) {
        let readers = Arc::clone(&self.readers);
        let carry_over = move || {
            let watched = &readers.watched;
            // What is not carried over now is so later.
            let carried = watched.is_here().and_then(|()| Place::carry_over(&watched.path));
            carried.map_err(|error| watched.doubt.judge(&error))
        };
        let _ = tokio::task::spawn_blocking(carry_over).await;
    }

    /// Closes every connection.
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

    pub(super) async fn write(&self, unit: Unit) -> Result<Written, StoreError> {
        let late = || StoreError::Unavailable("nothing could be committed for 5 s".to_owned());
        let (reply, answer) = oneshot::channel();
        let job = Job { unit, deadline: Instant::now() + PATIENCE, reply };
        self.queue.try_send(job).map_err(|_| StoreError::Unavailable("too many writes wait".to_owned()))?;
        let answered = tokio::time::timeout(PATIENCE, answer).await.map_err(|_| late())?;
        answered.map_err(|_| late())?
    }
}

/// Ends the doubt in which a process before this one left the file, if one did.
fn end_doubt(path: &Path) -> rusqlite::Result<()> {
    let doubt = Doubt::of(path);
    if doubt.is_there() {
        doubt.end(LOCK_PATIENCE, || true);
    }
    // Somebody else may have been quicker.
    if doubt.look() { Err(doubt.error()) } else { Ok(()) }
}
