//! What this process has counted of long lists, so that nobody counts them for every page: where so many rows of them lie.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::domain::workspace::WorkspaceId;

/// Rows of a range when it is counted first.
pub(super) const RANGE: i64 = 1_024;

/// Ranges of a list at most; with more of them, each takes in its neighbour.
const MAX_RANGES: usize = 1_024;

/// Lists of a kind that are remembered at most.
const MAX_LISTS: usize = 64;

/// How long a count of a log is trusted. An entry may have come to lie in a range that was counted before, if the clock of the process
/// that wrote it was far behind.
const LOG_TRUSTED: Duration = Duration::from_mins(10);

/// The same of rows that end by themselves.
const TRUSTED: Duration = Duration::from_secs(5);

/// Some rows that follow one another, by keys of so many bytes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Range<const N: usize> {
    /// The first row.
    pub(super) first: [u8; N],
    /// The last row.
    pub(super) last: [u8; N],
    /// How many there are.
    pub(super) count: i64,
}

/// The counted part of a list: the ranges from its lowest row on.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct CountedRows<const N: usize> {
    since: Instant,
    ranges: Vec<Range<N>>,
}

impl<const N: usize> Default for CountedRows<N> {
    fn default() -> Self {
        Self { since: Instant::now(), ranges: Vec::new() }
    }
}

impl<const N: usize> CountedRows<N> {
    /// The lowest row.
    pub(super) fn first(&self) -> [u8; N] {
        self.ranges.first().map_or([0; N], |range| range.first)
    }

    /// The last row that was counted; every row is behind it if none was.
    pub(super) fn last(&self) -> [u8; N] {
        self.ranges.last().map_or([0; N], |range| range.last)
    }

    /// How many rows were counted.
    pub(super) fn count(&self) -> i64 {
        self.ranges.iter().map(|range| range.count).sum()
    }

    /// Whether all that was counted is there still, by the lowest row there is, of a list that loses its lowest ones alone.
    pub(super) fn is_whole(&self, lowest: [u8; N]) -> bool {
        self.ranges.first().is_none_or(|range| range.first == lowest)
    }

    /// Forgets ranges that are gone, and gives the one of which a part may be gone.
    pub(super) fn shorten(&mut self, lowest: [u8; N]) -> Option<Range<N>> {
        self.ranges.retain(|range| range.last >= lowest);
        self.ranges.first().copied()
    }

    /// Notes what is left of the first range.
    pub(super) fn recount_first(&mut self, lowest: [u8; N], count: i64) {
        if let Some(range) = self.ranges.first_mut() {
            (range.first, range.count) = (lowest, count);
        }
    }

    /// Adds ranges behind the others, by the first row behind what was counted and the last row of each range.
    pub(super) fn extend(&mut self, first: [u8; N], ends: impl IntoIterator<Item = [u8; N]>) {
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

    /// The last row of the range in which so many rows end, and how many rows of that range come behind those.
    pub(super) fn find(&self, rows: i64) -> Option<([u8; N], i64)> {
        let mut counted = 0;
        self.ranges.iter().find_map(|range| {
            counted += range.count;
            (counted >= rows).then_some((range.last, counted - rows))
        })
    }
}

/// What was counted of one kind of list, by workspace.
#[derive(Debug)]
pub(super) struct CountedLists<const N: usize> {
    trusted: Duration,
    lists: Mutex<HashMap<WorkspaceId, Arc<CountedRows<N>>>>,
}

impl<const N: usize> CountedLists<N> {
    fn trusted_for(trusted: Duration) -> Self {
        Self { trusted, lists: Mutex::default() }
    }

    /// What is known of a list.
    pub(super) fn get(&self, workspace: WorkspaceId) -> Option<Arc<CountedRows<N>>> {
        let known = self.lists.lock().unwrap_or_else(PoisonError::into_inner).get(&workspace).cloned();
        known.filter(|known| known.since.elapsed() < self.trusted)
    }

    /// Remembers what was counted of a list.
    pub(super) fn insert(&self, workspace: WorkspaceId, counted: Arc<CountedRows<N>>) {
        let mut lists = self.lists.lock().unwrap_or_else(PoisonError::into_inner);
        if lists.len() >= MAX_LISTS && !lists.contains_key(&workspace) {
            let oldest = lists.iter().min_by_key(|(_, list)| list.since).map(|(workspace, _)| *workspace);
            oldest.map(|oldest| lists.remove(&oldest));
        }
        lists.insert(workspace, counted);
    }
}

/// What was counted of all lists.
#[derive(Debug)]
pub(super) struct Counted {
    /// Entries of audit logs, by their numbers.
    pub(super) logs: CountedLists<16>,
    /// Live links, by their lookup keys.
    pub(super) links: CountedLists<32>,
    /// Sessions that hold, by their numbers.
    pub(super) sessions: CountedLists<16>,
    /// Mails, by their numbers.
    pub(super) mails: CountedLists<16>,
}

impl Default for Counted {
    fn default() -> Self {
        Self {
            logs: CountedLists::trusted_for(LOG_TRUSTED),
            links: CountedLists::trusted_for(TRUSTED),
            sessions: CountedLists::trusted_for(TRUSTED),
            mails: CountedLists::trusted_for(TRUSTED),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(number: i64) -> [u8; 16] {
        i128::from(number).to_be_bytes()
    }

    /// A log of the entries 1, 2, 3 and so on.
    fn log(ranges: i64) -> CountedRows<16> {
        let mut log = CountedRows::default();
        log.extend(id(1), (1..=ranges).map(|range| id(range * RANGE)));
        log
    }

    #[test]
    fn a_row_is_found_by_how_many_come_before_it() {
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
    fn a_list_is_known_for_a_while_and_few_are() {
        let logs = CountedLists::trusted_for(TRUSTED);
        for workspace in 0..1_000 {
            logs.insert(WorkspaceId(workspace), Arc::new(log(1)));
        }
        let old = CountedRows { since: Instant::now().checked_sub(TRUSTED).unwrap(), ..log(1) };

        assert_eq!(logs.lists.lock().unwrap().len(), MAX_LISTS);
        assert_eq!(logs.get(WorkspaceId(999)).map(|log| log.count()), Some(RANGE));
        logs.insert(WorkspaceId(999), Arc::new(old));
        assert_eq!(logs.get(WorkspaceId(999)), None);
    }
}
