//! What this process knows of itself as one node of several.

use std::sync::{Mutex, MutexGuard, PoisonError};

use uuid::Uuid;

use crate::domain::clock_watch::ClockWatch;
use crate::domain::node::NodeUnhealthy;

/// Identity, health and clocks of this node.
#[derive(Debug)]
pub struct NodeStatus {
    /// Made anew for each process.
    pub id: Uuid,
    /// What the last check said.
    health: Mutex<Result<(), NodeUnhealthy>>,
    /// What the checks have seen of its clocks.
    clocks: Mutex<ClockWatch>,
}

impl NodeStatus {
    /// What the last check said.
    pub fn health(&self) -> Result<(), NodeUnhealthy> {
        *self.health.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Keeps what a check said, and gives back what the one before it had said.
    pub(crate) fn set_health(&self, health: Result<(), NodeUnhealthy>) -> Result<(), NodeUnhealthy> {
        std::mem::replace(&mut *self.health.lock().unwrap_or_else(PoisonError::into_inner), health)
    }

    /// What the checks have seen of its clocks, for one check at a time.
    pub(crate) fn clocks(&self) -> MutexGuard<'_, ClockWatch> {
        self.clocks.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Default for NodeStatus {
    fn default() -> Self {
        let (health, clocks) = (Mutex::new(Err(NodeUnhealthy::NotAsked)), Mutex::default());
        Self { id: Uuid::now_v7(), health, clocks }
    }
}
