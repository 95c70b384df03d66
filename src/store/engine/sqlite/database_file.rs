//! The embedded engine's file: whether it is whole, and whether its path still names what was opened.
//!
//! A copy of the file alone, made while a server had it open, lacks what stands in the WAL, and if a checkpoint was just
//! running it is of two moments. No check of the pages would find that out. But the file of a server says which
//! file it is, and a copy is another one.

use std::fs::{self, OpenOptions};
use std::io::ErrorKind::NotFound;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::SystemTime;

use rusqlite::Connection;
use rusqlite::ffi::{SQLITE_CANTOPEN, SQLITE_READONLY_DBMOVED};

use super::connect::{connect_to_share, failure};
use super::fsync_failure::FsyncFailure;
use super::paths::beside;
use super::schema::failed;
use crate::store::OpenError;

/// A database file, as it was found before it was opened.
#[derive(Clone, Copy, Debug)]
pub(in crate::store) struct FileId {
    /// The number of the file in its file system.
    pub(in crate::store) inode: i64,
    has_wal: bool,
}

impl FileId {
    /// Looks at the file, and at whether its WAL is beside it. Whoever opens it makes one.
    pub(super) fn of(path: &Path) -> Self {
        let inode = fs::metadata(path).map_or(0, |file| i64::try_from(file.ino()).unwrap_or(0));
        // An empty one is what somebody leaves who was refused.
        let has_wal = fs::metadata(beside(path, "-wal"))
            .map_or_else(|error| error.kind() != NotFound, |wal| wal.len() > 0);
        Self { inode, has_wal }
    }

    /// Refuses a copy that was made without its WAL while a server had the file open, or after it was killed.
    ///
    /// With its WAL it is whole, wherever it was taken to, and from here on it belongs here.
    pub(super) fn validate(self, connection: &Connection, path: &Path) -> Result<(), OpenError> {
        let elsewhere = "SELECT count(*) FROM nodes WHERE file_inode <> ?1";
        let elsewhere = connection.query_row(elsewhere, [self.inode], |row| row.get::<_, i64>(0));
        if elsewhere.map_err(|error| failed(path, &error))? == 0 {
            return Ok(());
        }
        if !self.has_wal {
            return Err(OpenError::BareCopy(path.display().to_string()));
        }
        let forgotten = connection.execute("DELETE FROM nodes WHERE file_inode <> ?1", [self.inode]);
        forgotten.map(|_| ()).map_err(|error| failed(path, &error))
    }

    /// Has the file itself say which file it is, and not the WAL alone, as far as no other connection stands in the way.
    pub(super) fn checkpoint(path: &Path) -> rusqlite::Result<()> {
        connect_to_share(path)?.query_row("PRAGMA wal_checkpoint(PASSIVE)", [], |_| Ok(()))
    }
}

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
pub(super) struct DatabaseFile {
    pub(super) path: PathBuf,
    wal_path: PathBuf,
    file: Option<Identity>,
    is_lost: AtomicBool,
    pub(super) fsync_failure: FsyncFailure,
}

/// Which file the WAL was after the first commit of a connection.
#[derive(Default, Debug)]
pub(super) struct WalIdentity(Option<Identity>);

impl DatabaseFile {
    /// A database that is open.
    pub(super) fn of(path: &Path) -> Self {
        Self {
            path: path.to_owned(),
            wal_path: beside(path, "-wal"),
            file: Identity::of(path),
            is_lost: AtomicBool::new(false),
            fsync_failure: FsyncFailure::of(path),
        }
    }

    /// Whether the database was still there when the writer last looked, and it is known what of it is on the disk.
    pub(super) fn is_here(&self) -> rusqlite::Result<()> {
        if self.is_lost.load(Ordering::Relaxed) {
            return Err(lost());
        }
        if self.fsync_failure.is_pending() { Err(self.fsync_failure.error()) } else { Ok(()) }
    }

    /// Whether the paths name the file that was opened, and its WAL if one was seen.
    pub(super) fn are_named(&self, wal: &WalIdentity) -> bool {
        let has_wal = wal.0.is_none_or(|seen| Identity::of(&self.wal_path) == Some(seen));
        has_wal && Identity::of(&self.path) == self.file
    }

    /// Looks whether the database, and the WAL if one was seen, are still there.
    pub(super) fn check(&self, wal: &WalIdentity) -> rusqlite::Result<()> {
        let is_lost = !self.are_named(wal);
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
    pub(super) fn check_after_commit(&self, wal: &mut WalIdentity) -> rusqlite::Result<()> {
        // A connection makes the WAL with its first commit, if no other has.
        wal.0 = wal.0.or_else(|| Identity::of(&self.wal_path));
        self.check(wal)
    }
}

fn lost() -> rusqlite::Error {
    let why =
        "its file was moved, deleted or replaced: put it back, or start again with the one that is there";
    failure(SQLITE_READONLY_DBMOVED, why)
}

/// What is where an embedded database should be.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum FileState {
    /// Nothing.
    Missing,
    /// A file with nothing in it: somebody is about to make a database, or was broken off.
    Empty {
        /// When it became so, if the file system says it.
        since: Option<SystemTime>,
    },
    /// Something.
    Filled,
}

/// Looks at what is where an embedded database should be.
pub fn state_of(path: &Path) -> FileState {
    match fs::metadata(path) {
        Ok(found) if found.is_file() && found.len() == 0 => FileState::Empty { since: found.modified().ok() },
        Err(error) if error.kind() == NotFound => FileState::Missing,
        // What cannot be read is reported when it is opened.
        Ok(_) | Err(_) => FileState::Filled,
    }
}

/// Makes a file for a database, for its owner alone, unless there is one.
pub fn make_file(path: &Path) -> Result<(), OpenError> {
    make_private(path).map_err(|error| failed(path, &error))
}

/// Makes the file, if there is none, so that its owner alone can read it.
///
/// One that is there is not even opened: closing it would drop the locks that this process holds on it.
pub(super) fn make_private(path: &Path) -> rusqlite::Result<()> {
    if path.exists() {
        return Ok(());
    }
    let made = OpenOptions::new().create(true).append(true).mode(0o600).open(path);
    made.map(|_| ()).map_err(|error| failure(SQLITE_CANTOPEN, error.to_string()))
}
