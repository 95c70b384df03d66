//! Values on their way into statements and out of rows.

use uuid::Uuid;

use crate::domain::ask::AskKind;
use crate::domain::email::EmailAddress;
use crate::domain::host::HostName;
use crate::domain::json::JsonText;
use crate::domain::login_link::{KeyId, LinkKind};
use crate::domain::mail::{MailKind, MailState};
use crate::domain::origin::Origin;
use crate::domain::scope::Scopes;
use crate::domain::session::SignInMethod;
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
    Uuid, id => Self::Bytes(id.as_bytes().to_vec());
    Timestamp, moment => Self::Number(moment.millis());
    WorkspaceId, id => Self::Number(id.0);
    UserId, id => Self::Number(id.number());
    KeyId, id => Self::Number(id.0.into());
    &HostName, host => Self::Text(host.as_str().to_owned());
    AskKind, kind => Self::Text(kind.name().to_owned());
    LinkKind, kind => Self::Text(kind.name().to_owned());
    SignInMethod, method => Self::Text(method.name().to_owned());
    MailKind, kind => Self::Text(kind.name().to_owned());
    MailState, state => Self::Text(state.name().to_owned());
}

impl<const N: usize> From<[u8; N]> for Value {
    fn from(bytes: [u8; N]) -> Self {
        Self::Bytes(bytes.to_vec())
    }
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

    /// What the next columns hold.
    pub(in crate::store) fn take<T: FromRow>(&mut self) -> Result<T, StoreError> {
        T::from_row(self)
    }
}

/// All rows.
pub(in crate::store) fn all<T: FromRow>(rows: Vec<Row>) -> Result<Vec<T>, StoreError> {
    rows.into_iter().map(|mut row| row.take()).collect()
}

/// The first row, if there is one.
pub(in crate::store) fn first<T: FromRow>(rows: Vec<Row>) -> Result<Option<T>, StoreError> {
    rows.into_iter().next().map(|mut row| row.take()).transpose()
}

/// The row that there always is.
pub(in crate::store) fn only<T: FromRow>(rows: Vec<Row>) -> Result<T, StoreError> {
    first(rows)?.ok_or(StoreError::Unexpected("a statement without a row"))
}

/// What a row, or some columns of it, can be read as.
pub(in crate::store) trait FromRow: Sized {
    fn from_row(row: &mut Row) -> Result<Self, StoreError>;
}

impl<T: FromValue> FromRow for T {
    fn from_row(row: &mut Row) -> Result<Self, StoreError> {
        let value = row.0.next().ok_or(StoreError::Unexpected("a row with too few columns"))?;
        Self::from_value(value).ok_or(StoreError::Unexpected("a column of another kind"))
    }
}

/// What is joined, if anything is: then its first column is not null. If nothing is, no column is taken.
pub(in crate::store) struct Joined<T>(pub(in crate::store) Option<T>);

impl<T: FromRow> FromRow for Joined<T> {
    fn from_row(row: &mut Row) -> Result<Self, StoreError> {
        let is_null = matches!(row.0.as_slice().first(), Some(Value::Null));
        Ok(Self(if is_null { None } else { Some(row.take()?) }))
    }
}

/// Structs, each with its fields in the order in which their columns stand.
macro_rules! from_row {
    ($($type:ident { $($field:ident),* $(,)? })*) => {
        $(impl $crate::store::engine::value::FromRow for $type {
            fn from_row(row: &mut $crate::store::engine::value::Row) -> Result<Self, $crate::store::StoreError> {
                Ok(Self { $($field: row.take()?),* })
            }
        })*
    };
}
pub(in crate::store) use from_row;

macro_rules! tuple_from_row {
    ($(($($part:ident)*))*) => {
        $(impl<$($part: FromRow),*> FromRow for ($($part,)*) {
            fn from_row(row: &mut Row) -> Result<Self, StoreError> {
                Ok(($($part::from_row(row)?,)*))
            }
        })*
    };
}

tuple_from_row! { (A B) (A B C) (A B C D) }

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
    Uuid, Value::Bytes(bytes) => Self::from_slice(&bytes).ok();
    Timestamp, Value::Number(number) => Some(Self::from_millis(number));
    KeyId, Value::Number(number) => u32::try_from(number).ok().map(Self);
    Scopes, Value::Number(bits) => Self::from_bits(bits);
    EmailAddress, Value::Text(text) => Some(Self::from_store(text));
    HostName, Value::Text(text) => Some(Self::from_store(text));
    Origin, Value::Text(text) => Some(Self::from_store(text));
    JsonText, Value::Text(text) => Some(Self::trusted(text));
    WorkspaceId, Value::Number(number) => Some(Self(number));
    UserId, Value::Number(number) => Some(Self::from_store(number));
    AskKind, Value::Text(word) => Self::parse(&word);
    LinkKind, Value::Text(word) => Self::parse(&word);
    SignInMethod, Value::Text(word) => Self::ALL.into_iter().find(|method| method.name() == word);
    MailKind, Value::Text(word) => Self::parse(&word);
    MailState, Value::Text(word) => Self::parse(&word);
}

impl<const N: usize> FromValue for [u8; N] {
    fn from_value(value: Value) -> Option<Self> {
        if let Value::Bytes(bytes) = value { bytes.try_into().ok() } else { None }
    }
}

impl<T: FromValue> FromValue for Option<T> {
    fn from_value(value: Value) -> Option<Self> {
        match value {
            Value::Null => Some(None),
            Value::Number(_) | Value::Text(_) | Value::Bytes(_) => T::from_value(value).map(Some),
        }
    }
}
