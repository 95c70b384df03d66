//! The id of a request: in its response, its log lines and the audit log.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::LazyLock;
use std::sync::atomic::{AtomicU64, Ordering};

use uuid::{Builder, Uuid};

use crate::clock::Clock;
use crate::domain::timestamp::Timestamp;

tokio::task_local! {
    /// The id of the request that is being answered.
    pub(in crate::http) static REQUEST_ID: Uuid;
}

/// The id of the request that is being answered, for its log lines.
pub fn current_request_id() -> Option<Uuid> {
    REQUEST_ID.try_with(|id| *id).ok()
}

/// The salt of this process, so that no other process makes the same ids.
static SALT: LazyLock<[u8; 32]> = LazyLock::new(|| {
    let mut bytes = [0; 32];
    if getrandom::fill(&mut bytes).is_err() {
        // Nothing depends on ids being hard to guess, so requests are answered without randomness too.
        bytes[..8].copy_from_slice(&Clock::System.now().millis().to_le_bytes());
        bytes[8..12].copy_from_slice(&std::process::id().to_le_bytes());
    }
    bytes
});

/// A unique id: the time, and a salted hash of a counter (UUID version 7, RFC 9562, section 5.7). It cannot fail, even where
/// the operating system gives no random bytes.
pub(in crate::http) fn new_request_id(now: Timestamp) -> Uuid {
    static COUNTER: AtomicU64 = AtomicU64::new(0);
    let mut hasher = DefaultHasher::new();
    (*SALT, COUNTER.fetch_add(1, Ordering::Relaxed)).hash(&mut hasher);
    let hash = hasher.finish();
    let mut rest = [0; 10];
    rest[..8].copy_from_slice(&hash.to_le_bytes());
    // Version and variant go over six of the first bits: these keep them.
    (rest[8], rest[9]) = (rest[0], rest[2]);
    Builder::from_unix_timestamp_millis(u64::try_from(now.millis()).unwrap_or(0), &rest).into_uuid()
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn no_two_requests_have_the_same_id() {
        let ids: HashSet<_> = (0..10_000).map(|_| new_request_id(Clock::System.now())).collect();

        assert_eq!(ids.len(), 10_000);
        assert!(ids.iter().all(|id| id.get_version_num() == 7));
    }
}
