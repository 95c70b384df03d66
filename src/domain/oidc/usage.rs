//! How much an app is used.

use super::sign_out::SignOutAnswer;
use crate::domain::timestamp::Timestamp;

/// Days of which sign-ins are told, by UTC, today among them.
pub const TOLD_DAYS: i64 = 30;

/// How long days are kept, in seconds: longer than they are told, whatever the clocks of nodes. The last day of an app is kept for as long
/// as the app.
pub const KEPT: i64 = (TOLD_DAYS + 2) * 86_400;

/// What an app was used for. An exchange of a code is a sign-in; those of trials are not counted.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct AppUsage {
    /// Sign-ins in the days that are told.
    pub sign_ins: i64,
    /// When the last one was, ever.
    pub last_at: Option<Timestamp>,
    /// When it was last told of a sign-out, to about a second, and what it answered.
    pub told: Option<(Timestamp, SignOutAnswer)>,
}

/// The first of the days that are told.
pub fn first_told_day(now: Timestamp) -> Timestamp {
    now.start_of_day().plus_seconds(-(TOLD_DAYS - 1) * 86_400)
}
