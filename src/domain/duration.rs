//! Durations as people write them: a number and a unit, or a number of seconds.

/// Units by their letters, in seconds.
const UNITS: [(char, i64); 4] = [('d', 86_400), ('h', 3_600), ('m', 60), ('s', 1)];

/// Takes a duration such as `90d`, `12h`, `30m`, `45s` or `7200`, and gives its seconds.
pub fn parse(text: &str) -> Option<i64> {
    let with_unit = UNITS.iter().find_map(|(letter, unit)| Some((text.strip_suffix(*letter)?, *unit)));
    let (digits, unit) = with_unit.unwrap_or((text, 1));
    let is_plain = digits.bytes().all(|byte| byte.is_ascii_digit());
    digits.parse::<i64>().ok().filter(|_| is_plain)?.checked_mul(unit)
}
