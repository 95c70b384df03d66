//! The embedded database that is left: held by this process alone, and read row by row.

use std::fmt::Write as _;
use std::path::Path;

use bytes::Bytes;
use rusqlite::Connection;
use rusqlite::types::ValueRef;
use uuid::Uuid;

use super::TransferError;
use super::marker::{self, Mark, State};
use crate::domain::secret_key::SecretKeyRecord;
use crate::store::engine::sqlite::{LOCK_TIMEOUT, exclusive, run, schema};
use crate::store::engine::unit_of_work::sql;
use crate::store::engine::value::{all, first};
use crate::store::queries::secret_keys::known_key_columns;
use crate::store::{DatabaseUrl, StoreError};

/// What is each database's own.
const NOT_MOVED: &str =
    "name NOT LIKE 'sqlite%' AND name NOT IN ('clock_readings', 'migrations', 'nodes', 'transfers')";

#[derive(Debug)]
pub(super) struct Source(Connection);

/// Bytes that are sent at once, more or less.
const CHUNK: usize = 64 * 1024;

/// The rows of a table on their way, as PostgreSQL's `COPY` reads them.
pub(super) struct Lines<'a> {
    rows: rusqlite::Rows<'a>,
    /// How many were read so far.
    pub(super) count: u64,
}

impl Source {
    /// Opens the file for this process alone, and brings its schema up to date.
    pub(super) fn take(path: &Path) -> Result<Self, TransferError> {
        let in_use = || TransferError::InUse(path.display().to_string());
        let mut connection = exclusive::take(path, LOCK_TIMEOUT)?.ok_or_else(in_use)?;
        schema::migrate(&mut connection, path)?;
        Ok(Self(connection))
    }

    /// The secret keys that it uses.
    pub(super) fn known_keys(&self) -> Result<Vec<SecretKeyRecord>, StoreError> {
        const ALL: &str = concat!("SELECT ", known_key_columns!(), " FROM key_fingerprints");
        all(run(&self.0, &sql(ALL, Vec::new()))?)
    }

    pub(super) fn mark(&self) -> Result<Option<Mark>, StoreError> {
        first(run(&self.0, &marker::find())?)
    }

    /// Writes down that a move is begun, under the number of an earlier try if there was one.
    pub(super) fn leave(&self, found: Option<Mark>, to: &DatabaseUrl) -> Result<Mark, StoreError> {
        let id = found.map_or_else(Uuid::new_v4, |mark| mark.id);
        let mark = Mark { id, state: State::SourceStarted, place: to.to_string() };
        let sql = "INSERT INTO transfers (id, state, place) VALUES (?1, ?2, ?3)
                   ON CONFLICT (id) DO UPDATE SET state = ?2, place = ?3";
        self.0.execute(sql, (mark.id.as_bytes(), mark.state.word(), &mark.place))?;
        Ok(mark)
    }

    pub(super) fn close(&self) -> Result<(), StoreError> {
        self.0.execute("UPDATE transfers SET state = ?1", [State::SourceClosed.word()])?;
        Ok(())
    }

    /// Every table that is moved, and how many rows it has.
    pub(super) fn count(&self) -> Result<Vec<(String, u64)>, StoreError> {
        let names =
            format!("SELECT name FROM sqlite_master WHERE type = 'table' AND {NOT_MOVED} ORDER BY name");
        let mut names = self.0.prepare(&names)?;
        let counted = names.query_map([], |row| row.get::<_, String>(0))?.map(|name| {
            let name = name?;
            let count: i64 =
                self.0.query_row(&format!("SELECT count(*) FROM {name}"), [], |row| row.get(0))?;
            Ok((name, u64::try_from(count).unwrap_or(0)))
        });
        counted.collect()
    }

    /// The columns of a table, with commas between.
    pub(super) fn columns(&self, table: &str) -> Result<String, StoreError> {
        let sql = "SELECT group_concat(name, ', ' ORDER BY cid) FROM pragma_table_info(?1)";
        Ok(self.0.query_row(sql, [table], |row| row.get(0))?)
    }

    /// A table to be read from its first row to its last.
    pub(super) fn read(&self, table: &str, columns: &str) -> Result<rusqlite::Statement<'_>, StoreError> {
        Ok(self.0.prepare(&format!("SELECT {columns} FROM {table}"))?)
    }
}

impl<'a> Lines<'a> {
    pub(super) fn of(table: &'a mut rusqlite::Statement<'_>) -> Result<Self, StoreError> {
        let rows = table.query([])?;
        Ok(Self { rows, count: 0 })
    }

    /// The next rows, none at the end.
    pub(super) fn chunk(&mut self) -> Result<Option<Bytes>, StoreError> {
        let mut lines = String::with_capacity(CHUNK + CHUNK / 4);
        while lines.len() < CHUNK {
            let Some(row) = self.rows.next()? else { break };
            let columns = row.as_ref().column_count();
            for column in 0..columns {
                write(&mut lines, row.get_ref(column)?)?;
                lines.push(if column + 1 < columns { '\t' } else { '\n' });
            }
            self.count += 1;
        }
        Ok((!lines.is_empty()).then(|| Bytes::from(lines)))
    }
}

/// A value in the text format of `COPY`: what would end it, or a row, stands behind a backslash.
fn write(line: &mut String, value: ValueRef<'_>) -> Result<(), StoreError> {
    match value {
        ValueRef::Null => line.push_str("\\N"),
        ValueRef::Integer(number) => _ = write!(line, "{number}"),
        ValueRef::Text(text) => {
            let text = str::from_utf8(text).map_err(|_| StoreError::Unexpected("a text that is no UTF-8"))?;
            for letter in text.chars() {
                match letter {
                    '\\' => line.push_str("\\\\"),
                    '\t' => line.push_str("\\t"),
                    '\n' => line.push_str("\\n"),
                    '\r' => line.push_str("\\r"),
                    _ => line.push(letter),
                }
            }
        }
        ValueRef::Blob(bytes) => {
            line.push_str("\\\\x");
            for byte in bytes {
                // Writing to a text cannot fail.
                let _ = write!(line, "{byte:02x}");
            }
        }
        ValueRef::Real(_) => return Err(StoreError::Unexpected("a number that is not whole")),
    }
    Ok(())
}
