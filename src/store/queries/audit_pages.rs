//! Pages of the audit log.

use std::sync::Arc;

use super::audit::{ListedEntry, first_id_at};
use super::list::{self, Source};
use crate::domain::list_query::{ListQuery, Page};
use crate::domain::timestamp::Timestamp;
use crate::domain::workspace::WorkspaceId;
use crate::store::counted_rows::{CountedRows, RANGE};
use crate::store::engine::unit_of_work::{Statement, sql};
use crate::store::engine::value::{Row, all, first, only, values};
use crate::store::{ListError, ListPermit, Store, StoreError};

/// How old entries are before they are counted for good, in seconds: by then every entry of their time is committed, since a
/// write that takes longer than ten seconds is given up.
const SETTLED_AFTER: i64 = 30;

/// Ranges that one list counts at most; with a longer log, the next one goes on.
const RANGES_AT_ONCE: i64 = 2_000;

/// The number of an entry, as it is stored.
type EntryId = [u8; 16];

/// What a log looks like at a moment.
struct Extent {
    /// Its oldest and newest entry.
    ends: Option<(EntryId, EntryId)>,
    /// How many entries there are behind the counted ones that will not become more.
    settled: i64,
    /// How many there are behind those.
    recent: i64,
}

impl Store {
    /// The audit log of a workspace, newest first.
    pub async fn list_audit_entries(
        &self,
        permit: &ListPermit,
        options: &ListQuery,
        now: Timestamp,
    ) -> Result<Page<ListedEntry>, ListError> {
        if let Some(is_descending) = options.whole_in_order_of("id", true) {
            return self.list_whole_log(permit, options, is_descending, now).await;
        }
        self.list(permit, filtered(permit.workspace(), options), |entry| entry).await
    }

    /// A page of the whole log in the order of its entries, without counting what was counted before.
    async fn list_whole_log(
        &self,
        permit: &ListPermit,
        options: &ListQuery,
        is_descending: bool,
        now: Timestamp,
    ) -> Result<Page<ListedEntry>, ListError> {
        let settled = first_id_at(now.plus_seconds(-SETTLED_AFTER));
        let mut counted = self.counted.logs.get(permit.workspace()).unwrap_or_default();
        let mut extent = self.extent_of_log(permit, &counted, settled).await?;
        let is_short = extent.ends.is_some_and(|(oldest, _)| !counted.is_whole(oldest));
        if is_short || extent.settled >= 2 * RANGE {
            counted = self.count_log(permit, &counted, &extent, settled).await?;
            self.counted.logs.insert(permit.workspace(), Arc::clone(&counted));
            extent = self.extent_of_log(permit, &counted, settled).await?;
        }
        let Some((_, newest)) = extent.ends else { return Ok(Page { rows: Vec::new(), total: 0 }) };
        let total = counted.count() + extent.settled + extent.recent;
        let wanted = options.rows_of(total, is_descending);
        if wanted.is_empty() {
            return Ok(Page { rows: Vec::new(), total });
        }
        // Backwards from there: entries that come meanwhile are not seen, and the sweep takes away none that is skipped.
        let (last, skipped) = counted.find(wanted.end).unwrap_or((newest, total - wanted.end));
        let page = page(permit.workspace(), last, (wanted.end - wanted.start, skipped));
        let rows_of = move |rows| {
            let mut rows = all(rows)?;
            if !is_descending {
                rows.reverse();
            }
            Ok(rows)
        };
        Ok(Page { rows: self.look(permit, page, rows_of).await?, total })
    }

    async fn extent_of_log(
        &self,
        permit: &ListPermit,
        counted: &CountedRows<16>,
        settled: EntryId,
    ) -> Result<Extent, ListError> {
        let extent = self.scan_with(
            extent(permit.workspace(), counted.last(), settled),
            Some(permit.clone()),
            |[oldest, newest, settled, recent]| {
                let ends = first::<EntryId>(oldest)?.zip(first(newest)?);
                Ok(Extent { ends, settled: only(settled)?, recent: only(recent)? })
            },
        );
        extent.await.map_err(|error| permit.classify(error))
    }

    /// Counts again of what the sweep has taken a part, and for the first time what has settled since.
    async fn count_log(
        &self,
        permit: &ListPermit,
        counted: &CountedRows<16>,
        extent: &Extent,
        settled: EntryId,
    ) -> Result<Arc<CountedRows<16>>, ListError> {
        let mut log = counted.clone();
        let (oldest, _) = extent.ends.unwrap_or_default();
        let partial = log.shorten(oldest).map_or(oldest, |range| range.last);
        let statements = count(permit.workspace(), (oldest, partial), log.last(), settled);
        let ranges_of = move |[left, next, ends]: [Vec<Row>; 3]| -> Result<_, StoreError> {
            log.recount_first(oldest, only(left)?);
            if let Some(next) = first(next)? {
                log.extend(next, all::<EntryId>(ends)?);
            }
            Ok(Arc::new(log))
        };
        let ranges = self.scan_with(statements, Some(permit.clone()), ranges_of).await;
        ranges.map_err(|error| permit.classify(error))
    }
}

/// The statements that give how many entries filters let through, and one page of them in any order.
pub(super) fn filtered(workspace: WorkspaceId, options: &ListQuery) -> [Statement; 2] {
    let source = Source {
        column_of: str::to_owned,
        columns: "id, time, event, user_id, actor, request_id, data",
        table: "audit_log WHERE workspace_id = $1",
        key: "id",
        key_field: "id",
        from: "FROM audit_log WHERE workspace_id = $1".to_owned(),
        values: values![workspace],
        first: None,
        order: "id DESC",
        total: None,
    };
    list::statements(&source, options)
}

/// The statements that give the ends of a log, and count what is behind a known entry.
pub(super) fn extent(workspace: WorkspaceId, known: EntryId, settled: EntryId) -> [Statement; 4] {
    [
        sql("SELECT id FROM audit_log WHERE workspace_id = $1 ORDER BY id LIMIT 1", values![workspace]),
        sql("SELECT id FROM audit_log WHERE workspace_id = $1 ORDER BY id DESC LIMIT 1", values![workspace]),
        sql(
            "SELECT count(*) FROM audit_log WHERE workspace_id = $1 AND id > $2 AND id <= $3",
            values![workspace, known, settled],
        ),
        sql(
            "SELECT count(*) FROM audit_log WHERE workspace_id = $1 AND id > $2",
            values![workspace, known.max(settled)],
        ),
    ]
}

/// The statement that gives so many entries from one on, newest first, after some that it skips.
pub(super) fn page(workspace: WorkspaceId, from: EntryId, (count, skipped): (i64, i64)) -> Statement {
    sql(
        "SELECT id, time, event, user_id, actor, request_id, data FROM audit_log
         WHERE workspace_id = $1 AND id <= $2 ORDER BY id DESC LIMIT $3 OFFSET $4",
        values![workspace, from, count, skipped],
    )
}

/// The statements that count what is left of a range, and give the first entry behind a known one and the last of each range from
/// there on.
pub(super) fn count(
    workspace: WorkspaceId,
    (oldest, last): (EntryId, EntryId),
    known: EntryId,
    settled: EntryId,
) -> [Statement; 3] {
    let range_end = format!(
        "(SELECT a.id FROM audit_log a WHERE a.workspace_id = $1 AND a.id > KNOWN AND a.id <= $3 ORDER BY a.id LIMIT 1 OFFSET {})",
        RANGE - 1
    );
    let ends = format!(
        "WITH RECURSIVE ends (id, number) AS (
             SELECT {}, 1 UNION ALL SELECT {}, number + 1 FROM ends WHERE id IS NOT NULL AND number < $4)
         SELECT id FROM ends WHERE id IS NOT NULL ORDER BY id",
        range_end.replace("KNOWN", "$2"),
        range_end.replace("KNOWN", "ends.id")
    );
    [
        sql(
            "SELECT count(*) FROM audit_log WHERE workspace_id = $1 AND id >= $2 AND id <= $3",
            values![workspace, oldest, last],
        ),
        sql(
            "SELECT id FROM audit_log WHERE workspace_id = $1 AND id > $2 ORDER BY id LIMIT 1",
            values![workspace, known],
        ),
        sql(ends, values![workspace, known, settled, RANGES_AT_ONCE]),
    ]
}
