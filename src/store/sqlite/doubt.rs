//! A sync of the embedded engine's file that failed, and how that is made good
//! ([0024](../../../docs/decisions/0024-checkpoints.md)).
//!
//! What was carried over out of the log before such a sync counts as carried over for SQLite, but the kernel may forget what
//! it could not write. The log would be begun anew over the only copy. So nothing is served until all of the log was
//! carried over once more.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use rusqlite::DEFAULT_NAME;
use rusqlite::ffi::{SQLITE_IOERR, SQLITE_IOERR_FSYNC};
use rusqlite::wal::CheckpointMode;

use super::alone::take;
use super::connect::leave_log;
use super::file::beside;
use super::migrate::failed;
use crate::store::OpenError;

/// How long others are waited for: they are asked ten times a second.
const PATIENCE: Duration = Duration::from_millis(50);

/// What is written into the file that outlives the process.
const NOTE: &str = "A sync of the database beside this file failed. Whoever opens it next carries all of its log over once more, \
                    and takes this file away.\n";

/// Whether nobody knows what of a database is on the disk.
#[derive(Debug)]
pub(super) struct Doubt {
    path: PathBuf,
    /// A file that says so to those who come after this process: the errors of a disk are not told twice.
    note: PathBuf,
    is_there: AtomicBool,
}

impl Doubt {
    /// That of a database that is opened: of one who was there before, if any.
    pub(super) fn of(path: &Path) -> Self {
        let note = beside(path, "-doubt");
        let is_there = AtomicBool::new(note.exists());
        Self { path: path.to_owned(), note, is_there }
    }

    /// Whether it is there.
    pub(super) fn is_there(&self) -> bool {
        self.is_there.load(Ordering::SeqCst)
    }

    /// Whether it is there, or another process has raised it. This looks at the disk.
    pub(super) fn is_told(&self) -> bool {
        if self.note.exists() {
            self.is_there.store(true, Ordering::SeqCst);
        }
        self.is_there()
    }

    /// What is told to those who would use the database meanwhile.
    pub(super) fn error() -> rusqlite::Error {
        let why = "a sync failed, and the database could not be written once more since";
        rusqlite::Error::SqliteFailure(rusqlite::ffi::Error::new(SQLITE_IOERR), Some(why.to_owned()))
    }

    /// Raises it if this is a sync that failed.
    pub(super) fn judge(&self, error: &rusqlite::Error) {
        let is_sync = error.sqlite_error().is_some_and(|error| error.extended_code == SQLITE_IOERR_FSYNC);
        if is_sync && !self.is_there.swap(true, Ordering::SeqCst) {
            tracing::error!(%error, "a sync failed: nothing is served until the database was written once more");
            if let Err(error) = fs::write(&self.note, NOTE) {
                let note = self.note.display();
                tracing::error!(%error, %note, "do not start anew while others have the database open: this cannot be written");
            }
        }
    }

    /// Tries to end it: all of the log is carried over and synced by a connection that is the only one, for then SQLite takes
    /// the log as it finds it, and believes nothing of it to be carried over.
    ///
    /// While anybody has the file open, in this process or another, it stays.
    pub(super) fn end(&self) {
        match self.write_once_more() {
            Ok(true) => {
                // It may never have been written; and one that stays is ended by the next who opens the database.
                let _ = fs::remove_file(&self.note);
                self.is_there.store(false, Ordering::SeqCst);
                tracing::info!("the database was written once more, and all of it is on the disk");
            }
            Ok(false) => {
                tracing::warn!("somebody has the database open, so that it cannot be written once more");
            }
            Err(error) => tracing::debug!(%error, "the database could not be written once more"),
        }
    }

    fn write_once_more(&self) -> Result<bool, OpenError> {
        let Some(alone) = take(&self.path, PATIENCE)? else { return Ok(false) };
        leave_log(&alone).map_err(|error| failed(&self.path, &error))?;
        let carried = alone.wal_checkpoint_v2(DEFAULT_NAME, CheckpointMode::TRUNCATE);
        carried.map(|_| true).map_err(|error| failed(&self.path, &error))
    }
}

/// A sync that failed, as SQLite tells of one.
pub(super) fn sync_failed(error: &std::io::Error) -> rusqlite::Error {
    rusqlite::Error::SqliteFailure(rusqlite::ffi::Error::new(SQLITE_IOERR_FSYNC), Some(error.to_string()))
}
