//! Runs statements on a connection of the embedded engine.

use rusqlite::types::{ToSqlOutput, ValueRef};
use rusqlite::{CachedStatement, Connection, ToSql};

use super::values::value_of;
use crate::store::engine::rows::Column;
use crate::store::engine::unit_of_work::Statement;
use crate::store::engine::value::Row;

pub(in crate::store) fn run(connection: &Connection, statement: &Statement) -> rusqlite::Result<Vec<Row>> {
    let mut found = Vec::new();
    let Some(rows) = &statement.rows else {
        let mut prepared = connection.prepare_cached(&statement.sql)?;
        bind_shared(&mut prepared, statement)?;
        step_through(&mut prepared, &mut found)?;
        return Ok(found);
    };
    let first = statement.values.len();
    let mut prepared = connection.prepare_cached(&rows.for_each(&statement.sql, first + 1))?;
    bind_shared(&mut prepared, statement)?;
    let places = (first..first + rows.columns.len()).map(|number| place_of(&prepared, number));
    let places = places.collect::<rusqlite::Result<Vec<_>>>()?;
    for row in 0..rows.count() {
        for ((_, column), place) in rows.columns.iter().zip(&places) {
            prepared.raw_bind_parameter(*place, Cell(column, row))?;
        }
        step_through(&mut prepared, &mut found)?;
    }
    Ok(found)
}

fn bind_shared(prepared: &mut CachedStatement<'_>, statement: &Statement) -> rusqlite::Result<()> {
    for (number, value) in statement.values.iter().enumerate() {
        let place = place_of(prepared, number)?;
        prepared.raw_bind_parameter(place, value)?;
    }
    Ok(())
}

/// Where the value of this number, from 0, is bound. SQLite numbers placeholders as they come in the text, so each is asked
/// for by its name.
fn place_of(prepared: &CachedStatement<'_>, number: usize) -> rusqlite::Result<usize> {
    const PLACEHOLDERS: [&str; 24] = [
        "$1", "$2", "$3", "$4", "$5", "$6", "$7", "$8", "$9", "$10", "$11", "$12", "$13", "$14", "$15",
        "$16", "$17", "$18", "$19", "$20", "$21", "$22", "$23", "$24",
    ];
    let further = if number < PLACEHOLDERS.len() { String::new() } else { format!("${}", number + 1) };
    let name = PLACEHOLDERS.get(number).copied().unwrap_or(&further);
    prepared.parameter_index(name)?.ok_or(rusqlite::Error::InvalidParameterCount(number, 0))
}

fn step_through(prepared: &mut CachedStatement<'_>, rows: &mut Vec<Row>) -> rusqlite::Result<()> {
    let columns = prepared.column_count();
    let mut found = prepared.raw_query();
    while let Some(row) = found.next()? {
        let mut values = Vec::with_capacity(columns);
        for column in 0..columns {
            values.push(value_of(row.get_ref(column)?));
        }
        rows.push(Row::of(values));
    }
    Ok(())
}

/// The value of a column in a row.
struct Cell<'a>(&'a Column, usize);

impl ToSql for Cell<'_> {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        let Self(column, row) = *self;
        Ok(ToSqlOutput::Borrowed(match column {
            Column::Numbers(numbers) => ValueRef::Integer(numbers[row]),
            Column::Texts(texts) => ValueRef::Text(texts[row].as_bytes()),
            Column::Bytes(bytes) => ValueRef::Blob(&bytes[row]),
        }))
    }
}

/// A statement without values that stays prepared: to prepare it anew would cost more than to run it.
pub(super) fn step(connection: &Connection, sql: &str) -> rusqlite::Result<()> {
    connection.prepare_cached(sql)?.execute([]).map(|_| ())
}
