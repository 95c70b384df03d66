//! The request of a connection as long as it is not read whole.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use tokio::sync::futures::OwnedNotified;

use super::connection_state::ConnectionState;
use super::read_budget::{ReadBudget, Turn};
use crate::domain::client_network::ClientNetwork;

/// The request of a connection that is not read whole yet, if there is one.
#[derive(Debug)]
pub(in crate::http) struct UnreadRequest {
    budget: Arc<ReadBudget>,
    pub(in crate::http) number: u64,
    /// Where it comes from.
    pub(in crate::http) source: Option<ClientNetwork>,
    pub(in crate::http) connection: Arc<ConnectionState>,
    bytes: AtomicUsize,
    is_held: AtomicBool,
}

impl UnreadRequest {
    /// For a connection from an address; without one, which is for proxies that speak for many, only the sum counts.
    pub(in crate::http) fn of(
        budget: &Arc<ReadBudget>,
        connection: Arc<ConnectionState>,
        source: Option<ClientNetwork>,
    ) -> Self {
        let (budget, number) = (Arc::clone(budget), budget.next());
        Self {
            budget,
            number,
            source,
            connection,
            bytes: AtomicUsize::new(0),
            is_held: AtomicBool::new(false),
        }
    }

    /// So much more of it was read.
    pub(in crate::http) fn has_read(&self, bytes: usize) {
        self.bytes.fetch_add(bytes, Ordering::Relaxed);
    }

    /// Whether anything of it was read.
    pub(in crate::http) fn has_begun(&self) -> bool {
        self.bytes.load(Ordering::Relaxed) > 0
    }

    /// What was read of it was not all; gives whether more may be read now. A request that comes in one piece, as nearly all do,
    /// is never counted.
    pub(in crate::http) fn may_read_more(&self) -> bool {
        self.is_held.store(true, Ordering::Relaxed);
        self.budget.hold(self, self.bytes.load(Ordering::Relaxed))
    }

    /// Until it is worth asking again. Made before asking, nothing is missed.
    pub(in crate::http) fn room(&self) -> OwnedNotified {
        Arc::clone(&self.budget.has_room).notified_owned()
    }

    /// Its body waits for its turn, or has it.
    pub(in crate::http) fn turns(&self, turn: Turn) {
        self.may_read_more();
        self.budget.turns(self, turn);
    }

    /// It was read whole, or nobody will read the rest.
    pub(in crate::http) fn is_whole(&self) {
        self.bytes.store(0, Ordering::Relaxed);
        self.is_not_waited_for();
    }

    /// Nobody waits for more of it at the moment.
    pub(in crate::http) fn is_not_waited_for(&self) {
        if self.is_held.swap(false, Ordering::Relaxed) {
            self.budget.forget(self.number);
        }
    }
}

impl Drop for UnreadRequest {
    fn drop(&mut self) {
        self.is_whole();
    }
}
