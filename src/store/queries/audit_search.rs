//! Searches of the audit log, newest first, piece by piece.

use uuid::Uuid;

use super::audit::{AuditFilter, ListedEntry, first_id_at};
use crate::domain::audit::AuditEvent;
use crate::domain::timestamp::Timestamp;
use crate::domain::user::UserId;
use crate::domain::workspace::WorkspaceId;
use crate::store::engine::unit_of_work::{Statement, sql};
use crate::store::engine::value::{Row, Value, all, first, values};
use crate::store::{ListError, ListPermit, Store, StoreError};

/// Entries of a user that are looked through for the newest.
const LOOKED_THROUGH: i64 = 100;

/// Entries that one piece looks through at most, so that rare ones are found without a query that takes long.
const WINDOW: i64 = 5_000;

/// The numbers that a piece lies between: it is older than the first, and not older than the second.
type Bounds = ([u8; 16], [u8; 16]);

/// Some entries of a search, and where the next ones begin.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct AuditPiece {
    /// The entries; there may be none of them in this piece, and more in the next.
    pub rows: Vec<ListedEntry>,
    /// All further entries are older than this one; `None` where no more are left.
    pub next: Option<Uuid>,
    /// How far back it has looked, where it ends because it has looked through enough: nobody knows whether more are left.
    pub looked_to: Option<Timestamp>,
}

impl Store {
    /// The next entries that a filter lets through: those older than one, or the newest. It looks through so many entries that
    /// every piece takes about the same time; of a user, through the user's alone.
    pub async fn next_audit_entries(
        &self,
        permit: &ListPermit,
        filter: &AuditFilter,
        (before, limit): (Option<Uuid>, i64),
    ) -> Result<AuditPiece, ListError> {
        let before = before.map_or([0xFF; 16], |id| *id.as_bytes());
        let before = filter.until.map_or(before, |until| before.min(first_id_at(until)));
        let since = filter.since.map(first_id_at).unwrap_or_default();
        let workspace = permit.workspace();
        let window = window(workspace, filter.user, (before, since), WINDOW);
        let end = |[rows]: [Vec<Row>; 1]| first::<([u8; 16], Timestamp)>(rows);
        let end = self.scan_with([window], Some(permit.clone()), end).await;
        let end = end.map_err(|error| permit.classify(error))?;
        let bounds = (before, end.map_or(since, |(id, _)| id));
        // One more than are wanted says whether there are more.
        let found = entries(workspace, filter, bounds, limit + 1);
        let rows = self.scan_with([found], Some(permit.clone()), |[rows]: [Vec<Row>; 1]| all(rows)).await;
        let mut rows: Vec<ListedEntry> = rows.map_err(|error| permit.classify(error))?;
        let limit = usize::try_from(limit).unwrap_or(usize::MAX);
        if rows.len() > limit {
            rows.truncate(limit);
            let next = rows.last().map(|entry| entry.id);
            return Ok(AuditPiece { rows, next, looked_to: None });
        }
        let next = end.map(|(id, _)| Uuid::from_bytes(id));
        Ok(AuditPiece { rows, next, looked_to: end.map(|(_, time)| time) })
    }

    /// The newest entries about a user, however long the log is, but for looks of admins: each look at the user would be one.
    pub async fn list_entries_about(
        &self,
        workspace: WorkspaceId,
        user: UserId,
        limit: usize,
    ) -> Result<Vec<ListedEntry>, StoreError> {
        let filter = AuditFilter { user: Some(user), ..AuditFilter::default() };
        let found = self.find_all(entries(workspace, &filter, ([0xFF; 16], [0; 16]), LOOKED_THROUGH)).await?;
        let is_look = |entry: &ListedEntry| entry.event == AuditEvent::AdminLooked.name();
        Ok(found.into_iter().filter(|entry| !is_look(entry)).take(limit).collect())
    }
}

/// The statement that gives the last entry of those that are looked through, if there are so many.
pub(super) fn window(
    workspace: WorkspaceId,
    user: Option<UserId>,
    (before, from): Bounds,
    length: i64,
) -> Statement {
    let mut values = values![workspace, before, from, length - 1];
    let mut condition = "";
    if let Some(user) = user {
        values.push(user.into());
        condition = " AND user_id = $5";
    }
    let text = format!(
        "SELECT id, time FROM audit_log WHERE workspace_id = $1 AND id < $2 AND id >= $3{condition}
         ORDER BY id DESC LIMIT 1 OFFSET $4"
    );
    sql(text, values)
}

/// The statement that gives the newest entries between two numbers that a filter lets through.
pub(super) fn entries(
    workspace: WorkspaceId,
    filter: &AuditFilter,
    (before, from): Bounds,
    limit: i64,
) -> Statement {
    let mut values = values![workspace, before, from, limit];
    let mut conditions = String::new();
    let mut narrow = |column: &str, value: Option<Value>| {
        if let Some(value) = value {
            values.push(value);
            conditions = format!("{conditions} AND {column} = ${}", values.len());
        }
    };
    narrow("event", filter.event.as_deref().map(Value::from));
    narrow("user_id", filter.user.map(Value::from));
    narrow("actor", filter.actor.as_deref().map(Value::from));
    let text = format!(
        "SELECT id, time, event, user_id, actor, request_id, data FROM audit_log
         WHERE workspace_id = $1 AND id < $2 AND id >= $3{conditions} ORDER BY id DESC LIMIT $4"
    );
    sql(text, values)
}
