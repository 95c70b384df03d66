//! The wall clock, watched beside the time since the machine started, which nobody sets: whether it was moved.

use super::node::NodeUnhealthy;
use super::timestamp::Timestamp;

/// How far the wall clock may move against the time since the start of the machine, in milliseconds.
const MAX_MOVE: i64 = 60_000;

/// How long after a start, or after the wall clock was moved, nothing is swept, and how long a server that finds its clock moved
/// waits for it to be set right, in milliseconds.
const CALM: i64 = 600_000;

/// What the clocks of a machine say at one moment.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ClockReading {
    /// The number that the kernel drew when the machine started; empty where it tells none.
    pub boot: String,
    /// Milliseconds since then, those in which it slept too.
    pub since_boot: i64,
    /// What the clock on the wall says.
    pub wall: Timestamp,
}

impl ClockReading {
    /// By how many milliseconds the wall clock was moved since an earlier reading, as far as that can be told: ahead, if
    /// positive. Where the machine was started anew meanwhile, nothing but a step back can.
    fn moved_since(&self, before: &Self) -> i64 {
        if self.boot == before.boot && !self.boot.is_empty() {
            self.offset().saturating_sub(before.offset())
        } else {
            self.wall.millis().saturating_sub(before.wall.millis()).min(0)
        }
    }

    /// Where the wall clock would have stood at the start of the machine.
    fn offset(&self) -> i64 {
        self.wall.millis().saturating_sub(self.since_boot)
    }
}

/// What a process has seen of its clocks so far.
#[derive(Debug, Default)]
pub struct ClockWatch {
    /// What it saw first.
    first: Option<ClockReading>,
    /// What it saw when the wall clock was last found moved; what it saw first, if never.
    calm_since: Option<ClockReading>,
    /// Whether the wall clock was found to agree with what the database was last served by, or has been waited for long
    /// enough. From here on a step while it runs ends nothing but the calm.
    is_trusted: bool,
}

impl ClockWatch {
    /// Sees a reading. `anchor` is what the clocks said when the database was last served, where it keeps that.
    ///
    /// # Errors
    /// `NodeUnhealthy::ClockMoved` while the wall clock does not go on from there.
    pub fn see(&mut self, now: &ClockReading, anchor: Option<&ClockReading>) -> Result<(), NodeUnhealthy> {
        let first = self.first.get_or_insert_with(|| now.clone());
        let waited = now.since_boot.saturating_sub(first.since_boot);
        let before = self.calm_since.get_or_insert_with(|| now.clone());
        // The machine is the same, whether it has a number or not.
        if is_moved(now.offset().saturating_sub(before.offset())) {
            *before = now.clone();
        }
        let moved = anchor.map_or(0, |anchor| now.moved_since(anchor));
        if !self.is_trusted && is_moved(moved) && waited < CALM {
            return Err(NodeUnhealthy::ClockMoved(moved));
        }
        self.is_trusted = true;
        Ok(())
    }

    /// Whether so much time has passed since the start, and since the wall clock was last moved, that what is over by it may
    /// be deleted.
    pub fn is_calm(&self, now: &ClockReading) -> bool {
        self.calm_since.as_ref().is_some_and(|since| {
            !is_moved(now.offset().saturating_sub(since.offset()))
                && now.since_boot.saturating_sub(since.since_boot) >= CALM
        })
    }
}

/// Whether a wall clock that moved by so many milliseconds was set.
const fn is_moved(millis: i64) -> bool {
    millis.unsigned_abs() > MAX_MOVE.unsigned_abs()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reading(boot: &str, since_boot: i64, wall: i64) -> ClockReading {
        ClockReading { boot: boot.to_owned(), since_boot, wall: Timestamp::from_millis(wall) }
    }

    #[test]
    fn a_start_with_another_clock_than_the_database_was_last_served_by_is_noticed() {
        let anchor = reading("a", 1_000_000, 5_000_000_000);
        for (case, now, moved) in [
            ("an hour later", reading("a", 4_600_000, 5_003_600_000), None),
            ("a minute of drift", reading("a", 4_600_000, 5_003_660_000), None),
            ("a step of 61 s", reading("a", 4_600_000, 5_003_661_000), Some(61_000)),
            ("90 s back", reading("a", 1_000_000, 4_999_910_000), Some(-90_000)),
            ("400 days", reading("a", 1_001_000, 39_560_001_000), Some(34_560_000_000)),
            ("another start of the machine", reading("b", 1_000, 39_560_001_000), None),
            ("the same, a minute back", reading("b", 1_000, 4_999_940_000), None),
            ("the same, further back", reading("b", 1_000, 4_999_939_999), Some(-60_001)),
            ("no number", reading("", 9_000_000, 5_000_000_000), None),
            ("no number, 1970", reading("", 9_000_000, 10_000), Some(-4_999_990_000)),
            ("an edited row", reading("a", i64::MAX, i64::MIN), Some(i64::MIN)),
        ] {
            let judged = ClockWatch::default().see(&now, Some(&anchor));
            assert_eq!(judged.err(), moved.map(NodeUnhealthy::ClockMoved), "{case}");
            assert_eq!(ClockWatch::default().see(&now, None), Ok(()), "{case}");
        }
    }

    #[test]
    fn a_moved_clock_is_taken_once_it_is_set_right_or_after_ten_minutes() {
        let anchor = reading("a", 0, 1_000_000);
        let mut watch = ClockWatch::default();
        assert!(watch.see(&reading("a", 0, 9_000_000), Some(&anchor)).is_err());
        assert!(watch.see(&reading("a", 599_999, 9_599_999), Some(&anchor)).is_err());
        assert_eq!(watch.see(&reading("a", 600_000, 9_600_000), Some(&anchor)), Ok(()));

        let mut watch = ClockWatch::default();
        assert!(watch.see(&reading("a", 0, 9_000_000), Some(&anchor)).is_err());
        assert_eq!(watch.see(&reading("a", 5_000, 1_005_000), Some(&anchor)), Ok(()));
        // What moves while it runs is not judged by what was before.
        assert_eq!(watch.see(&reading("a", 6_000, 9_006_000), Some(&anchor)), Ok(()));
    }

    #[test]
    fn it_is_calm_ten_minutes_after_the_start_and_after_each_step_of_more_than_a_minute() {
        let mut watch = ClockWatch::default();
        let mut is_calm = |since_boot, wall| {
            let now = reading("", since_boot, wall);
            let was = watch.is_calm(&now);
            watch.see(&now, None).unwrap();
            assert_eq!(watch.is_calm(&now), was, "a reading is judged as it is seen");
            was
        };
        assert!(!is_calm(1_000, 0));
        assert!(!is_calm(600_999, 599_999));
        assert!(is_calm(601_000, 600_000));
        assert!(is_calm(602_000, 661_000), "a step of a minute");
        assert!(!is_calm(603_000, 663_000), "and one more second");
        assert!(!is_calm(1_202_999, 1_262_999));
        assert!(is_calm(1_203_000, 1_263_000));
        assert!(!is_calm(1_204_000, 1_000));
        assert!(!is_calm(1_205_000, 1_264_000), "and back");
        assert!(is_calm(1_805_000, 1_864_000));
    }
}
