//! Durations as people write them: a number and a unit.

/// Takes a duration such as `90d`, `12h`, `30m` or `45s`, and gives its seconds.
pub fn parse(text: &str) -> Option<i64> {
    let unit = match text.bytes().last()? {
        b'd' => 86_400,
        b'h' => 3_600,
        b'm' => 60,
        b's' => 1,
        _ => return None,
    };
    let digits = &text[..text.len() - 1];
    let is_plain = digits.bytes().all(|byte| byte.is_ascii_digit());
    digits.parse::<i64>().ok().filter(|_| is_plain)?.checked_mul(unit)
}
