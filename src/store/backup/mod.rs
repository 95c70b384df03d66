//! Whole copies of an embedded database: made beside running servers, and put in its place when none runs.

mod carry;
mod carry_apps;
mod carry_work;
mod compare;
mod create;
mod restore;

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use rusqlite::Connection;
use rusqlite::backup::{Backup, StepResult};

use super::engine::sqlite::{beside, connect};
use super::{OpenError, StoreError};
use crate::files;

pub use self::carry::{CarriedOver, NotCarried};
pub use self::carry_work::CarryWith;
pub use self::create::back_up;
pub use self::restore::{Replaced, Restore};

/// Why no copy was made, or none was put in place.
#[derive(Debug, thiserror::Error)]
pub enum CopyError {
    /// One of the databases cannot be opened.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// It is no embedded one.
    #[error(
        "{0} is no embedded database: back up and restore PostgreSQL with its own tools (pg_dump, pg_basebackup), and run \
         `doorkey restore --mark-only` after a restore"
    )]
    NotEmbedded(String),
    /// Something stands where the copy should go.
    #[error("there is a file at {0} already, which is left as it is: name another one, or move it away")]
    Exists(PathBuf),
    /// There is no such copy.
    #[error("there is no file at {0}: nothing was changed; name a file that `doorkey backup` wrote")]
    Missing(PathBuf),
    /// It is no copy of a database of ours.
    #[error(
        "{0} is not a doorkey database, and so no backup of one: nothing was changed; name a file that `doorkey backup` wrote"
    )]
    NoBackup(PathBuf),
    /// The copy is not whole.
    #[error("{path} is damaged ({what}): nothing was changed; restore another backup")]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What SQLite says of it.
        what: String,
    },
    /// Somebody has the database open.
    #[error(
        "the database {0} is in use, and nothing was changed: stop the server, and whatever else has the file open, and \
         run this again"
    )]
    InUse(String),
    /// The database did not do what it was asked.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A file cannot be read or written.
    #[error("{path} cannot be read or written: {}", files::explain(.path, .source))]
    Io {
        /// The file.
        path: PathBuf,
        /// What the operating system said.
        source: io::Error,
    },
}

impl From<rusqlite::Error> for CopyError {
    fn from(error: rusqlite::Error) -> Self {
        Self::Store(error.into())
    }
}

fn io_error(path: &Path) -> impl FnOnce(io::Error) -> CopyError {
    move |source| CopyError::Io { path: path.to_owned(), source }
}

/// Copies a database as it is at one moment, page by page, over whatever the other holds.
///
/// All of it is one step: done piece by piece, it would begin again whenever somebody else writes meanwhile.
fn copy_pages(from: &Connection, to: &mut Connection) -> Result<(), CopyError> {
    if matches!(Backup::new(from, to)?.step(-1)?, StepResult::Done) {
        Ok(())
    } else {
        Err(StoreError::Unavailable("somebody else holds the database".to_owned()).into())
    }
}

/// A database as one file, with nothing beside it that belongs to it.
fn make_single(database: &Connection) -> Result<(), CopyError> {
    Ok(database.pragma_update_and_check(None, "journal_mode", "delete", |_| Ok(()))?)
}

/// Whether a database is whole. `path` is what people know it by.
fn check_whole(database: &Connection, path: &Path) -> Result<(), CopyError> {
    let found = database.query_row("PRAGMA integrity_check(1)", [], |row| row.get::<_, String>(0));
    match found {
        Ok(found) if found == "ok" => Ok(()),
        Ok(what) => Err(CopyError::Damaged { path: path.to_owned(), what }),
        Err(error) => Err(CopyError::Damaged { path: path.to_owned(), what: error.to_string() }),
    }
}

/// A fresh and private file that is a database, where an interrupted attempt may have left something.
fn fresh(path: &Path) -> Result<Connection, CopyError> {
    remove(path);
    fresh_file(path)?;
    Ok(connect(path)?)
}

fn fresh_file(path: &Path) -> Result<fs::File, CopyError> {
    files::create_private(path).map_err(io_error(path))
}

/// Takes a database away, with all that belongs to it.
fn remove(path: &Path) {
    for ending in ["", "-wal", "-shm", "-journal", "-doubt"] {
        // What is not there is gone.
        let _ = fs::remove_file(beside(path, ending));
    }
}

/// Gives a finished file another name, for good, unless something of that name is there.
fn put_in_place(draft: &Path, path: &Path) -> Result<(), CopyError> {
    files::put_in_place(draft, path).map_err(|source| {
        let is_taken = source.kind() == io::ErrorKind::AlreadyExists;
        if is_taken { CopyError::Exists(path.to_owned()) } else { io_error(path)(source) }
    })?;
    remove(draft);
    Ok(())
}
