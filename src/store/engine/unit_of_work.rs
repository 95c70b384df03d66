//! A unit of work as data: statements with their values, no decision of ours in between.

use std::borrow::Cow;

use super::value::{Row, Value};
use crate::domain::user::UserId;
use crate::domain::workspace::WorkspaceId;

/// One statement with the values of its placeholders `$1`, `$2` and so on.
#[derive(Clone, Debug)]
pub(in crate::store) struct Statement {
    pub(in crate::store) sql: Cow<'static, str>,
    pub(in crate::store) values: Vec<Value>,
    pub(in crate::store) is_guard: bool,
}

/// A statement.
pub(in crate::store) fn sql(sql: impl Into<Cow<'static, str>>, values: Vec<Value>) -> Statement {
    Statement { sql: sql.into(), values, is_guard: false }
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

    /// A statement that must change a row: if it changes none, nothing of the unit happens.
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
