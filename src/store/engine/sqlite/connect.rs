//! Opens connections to the embedded engine's file, and says what its failures mean.

use std::path::Path;
use std::sync::Once;
use std::time::{Duration, Instant};

use rusqlite::config::DbConfig;
use rusqlite::ffi::{SQLITE_CANTOPEN, SQLITE_READONLY};
use rusqlite::{Connection, ErrorCode, MAIN_DB, OpenFlags};

use crate::store::StoreError;

/// How long a connection waits for another process to let go of the file.
pub(in crate::store) const LOCK_TIMEOUT: Duration = Duration::from_millis(4_500);

/// How often who writes asks whether the lock is free.
const LOCK_STEP: Duration = Duration::from_micros(500);

/// Statements kept prepared on each connection.
const PREPARED: usize = 64;

pub(in crate::store) fn connect(path: &Path) -> rusqlite::Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags)?;
    connection.busy_timeout(LOCK_TIMEOUT)?;
    keep_temporary_files_beside(&connection, path);
    Ok(connection)
}

/// Has SQLite put what it cannot keep in memory (large sorts, what a savepoint may have to undo) beside the database, where
/// there must be room and leave to write anyhow. Else it looks for a folder in `TMPDIR`, `/var/tmp`, `/tmp` and the working
/// folder, and fails where all of them are read-only. The files have no name as soon as they are open.
///
/// The setting is one for the whole process and must not change while others read it: the first database decides.
fn keep_temporary_files_beside(connection: &Connection, path: &Path) {
    static SET: Once = Once::new();
    SET.call_once(|| {
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
        let folder = folder.unwrap_or(Path::new(".")).to_string_lossy();
        // A folder that cannot be written is told of by whatever writes the database itself.
        let _ = connection.pragma_update(None, "temp_store_directory", folder);
    });
}

/// A connection to a database that may be in use: it leaves the WAL as it is.
pub(in crate::store) fn connect_to_share(path: &Path) -> rusqlite::Result<Connection> {
    let connection = connect(path)?;
    leave_log(&connection)?;
    Ok(connection)
}

/// Has a connection wait for a lock that another process has, in short steps. SQLite's own steps grow to a tenth of a second:
/// a process would sleep through the moments in which another that writes much lets go of the file.
pub(super) fn wait_in_short_steps(connection: &mut Connection, timeout: Duration) -> rusqlite::Result<()> {
    let mut deadline = Instant::now();
    connection.busy_handler(Some(move |steps| {
        let now = Instant::now();
        if steps == 0 {
            deadline = now + timeout;
        }
        std::thread::sleep(LOCK_STEP);
        now < deadline
    }))
}

/// SQLite opens what cannot be written to read it alone, and says so at the first write.
pub(super) fn connect_to_write(path: &Path) -> rusqlite::Result<Connection> {
    let mut connection = connect(path)?;
    if connection.is_readonly(MAIN_DB)? {
        return Err(failure(SQLITE_READONLY, "it cannot be written"));
    }
    wait_in_short_steps(&mut connection, LOCK_TIMEOUT)?;
    Ok(connection)
}

/// WAL lets readers and the writer pass each other; FULL makes every commit survive a power cut.
pub(super) fn make_durable(connection: &Connection) -> rusqlite::Result<()> {
    let mode = into_wal(connection)?;
    if mode != "wal" {
        let why = "its folder is on a file system that cannot share memory between processes";
        return Err(failure(SQLITE_CANTOPEN, why));
    }
    connection.pragma_update(None, "cache_size", -WRITERS_CACHE)?;
    connection.pragma_update(None, "journal_size_limit", USUAL_LOG)?;
    tune(connection)
}

/// Where two connections turn a new file to WAL at once, SQLite tells one of them that it is locked without waiting.
fn into_wal(connection: &Connection) -> rusqlite::Result<String> {
    let deadline = Instant::now() + LOCK_TIMEOUT;
    loop {
        match connection.pragma_update_and_check(None, "journal_mode", "wal", |row| row.get(0)) {
            Err(error)
                if error.sqlite_error_code() == Some(ErrorCode::DatabaseBusy)
                    && Instant::now() < deadline =>
            {
                std::thread::sleep(Duration::from_millis(2));
            }
            turned => return turned,
        }
    }
}

/// What the connection that writes may keep of the file in memory, in KiB: those who get links lie on pages all over it. It is
/// most of what a server among very many users takes.
const WRITERS_CACHE: i64 = 8 << 10;

/// What the WAL is cut back to when it is restarted, in bytes: twice what it grows to between two checkpoints. It is longer
/// only after somebody has read at an old commit for long.
const USUAL_LOG: i64 = 16 << 20;

pub(super) fn tune(connection: &Connection) -> rusqlite::Result<()> {
    connection.pragma_update(None, "synchronous", "full")?;
    connection.set_prepared_statement_cache_capacity(PREPARED);
    // Without it a statement with several tables is planned anew each time its values change.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
    Ok(())
}

/// Has a connection checkpoint the WAL when it is closed, if it is the last one, as any does unless told otherwise.
pub(super) fn take_log_along(connection: &Connection) -> rusqlite::Result<()> {
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, false).map(|_| ())
}

/// Has a connection leave the WAL as it is when it is closed. Else the last one checkpoints it and deletes it, whatever it
/// does not know of syncs that failed.
pub(super) fn leave_log(connection: &Connection) -> rusqlite::Result<()> {
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true).map(|_| ())
}

/// An error of ours, as one of SQLite's.
pub(super) fn failure(code: i32, why: impl Into<String>) -> rusqlite::Error {
    rusqlite::Error::SqliteFailure(rusqlite::ffi::Error::new(code), Some(why.into()))
}

impl From<&rusqlite::Error> for StoreError {
    fn from(error: &rusqlite::Error) -> Self {
        match error.sqlite_error_code() {
            Some(
                ErrorCode::DatabaseBusy
                | ErrorCode::DatabaseLocked
                | ErrorCode::DiskFull
                | ErrorCode::SystemIoFailure
                | ErrorCode::CannotOpen
                | ErrorCode::ReadOnly
                | ErrorCode::FileLockingProtocolFailed
                | ErrorCode::PermissionDenied
                | ErrorCode::OperationInterrupted
                | ErrorCode::OutOfMemory,
            ) => Self::Unavailable(error.to_string()),
            _ => Self::Refused(error.to_string()),
        }
    }
}

impl From<rusqlite::Error> for StoreError {
    fn from(error: rusqlite::Error) -> Self {
        Self::from(&error)
    }
}
