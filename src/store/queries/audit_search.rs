//! Searches of the audit log, newest first: a page, or piece by piece.

use uuid::Uuid;

use super::audit::{AuditFilter, ListedEntry, first_id_at};
use crate::domain::list_query::ListQuery;
use crate::store::engine::unit_of_work::{Statement, sql};
use crate::store::engine::value::{Row, Value, all, first, values};
use crate::store::{ListError, ListPermit, Store};

/// Entries that one piece looks through at most, so that rare ones are found without a query that takes long.
const WINDOW: i64 = 20_000;

/// Some entries of a search, and where the next ones begin.
#[derive(Clone, PartialEq, Debug)]
pub struct AuditPiece {
    /// The entries; there may be none of them in this piece, and more in the next.
    pub rows: Vec<ListedEntry>,
    /// All further entries are older than this one; `None` where no more are left.
    pub next: Option<Uuid>,
}

impl Store {
    /// A part of the entries that a filter lets through, with one more than its limit if there are more.
    pub async fn search_audit_log(
        &self,
        permit: &ListPermit,
        filter: &AuditFilter,
        part: &ListQuery,
    ) -> Result<Vec<ListedEntry>, ListError> {
        let before = filter.until.map_or([0xFF; 16], first_id_at);
        let found = entries(permit, filter, (before, 0_u128.to_be_bytes()), (part.limit + 1, part.offset()));
        let rows = self.scan_with([found], Some(permit.clone()), |[rows]: [Vec<Row>; 1]| all(rows)).await;
        rows.map_err(|error| permit.classify(error))
    }

    /// The next entries that a filter lets through: those older than one, or the newest. It looks through so many entries that
    /// every piece takes about the same time.
    pub async fn next_audit_entries(
        &self,
        permit: &ListPermit,
        filter: &AuditFilter,
        (before, limit): (Option<Uuid>, i64),
    ) -> Result<AuditPiece, ListError> {
        let before = before.map(|id| *id.as_bytes()).or(filter.until.map(first_id_at)).unwrap_or([0xFF; 16]);
        let window = sql(
            "SELECT id FROM audit_log WHERE workspace_id = $1 AND id < $2 ORDER BY id DESC LIMIT 1 OFFSET $3",
            values![permit.workspace(), before, WINDOW],
        );
        let end = |[rows]: [Vec<Row>; 1]| first::<[u8; 16]>(rows);
        let end = self.scan_with([window], Some(permit.clone()), end).await;
        let end = end.map_err(|error| permit.classify(error))?;
        let found = entries(permit, filter, (before, end.unwrap_or_default()), (limit, 0));
        let rows = self.scan_with([found], Some(permit.clone()), |[rows]: [Vec<Row>; 1]| all(rows)).await;
        let rows: Vec<ListedEntry> = rows.map_err(|error| permit.classify(error))?;
        let is_full = i64::try_from(rows.len()).is_ok_and(|count| count == limit);
        let last = rows.last().map(|entry| entry.id).filter(|_| is_full);
        let since = filter.since.map(first_id_at).unwrap_or_default();
        let next = last.or(end.filter(|end| *end >= since).map(Uuid::from_bytes));
        Ok(AuditPiece { rows, next })
    }
}

/// The statement that gives entries older than one number and not older than another, so many after some that it skips.
fn entries(
    permit: &ListPermit,
    filter: &AuditFilter,
    (before, from): ([u8; 16], [u8; 16]),
    (limit, skipped): (i64, i64),
) -> Statement {
    let since = filter.since.map(first_id_at).unwrap_or_default();
    let mut values = values![permit.workspace(), before, from.max(since)];
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
    values.extend(values![limit, skipped]);
    let (limit, skipped) = (values.len() - 1, values.len());
    let text = format!(
        "SELECT id, time, event, user_id, actor, request_id, data FROM audit_log
         WHERE workspace_id = $1 AND id < $2 AND id >= $3{conditions} ORDER BY id DESC LIMIT ${limit} OFFSET ${skipped}"
    );
    sql(text, values)
}
