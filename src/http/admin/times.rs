//! Moments on the admin pages: absolute, in UTC, as short as the day they are read on allows.

use crate::domain::timestamp::Timestamp;

/// A moment, for programs and for people.
pub(in crate::http) struct TimeText {
    /// RFC 3339.
    pub(in crate::http) iso: String,
    /// `14:03`, `yesterday, 20:09`, `12 Nov, 07:45` or `4 March 2026`.
    pub(in crate::http) text: String,
}

/// A moment as it is told at another one.
pub(super) fn told(moment: Timestamp, now: Timestamp) -> TimeText {
    let (then, today) = (moment.civil(), now.civil());
    let text = if then.date() == today.date() {
        then.strftime("%H:%M").to_string()
    } else if today.date().yesterday().is_ok_and(|yesterday| yesterday == then.date()) {
        then.strftime("yesterday, %H:%M").to_string()
    } else if then.year() == today.year() {
        then.strftime("%-d %b, %H:%M").to_string()
    } else {
        then.strftime("%-d %B %Y").to_string()
    };
    TimeText { iso: moment.to_string(), text }
}

/// The same to the second, for the log: `14:03:09`, `22 Nov, 20:09:00` or `4 March 2025, 07:45:00`.
pub(super) fn logged(moment: Timestamp, now: Timestamp) -> TimeText {
    let (then, today) = (moment.civil(), now.civil());
    let text = if then.date() == today.date() {
        then.strftime("%H:%M:%S")
    } else if then.year() == today.year() {
        then.strftime("%-d %b, %H:%M:%S")
    } else {
        then.strftime("%-d %B %Y, %H:%M:%S")
    };
    TimeText { iso: moment.to_string(), text: text.to_string() }
}

/// `14:05 on Monday, 23 November 2026`.
pub(super) fn in_full(moment: Timestamp) -> String {
    moment.civil().strftime("%H:%M on %A, %-d %B %Y").to_string()
}

/// How long something lasts, in its two largest units: `1 h 12 min`.
pub(super) fn lasting(seconds: u64) -> String {
    let (days, hours, minutes) = (seconds / 86_400, seconds / 3_600 % 24, seconds / 60 % 60);
    let unit = |number: u64, name: &str| format!("{number}\u{a0}{name}");
    let days_in_words = || unit(days, if days == 1 { "day" } else { "days" });
    match (days, hours, minutes) {
        (0, 0, 0) => unit(seconds, "s"),
        (0, 0, _) => unit(minutes, "min"),
        (0, _, 0) => unit(hours, "h"),
        (0, ..) => format!("{} {}", unit(hours, "h"), unit(minutes, "min")),
        (_, 0, _) => days_in_words(),
        _ => format!("{} {}", days_in_words(), unit(hours, "h")),
    }
}

/// `14:05:09 UTC`.
pub(super) fn to_the_second(moment: Timestamp) -> String {
    moment.civil().strftime("%H:%M:%S UTC").to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_is_told_as_shortly_as_the_day_allows() {
        // 2026-11-23T03:23:00Z.
        let now = Timestamp::from_millis(1_795_404_180_000);
        for (before, text) in [
            (0, "03:23"),
            (3 * 3_600, "00:23"),
            (4 * 3_600, "yesterday, 23:23"),
            (2 * 86_400, "21 Nov, 03:23"),
            (365 * 86_400, "23 November 2025"),
            (-86_400, "24 Nov, 03:23"),
        ] {
            assert_eq!(told(now.plus_seconds(-before), now).text, text);
        }
        for (seconds, text) in [
            (0, "0 s"),
            (59, "59 s"),
            (600, "10 min"),
            (7_200, "2 h"),
            (4_325, "1 h 12 min"),
            (86_400, "1 day"),
            (187_200, "2 days 4 h"),
        ] {
            assert_eq!(lasting(seconds).replace('\u{a0}', " "), text);
        }
        assert_eq!(in_full(now), "03:23 on Monday, 23 November 2026");
        assert_eq!(to_the_second(now), "03:23:00 UTC");
    }
}
