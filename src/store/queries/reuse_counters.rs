//! Links handed out again: counted in memory, written in batches.

use std::collections::BTreeMap;

use uuid::Uuid;

use super::counted_batches::once;
use super::link_stats::count_handed_out;
use crate::domain::login_link::{LinkLookupKey, LoginLink};
use crate::domain::timestamp::Timestamp;
use crate::domain::workspace::WorkspaceId;
use crate::store::engine::unit_of_work::{Statement, UnitOfWork, sql};
use crate::store::engine::value::values;
use crate::store::pending_reuses::{Count, ReuseBatch};
use crate::store::{Store, StoreError};

/// Updates in one commit at most.
const BATCH: usize = 500;

impl Store {
    /// Counts that a link was handed out again; [`write_reuses`](Self::write_reuses) makes it durable.
    pub fn count_reuse(&self, link: &LoginLink, now: Timestamp) {
        self.reuses.add((link.draft.workspace, link.hash), Count::once(now));
    }

    /// How often a link was handed out again, and when last, that is not written yet.
    pub fn pending_reuses(&self, link: &LoginLink) -> Option<(i64, Timestamp)> {
        self.reuses.of(&(link.draft.workspace, link.hash)).map(|count| (count.times, count.last_at))
    }

    /// Whether what was counted should be written down before there is no room for more.
    pub fn has_many_reuses(&self) -> bool {
        self.reuses.are_many()
    }

    /// Writes what was counted; what cannot be written is written the next time, and counted once. It goes on if nobody waits for it any
    /// more: what was taken to be written must not be lost.
    pub async fn write_reuses(&self) -> Result<(), StoreError> {
        let store = self.clone();
        let written = tokio::spawn(async move { store.write_waiting_reuses().await }).await;
        written.map_err(|_| StoreError::Unexpected("the counters of reuse were not written to the end"))?
    }

    async fn write_waiting_reuses(&self) -> Result<(), StoreError> {
        let mut unwritten = self.reuses.unwritten.lock().await;
        self.write_batches(&mut unwritten).await?;
        let mut waiting = self.reuses.take();
        // In one order, so that two nodes that count the same links wait for each other instead of standing across.
        waiting.sort_unstable_by_key(|((workspace, hash), _)| (workspace.0, *hash));
        *unwritten = waiting.chunks(BATCH).map(|batch| (Uuid::new_v4(), batch.to_vec())).collect();
        self.write_batches(&mut unwritten).await
    }

    /// Writes batches until one cannot be written.
    async fn write_batches(&self, unwritten: &mut Vec<ReuseBatch>) -> Result<(), StoreError> {
        while let Some((id, batch)) = unwritten.last() {
            let at = batch.iter().map(|(_, count)| count.last_at).max().unwrap_or(Timestamp::from_millis(0));
            let counted = batch.iter().map(|((workspace, hash), count)| {
                sql(
                    "UPDATE login_links SET times_issued = times_issued + $1,
                            last_issued_at = CASE WHEN last_issued_at < $2 THEN $2 ELSE last_issued_at END
                     WHERE workspace_id = $3 AND hash = $4",
                    values![count.times, count.last_at, *workspace, *hash],
                )
            });
            let unit = UnitOfWork::new().guard(once(*id, at)).and_all(counted).and_all(by_hour(batch));
            let _is_new = self.apply(unit).await?;
            unwritten.pop();
        }
        Ok(())
    }
}

/// The statements that count a batch by workspace and hour.
fn by_hour(batch: &[((WorkspaceId, LinkLookupKey), Count)]) -> impl Iterator<Item = Statement> + use<> {
    let mut hours = BTreeMap::<(i64, Timestamp), i64>::new();
    for ((workspace, _), count) in batch {
        for (hour, times) in count.by_hour().into_iter().filter(|(_, times)| *times > 0) {
            *hours.entry((workspace.0, hour)).or_default() += times;
        }
    }
    hours.into_iter().map(|((workspace, hour), times)| count_handed_out(WorkspaceId(workspace), hour, times))
}
