//! When and why links were killed: written by whoever counts the epoch of a user up.

use crate::domain::audit::{AuditEntry, AuditEvent};
use crate::domain::timestamp::Timestamp;
use crate::domain::user::UserId;
use crate::domain::workspace::WorkspaceId;
use crate::store::engine::rows::Column;
use crate::store::engine::unit_of_work::{Statement, over, sql};
use crate::store::engine::value::values;
use crate::store::{Store, StoreError};

/// The statement that tells of a kill in the same unit, behind the one that counted the epoch up, if the entry is of one.
pub(super) fn of_entry(
    workspace: WorkspaceId,
    user: UserId,
    entry: &AuditEntry,
    now: Timestamp,
) -> Option<Statement> {
    let reason = reason_of(entry)?;
    Some(sql(
        "INSERT INTO link_kills (workspace_id, user_id, epoch, time, reason)
         SELECT u.workspace_id, u.id, u.link_epoch - 1, $3, $4 FROM users u WHERE u.workspace_id = $1 AND u.id = $2
         ON CONFLICT DO NOTHING",
        values![workspace, user, now, reason],
    ))
}

/// The same for many users. `None` if nobody's links were killed.
pub(super) fn of_entries<'a>(
    workspace: WorkspaceId,
    entries: impl Iterator<Item = (UserId, &'a AuditEntry)>,
    now: Timestamp,
) -> Option<Statement> {
    let kills = entries.filter_map(|(user, entry)| Some((user.number(), reason_of(entry)?.to_owned())));
    let (users, reasons): (Vec<_>, Vec<_>) = kills.unzip();
    if users.is_empty() {
        return None;
    }
    Some(over(
        "INSERT INTO link_kills (workspace_id, user_id, epoch, time, reason)
         SELECT u.workspace_id, u.id, u.link_epoch - 1, $2, r.reason FROM",
        vec![("user_id", Column::Numbers(users)), ("reason", Column::Texts(reasons))],
        "JOIN users u ON u.workspace_id = $1 AND u.id = r.user_id WHERE true ON CONFLICT DO NOTHING",
        values![workspace, now],
    ))
}

fn reason_of(entry: &AuditEntry) -> Option<&str> {
    if entry.event == AuditEvent::LinksKilled { entry.data.get("reason")?.as_str() } else { None }
}

impl Store {
    /// Forgets kills before a moment.
    pub async fn sweep_link_kills(&self, workspace: WorkspaceId, until: Timestamp) -> Result<(), StoreError> {
        let gone = sql(
            "DELETE FROM link_kills WHERE workspace_id = $1 AND time <= $2 AND (user_id, epoch) IN
               (SELECT user_id, epoch FROM link_kills WHERE workspace_id = $1 AND time <= $2 LIMIT 500) RETURNING 1",
            values![workspace, until],
        );
        self.until_none(gone).await
    }
}
