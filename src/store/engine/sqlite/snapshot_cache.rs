//! What a connection that reads has found, kept until somebody commits, so that it need not look twice.

use std::collections::HashMap;

/// Results that are kept at most.
const MAX_CACHED: usize = 2_048;

/// What was found through a connection since the last commit of anybody.
pub(super) struct SnapshotCache<C> {
    /// What SQLite calls the data version: another one whenever somebody else has committed, whichever process it was.
    version: i64,
    found: HashMap<Vec<u8>, C>,
}

impl<C> Default for SnapshotCache<C> {
    fn default() -> Self {
        Self { version: 0, found: HashMap::new() }
    }
}

impl<C> SnapshotCache<C> {
    /// Forgets everything if it is of another version.
    pub(super) fn be_at(&mut self, version: i64) {
        if version != self.version {
            self.version = version;
            self.found.clear();
        }
    }

    pub(super) fn get(&self, key: &[u8]) -> Option<&C> {
        self.found.get(key)
    }

    pub(super) fn insert(&mut self, key: Vec<u8>, found: C) {
        if self.found.len() == MAX_CACHED {
            self.found.clear();
        }
        self.found.insert(key, found);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_remembered_is_bounded_and_forgotten_at_another_version() {
        let mut cache = SnapshotCache::default();
        cache.be_at(1);

        for number in 0..5_000_u32 {
            let key = number.to_be_bytes();
            cache.insert(key.to_vec(), number);
            assert_eq!(cache.get(&key), Some(&number));
            assert!(cache.found.len() <= MAX_CACHED);
        }

        cache.be_at(1);
        assert!(!cache.found.is_empty());
        cache.be_at(2);
        assert!(cache.found.is_empty());
    }
}
