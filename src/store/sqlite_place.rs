//! Where an embedded database is: a copy of its file alone, made while a server had it open, is told from the file itself.
//!
//! Such a copy lacks what stands in the log, and if the log was just carried over it is of two moments. No look at the pages
//! would find that out. But the file of a server says which file it is, and a copy is another one.

use std::fs::{self, OpenOptions};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use rusqlite::Connection;

use super::OpenError;
use super::migrate::failed;
use super::sqlite::connect;

/// A database file, as it was found before it was opened.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place {
    /// The number of the file in its file system.
    pub(super) file: i64,
    has_log: bool,
}

impl Place {
    /// Looks at the file, and at whether its log is beside it. Whoever opens it makes a log.
    pub(super) fn of(path: &Path) -> Self {
        let file = fs::metadata(path).map_or(0, |file| i64::try_from(file.ino()).unwrap_or(0));
        Self { file, has_log: fs::exists(with_log(path)).unwrap_or(true) }
    }

    /// Refuses a copy that was made without its log while a server had the file open, or after it was killed.
    ///
    /// With its log it is whole, wherever it was taken to, and from here on this is its place.
    pub(super) fn judge(self, connection: &Connection, path: &Path) -> Result<(), OpenError> {
        let elsewhere = "SELECT count(*) FROM nodes WHERE place <> ?1";
        let elsewhere = connection.query_row(elsewhere, [self.file], |row| row.get::<_, i64>(0));
        if elsewhere.map_err(|error| failed(path, &error))? == 0 {
            return Ok(());
        }
        if !self.has_log {
            return Err(OpenError::BareCopy(path.display().to_string()));
        }
        let forgotten = connection.execute("DELETE FROM nodes WHERE place <> ?1", [self.file]);
        forgotten.map(|_| ()).map_err(|error| failed(path, &error))
    }

    /// Has the file itself say where it is, and not the log alone, as far as nobody stands in the way.
    pub(super) fn carry_over(path: &Path) -> rusqlite::Result<()> {
        connect(path)?.query_row("PRAGMA wal_checkpoint(PASSIVE)", [], |_| Ok(()))
    }
}

fn with_log(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push("-wal");
    name.into()
}

/// Makes the file, if there is none, so that its owner alone can read it.
///
/// One that is there is not even opened: closing it would drop the locks that this process holds on it.
pub(super) fn make_private(path: &Path) -> rusqlite::Result<()> {
    if path.exists() {
        return Ok(());
    }
    let made = OpenOptions::new().create(true).append(true).mode(0o600).open(path);
    made.map(|_| ()).map_err(|error| {
        let code = rusqlite::ffi::Error::new(rusqlite::ffi::SQLITE_CANTOPEN);
        rusqlite::Error::SqliteFailure(code, Some(error.to_string()))
    })
}
