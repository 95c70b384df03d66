//! Links handed out again: counted in memory, written in batches.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use crate::domain::login_link::{LinkLookupKey, LoginLink};
use crate::domain::timestamp::Timestamp;
use crate::domain::workspace::WorkspaceId;
use crate::store::engine::unit_of_work::{UnitOfWork, sql};
use crate::store::engine::value::values;
use crate::store::{Store, StoreError};

/// Links of a shard whose reuses wait to be written at most; the reuses of further ones are not counted.
const MAX_WAITING: usize = 6_000;

/// Links of a shard whose reuses are better written now.
const MANY: usize = 2_000;

/// Updates in one commit at most.
const BATCH: usize = 500;

/// Parts that are counted apart, so that callers seldom wait for each other.
const SHARDS: usize = 16;

/// How often a link was handed out again, and when last.
type Count = (i64, Timestamp);

/// The counts since they were last written.
#[derive(Default, Debug)]
pub(in crate::store) struct Reuses {
    shards: [Mutex<HashMap<(WorkspaceId, LinkLookupKey), Count>>; SHARDS],
    /// Held by who writes them.
    turn: tokio::sync::Mutex<()>,
}

impl Store {
    /// Counts that a link was handed out again; [`write_reuses`](Self::write_reuses) makes it durable.
    pub fn count_reuse(&self, link: &LoginLink, now: Timestamp) {
        self.reuses.add((link.draft.workspace, link.hash), (1, now));
    }

    /// Whether what was counted should be written down before there is no room for more.
    pub fn has_many_reuses(&self) -> bool {
        let waiting =
            |shard: &Mutex<HashMap<_, _>>| shard.lock().unwrap_or_else(PoisonError::into_inner).len();
        self.reuses.shards.iter().any(|shard| waiting(shard) > MANY)
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
        let taken =
            |shard: &Mutex<_>| std::mem::take(&mut *shard.lock().unwrap_or_else(PoisonError::into_inner));
        let mut waiting: Vec<_> = self.reuses.shards.iter().flat_map(taken).collect();
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

impl Reuses {
    fn add(&self, link: (WorkspaceId, LinkLookupKey), (times, at): Count) {
        // A hash begins with when its link was made: only its end lies anywhere.
        let shard = &self.shards[usize::from(link.1[31]) % SHARDS];
        let mut waiting = shard.lock().unwrap_or_else(PoisonError::into_inner);
        if waiting.len() < MAX_WAITING || waiting.contains_key(&link) {
            let (counted, last_at) = waiting.entry(link).or_insert((0, at));
            *counted += times;
            *last_at = at.max(*last_at);
        }
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    #[test]
    fn reuses_of_many_links_of_one_moment_find_room() {
        let (reuses, now) = (Reuses::default(), Timestamp::from_millis(0));

        for _ in 0..50_000 {
            let mut hash = [1; 32];
            hash[16..].copy_from_slice(Uuid::new_v4().as_bytes());
            reuses.add((WorkspaceId(1), hash), (1, now));
        }

        let counted = reuses.shards.iter().map(|shard| shard.lock().unwrap().len());
        assert_eq!(counted.sum::<usize>(), 50_000);
    }
}
