//! The embedded engine's file: whether its path still names what was opened.

use std::ffi::OsString;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::SystemTime;

/// A file by what a path named at some moment. Its number alone may be given again once it is deleted.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Identity {
    device: u64,
    number: u64,
    made_at: Option<SystemTime>,
}

impl Identity {
    fn of(path: &Path) -> Option<Self> {
        let found = fs::metadata(path).ok()?;
        Some(Self { device: found.dev(), number: found.ino(), made_at: found.created().ok() })
    }
}

/// A database's path, and which file that was when it was opened.
///
/// Whoever has a file open goes on reading and writing it after it was deleted or replaced, and what is acknowledged
/// there is gone with the process. So nothing is acknowledged, and nothing read, while its path names something else.
#[derive(Debug)]
pub(super) struct Watched {
    pub(super) path: PathBuf,
    log_path: PathBuf,
    file: Option<Identity>,
    is_lost: AtomicBool,
}

/// Which file the log was after the first commit of a connection.
#[derive(Default, Debug)]
pub(super) struct Log(Option<Identity>);

impl Watched {
    /// A database that is open.
    pub(super) fn of(path: &Path) -> Self {
        let mut log_path = OsString::from(path);
        log_path.push("-wal");
        let (log_path, file) = (log_path.into(), Identity::of(path));
        Self { path: path.to_owned(), log_path, file, is_lost: AtomicBool::new(false) }
    }

    /// Whether the database was still there when the writer last looked.
    pub(super) fn is_here(&self) -> rusqlite::Result<()> {
        if self.is_lost.load(Ordering::Relaxed) { Err(lost()) } else { Ok(()) }
    }

    /// Looks whether the database, and the log if one was seen, are still there.
    pub(super) fn look(&self, log: &Log) -> rusqlite::Result<()> {
        let has_log = log.0.is_none_or(|seen| Identity::of(&self.log_path) == Some(seen));
        let is_lost = !has_log || Identity::of(&self.path) != self.file;
        match (self.is_lost.swap(is_lost, Ordering::Relaxed), is_lost) {
            (false, true) => {
                tracing::error!("the database file is not where it was: nothing is served without it");
            }
            (true, false) => tracing::info!("the database file is where it was"),
            _ => {}
        }
        self.is_here()
    }

    /// The same after a commit: only what the path names will be found by whoever comes next.
    pub(super) fn look_after(&self, log: &mut Log) -> rusqlite::Result<()> {
        // A connection makes the log with its first commit, if no other has.
        log.0 = log.0.or_else(|| Identity::of(&self.log_path));
        self.look(log)
    }
}

fn lost() -> rusqlite::Error {
    let code = rusqlite::ffi::Error::new(rusqlite::ffi::SQLITE_READONLY_DBMOVED);
    let why =
        "its file was moved, deleted or replaced: put it back, or start again with the one that is there";
    rusqlite::Error::SqliteFailure(code, Some(why.to_owned()))
}
