//! When somebody who was called wants to be called again.

use std::time::Duration;

use jiff::fmt::rfc2822::DateTimeParser;

use crate::domain::timestamp::Timestamp;

/// The value of a `Retry-After` header (RFC 9110, section 10.2.3).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum RetryAfter {
    /// So many seconds later.
    Seconds(u64),
    /// At this moment.
    At(Timestamp),
}

impl RetryAfter {
    /// `None` if it is neither a number of seconds nor a date as HTTP has them.
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.trim_ascii();
        if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) {
            // More than fits is as good as for ever.
            return Some(Self::Seconds(text.parse().unwrap_or(u64::MAX)));
        }
        let moment = DateTimeParser::new().parse_timestamp(text).ok()?;
        Some(Self::At(Timestamp::from_millis(moment.as_millisecond())))
    }

    /// How long that is from now on; nothing, if it is over.
    pub fn from_now(self, now: Timestamp) -> Duration {
        match self {
            Self::Seconds(seconds) => Duration::from_secs(seconds),
            Self::At(moment) => moment.since(now),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_of_seconds_and_a_date_are_understood() {
        let now = Timestamp::from_millis(1_445_412_480_000 - 90_000);

        for (text, seconds) in [
            ("0", 0),
            ("120", 120),
            (" 5 ", 5),
            ("99999999999999999999999", u64::MAX),
            ("Wed, 21 Oct 2015 07:28:00 GMT", 90),
            ("Wed, 21 Oct 2015 07:26:00 GMT", 0),
        ] {
            let found = RetryAfter::parse(text).map(|after| after.from_now(now));
            assert_eq!(found, Some(Duration::from_secs(seconds)), "{text}");
        }
    }

    #[test]
    fn anything_else_says_nothing() {
        for text in
            ["", "-1", "1.5", "soon", "+5", "Wed, 99 Oct 2015 07:28:00 GMT", "2015-10-21T07:28:00Z", "5 s"]
        {
            assert_eq!(RetryAfter::parse(text), None, "{text}");
        }
    }
}
