//! What Linux says of this process (proc(5)). What it does not say is 0.

use std::fs;

/// The memory that is resident, in bytes.
pub(super) fn resident_memory() -> i64 {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kibibytes = line.and_then(|line| line.trim().strip_suffix(" kB")?.parse::<i64>().ok());
    kibibytes.unwrap_or(0) * 1024
}

/// When the process started, in seconds since 1970.
///
/// The kernel tells it in ticks since the machine started, and a tick is a hundredth of a second wherever Linux runs.
pub(super) fn started_at() -> i64 {
    const TICKS_PER_SECOND: i64 = 100;
    let stat = fs::read_to_string("/proc/self/stat").unwrap_or_default();
    // The name of the program, in parentheses, may hold anything; the twentieth field after it is the start.
    let ticks =
        stat.rsplit_once(')').and_then(|(_, fields)| fields.split_whitespace().nth(19)?.parse::<i64>().ok());
    let machine = fs::read_to_string("/proc/stat").unwrap_or_default();
    let booted = machine.lines().find_map(|line| line.strip_prefix("btime ")?.trim().parse::<i64>().ok());
    ticks.zip(booted).map_or(0, |(ticks, booted)| booted + ticks / TICKS_PER_SECOND)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn linux_tells_how_much_memory_there_is_and_since_when() {
        assert!(resident_memory() > 1 << 20, "{}", resident_memory());
        let now = crate::clock::Clock::System.now().millis() / 1000;
        assert!((now - 600..=now + 2).contains(&started_at()), "{} at {now}", started_at());
    }
}
