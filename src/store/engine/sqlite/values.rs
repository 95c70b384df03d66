//! Values as SQLite binds and gives them.

use rusqlite::ToSql;
use rusqlite::types::{ToSqlOutput, Value as SqliteValue, ValueRef};

use crate::store::engine::value::Value;

impl ToSql for Value {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(match self {
            Self::Null => ToSqlOutput::Owned(SqliteValue::Null),
            Self::Number(number) => ToSqlOutput::Owned(SqliteValue::Integer(*number)),
            Self::Text(text) => ToSqlOutput::Borrowed(ValueRef::Text(text.as_bytes())),
            Self::Bytes(bytes) => ToSqlOutput::Borrowed(ValueRef::Blob(bytes)),
        })
    }
}

/// STRICT tables hold text, and SQLite does not look whether it is UTF-8: we do.
fn text_of(bytes: &[u8]) -> String {
    str::from_utf8(bytes).map_or_else(|_| String::from_utf8_lossy(bytes).into_owned(), str::to_owned)
}

/// A column of a row.
pub(super) fn value_of(value: ValueRef<'_>) -> Value {
    match value {
        ValueRef::Integer(number) => Value::Number(number),
        ValueRef::Text(text) => Value::Text(text_of(text)),
        ValueRef::Blob(bytes) => Value::Bytes(bytes.to_vec()),
        // STRICT tables hold no real numbers; whoever computed one asked for something that does not exist.
        ValueRef::Null | ValueRef::Real(_) => Value::Null,
    }
}
