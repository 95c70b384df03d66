//! Runs statements on a connection of the embedded engine.

use rusqlite::Connection;

use super::values::value_of;
use crate::store::engine::unit_of_work::Statement;
use crate::store::engine::value::Row;

pub(in crate::store) fn run(connection: &Connection, statement: &Statement) -> rusqlite::Result<Vec<Row>> {
    const PLACEHOLDERS: [&str; 24] = [
        "$1", "$2", "$3", "$4", "$5", "$6", "$7", "$8", "$9", "$10", "$11", "$12", "$13", "$14", "$15",
        "$16", "$17", "$18", "$19", "$20", "$21", "$22", "$23", "$24",
    ];
    let mut prepared = connection.prepare_cached(&statement.sql)?;
    for (number, value) in statement.values.iter().enumerate() {
        // SQLite numbers such placeholders as they come in the text, so each is asked for by its name.
        let further = if number < PLACEHOLDERS.len() { String::new() } else { format!("${}", number + 1) };
        let name = PLACEHOLDERS.get(number).copied().unwrap_or(&further);
        let place =
            prepared.parameter_index(name)?.ok_or(rusqlite::Error::InvalidParameterCount(number, 0))?;
        prepared.raw_bind_parameter(place, value)?;
    }
    let columns = prepared.column_count();
    let mut found = prepared.raw_query();
    let mut rows = Vec::new();
    while let Some(row) = found.next()? {
        let mut values = Vec::with_capacity(columns);
        for column in 0..columns {
            values.push(value_of(row.get_ref(column)?));
        }
        rows.push(Row::of(values));
    }
    Ok(rows)
}

/// A statement without values that stays prepared: to prepare it anew would cost more than to run it.
pub(super) fn step(connection: &Connection, sql: &str) -> rusqlite::Result<()> {
    connection.prepare_cached(sql)?.execute([]).map(|_| ())
}
