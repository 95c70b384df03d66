//! A sync of the embedded engine's file that failed, and how that is made good
//! ([0024](../../../docs/decisions/0024-checkpoints.md)).
//!
//! What was checkpointed before such a sync counts as done for SQLite, but the kernel may forget what
//! it could not write. The WAL would be restarted over the only copy. So nothing is served until all of the WAL was
//! checkpointed once more.

use std::fs;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use rusqlite::DEFAULT_NAME;
use rusqlite::ffi::{SQLITE_IOERR, SQLITE_IOERR_FSYNC};
use rusqlite::wal::CheckpointMode;

use super::connect::{failure, leave_log};
use super::exclusive::take;
use super::paths::beside;
use super::schema::failed;
use crate::store::OpenError;

/// What is written into the note.
const NOTE: &str = "A sync of the database beside this file failed. Whoever opens it next carries all of its log over once more, \
                    and takes this file away.\n";

/// Whether nobody knows what of a database is on the disk.
#[derive(Debug)]
pub(super) struct FsyncFailure {
    path: PathBuf,
    /// A file that says so to other processes, and to those that come later: a disk reports an error once.
    note: PathBuf,
    is_pending: AtomicBool,
    /// Whether the note was there when it was last looked at.
    is_noted: AtomicBool,
}

impl FsyncFailure {
    /// That of a database that is opened: of one who was there before, if any.
    pub(super) fn of(path: &Path) -> Self {
        let (note, is_pending, is_noted) =
            (beside(path, "-doubt"), AtomicBool::new(false), AtomicBool::new(false));
        let fsync_failure = Self { path: path.to_owned(), note, is_pending, is_noted };
        fsync_failure.check();
        fsync_failure
    }

    /// Whether it is there, as far as this process knows.
    pub(super) fn is_pending(&self) -> bool {
        self.is_pending.load(Ordering::SeqCst)
    }

    /// Looks on the disk whether another process has raised or ended it.
    pub(super) fn check(&self) -> bool {
        if self.note.exists() {
            self.is_noted.store(true, Ordering::SeqCst);
            self.is_pending.store(true, Ordering::SeqCst);
        } else if self.is_noted.swap(false, Ordering::SeqCst) {
            // Only who had the database alone takes the note away, so this process had let go of it.
            self.is_pending.store(false, Ordering::SeqCst);
        }
        self.is_pending()
    }

    /// The error for those who would use the database meanwhile.
    pub(super) fn error(&self) -> rusqlite::Error {
        let why = format!(
            "a sync failed, and the database could not be written once more since: end whatever else has it open, and \
             see to its disk ({} goes by itself)",
            self.note.display()
        );
        failure(SQLITE_IOERR, why)
    }

    /// Raises it if this is a sync that failed.
    pub(super) fn observe(&self, error: &rusqlite::Error) {
        let is_sync = error.sqlite_error().is_some_and(|error| error.extended_code == SQLITE_IOERR_FSYNC);
        if !is_sync || self.is_pending.swap(true, Ordering::SeqCst) {
            return;
        }
        tracing::error!(%error, "a sync failed: nothing is served until the database was written once more");
        match fs::write(&self.note, NOTE) {
            Ok(()) => self.is_noted.store(true, Ordering::SeqCst),
            Err(error) => {
                let note = self.note.display();
                tracing::error!(%error, %note, "a file cannot be written: do not start anew while others have the database open");
            }
        }
    }

    /// Tries to end it: all of the WAL is checkpointed and synced by a connection that is the only one, for then SQLite takes
    /// the WAL as it finds it, and takes nothing of it for checkpointed.
    ///
    /// While anybody has the file open, in this process or another, it stays; they are waited for so long. It also stays if
    /// what comes `then` does not go well.
    pub(super) fn end(&self, timeout: Duration, then: impl FnOnce() -> bool) {
        match self.write_once_more(timeout).map(|is_written| is_written && then()) {
            Ok(true) => {
                self.is_noted.store(false, Ordering::SeqCst);
                self.is_pending.store(false, Ordering::SeqCst);
                tracing::info!("the database was written once more, and all of it is on the disk");
            }
            Ok(false) => tracing::debug!("the database is still in fsync_failure"),
            Err(error) => tracing::debug!(%error, "the database could not be written once more"),
        }
    }

    fn write_once_more(&self, timeout: Duration) -> Result<bool, OpenError> {
        let Some(alone) = take(&self.path, timeout)? else { return Ok(false) };
        // The WAL keeps its length: one that is empty is that of a copy which was made without it.
        let carried =
            leave_log(&alone).and_then(|()| alone.wal_checkpoint_v2(DEFAULT_NAME, CheckpointMode::RESTART));
        carried.map_err(|error| failed(&self.path, &error))?;
        match fs::remove_file(&self.note) {
            Err(error) if error.kind() != ErrorKind::NotFound => {
                tracing::error!(%error, note = %self.note.display(), "a file cannot be deleted, and says what is not so any more");
                Ok(false)
            }
            _ => Ok(true),
        }
    }
}

/// A sync that failed, as SQLite tells of one.
pub(super) fn sync_failed(error: &io::Error) -> rusqlite::Error {
    failure(SQLITE_IOERR_FSYNC, error.to_string())
}
