//! Reuses of links that are counted in memory until they are written.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::domain::login_link::LinkLookupKey;
use crate::domain::timestamp::Timestamp;
use crate::domain::workspace::WorkspaceId;

/// Links of a shard whose reuses wait to be written at most; the reuses of further ones are not counted.
const MAX_WAITING: usize = 6_000;

/// Links of a shard whose reuses are better written now.
const MANY: usize = 2_000;

/// Parts that are counted apart, so that callers seldom wait for each other.
const SHARDS: usize = 16;

/// How often a link was handed out again, and when last.
pub(super) type Count = (i64, Timestamp);

type Shard = HashMap<(WorkspaceId, LinkLookupKey), Count>;

/// The counts since they were last written.
#[derive(Default, Debug)]
pub(super) struct PendingReuses {
    shards: [Mutex<Shard>; SHARDS],
    /// Held by who writes them.
    pub(super) turn: tokio::sync::Mutex<()>,
}

impl PendingReuses {
    pub(super) fn add(&self, link: (WorkspaceId, LinkLookupKey), (times, at): Count) {
        // A hash begins with when its link was made: only its end lies anywhere.
        let shard = &self.shards[usize::from(link.1[31]) % SHARDS];
        let mut waiting = lock(shard);
        if waiting.len() < MAX_WAITING || waiting.contains_key(&link) {
            let (counted, last_at) = waiting.entry(link).or_insert((0, at));
            *counted += times;
            *last_at = at.max(*last_at);
        }
    }

    /// Whether there should be room for more soon.
    pub(super) fn are_many(&self) -> bool {
        self.shards.iter().any(|shard| lock(shard).len() > MANY)
    }

    /// Takes all of them.
    pub(super) fn take(&self) -> Vec<((WorkspaceId, LinkLookupKey), Count)> {
        self.shards.iter().flat_map(|shard| std::mem::take(&mut *lock(shard))).collect()
    }
}

fn lock(shard: &Mutex<Shard>) -> MutexGuard<'_, Shard> {
    shard.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    #[test]
    fn reuses_of_many_links_of_one_moment_find_room() {
        let (reuses, now) = (PendingReuses::default(), Timestamp::from_millis(0));

        for _ in 0..50_000 {
            let mut hash = [1; 32];
            hash[16..].copy_from_slice(Uuid::new_v4().as_bytes());
            reuses.add((WorkspaceId(1), hash), (1, now));
        }

        assert_eq!(reuses.take().len(), 50_000);
    }
}
