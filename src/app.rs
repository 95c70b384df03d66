//! What a request may use.

use std::ops::Deref;
use std::sync::Arc;

use crate::clock::Clock;
use crate::keys::{Keyring, LiveKeyring};
use crate::lookup_cache::LookupCache;
use crate::metrics::Metrics;
use crate::node_status::NodeStatus;
use crate::rate_limits::{RateLimitConfig, RateLimits};
use crate::store::Store;

/// Store, clock, keys and counters: cheap to clone, one for the whole process.
#[derive(Clone, Debug)]
pub struct App {
    /// What strangers, and API keys, may do how often.
    pub limits: Arc<RateLimits>,
    inner: Arc<Inner>,
}

/// What an [`App`] holds.
#[derive(Debug)]
pub struct Inner {
    /// What is kept.
    pub store: Store,
    /// The time.
    pub clock: Clock,
    /// The secret keys, which may change while it runs.
    pub held: LiveKeyring,
    /// What is counted for operators.
    pub metrics: Metrics,
    /// Workspaces and API keys that were read before.
    pub lookup_cache: LookupCache,
    /// What this process knows of itself as one of several.
    pub node: NodeStatus,
}

impl App {
    /// An app over an open store and its keys, with the usual limits.
    pub fn new(store: Store, clock: Clock, held: LiveKeyring) -> Self {
        let (metrics, lookup_cache, node) =
            (Metrics::default(), LookupCache::default(), NodeStatus::default());
        let limits = Arc::new(RateLimits::new(&RateLimitConfig::default(), &clock));
        Self { limits, inner: Arc::new(Inner { store, clock, held, metrics, lookup_cache, node }) }
    }

    /// The same app with other limits.
    pub fn limited_to(self, quotas: &RateLimitConfig) -> Self {
        Self { limits: Arc::new(RateLimits::new(quotas, &self.clock)), ..self }
    }

    /// The secret keys as they are at this moment: asked for anew by each step, and never kept over a wait.
    pub fn keys(&self) -> impl Deref<Target = Arc<Keyring>> {
        self.held.current()
    }
}

impl Deref for App {
    type Target = Inner;

    fn deref(&self) -> &Inner {
        &self.inner
    }
}
