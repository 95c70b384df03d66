//! A node: one process that serves. Whether it may issue and redeem, and how long it counts as there.

use uuid::Uuid;

use super::login_link::KeyId;
use super::timestamp::Timestamp;

/// How far the clock of a node may be off its database's, in milliseconds.
const MAX_SKEW: i64 = 2_000;

/// How long a node counts as there after it reported in, in seconds.
pub const HEARTBEAT_TTL: i64 = 15;

/// What a node says of itself when it reports in.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Node {
    /// Its number, drawn when it started.
    pub id: Uuid,
    /// The secret keys that it has.
    pub keys: Vec<KeyId>,
    /// When it last reported in, by its own clock: it does so only while that is right.
    pub reported_at: Timestamp,
}

impl Node {
    /// Whether it counts as there.
    pub fn is_alive(&self, now: Timestamp) -> bool {
        now < self.reported_at.plus_seconds(HEARTBEAT_TTL)
    }
}

/// Why a node must not issue, redeem or end anything.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum NodeUnhealthy {
    /// The database uses a key that it does not have.
    #[error("the database rests on a key that this node's key file lacks: copy the file from another node")]
    LacksKey,
    /// Its clock is off the database's by so many milliseconds; ahead, if positive.
    #[error("this machine's clock is {} the database's: set it, or let NTP do so", seconds(*.0))]
    ClockIsOff(i64),
    /// The clock that its embedded database goes by was moved by so many milliseconds while nobody served it; ahead, if
    /// positive.
    #[error(
        "this machine's clock is {} where it would be by the time that has passed since this database was last served: set \
         it, or let NTP do so; if it is right as it is, a server takes it ten minutes after its start", seconds(*.0)
    )]
    ClockMoved(i64),
    /// It has not yet asked its database.
    #[error("this node has not asked its database yet")]
    NotAsked,
}

impl NodeUnhealthy {
    /// Whether there may be keys that this node knows nothing of: what it does not find may be there.
    pub const fn may_lack_keys(self) -> bool {
        match self {
            Self::LacksKey | Self::NotAsked => true,
            Self::ClockIsOff(_) | Self::ClockMoved(_) => false,
        }
    }
}

/// Judges a clock by another one, which was read between `before` and `after`: `NodeUnhealthy` if it is too far off for certain.
///
/// The other clock may have been read at any moment between the two, so half of what lies between them counts for us.
///
/// # Errors
/// `NodeUnhealthy::ClockIsOff` with how far at least.
pub fn check_clock_skew(before: Timestamp, theirs: Timestamp, after: Timestamp) -> Result<(), NodeUnhealthy> {
    let half = (after.millis() - before.millis()).abs() / 2;
    let ahead = before.millis() + half - theirs.millis();
    let at_least = ahead.signum() * (ahead.abs() - half).max(0);
    if at_least.abs() > MAX_SKEW { Err(NodeUnhealthy::ClockIsOff(at_least)) } else { Ok(()) }
}

/// `3.1 s ahead of`.
fn seconds(millis: i64) -> String {
    let tenths = millis.unsigned_abs() / 100;
    format!("{}.{} s {}", tenths / 10, tenths % 10, if millis > 0 { "ahead of" } else { "behind" })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_is_off_from_two_seconds_on_that_the_round_trip_does_not_explain() {
        let at = Timestamp::from_millis;
        for (before, theirs, after, off) in [
            (10_000, 10_000, 10_000, None),
            (12_000, 10_000, 12_000, None),
            (12_001, 10_000, 12_001, Some(2_001)),
            (10_000, 12_001, 10_000, Some(-2_001)),
            (10_000, 13_000, 12_000, None),
            (10_000, 14_001, 12_000, Some(-2_001)),
            (10_000, 7_999, 12_000, Some(2_001)),
            // A clock that was set back meanwhile.
            (10_000, 10_000, 9_000, None),
        ] {
            let judged = check_clock_skew(at(before), at(theirs), at(after));
            assert_eq!(judged.err(), off.map(NodeUnhealthy::ClockIsOff), "{before} {theirs} {after}");
        }
        assert!(NodeUnhealthy::ClockIsOff(-3_150).to_string().contains("3.1 s behind"));
    }

    #[test]
    fn a_node_is_there_for_a_quarter_of_a_minute_after_it_reported_in() {
        let node = Node { id: Uuid::nil(), keys: Vec::new(), reported_at: Timestamp::from_millis(0) };
        assert!(node.is_alive(Timestamp::from_millis(14_999)));
        assert!(!node.is_alive(Timestamp::from_millis(15_000)));
    }
}
