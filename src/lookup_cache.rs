//! Hosts, workspaces and API keys that requests have read before.

use std::sync::Arc;

use quick_cache::sync::Cache;
use tokio::sync::Semaphore;

use crate::domain::api_key::ApiKey;
use crate::domain::host::HostName;
use crate::domain::workspace::{Workspace, WorkspaceId};

/// How many hosts, workspaces and API keys are cached at most, of each.
const MAX_CACHED: usize = 4_096;

/// What was read before: used only while a lookup in the store says that it is still the same.
#[derive(Debug)]
pub struct LookupCache {
    /// Whose a host was: a guess, which the lookup in the store confirms or not.
    pub(crate) hosts: Cache<HostName, WorkspaceId>,
    /// By id; the revision must be the same.
    pub(crate) workspaces: Cache<WorkspaceId, Arc<Workspace>>,
    /// By seal, which is a MAC over the whole row; genuine ones alone. One whose secret key was retired since is asked for
    /// by nobody: no key that is left gives its hash.
    pub(crate) api_keys: Cache<[u8; 32], Arc<ApiKey>>,
    /// Held by whoever moves an API key to the active secret key.
    pub(crate) rekey_turn: Arc<Semaphore>,
}

impl Default for LookupCache {
    fn default() -> Self {
        Self {
            hosts: Cache::new(MAX_CACHED),
            workspaces: Cache::new(MAX_CACHED),
            api_keys: Cache::new(MAX_CACHED),
            rekey_turn: Arc::new(Semaphore::new(1)),
        }
    }
}
