//! Values on their way into statements and out of rows.

use uuid::Uuid;

use crate::domain::timestamp::Timestamp;
use crate::domain::user::UserId;
use crate::domain::workspace::WorkspaceId;
use crate::store::StoreError;

/// A value as every engine keeps it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(in crate::store) enum Value {
    Null,
    Number(i64),
    Text(String),
    Bytes(Vec<u8>),
}

/// The values of a statement, in the order of its placeholders.
macro_rules! values {
    ($($value:expr),* $(,)?) => { vec![$($crate::store::engine::value::Value::from($value)),*] };
}
pub(in crate::store) use values;

macro_rules! value_from {
    ($($from:ty, $name:ident => $value:expr;)*) => {
        $(impl From<$from> for Value { fn from($name: $from) -> Self { $value } })*
    };
}

value_from! {
    i64, number => Self::Number(number);
    bool, flag => Self::Number(i64::from(flag));
    String, text => Self::Text(text);
    &str, text => Self::Text(text.to_owned());
    &[u8], bytes => Self::Bytes(bytes.to_vec());
    [u8; 16], bytes => Self::Bytes(bytes.to_vec());
    [u8; 32], bytes => Self::Bytes(bytes.to_vec());
    Uuid, id => Self::Bytes(id.as_bytes().to_vec());
    Timestamp, moment => Self::Number(moment.millis());
    WorkspaceId, id => Self::Number(id.0);
    UserId, id => Self::Number(id.number());
}

impl<T: Into<Self>> From<Option<T>> for Value {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Null, Into::into)
    }
}

/// A row, to be taken apart from the left.
#[derive(Debug)]
pub(in crate::store) struct Row(std::vec::IntoIter<Value>);

impl Row {
    pub(in crate::store) fn of(values: Vec<Value>) -> Self {
        Self(values.into_iter())
    }

    /// The next column.
    pub(in crate::store) fn take<T: FromValue>(&mut self) -> Result<T, StoreError> {
        let value = self.0.next().ok_or(StoreError::Unexpected("a row with too few columns"))?;
        T::from_value(value).ok_or(StoreError::Unexpected("a column of another kind"))
    }

    /// Whether the next column is null; it stays the next.
    pub(in crate::store) fn is_null_next(&self) -> bool {
        matches!(self.0.as_slice().first(), Some(Value::Null))
    }
}

/// What a column can be read as.
pub(in crate::store) trait FromValue: Sized {
    fn from_value(value: Value) -> Option<Self>;
}

macro_rules! from_value {
    ($($to:ty, $pattern:pat => $value:expr;)*) => {
        $(impl FromValue for $to {
            fn from_value(value: Value) -> Option<Self> {
                if let $pattern = value { $value } else { None }
            }
        })*
    };
}

from_value! {
    i64, Value::Number(number) => Some(number);
    bool, Value::Number(number) => Some(number != 0);
    String, Value::Text(text) => Some(text);
    Vec<u8>, Value::Bytes(bytes) => Some(bytes);
    [u8; 16], Value::Bytes(bytes) => bytes.try_into().ok();
    [u8; 32], Value::Bytes(bytes) => bytes.try_into().ok();
    Uuid, Value::Bytes(bytes) => Self::from_slice(&bytes).ok();
    Timestamp, Value::Number(number) => Some(Self::from_millis(number));
    WorkspaceId, Value::Number(number) => Some(Self(number));
    UserId, Value::Number(number) => Some(Self::from_store(number));
}

impl<T: FromValue> FromValue for Option<T> {
    fn from_value(value: Value) -> Option<Self> {
        match value {
            Value::Null => Some(None),
            Value::Number(_) | Value::Text(_) | Value::Bytes(_) => T::from_value(value).map(Some),
        }
    }
}
