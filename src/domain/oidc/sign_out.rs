//! When an app is told again that a session has ended.

use crate::domain::timestamp::Timestamp;

/// How long a node keeps a sign-out that it has taken, in seconds: longer than an attempt.
pub const LEASE: i64 = 60;

/// How long an app has to answer, in seconds.
pub const TIME_LIMIT: u64 = 10;

/// How long a logout token is good, in seconds.
pub const TOKEN_LIFETIME: i64 = 120;

/// Seconds from an attempt that was not heard to the next.
const DELAYS: [i64; 5] = [5, 30, 5 * 60, 30 * 60, 2 * 3_600];

/// When a sign-out that was tried so often is tried next; `None` if it is given up.
pub fn next_attempt(attempts: i64, now: Timestamp) -> Option<Timestamp> {
    let place = usize::try_from(attempts - 1).unwrap_or(0);
    DELAYS.get(place).map(|seconds| now.plus_seconds(*seconds))
}
