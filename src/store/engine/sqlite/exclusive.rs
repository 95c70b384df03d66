//! An embedded database that this process alone has open.

use std::path::Path;
use std::time::Duration;

use rusqlite::{Connection, ErrorCode};

use super::connect::{connect_to_share, take_log_along};
use super::schema;
use crate::store::OpenError;

/// Opens the file for this process alone. `None` if anybody else has it open, and goes on so as long as they are waited for.
///
/// Whoever has a database in WAL mode open holds a lock on the file, at work or not. The lock that is taken here goes
/// with no other, and stays until the connection is dropped, or the process dies.
pub(in crate::store) fn take(path: &Path, timeout: Duration) -> Result<Option<Connection>, OpenError> {
    if !path.exists() {
        return Err(OpenError::Missing(path.display().to_string()));
    }
    // Until it is alone it knows nothing of the WAL that would allow it to checkpoint that, should it fail on the way.
    let locked = connect_to_share(path).and_then(|connection| {
        connection.busy_timeout(timeout)?;
        connection.pragma_update_and_check(None, "locking_mode", "exclusive", |_| Ok(()))?;
        match connection.execute_batch("SELECT count(*) FROM sqlite_master") {
            // Whoever replaces a damaged one need not read it.
            Err(error) if error.sqlite_error_code() == Some(ErrorCode::DatabaseCorrupt) => {}
            read => read?,
        }
        // In a database that is not in WAL mode a read alone would let others read.
        connection.execute_batch("BEGIN EXCLUSIVE; COMMIT")?;
        take_log_along(&connection)?;
        Ok(connection)
    });
    match locked {
        Ok(connection) => Ok(Some(connection)),
        Err(error) => match error.sqlite_error_code() {
            Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => Ok(None),
            _ => Err(schema::failed(path, &error)),
        },
    }
}
