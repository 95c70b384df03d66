//! Reuses of links that are counted in memory until they are written.

use std::cmp::Ordering;
use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use uuid::Uuid;

use crate::domain::login_link::LinkLookupKey;
use crate::domain::timestamp::Timestamp;
use crate::domain::workspace::WorkspaceId;

/// Links of a shard whose reuses wait to be written at most; the reuses of further ones are not counted.
const MAX_WAITING: usize = 6_000;

/// Links of a shard whose reuses are better written now.
const MANY: usize = 2_000;

/// Parts that are counted apart, so that callers seldom wait for each other.
const SHARDS: usize = 16;

/// How often a link was handed out again.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Count {
    /// How often.
    pub(super) times: i64,
    /// When last.
    pub(super) last_at: Timestamp,
    /// How often before the hour in which it was last.
    pub(super) earlier: i64,
}

impl Count {
    /// Once.
    pub(super) const fn once(at: Timestamp) -> Self {
        Self { times: 1, last_at: at, earlier: 0 }
    }

    fn add(&mut self, other: Self) {
        let (hour, other_hour) = (self.last_at.start_of_hour(), other.last_at.start_of_hour());
        self.earlier = match hour.cmp(&other_hour) {
            Ordering::Less => self.times + other.earlier,
            Ordering::Equal => self.earlier + other.earlier,
            Ordering::Greater => self.earlier + other.times,
        };
        self.times += other.times;
        self.last_at = self.last_at.max(other.last_at);
    }

    /// By the hour, as far as that is known: the hour in which it was last, and the one before it.
    pub(super) fn by_hour(self) -> [(Timestamp, i64); 2] {
        let hour = self.last_at.start_of_hour();
        [(hour, self.times - self.earlier), (hour.plus_seconds(-3_600), self.earlier)]
    }
}

type Shard = HashMap<(WorkspaceId, LinkLookupKey), Count>;

/// The counts since they were last written.
#[derive(Default, Debug)]
pub(super) struct PendingReuses {
    shards: [Mutex<Shard>; SHARDS],
    /// Batches that could not be written; held by who writes. They are written as they are: what may have been committed is counted once.
    pub(super) unwritten: tokio::sync::Mutex<Vec<ReuseBatch>>,
}

/// What is written in one commit, with its number.
pub(super) type ReuseBatch = (Uuid, Vec<((WorkspaceId, LinkLookupKey), Count)>);

impl PendingReuses {
    pub(super) fn add(&self, link: (WorkspaceId, LinkLookupKey), count: Count) {
        // A hash begins with when its link was made: only its end lies anywhere.
        let shard = &self.shards[usize::from(link.1[31]) % SHARDS];
        let mut waiting = lock(shard);
        if waiting.len() < MAX_WAITING || waiting.contains_key(&link) {
            waiting.entry(link).and_modify(|counted| counted.add(count)).or_insert(count);
        }
    }

    /// What waits to be written of a link.
    pub(super) fn of(&self, link: &(WorkspaceId, LinkLookupKey)) -> Option<Count> {
        lock(&self.shards[usize::from(link.1[31]) % SHARDS]).get(link).copied()
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
    use super::*;

    #[test]
    fn reuses_of_many_links_of_one_moment_find_room() {
        let (reuses, now) = (PendingReuses::default(), Timestamp::from_millis(0));

        for _ in 0..50_000 {
            let mut hash = [1; 32];
            hash[16..].copy_from_slice(Uuid::new_v4().as_bytes());
            reuses.add((WorkspaceId(1), hash), Count::once(now));
        }

        assert_eq!(reuses.take().len(), 50_000);
    }

    #[test]
    fn reuses_count_in_the_hour_in_which_they_were() {
        let (reuses, link) = (PendingReuses::default(), (WorkspaceId(1), [1; 32]));
        let hour = |number: i64| Timestamp::from_millis(number * 3_600_000);

        for minute in [58, 59, 60, 61, 59] {
            reuses.add(link, Count::once(Timestamp::from_millis(minute * 60_000)));
        }

        let counted = reuses.of(&link).unwrap();
        assert_eq!((counted.times, counted.by_hour()), (5, [(hour(1), 2), (hour(0), 3)]));
    }
}
