//! Links handed out again: counted in memory, written in batches.

use crate::domain::login_link::LoginLink;
use crate::domain::timestamp::Timestamp;
use crate::store::engine::unit_of_work::{UnitOfWork, sql};
use crate::store::engine::value::values;
use crate::store::{Store, StoreError};

/// Updates in one commit at most.
const BATCH: usize = 500;

impl Store {
    /// Counts that a link was handed out again; [`write_reuses`](Self::write_reuses) makes it durable.
    pub fn count_reuse(&self, link: &LoginLink, now: Timestamp) {
        self.reuses.add((link.draft.workspace, link.hash), (1, now));
    }

    /// Whether what was counted should be written down before there is no room for more.
    pub fn has_many_reuses(&self) -> bool {
        self.reuses.are_many()
    }

    /// Writes what was counted; what cannot be written is kept for the next time. It goes on if nobody waits for it any
    /// more: what was taken to be written must not be lost.
    pub async fn write_reuses(&self) -> Result<(), StoreError> {
        let store = self.clone();
        let written = tokio::spawn(async move { store.write_waiting_reuses().await }).await;
        written.map_err(|_| StoreError::Unexpected("the counters of reuse were not written to the end"))?
    }

    async fn write_waiting_reuses(&self) -> Result<(), StoreError> {
        let _turn = self.reuses.turn.lock().await;
        let mut waiting = self.reuses.take();
        // In one order, so that two nodes that count the same links wait for each other instead of standing across.
        waiting.sort_unstable_by_key(|((workspace, hash), _)| (workspace.0, *hash));
        for (number, batch) in waiting.chunks(BATCH).enumerate() {
            let counted = batch.iter().map(|((workspace, hash), (times, last_at))| {
                sql(
                    "UPDATE login_links SET times_issued = times_issued + $1,
                            last_issued_at = CASE WHEN last_issued_at < $2 THEN $2 ELSE last_issued_at END
                     WHERE workspace_id = $3 AND hash = $4",
                    values![*times, *last_at, *workspace, *hash],
                )
            });
            if let Err(error) = self.write(UnitOfWork::new().and_all(counted)).await {
                for (link, counted) in &waiting[number * BATCH..] {
                    self.reuses.add(*link, *counted);
                }
                return Err(error);
            }
        }
        Ok(())
    }
}
