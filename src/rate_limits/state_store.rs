//! The state of many budgets in bounded memory.

use std::convert::Infallible;
use std::hash::{Hash, RandomState};
use std::sync::Arc;

use governor::nanos::Nanos;
use governor::state::{InMemoryState, NotKeyed, StateStore};
use quick_cache::UnitWeighter;
use quick_cache::sync::{Cache, DefaultLifecycle};

/// The state of so many budgets at most. Where there are more, those that were asked for least make way, and begin
/// with a full budget when they come again; whoever comes all the time stays.
///
/// It is hashed with a secret of this process, so that nobody can choose addresses that crowd one corner of it.
#[derive(Debug)]
pub(super) struct BoundedStateStore<K: Hash + Eq>(Cache<K, Arc<InMemoryState>, UnitWeighter, RandomState>);

impl<K: Hash + Eq> BoundedStateStore<K> {
    pub(super) fn to(most: usize) -> Self {
        let hasher = RandomState::new();
        Self(Cache::with(0, most as u64, UnitWeighter, hasher, DefaultLifecycle::default()))
    }
}

#[cfg(test)]
impl<K: Hash + Eq> BoundedStateStore<K> {
    pub(super) fn len(&self) -> usize {
        self.0.len()
    }
}

impl<K: Hash + Eq + Clone> StateStore for BoundedStateStore<K> {
    type Key = K;

    fn measure_and_replace<T, F, E>(&self, key: &K, f: F) -> Result<T, E>
    where
        F: Fn(Option<Nanos>) -> Result<(T, Nanos), E>,
    {
        let Ok(state) = self.0.get_or_insert_with(key, || Ok::<_, Infallible>(Arc::default()));
        state.measure_and_replace(&NotKeyed::NonKey, f)
    }
}
