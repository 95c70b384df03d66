//! How many clients and staff a workspace has, by ranges of their numbers: totals and deep pages need no walk.
//!
//! A narrow range has 256 numbers, a wide one 65,536. Numbers that somebody gives lie anywhere, but those of one system are
//! dense: a million clients stand in sixteen wide ranges.

use super::columns::standing_columns;
use super::users::user_columns;
use crate::domain::list_query::ListQuery;
use crate::domain::user::UserId;
use crate::domain::workspace::WorkspaceId;
use crate::store::engine::unit_of_work::{Statement, sql};
use crate::store::engine::value::values;

/// The text that adds to the counts of the ranges in which a user lies. The narrow range always comes first: two who count at once
/// wait for each other, and do not stand across.
macro_rules! counting {
    ($clients:literal, $staff:literal, $user:literal) => {
        concat!(
            "INSERT INTO user_counts (workspace_id, width, place, clients, staff)
             SELECT u.workspace_id, r.width, u.id / r.width, ",
            $clients,
            ", ",
            $staff,
            " FROM users u CROSS JOIN (SELECT 256 AS width UNION ALL SELECT 65536) r
             WHERE u.workspace_id = $1 AND u.id = ",
            $user,
            " ON CONFLICT (workspace_id, width, place) DO UPDATE
              SET clients = user_counts.clients + excluded.clients, staff = user_counts.staff + excluded.staff"
        )
    };
}

/// The statement that counts a user whom the same unit has added; by the number that it drew, if none is given.
pub(in crate::store) fn count_added(workspace: WorkspaceId, id: Option<UserId>) -> Statement {
    const TEXT: &str = counting!(
        "1 - u.is_staff",
        "u.is_staff",
        "coalesce($2, (SELECT last_user_id FROM workspaces WHERE id = $1))"
    );
    sql(TEXT, values![workspace, id])
}

/// The statement that counts a user no longer whom the same unit has deleted. The row of one who is deleted says of which kind
/// it was.
pub(in crate::store) fn count_deleted(workspace: WorkspaceId, user: UserId) -> Statement {
    sql(counting!("u.is_staff - 1", "-u.is_staff", "$2"), values![workspace, user])
}

/// The statement that counts a user whom the same unit has made one of the other kind.
pub(in crate::store) fn count_moved(workspace: WorkspaceId, user: UserId) -> Statement {
    sql(counting!("1 - 2 * u.is_staff", "2 * u.is_staff - 1", "$2"), values![workspace, user])
}

/// The statement that gives how many clients, or staff, a workspace has.
pub(super) fn total(workspace: WorkspaceId, is_staff: bool) -> Statement {
    let kind = if is_staff { "staff" } else { "clients" };
    let text = format!(
        "SELECT CAST(coalesce(sum({kind}), 0) AS BIGINT) FROM user_counts WHERE workspace_id = $1 AND width = 65536"
    );
    sql(text, values![workspace])
}

/// The statement that gives a page of a kind of users in the order of the numbers: it looks for the range in which the page
/// begins, and skips what comes before the page in that alone. `from` are all users of the kind in the workspace `$1`.
pub(super) fn page(
    (workspace, is_staff): (WorkspaceId, bool),
    from: &str,
    options: &ListQuery,
    is_descending: bool,
) -> Statement {
    let kind = if is_staff { "staff" } else { "clients" };
    let direction = if is_descending { "DESC" } else { "ASC" };
    // Where the range begins, in the direction of the list.
    let from_there = if is_descending {
        "< (SELECT (place + 1) * 256 FROM narrow)"
    } else {
        ">= (SELECT place * 256 FROM narrow)"
    };
    let text = format!(
        "WITH wide AS (
             SELECT place, skipped FROM (
                 SELECT place, {kind} AS has,
                        CAST(sum({kind}) OVER (ORDER BY place {direction}) - {kind} AS BIGINT) AS skipped
                 FROM user_counts WHERE workspace_id = $1 AND width = 65536) w
             WHERE skipped <= $3 AND skipped + has > $3),
         narrow AS (
             SELECT place, skipped FROM (
                 SELECT n.place, n.{kind} AS has,
                        CAST(w.skipped + sum(n.{kind}) OVER (ORDER BY n.place {direction}) - n.{kind} AS BIGINT) AS skipped
                 FROM wide w CROSS JOIN user_counts n
                 WHERE n.workspace_id = $1 AND n.width = 256
                   AND n.place >= w.place * 256 AND n.place < (w.place + 1) * 256) n
             WHERE skipped <= $3 AND skipped + has > $3)
         SELECT {columns} {from} AND u.id {from_there}
         ORDER BY u.id {direction} LIMIT $2 OFFSET coalesce((SELECT $3 - skipped FROM narrow), 0)",
        columns = user_columns!()
    );
    sql(text, values![workspace, options.limit, options.offset()])
}
