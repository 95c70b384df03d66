//! A unit of work as data: statements with their values, no decision of ours in between.

use std::borrow::Cow;

use super::rows::{Column, Rows};
use super::value::{Row, Value};
use crate::domain::user::UserId;
use crate::domain::workspace::WorkspaceId;

/// One statement with the values of its placeholders `$1`, `$2` and so on, and the rows that it is over, if it is over any.
#[derive(Clone, Debug)]
pub(in crate::store) struct Statement {
    pub(in crate::store) sql: Cow<'static, str>,
    pub(in crate::store) values: Vec<Value>,
    pub(in crate::store) is_guard: bool,
    pub(super) is_counter: bool,
    pub(super) rows: Option<Rows>,
}

/// A statement.
pub(in crate::store) fn sql(sql: impl Into<Cow<'static, str>>, values: Vec<Value>) -> Statement {
    Statement { sql: sql.into(), values, is_guard: false, is_counter: false, rows: None }
}

/// A statement over rows that it knows as the table `r`, which stands between `head` and `tail`; their values follow `values`. As
/// a guard it must change a row for each of them.
pub(in crate::store) fn over(
    head: impl Into<Cow<'static, str>>,
    columns: Vec<(&'static str, Column)>,
    tail: &'static str,
    values: Vec<Value>,
) -> Statement {
    Statement {
        sql: head.into(),
        values,
        is_guard: false,
        is_counter: false,
        rows: Some(Rows { columns, tail }),
    }
}

/// A statement that only adds: once, or as often as the value says that follows `values`. SQLite, which commits the units of many callers
/// together, runs those that are alike but for that once for all of them, at the end.
pub(in crate::store) fn counter(text: &'static str, values: Vec<Value>) -> Statement {
    let values = values.into_iter().chain([Value::Number(1)]).collect();
    Statement { is_counter: true, ..sql(text, values) }
}

impl Statement {
    /// Counts for another one too, if both are counters and alike. Whether they are.
    pub(super) fn absorb(&mut self, other: &Self) -> bool {
        let (Some((Value::Number(times), own)), Some((Value::Number(more), others))) =
            (self.values.split_last_mut(), other.values.split_last())
        else {
            return false;
        };
        let are_alike = self.is_counter && other.is_counter && self.sql == other.sql && own == others;
        if are_alike {
            *times += more;
        }
        are_alike
    }

    /// How many rows it must change if it is a guard.
    pub(super) fn least_changes(&self) -> usize {
        self.rows.as_ref().map_or(1, Rows::count)
    }
}

/// A row that many may want to change at the same moment.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(in crate::store) enum ContendedRow {
    User(WorkspaceId, UserId),
    /// The counter that the numbers of users are drawn from.
    Counter(WorkspaceId),
}

/// Statements that happen together or not at all.
#[derive(Debug, Default)]
pub(in crate::store) struct UnitOfWork {
    pub(in crate::store) statements: Vec<Statement>,
    /// Whoever writes to the same one waits for this unit without taking a connection meanwhile.
    pub(in crate::store) sought: Option<ContendedRow>,
}

impl UnitOfWork {
    pub(in crate::store) fn new() -> Self {
        Self::default()
    }

    /// A unit that writes to a user.
    pub(in crate::store) fn about(workspace: WorkspaceId, user: UserId) -> Self {
        Self { sought: Some(ContendedRow::User(workspace, user)), ..Self::default() }
    }

    /// A unit that draws a number for a user.
    pub(in crate::store) fn drawing(workspace: WorkspaceId) -> Self {
        Self { sought: Some(ContendedRow::Counter(workspace)), ..Self::default() }
    }

    /// A statement that must change a row, or one for each of those that it is over: else nothing of the unit happens.
    ///
    /// This is where a race is decided, so the conditions stand in the statement itself.
    pub(in crate::store) fn guard(mut self, statement: Statement) -> Self {
        self.statements.push(Statement { is_guard: true, ..statement });
        self
    }

    /// A statement that may change no row.
    pub(in crate::store) fn and(mut self, statement: Statement) -> Self {
        self.statements.push(statement);
        self
    }

    /// Several of them.
    pub(in crate::store) fn and_all(mut self, statements: impl IntoIterator<Item = Statement>) -> Self {
        self.statements.extend(statements);
        self
    }
}

/// What became of a unit.
#[derive(Debug)]
pub(in crate::store) enum UnitResult {
    /// It is durable; the rows that each statement returned.
    Done(Vec<Vec<Row>>),
    /// A guard found nothing to change: another caller, a kill or the clock came first.
    Conflict,
}

/// Who won.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[must_use]
pub enum Outcome {
    /// This caller; what it asked for is durable.
    Applied,
    /// Another caller, a kill or the clock came first; nothing was changed.
    Conflict,
}

impl From<UnitResult> for Outcome {
    fn from(written: UnitResult) -> Self {
        match written {
            UnitResult::Done(_) => Self::Applied,
            UnitResult::Conflict => Self::Conflict,
        }
    }
}
