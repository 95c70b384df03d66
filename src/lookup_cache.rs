//! Hosts, workspaces and API keys that requests have read before.

use std::sync::Arc;

use quick_cache::sync::Cache;
use tokio::sync::Semaphore;
use uuid::Uuid;

use crate::domain::api_key::ApiKey;
use crate::domain::host::HostName;
use crate::domain::workspace::{Workspace, WorkspaceId};

/// How many hosts and API keys are cached at most, of each.
const MAX_CACHED: usize = 4_096;

/// What was read before, each with the state of the directory in which it was so: used only while a lookup in the store says that
/// this is still the state.
#[derive(Debug)]
pub struct LookupCache {
    /// By host.
    pub(crate) workspaces: Cache<HostName, (Uuid, Arc<Workspace>)>,
    /// By hash; genuine ones alone. One whose secret key was retired since is asked for by nobody: no key that is left gives its
    /// hash.
    pub(crate) api_keys: Cache<(WorkspaceId, [u8; 32]), (Uuid, Arc<ApiKey>)>,
    /// Held by whoever moves an API key to the active secret key.
    pub(crate) rekey_turn: Arc<Semaphore>,
}

impl Default for LookupCache {
    fn default() -> Self {
        Self {
            workspaces: Cache::new(MAX_CACHED),
            api_keys: Cache::new(MAX_CACHED),
            rekey_turn: Arc::new(Semaphore::new(1)),
        }
    }
}
