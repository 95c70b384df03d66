//! The schema of the embedded engine, brought up to date.

use std::path::Path;

use rusqlite::{Connection, ErrorCode, TransactionBehavior};

use super::connect::make_durable;
use crate::files;
use crate::store::OpenError;

/// The oldest first; each is run once, in a transaction of its own.
const MIGRATIONS: [&str; 10] = [
    include_str!("../../../../migrations/sqlite/0001_first.sql"),
    include_str!("../../../../migrations/sqlite/0002_locale.sql"),
    include_str!("../../../../migrations/sqlite/0003_idempotency_keys.sql"),
    include_str!("../../../../migrations/sqlite/0004_branding_and_mail.sql"),
    include_str!("../../../../migrations/sqlite/0005_mail.sql"),
    include_str!("../../../../migrations/sqlite/0006_admin.sql"),
    include_str!("../../../../migrations/sqlite/0007_stories.sql"),
    include_str!("../../../../migrations/sqlite/0008_client_search.sql"),
    include_str!("../../../../migrations/sqlite/0009_apps.sql"),
    include_str!("../../../../migrations/sqlite/0010_openings.sql"),
];

/// Brings the schema up to date. Several processes may do so at once: the file's own lock puts them in order.
///
/// A database that is not ours, or is newer than this binary, is left as it is.
pub(in crate::store) fn migrate(connection: &mut Connection, path: &Path) -> Result<(), OpenError> {
    let found = newest_of(connection).map_err(|error| failed(path, &error))?;
    let found = check_version(found, path)?;
    let migrated = make_durable(connection).and_then(|()| {
        // What is up to date is not locked: a command that only reads does not wait for one that writes.
        let missing = (1..).zip(MIGRATIONS).skip(usize::try_from(found).unwrap_or(0));
        missing.into_iter().try_for_each(|(number, migration)| run_migration(connection, number, migration))
    });
    migrated.map_err(|error| failed(path, &error))
}

/// Takes the newest migration of a file that is ours, and not newer than this binary.
pub(in crate::store) fn check_version(found: Option<i64>, path: &Path) -> Result<i64, OpenError> {
    let known = i64::try_from(MIGRATIONS.len()).unwrap_or(i64::MAX);
    let database = path.display().to_string();
    match found {
        None => Err(OpenError::Foreign(database)),
        Some(found) if found > known => Err(OpenError::Newer { database, found, known }),
        Some(found) => Ok(found),
    }
}

/// The newest migration that was run, 0 in an empty file; none if the file is somebody else's.
///
/// All of it is seen at one moment: another process may be making the schema meanwhile.
pub(in crate::store) fn newest_of(connection: &Connection) -> rusqlite::Result<Option<i64>> {
    let moment = connection.unchecked_transaction()?;
    let number = |sql| moment.query_row::<i64, _, _>(sql, [], |row| row.get(0));
    if number("SELECT count(*) FROM pragma_table_info('migrations') WHERE name = 'number'")? == 1 {
        return number("SELECT coalesce(max(number), 0) FROM migrations").map(Some);
    }
    let is_empty = number("SELECT count(*) FROM sqlite_master")? == 0;
    Ok(is_empty.then_some(0))
}

/// Runs a migration unless it was run before.
fn run_migration(connection: &mut Connection, number: i64, migration: &str) -> rusqlite::Result<()> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    transaction.execute_batch("CREATE TABLE IF NOT EXISTS migrations (number INTEGER PRIMARY KEY) STRICT")?;
    let newest = "SELECT coalesce(max(number), 0) FROM migrations";
    let found: i64 = transaction.query_row(newest, [], |row| row.get(0))?;
    if found < number {
        transaction.execute_batch(migration)?;
        transaction.execute("INSERT INTO migrations (number) VALUES (?1)", [number])?;
    }
    transaction.commit()
}

/// Why a file cannot be opened.
pub(in crate::store) fn failed(path: &Path, error: &rusqlite::Error) -> OpenError {
    if error.sqlite_error_code() == Some(ErrorCode::NotADatabase) {
        return OpenError::Foreign(path.display().to_string());
    }
    let database = path.display().to_string();
    let may_be_foreign = matches!(
        error.sqlite_error_code(),
        Some(
            ErrorCode::CannotOpen
                | ErrorCode::ReadOnly
                | ErrorCode::PermissionDenied
                | ErrorCode::SystemIoFailure
        )
    );
    match files::refusal(path).filter(|_| may_be_foreign) {
        Some(why) => OpenError::Inaccessible { database, why },
        None => OpenError::Failed { database, source: error.into() },
    }
}
