//! A moment as others write it: any that RFC 3339 has words for.

use super::timestamp::Timestamp;

/// A moment that was read.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Moment {
    /// The moment, without what is less than a millisecond.
    pub whole: Timestamp,
    /// Whether there is such a rest.
    pub has_more: bool,
}

impl Moment {
    /// Takes a date and a time with its offset (RFC 3339, section 5.6). A leap second, wherever it stands, is the beginning of
    /// the next minute: time is counted without them.
    pub fn parse(text: &str) -> Option<Self> {
        let (date, rest) = text.split_at_checked(10)?;
        let (time, rest) = rest.strip_prefix(['T', 't', ' '])?.split_at_checked(8)?;
        let days = days_of(date)?;
        let [hour, minute, second] = numbers(time, b':', [2, 2, 2])?;
        if hour > 23 || minute > 59 || second > 60 {
            return None;
        }
        let (fraction, rest) = match rest.strip_prefix('.') {
            Some(rest) => rest.split_at(rest.bytes().take_while(u8::is_ascii_digit).count()),
            None => ("0", rest),
        };
        let (thousandths, less) = fraction.split_at(fraction.len().min(3));
        let thousandths: i64 = format!("{thousandths:0<3}").parse().ok().filter(|_| !fraction.is_empty())?;
        let seconds = days * 86_400 + hour * 3_600 + minute * 60 + second - offset_of(rest)?;
        Some(Self {
            whole: Timestamp::from_millis(seconds * 1_000 + thousandths),
            has_more: less.bytes().any(|digit| digit != b'0'),
        })
    }
}

/// How many seconds ahead of UTC.
fn offset_of(text: &str) -> Option<i64> {
    if text == "Z" || text == "z" {
        return Some(0);
    }
    let (sign, offset) = match text.as_bytes().first()? {
        b'+' => (1, text.get(1..)?),
        b'-' => (-1, text.get(1..)?),
        _ => return None,
    };
    let [hours, minutes] = numbers(offset, b':', [2, 2])?;
    (hours <= 23 && minutes <= 59).then_some(sign * (hours * 3_600 + minutes * 60))
}

/// Days since 1970-01-01, years before 1583 as if the Gregorian calendar had been there.
fn days_of(date: &str) -> Option<i64> {
    let [year, month, day] = numbers(date, b'-', [4, 2, 2])?;
    let is_leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let lengths = [31, if is_leap { 29 } else { 28 }, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
    let before = usize::try_from(month.checked_sub(1)?).ok()?;
    if !(1..=*lengths.get(before)?).contains(&day) {
        return None;
    }
    // Leap days before this year, from the year 0, which is one.
    let leap_days = (year + 3) / 4 - (year + 99) / 100 + (year + 399) / 400;
    let to_year = year * 365 + leap_days;
    Some(to_year + lengths.iter().take(before).sum::<i64>() + day - 1 - DAYS_TO_1970)
}

/// Days from 0000-01-01 to 1970-01-01.
const DAYS_TO_1970: i64 = 719_528;

/// Numbers of so many digits, parted by a letter.
fn numbers<const N: usize>(text: &str, between: u8, widths: [usize; N]) -> Option<[i64; N]> {
    let mut numbers = [0; N];
    let mut parts = text.split(char::from(between));
    for (number, width) in numbers.iter_mut().zip(widths) {
        let digits = parts.next()?;
        let is_number = digits.len() == width && digits.bytes().all(|digit| digit.is_ascii_digit());
        *number = digits.parse().ok().filter(|_| is_number)?;
    }
    parts.next().is_none().then_some(numbers)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn millis(text: &str) -> i64 {
        Moment::parse(text).expect(text).whole.millis()
    }

    #[test]
    fn any_moment_of_rfc_3339_is_taken() {
        for (text, expected) in [
            ("1970-01-01T00:00:00Z", 0),
            ("1970-01-01 00:00:00z", 0),
            ("2026-11-23t03:23:00.007Z", 1_795_404_180_007),
            ("2026-11-23T05:23:00.0079+02:00", 1_795_404_180_007),
            ("2026-11-22T21:53:00-05:30", 1_795_404_180_000),
            ("9999-12-31T23:59:59Z", 253_402_300_799_000),
            ("9999-12-31T23:59:59.999999999-23:59", 253_402_387_139_999 - 1_000 + 1_000),
            ("0000-01-01T00:00:00Z", -62_167_219_200_000),
            ("0000-01-01T00:00:00+23:59", -62_167_305_540_000),
            ("2016-12-31T23:59:60Z", 1_483_228_800_000),
            ("2017-01-01T00:59:60+01:00", 1_483_228_800_000),
            ("2024-02-29T12:00:00-00:00", 1_709_208_000_000),
        ] {
            assert_eq!(millis(text), expected, "{text}");
        }
        assert!(Moment::parse("2026-11-23T03:23:00.0070001Z").unwrap().has_more);
        assert!(!Moment::parse("2026-11-23T03:23:00.0070000Z").unwrap().has_more);
    }

    #[test]
    fn what_is_no_moment_is_refused() {
        for text in [
            "",
            "yesterday",
            "2026-11-23",
            "2026-11-23T03:23:00",
            "2026-11-23T03:23Z",
            "2026-11-23T03:23:00.Z",
            "2026-11-23T03:23:00,5Z",
            "2026-11-23T24:00:00Z",
            "2026-11-23T03:60:00Z",
            "2026-11-23T03:23:61Z",
            "2026-11-31T03:23:00Z",
            "2026-02-29T03:23:00Z",
            "1900-02-29T03:23:00Z",
            "2026-00-01T03:23:00Z",
            "2026-13-01T03:23:00Z",
            "2026-01-00T03:23:00Z",
            "12026-11-23T03:23:00Z",
            "-026-11-23T03:23:00Z",
            "2026-11-23T03:23:00+2:00",
            "2026-11-23T03:23:00+24:00",
            "2026-11-23T03:23:00+0200",
            "2026-11-23T03:23:00 02:00",
            "2026-11-23T03:23:00ZZ",
            "２026-11-23T03:23:00Z",
            "1795404180",
        ] {
            assert_eq!(Moment::parse(text), None, "{text}");
        }
    }

    proptest! {
        /// What another hand reckons from a text is what is reckoned here.
        #[test]
        fn moments_are_reckoned_as_others_do(millis in -62_167_219_200_000_i64..253_402_207_200_000, offset in -1439_i32..1440) {
            let offset = jiff::tz::Offset::from_seconds(offset * 60).unwrap();
            let moment = jiff::Timestamp::from_millisecond(millis).unwrap();
            let text = moment.display_with_offset(offset).to_string();

            prop_assume!(!text.starts_with('-'));
            prop_assert_eq!(Moment::parse(&text).map(|moment| moment.whole.millis()), Some(millis), "{}", text);
        }
    }
}
