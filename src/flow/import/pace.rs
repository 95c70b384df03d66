//! How much an import writes at a time, and for how long it then leaves the store to others.

use std::time::Duration;

/// Rows that are written together at most.
pub(super) const MAX_ROWS: usize = 1_000;

/// Rows that are written together at least, if so many wait, however long fewer of them took: most of that is the sync then.
const MIN_ROWS: usize = 100;

/// What a commit of an import keeps from others while it is made.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Lock {
    /// The one lock of the embedded database: nobody else writes.
    Database,
    /// The rows that it writes to.
    Rows,
}

impl Lock {
    /// How long a commit is meant to take. The contract says 50 ms (section 6); less is aimed at, since how long the next rows take
    /// is only guessed.
    const fn aim(self) -> Duration {
        match self {
            Self::Database => Duration::from_millis(25),
            Self::Rows => Duration::from_millis(40),
        }
    }

    /// How many rows are written within the time that is aimed at, if so many took so long.
    pub(super) fn fitting(self, rows: usize, held: Duration) -> usize {
        let fitting = rows as u128 * self.aim().as_micros() / held.as_micros().max(1);
        usize::try_from(fitting).unwrap_or(MAX_ROWS).clamp(MIN_ROWS, MAX_ROWS)
    }

    /// How long the store is left alone after a commit that took so long: a server gets as much of the time as the import, and other
    /// commands come to their turn.
    pub(super) fn rest_after(self, held: Duration, is_beside_server: bool) -> Duration {
        match self {
            _ if is_beside_server => held,
            Self::Database => held / 4,
            Self::Rows => Duration::ZERO,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn ms(millis: u64) -> Duration {
        Duration::from_millis(millis)
    }

    #[test]
    fn rows_are_as_many_as_fit_into_the_time_that_is_aimed_at() {
        assert_eq!(Lock::Database.fitting(1_000, ms(50)), 500);
        assert_eq!(Lock::Database.fitting(200, ms(10)), 500);
        assert_eq!(Lock::Database.fitting(500, ms(25)), 500);
        assert_eq!(Lock::Rows.fitting(500, ms(50)), 400);
    }

    #[test]
    fn neither_a_slow_commit_nor_a_fast_one_moves_the_rows_out_of_their_bounds() {
        for lock in [Lock::Database, Lock::Rows] {
            assert_eq!(lock.fitting(1_000, ms(5_000)), MIN_ROWS);
            assert_eq!(lock.fitting(1, Duration::MAX), MIN_ROWS);
            assert_eq!(lock.fitting(0, ms(10)), MIN_ROWS);
            assert_eq!(lock.fitting(1_000, ms(1)), MAX_ROWS);
            assert_eq!(lock.fitting(usize::MAX, Duration::ZERO), MAX_ROWS);
        }
    }

    /// However slow a row is, the next commit takes no longer than is promised, unless so few rows are slow as that.
    #[test]
    fn commits_come_to_take_less_than_what_is_promised() {
        for micros_a_row in [5, 25, 60, 120, 250] {
            let mut rows = MAX_ROWS;
            for _ in 0..3 {
                let held = ms(2) + Duration::from_micros(micros_a_row) * u32::try_from(rows).unwrap();
                rows = (2 * rows).min(Lock::Database.fitting(rows, held));
            }

            let held = ms(2) + Duration::from_micros(micros_a_row) * u32::try_from(rows).unwrap();
            assert!(held < ms(50), "{micros_a_row} µs a row: {rows} rows take {held:?}");
        }
    }

    #[test]
    fn a_server_gets_as_much_of_the_time_as_an_import() {
        assert_eq!(Lock::Database.rest_after(ms(20), true), ms(20));
        assert_eq!(Lock::Database.rest_after(ms(20), false), ms(5));
        assert_eq!(Lock::Rows.rest_after(ms(20), true), ms(20));
        assert_eq!(Lock::Rows.rest_after(ms(20), false), ms(0));
    }
}
