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
        assert_eq!(in_full(now), "03:23 on Monday, 23 November 2026");
        assert_eq!(to_the_second(now), "03:23:00 UTC");
    }
}
