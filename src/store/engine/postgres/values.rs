//! Values on their way to PostgreSQL and back.

use std::error::Error;

use bytes::BytesMut;
use tokio_postgres::Row as PostgresRow;
use tokio_postgres::types::{FromSql, IsNull, ToSql, Type, to_sql_checked};

use crate::store::StoreError;
use crate::store::engine::rows::Column;
use crate::store::engine::unit_of_work::{Statement, UnitOfWork, UnitResult};
use crate::store::engine::value::{Row, Value};

type Trouble = Box<dyn Error + Sync + Send>;

/// What a value is sent as. Of a null the server finds out by where it stands.
pub(in crate::store) fn type_of(value: &Value) -> Type {
    match value {
        Value::Null => Type::UNKNOWN,
        Value::Number(_) => Type::INT8,
        Value::Text(_) => Type::TEXT,
        Value::Bytes(_) => Type::BYTEA,
    }
}

/// What each parameter of a statement is sent as.
pub(super) fn types_of(statement: &Statement) -> Vec<Type> {
    let columns = statement.rows.iter().flat_map(|rows| &rows.columns);
    let arrays = columns.map(|(_, column)| match column {
        Column::Numbers(_) => Type::INT8_ARRAY,
        Column::Texts(_) => Type::TEXT_ARRAY,
        Column::Bytes(_) => Type::BYTEA_ARRAY,
    });
    statement.values.iter().map(type_of).chain(arrays).collect()
}

/// The parameters of a statement.
pub(super) fn parameters_of(statement: &Statement) -> Vec<&(dyn ToSql + Sync)> {
    let values = statement.values.iter().map(|value| value as &(dyn ToSql + Sync));
    let columns = statement.rows.iter().flat_map(|rows| &rows.columns);
    values.chain(columns.map(|(_, column)| column as &(dyn ToSql + Sync))).collect()
}

impl ToSql for Column {
    fn to_sql(&self, kind: &Type, out: &mut BytesMut) -> Result<IsNull, Trouble> {
        match self {
            Self::Numbers(numbers) => numbers.to_sql(kind, out),
            Self::Texts(texts) => texts.to_sql(kind, out),
            Self::Bytes(bytes) => bytes.to_sql(kind, out),
        }
    }

    fn accepts(_: &Type) -> bool {
        true
    }

    to_sql_checked!();
}

impl ToSql for Value {
    fn to_sql(&self, kind: &Type, out: &mut BytesMut) -> Result<IsNull, Trouble> {
        match self {
            Self::Null => Ok(IsNull::Yes),
            Self::Number(number) => number.to_sql(kind, out),
            Self::Text(text) => text.to_sql(kind, out),
            Self::Bytes(bytes) => bytes.to_sql(kind, out),
        }
    }

    fn accepts(_: &Type) -> bool {
        true
    }

    to_sql_checked!();
}

impl<'a> FromSql<'a> for Value {
    fn from_sql(kind: &Type, raw: &'a [u8]) -> Result<Self, Trouble> {
        match *kind {
            Type::INT8 => i64::from_sql(kind, raw).map(Self::Number),
            Type::INT4 => i32::from_sql(kind, raw).map(|number| Self::Number(number.into())),
            Type::BYTEA => Ok(Self::Bytes(raw.to_vec())),
            _ => String::from_sql(kind, raw).map(Self::Text),
        }
    }

    fn from_sql_null(_: &Type) -> Result<Self, Trouble> {
        Ok(Self::Null)
    }

    fn accepts(kind: &Type) -> bool {
        [Type::INT8, Type::INT4, Type::BYTEA, Type::TEXT].contains(kind)
    }
}

/// The rows of each statement.
pub(super) fn rows_of<const N: usize>(found: &[Vec<PostgresRow>]) -> Result<[Vec<Row>; N], StoreError> {
    let rows: Vec<Vec<Row>> = found.iter().map(|found| rows(found)).collect::<Result<_, _>>()?;
    rows.try_into().map_err(|_| StoreError::Unexpected("answers to something else"))
}

/// What each statement of a unit returned; a guard that returns nothing has a row of its own, which is left out.
pub(super) fn written(unit: &UnitOfWork, found: &[Vec<PostgresRow>]) -> Result<UnitResult, StoreError> {
    let statements = unit.statements.iter().zip(found);
    let rows = statements.map(|(statement, found)| {
        if statement.is_guard && !returns_rows(statement) { Ok(Vec::new()) } else { rows(found) }
    });
    rows.collect::<Result<_, _>>().map(UnitResult::Done)
}

/// Whether a statement that changes rows gives something of them back.
pub(super) fn returns_rows(statement: &Statement) -> bool {
    statement.sql.contains(" RETURNING ")
}

fn rows(found: &[PostgresRow]) -> Result<Vec<Row>, StoreError> {
    found.iter().map(row).collect()
}

/// A row of the server's.
pub(in crate::store) fn row(found: &PostgresRow) -> Result<Row, StoreError> {
    let values = (0..found.len()).map(|column| found.try_get(column));
    let values = values.collect::<Result<Vec<Value>, _>>();
    values.map(Row::of).map_err(|_| StoreError::Unexpected("a column of a kind that is never kept"))
}
