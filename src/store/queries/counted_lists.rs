//! Pages of lists of which no kept number says how long they are, since their rows end by themselves: a long one is counted once in a
//! while, and its pages are found by what was counted.

use std::sync::Arc;

use super::list::{self, Source};
use crate::domain::list_query::{ListQuery, Page};
use crate::domain::timestamp::Timestamp;
use crate::store::counted_rows::{CountedLists, CountedRows, RANGE};
use crate::store::engine::unit_of_work::{Statement, sql};
use crate::store::engine::value::{FromRow, Row, all, first, only, values};
use crate::store::{ListError, ListPermit, Store};

/// A list of more rows is long: it is not counted for every page.
const LONG: i64 = 10_000;

/// So many rows before a page are skipped one by one: that takes less than to find the range of the page.
const NEAR: i64 = RANGE;

/// How old rows are before they are counted for more than a page, in seconds: by then every row of their time is committed, since
/// a write that takes longer than ten seconds is given up, and no clock of a node that is ready is two seconds behind.
const SETTLED_AFTER: i64 = 15;

/// Ranges that are counted; in a longer list, the rows behind them are counted for every page.
const RANGES_AT_ONCE: i64 = 10_000;

/// Up to when rows are counted for more than a page.
pub(super) const fn settled_at(now: Timestamp) -> Timestamp {
    now.plus_seconds(-SETTLED_AFTER)
}

impl Store {
    /// A page of a list, and how long that is. Of a long list that is asked for whole and in its own order, the rows that were there a
    /// few seconds ago are not counted anew; rows before the key `settled` become no more.
    pub(super) async fn list_counted<const N: usize, R: FromRow, T: Send + 'static>(
        &self,
        permit: &ListPermit,
        (lists, settled): (&CountedLists<N>, [u8; N]),
        (source, options): (&Source, &ListQuery),
        made_of: impl Fn(R) -> T + Clone + Send + 'static,
    ) -> Result<Page<T>, ListError> {
        let Some(is_descending) = options.whole_in_order_of(source.key_field, true) else {
            return self.list(permit, list::statements(source, options), made_of).await;
        };
        let counted = if let Some(counted) = lists.get(permit.workspace()) {
            counted
        } else {
            // No page of a short list lies so deep.
            let limit = if options.offset() > LONG { 0 } else { options.limit };
            let [_, short] = list::statements(source, &ListQuery { limit, ..options.clone() });
            let listed = self.list(permit, [count_up_to(source, LONG + 1), short], made_of.clone()).await?;
            if listed.total <= LONG {
                return Ok(listed);
            }
            let counted = self.count_rows(permit, source, settled).await?;
            if counted.count() == 0 {
                // All of them are new.
                return self.list(permit, list::statements(source, options), made_of).await;
            }
            lists.insert(permit.workspace(), Arc::clone(&counted));
            counted
        };
        let source = &source.beginning_at(counted.first());
        let behind = count_behind(source, counted.last());
        if options.offset() <= NEAR {
            let [_, page] = list::statements(source, options);
            let Page { rows, total } = self.list(permit, [behind, page], made_of).await?;
            return Ok(Page { rows, total: counted.count() + total });
        }
        let behind: i64 = self.look(permit, behind, only).await?;
        let total = counted.count() + behind;
        let wanted = options.rows_of(total, is_descending);
        if wanted.is_empty() {
            return Ok(Page { rows: Vec::new(), total });
        }
        // Backwards from there: rows that come meanwhile are not seen, unless the page itself is among the new ones.
        let (last, skipped) = counted.find(wanted.end).unwrap_or(([0xFF; N], total - wanted.end));
        let page = backwards(source, last, (wanted.end - wanted.start, skipped));
        let rows_of = move |rows| {
            let mut rows: Vec<T> = all(rows)?.into_iter().map(made_of).collect();
            if !is_descending {
                rows.reverse();
            }
            Ok(rows)
        };
        Ok(Page { rows: self.look(permit, page, rows_of).await?, total })
    }

    async fn count_rows<const N: usize>(
        &self,
        permit: &ListPermit,
        source: &Source,
        settled: [u8; N],
    ) -> Result<Arc<CountedRows<N>>, ListError> {
        let mut counted = CountedRows::default();
        let ranges_of = move |[row, ends]: [Vec<Row>; 2]| {
            counted.extend(first(row)?.unwrap_or([0; N]), all::<[u8; N]>(ends)?);
            Ok(Arc::new(counted))
        };
        let ranges = self.scan_with(ranges(source, settled), Some(permit.clone()), ranges_of).await;
        ranges.map_err(|error| permit.classify(error))
    }
}

/// The statement that counts so many rows of a list at most.
pub(super) fn count_up_to(source: &Source, most: i64) -> Statement {
    let (from, mut values) = source.bounded();
    values.extend(values![most]);
    sql(format!("SELECT count(*) FROM (SELECT 1 {from} LIMIT ${}) counted", values.len()), values)
}

/// The statement that counts the rows of a list behind one.
pub(super) fn count_behind<const N: usize>(source: &Source, last: [u8; N]) -> Statement {
    let mut values = source.values.clone();
    values.extend(values![last]);
    sql(format!("SELECT count(*) {} AND {} > ${}", source.from, source.key, values.len()), values)
}

/// The statement that gives so many rows of a list from one on, the highest first, after some that it skips.
pub(super) fn backwards<const N: usize>(
    source: &Source,
    last: [u8; N],
    (count, skipped): (i64, i64),
) -> Statement {
    let (from, mut values) = source.bounded();
    values.extend(values![last]);
    let from = format!("{from} AND {} <= ${}", source.key, values.len());
    list::rows(source, (&from, values), &format!("{} DESC", source.key), (count, skipped))
}

/// The statements that give the first row of a list, and the last one of each range before a key.
pub(super) fn ranges<const N: usize>(source: &Source, settled: [u8; N]) -> [Statement; 2] {
    let (bounded, mut values) = source.bounded();
    let first = sql(format!("SELECT {} {bounded} ORDER BY 1 LIMIT 1", source.key), values.clone());
    values.extend(values![settled, RANGES_AT_ONCE]);
    let Source { from, key, .. } = source;
    let end = format!("AND {key} < ${} ORDER BY {key} LIMIT 1 OFFSET {}", values.len() - 1, RANGE - 1);
    // From one range to the next there is one condition on where a row lies, so that SQLite begins there.
    let text = format!(
        "WITH RECURSIVE ends (place, number) AS (
             SELECT (SELECT {key} {bounded} {end}), 1
             UNION ALL
             SELECT (SELECT {key} {from} AND {key} > ends.place {end}), number + 1 FROM ends
             WHERE place IS NOT NULL AND number < ${})
         SELECT place FROM ends WHERE place IS NOT NULL ORDER BY place",
        values.len()
    );
    [first, sql(text, values)]
}
