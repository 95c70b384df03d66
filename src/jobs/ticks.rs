//! When a job has its turn.

use std::time::Duration;

use tokio::time::{Interval, MissedTickBehavior};

pub(super) const SECOND: Duration = Duration::from_secs(1);

/// Ticks at once and after each period. What comes late is not made up for.
pub(super) fn every(period: Duration) -> Interval {
    let mut ticks = tokio::time::interval(period);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    ticks
}
