//! What this process has counted of the audit logs: old entries do not change, so nobody counts them for every page.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::domain::workspace::WorkspaceId;

/// The number of an entry, as it is stored.
pub(super) type EntryId = [u8; 16];

/// Entries of a range when it is counted first.
pub(super) const RANGE: i64 = 1_024;

/// Ranges of a log at most; with more of them, each takes in its neighbour.
const MAX_RANGES: usize = 1_024;

/// Logs that are remembered at most.
const MAX_LOGS: usize = 64;

/// How long a count is trusted. An entry may have come to lie in a range that was counted before, if the clock of the process
/// that wrote it was far behind.
const TRUSTED: Duration = Duration::from_mins(10);

/// Some entries that follow one another.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Range {
    /// The first entry.
    pub(super) first: EntryId,
    /// The last entry.
    pub(super) last: EntryId,
    /// How many there are.
    pub(super) count: i64,
}

/// The counted part of a log: the ranges from its oldest entry on.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct CountedLog {
    since: Instant,
    ranges: Vec<Range>,
}

impl CountedLog {
    fn empty() -> Self {
        Self { since: Instant::now(), ranges: Vec::new() }
    }

    /// The last entry that was counted; every entry is behind it if none was.
    pub(super) fn last(&self) -> EntryId {
        self.ranges.last().map_or([0; 16], |range| range.last)
    }

    /// How many entries were counted.
    pub(super) fn count(&self) -> i64 {
        self.ranges.iter().map(|range| range.count).sum()
    }

    /// Whether all that was counted is there still, by the oldest entry there is. The sweep takes the oldest away.
    pub(super) fn is_whole(&self, oldest: EntryId) -> bool {
        self.ranges.first().is_none_or(|range| range.first == oldest)
    }

    /// Forgets ranges that are gone, and gives the one of which a part may be gone.
    pub(super) fn shorten(&mut self, oldest: EntryId) -> Option<Range> {
        self.ranges.retain(|range| range.last >= oldest);
        self.ranges.first().copied()
    }

    /// Notes what is left of the first range.
    pub(super) fn recount_first(&mut self, oldest: EntryId, count: i64) {
        if let Some(range) = self.ranges.first_mut() {
            (range.first, range.count) = (oldest, count);
        }
    }

    /// Adds ranges behind the others, by the first entry behind what was counted and the last entry of each range.
    pub(super) fn extend(&mut self, first: EntryId, ends: impl IntoIterator<Item = EntryId>) {
        let mut first = first;
        for last in ends {
            self.ranges.push(Range { first, last, count: RANGE });
            first = last;
        }
        while self.ranges.len() > MAX_RANGES {
            let pairs = self.ranges.chunks(2).map(|pair| {
                let (first, last) = (pair[0], pair[pair.len() - 1]);
                Range { count: pair.iter().map(|range| range.count).sum(), last: last.last, ..first }
            });
            self.ranges = pairs.collect();
        }
    }

    /// The last entry of the range in which so many entries end, and how many entries of that range come behind those.
    pub(super) fn find(&self, entries: i64) -> Option<(EntryId, i64)> {
        let mut counted = 0;
        self.ranges.iter().find_map(|range| {
            counted += range.count;
            (counted >= entries).then_some((range.last, counted - entries))
        })
    }
}

/// What was counted of each log.
#[derive(Debug, Default)]
pub(super) struct CountedLogs(Mutex<HashMap<WorkspaceId, Arc<CountedLog>>>);

impl CountedLogs {
    /// What is known of a log.
    pub(super) fn get(&self, workspace: WorkspaceId) -> Arc<CountedLog> {
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner).get(&workspace).cloned();
        let trusted = known.filter(|known| known.since.elapsed() < TRUSTED);
        trusted.unwrap_or_else(|| Arc::new(CountedLog::empty()))
    }

    /// Remembers what was counted of a log.
    pub(super) fn insert(&self, workspace: WorkspaceId, counted: Arc<CountedLog>) {
        let mut logs = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if logs.len() >= MAX_LOGS && !logs.contains_key(&workspace) {
            let oldest = logs.iter().min_by_key(|(_, log)| log.since).map(|(workspace, _)| *workspace);
            oldest.map(|oldest| logs.remove(&oldest));
        }
        logs.insert(workspace, counted);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(number: i64) -> EntryId {
        i128::from(number).to_be_bytes()
    }

    /// A log of the entries 1, 2, 3 and so on.
    fn log(ranges: i64) -> CountedLog {
        let mut log = CountedLog::empty();
        log.extend(id(1), (1..=ranges).map(|range| id(range * RANGE)));
        log
    }

    #[test]
    fn an_entry_is_found_by_how_many_come_before_it() {
        for ranges in [1, 3, 1_024, 1_025, 5_000] {
            let log = log(ranges);

            assert_eq!(log.count(), ranges * RANGE);
            assert!(log.ranges.len() <= MAX_RANGES);
            for entries in (1..=log.count()).step_by(509) {
                let (last, behind) = log.find(entries).unwrap();
                assert_eq!(last, id(entries + behind), "{entries} of {ranges} ranges");
            }
            assert_eq!(log.find(log.count() + 1), None);
        }
    }

    #[test]
    fn what_the_sweep_has_taken_counts_no_longer() {
        let mut log = log(4);

        assert!(log.is_whole(id(1)));
        assert!(!log.is_whole(id(2_000)));
        let partial = log.shorten(id(2_000)).unwrap();
        log.recount_first(id(2_000), 49);

        assert_eq!((partial.last, partial.count), (id(2_048), RANGE));
        assert!(log.is_whole(id(2_000)));
        assert_eq!(log.count(), 49 + 2 * RANGE);
        assert_eq!(log.find(50), Some((id(3_072), RANGE - 1)));
        assert_eq!(log.shorten(id(9_000)), None);
    }

    #[test]
    fn a_log_is_known_for_a_while_and_few_are() {
        let logs = CountedLogs::default();
        for workspace in 0..1_000 {
            logs.insert(WorkspaceId(workspace), Arc::new(log(1)));
        }
        let old = CountedLog { since: Instant::now().checked_sub(TRUSTED).unwrap(), ..log(1) };

        assert_eq!(logs.0.lock().unwrap().len(), MAX_LOGS);
        assert_eq!(logs.get(WorkspaceId(999)).count(), RANGE);
        logs.insert(WorkspaceId(999), Arc::new(old));
        assert_eq!(logs.get(WorkspaceId(999)).count(), 0);
    }
}
