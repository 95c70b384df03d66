//! The number of a request: on its answer, in its log lines, in the audit log.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::LazyLock;
use std::sync::atomic::{AtomicU64, Ordering};

use uuid::{Builder, Uuid};

use crate::clock::Clock;
use crate::domain::timestamp::Timestamp;

tokio::task_local! {
    /// The number of the request that is being answered.
    pub(in crate::http) static REQUEST_ID: Uuid;
}

/// The number of the request that is being answered, for whatever is logged on the way.
pub fn current_request_id() -> Option<Uuid> {
    REQUEST_ID.try_with(|number| *number).ok()
}

/// What the numbers of this process are mixed with, so that no other process gives the same ones.
static MIXED_WITH: LazyLock<[u8; 32]> = LazyLock::new(|| {
    let mut bytes = [0; 32];
    if getrandom::fill(&mut bytes).is_err() {
        // Nothing rests on a number being hard to guess, so a request is answered without randomness too.
        bytes[..8].copy_from_slice(&Clock::System.now().millis().to_le_bytes());
        bytes[8..12].copy_from_slice(&std::process::id().to_le_bytes());
    }
    bytes
});

/// A number that no other request has: the time, and what is drawn from a counter (UUID version 7, RFC 9562, section 5.7).
/// It cannot fail, even where the operating system gives no random bytes.
pub(in crate::http) fn new_number(now: Timestamp) -> Uuid {
    static COUNTED: AtomicU64 = AtomicU64::new(0);
    let count = COUNTED.fetch_add(1, Ordering::Relaxed);
    let mut rest = [0; 10];
    rest[..8].copy_from_slice(&drawn(count, 0).to_le_bytes());
    rest[8..].copy_from_slice(&drawn(count, 1).to_le_bytes()[..2]);
    Builder::from_unix_timestamp_millis(u64::try_from(now.millis()).unwrap_or(0), &rest).into_uuid()
}

fn drawn(count: u64, half: u8) -> u64 {
    let mut hasher = DefaultHasher::new();
    (*MIXED_WITH, count, half).hash(&mut hasher);
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn no_two_requests_have_the_same_number() {
        let numbers: HashSet<_> = (0..10_000).map(|_| new_number(Clock::System.now())).collect();

        assert_eq!(numbers.len(), 10_000);
        assert!(numbers.iter().all(|number| number.get_version_num() == 7));
    }
}
