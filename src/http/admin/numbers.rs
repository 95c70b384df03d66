//! Numbers as people read them.

/// A number with commas between its thousands.
pub(super) fn grouped(number: i64) -> String {
    let digits = number.unsigned_abs().to_string();
    let mut text = String::from(if number < 0 { "-" } else { "" });
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A whole percent.
pub(super) fn percent(part: i64, whole: i64) -> String {
    format!("{} %", (part * 100 + whole / 2) / whole.max(1))
}

/// `1,284 links`, `1 link`.
pub(super) fn counted(count: i64, noun: &str) -> String {
    format!("{} {noun}{}", grouped(count), if count == 1 { "" } else { "s" })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thousands_are_grouped_and_percents_are_whole() {
        assert_eq!([0, 999, 1_000, 12_345_678].map(grouped), ["0", "999", "1,000", "12,345,678"]);
        assert_eq!(
            [(1, 3), (2, 3), (0, 0)].map(|(part, whole)| percent(part, whole)),
            ["33 %", "67 %", "0 %"]
        );
        assert_eq!([counted(1, "link"), counted(1_284, "link")], ["1 link", "1,284 links"]);
    }
}
