//! A moment in time, as it is stored (whole milliseconds) and as it is shown (RFC 3339 in UTC).

use std::fmt;
use std::time::Duration;

use uuid::Uuid;

/// How far ahead of now something may lie that was made before: so far apart are clocks of nodes, and steps that set a
/// clock right, in milliseconds.
const SKEW: i64 = 60_000;

/// A moment: milliseconds since 1970-01-01 in UTC.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Timestamp(i64);

impl Timestamp {
    /// The moment that lies this many milliseconds after 1970-01-01 in UTC.
    pub const fn from_millis(millis: i64) -> Self {
        Self(millis)
    }

    /// Milliseconds since 1970-01-01 in UTC.
    pub const fn millis(self) -> i64 {
        self.0
    }

    /// The next moment that can be told from this one.
    pub const fn just_after(self) -> Self {
        Self(self.0.saturating_add(1))
    }

    /// This moment moved on by a number of seconds (back, if negative).
    pub const fn plus_seconds(self, seconds: i64) -> Self {
        Self(self.0.saturating_add(seconds.saturating_mul(1000)))
    }

    /// How long after `earlier` this moment is; zero if it is not after it.
    pub fn since(self, earlier: Self) -> Duration {
        Duration::from_millis(u64::try_from(self.0.saturating_sub(earlier.0)).unwrap_or(0))
    }

    /// Whether this moment is so far ahead that what was made then was made by a clock that has been set back since.
    pub const fn is_ahead_of(self, now: Self) -> bool {
        self.0 > now.0.saturating_add(SKEW)
    }

    /// The moment on the calendar and clock of UTC.
    pub(crate) fn civil(self) -> jiff::civil::DateTime {
        jiff::tz::Offset::UTC.to_datetime(self.jiff())
    }

    /// An id for what is made at this moment: those of later moments are larger, so rows are kept in that order (UUID version 7,
    /// RFC 9562, section 5.7).
    pub fn new_id(self) -> Uuid {
        let millis = u64::try_from(self.0).unwrap_or(0);
        let nanos = u32::try_from(millis % 1000 * 1_000_000).unwrap_or(0);
        Uuid::new_v7(uuid::Timestamp::from_unix(uuid::NoContext, millis / 1000, nanos))
    }

    /// The moment that an id says, if it is of that kind.
    pub fn of_id(id: Uuid) -> Option<Self> {
        let (seconds, nanos) = (id.get_version_num() == 7).then(|| id.get_timestamp()).flatten()?.to_unix();
        let millis = i64::try_from(seconds).ok()?.checked_mul(1_000)?;
        Some(Self(millis + i64::from(nanos / 1_000_000)))
    }

    /// The moment at which the UTC day of this one began.
    pub const fn start_of_day(self) -> Self {
        Self(self.0 - self.0.rem_euclid(86_400_000))
    }

    /// The moment at which the hour of this one began.
    pub const fn start_of_hour(self) -> Self {
        Self(self.0 - self.0.rem_euclid(3_600_000))
    }

    /// The moment as mails have it (RFC 5322, section 3.3): `Mon, 23 Nov 2026 03:23:00 +0000`.
    pub fn in_mail(self) -> String {
        self.jiff().strftime("%a, %d %b %Y %H:%M:%S +0000").to_string()
    }

    fn jiff(self) -> jiff::Timestamp {
        let fallback = if self.0 < 0 { jiff::Timestamp::MIN } else { jiff::Timestamp::MAX };
        jiff::Timestamp::from_millisecond(self.0).unwrap_or(fallback)
    }
}

/// RFC 3339 in UTC with milliseconds: `2026-11-23T03:23:00.000Z`.
impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:.3}", self.jiff())
    }
}

impl serde::Serialize for Timestamp {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_is_shown_in_utc_with_milliseconds() {
        let moment = Timestamp::from_millis(1_795_404_180_007);

        assert_eq!(moment.to_string(), "2026-11-23T03:23:00.007Z");
        assert_eq!(moment.in_mail(), "Mon, 23 Nov 2026 03:23:00 +0000");
        assert_eq!(moment.civil().to_string(), "2026-11-23T03:23:00.007");
    }
}
