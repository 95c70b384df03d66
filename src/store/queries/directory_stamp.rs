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

const CHANGED: &str = "UPDATE directory SET stamp = $1 WHERE id = 1";

/// The statement that draws another stamp. Each unit that changes the directory has it.
pub(super) fn changed() -> Statement {
    sql(CHANGED, values![Uuid::now_v7()])
}

/// Whether a unit that changes the directory draws another stamp. The counters in the rows of workspaces are not of it.
pub(in crate::store) fn is_stamped(unit: &UnitOfWork) -> bool {
    let changes = |statement: &Statement| {
        let is_change = ["INSERT INTO ", "UPDATE ", "DELETE FROM "].iter().any(|verb| {
            let table = statement.sql.strip_prefix(verb).unwrap_or_default().split(' ').next();
            matches!(table, Some("workspaces" | "hosts" | "api_keys"))
        });
        is_change && !statement.sql.starts_with("UPDATE workspaces SET last_")
    };
    !unit.statements.iter().any(changes) || unit.statements.iter().any(|statement| statement.sql == CHANGED)
}
