//! How many clients and staff a workspace has, by ranges of their numbers: totals and deep pages need no walk.
//!
//! A narrow range has 256 numbers, a wide one 65,536. Numbers that somebody gives lie anywhere, but those of one system are
//! dense: a million clients stand in sixteen wide ranges.

use std::collections::BTreeMap;

use crate::domain::user::UserId;
use crate::domain::workspace::WorkspaceId;
use crate::store::engine::rows::Column;
use crate::store::engine::unit_of_work::{Statement, over, sql};
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
        "coalesce($2, (SELECT last_user_id FROM number_counters WHERE workspace_id = $1))"
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

/// The statement that counts users whom the same unit has added, with whether each is staff now, or moved between the kinds, with
/// whether each was and is. `None` if that changes no count.
pub(super) fn count_many(
    workspace: WorkspaceId,
    added: impl IntoIterator<Item = (UserId, bool)>,
    moved: impl IntoIterator<Item = (UserId, bool, bool)>,
) -> Option<Statement> {
    let mut ranges = BTreeMap::<(i64, i64), [i64; 2]>::new();
    let mut add = |user: UserId, is_staff: bool, count: i64| {
        for width in [256, 65_536] {
            ranges.entry((width, user.number() / width)).or_default()[usize::from(is_staff)] += count;
        }
    };
    for (user, is_staff) in added {
        add(user, is_staff, 1);
    }
    for (user, was_staff, is_staff) in moved {
        add(user, was_staff, -1);
        add(user, is_staff, 1);
    }
    // In the order of the key, the narrow ranges first, as above.
    let rows = ranges.into_iter().filter(|(_, counts)| *counts != [0, 0]);
    let rows: Vec<_> =
        rows.map(|((width, place), [clients, staff])| [width, place, clients, staff]).collect();
    if rows.is_empty() {
        return None;
    }
    let column = |field: usize| Column::Numbers(rows.iter().map(|row| row[field]).collect());
    let columns =
        vec![("width", column(0)), ("place", column(1)), ("clients", column(2)), ("staff", column(3))];
    Some(over(
        "INSERT INTO user_counts (workspace_id, width, place, clients, staff)
         SELECT CAST($1 AS BIGINT), r.width, r.place, r.clients, r.staff FROM",
        columns,
        "WHERE true ON CONFLICT (workspace_id, width, place) DO UPDATE
          SET clients = user_counts.clients + excluded.clients, staff = user_counts.staff + excluded.staff",
        values![workspace],
    ))
}

/// The statement that gives how many clients, or staff, a workspace has.
pub(super) fn total(workspace: WorkspaceId, is_staff: bool) -> Statement {
    let kind = if is_staff { "staff" } else { "clients" };
    let text = format!(
        "SELECT CAST(coalesce(sum({kind}), 0) AS BIGINT) FROM user_counts WHERE workspace_id = $1 AND width = 65536"
    );
    sql(text, values![workspace])
}

/// The statement that gives the wide ranges of a workspace, with how many of a kind are in each.
pub(super) fn wide(workspace: WorkspaceId, is_staff: bool) -> Statement {
    let kind = if is_staff { "staff" } else { "clients" };
    let text = format!(
        "SELECT place, {kind} FROM user_counts WHERE workspace_id = $1 AND width = 65536 ORDER BY place"
    );
    sql(text, values![workspace])
}

/// The statement that gives the narrow ranges in a wide one, with how many of a kind are in each.
pub(super) fn narrow(workspace: WorkspaceId, is_staff: bool, wide: i64) -> Statement {
    let kind = if is_staff { "staff" } else { "clients" };
    let text = format!(
        "SELECT place, {kind} FROM user_counts
         WHERE workspace_id = $1 AND width = 256 AND place >= $2 AND place < $3 ORDER BY place"
    );
    sql(text, values![workspace, wide * 256, (wide + 1) * 256])
}

/// The range in which so many users come before a row, and how many of them are in the range itself.
pub(super) fn locate(ranges: &[(i64, i64)], before: i64, is_descending: bool) -> Option<(i64, i64)> {
    let mut left = before;
    let mut find = |(place, count): &(i64, i64)| {
        if left < *count {
            return Some((*place, left));
        }
        left -= count;
        None
    };
    if is_descending { ranges.iter().rev().find_map(find) } else { ranges.iter().find_map(&mut find) }
}

#[cfg(test)]
mod tests {
    use super::locate;

    #[test]
    fn a_row_is_in_the_range_that_its_place_in_the_list_says() {
        let ranges = [(0, 3), (1, 0), (5, 2)];
        let of_all = |is_descending| {
            let found = (0..6).map(|before| locate(&ranges, before, is_descending));
            found.collect::<Vec<_>>()
        };

        assert_eq!(
            of_all(false),
            [Some((0, 0)), Some((0, 1)), Some((0, 2)), Some((5, 0)), Some((5, 1)), None]
        );
        assert_eq!(
            of_all(true),
            [Some((5, 0)), Some((5, 1)), Some((0, 0)), Some((0, 1)), Some((0, 2)), None]
        );
    }
}
