//! The stamp of the directory: another one with each change of a workspace, a host or an API key.

use uuid::Uuid;

use crate::store::engine::unit_of_work::{Statement, UnitOfWork, sql};
use crate::store::engine::value::values;

/// The stamp, as a column.
macro_rules! stamp {
    () => {
        "(SELECT d.stamp FROM directory d WHERE d.id = 1)"
    };
}
pub(in crate::store) use stamp;

/// The statement that draws another stamp. Each unit that changes the directory has it, as its last: the row is everybody's, and whoever
/// holds it waits for nothing else.
pub(super) fn draw() -> Statement {
    sql("UPDATE directory SET stamp = $1 WHERE id = 1", values![Uuid::now_v7()])
}

/// The same, and the number after `last`, for a workspace. It changes nothing if others were first.
pub(super) fn draw_with_workspace(last: i64) -> Statement {
    sql(
        "UPDATE directory SET stamp = $1, last_workspace_id = $2 WHERE id = 1 AND last_workspace_id = $3",
        values![Uuid::now_v7(), last + 1, last],
    )
}

/// Whether a unit that changes the directory draws another stamp.
pub(in crate::store) fn is_stamped(unit: &UnitOfWork) -> bool {
    let changes = |statement: &Statement| {
        ["INSERT INTO ", "UPDATE ", "DELETE FROM "].iter().any(|verb| {
            let table = statement.sql.strip_prefix(verb).unwrap_or_default().split(' ').next();
            matches!(table, Some("workspaces" | "hosts" | "api_keys"))
        })
    };
    let stamps = |statement: &Statement| statement.sql.starts_with("UPDATE directory SET stamp = ");
    !unit.statements.iter().any(changes) || unit.statements.iter().any(stamps)
}
