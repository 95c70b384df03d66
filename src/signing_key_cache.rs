//! Signing keys that were opened before: to open one takes half as long as to sign.

use std::sync::Arc;

use quick_cache::sync::Cache;
use tokio::sync::Semaphore;

use crate::keys::KeyPair;

/// How many pairs are kept at most: a pair takes some kilobytes.
const MAX_CACHED: usize = 1_024;

/// Pairs by the thumbprint of their public halves, which no other pair has. A row is looked up and its seal checked before its pair
/// is used, so one that was retired is used no more.
#[derive(Debug)]
pub struct SigningKeyCache {
    /// The pairs.
    pub(crate) pairs: Cache<String, Arc<KeyPair>>,
    /// Held by who makes a pair: however many wait for the first key of a workspace, one at a time makes some.
    pub(crate) making: Semaphore,
}

impl Default for SigningKeyCache {
    fn default() -> Self {
        Self { pairs: Cache::new(MAX_CACHED), making: Semaphore::new(1) }
    }
}
