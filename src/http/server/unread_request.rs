//! The request of a connection as long as it is not read whole.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use tokio::sync::futures::OwnedNotified;

use super::connection_state::ConnectionState;
use super::read_budget::{ReadBudget, Sender, Turn};
use crate::domain::client_network::ClientNetwork;

/// What was read of a connection's request so far, if it has one that is not read whole.
#[derive(Debug)]
pub(in crate::http) struct UnreadRequest {
    budget: Arc<ReadBudget>,
    sender: Sender,
    bytes: AtomicUsize,
    is_recorded: AtomicBool,
}

impl UnreadRequest {
    /// For a connection from a client; without one, which is for proxies that speak for many, only the total counts.
    pub(in crate::http) fn of(
        budget: &Arc<ReadBudget>,
        connection: Arc<ConnectionState>,
        client: Option<ClientNetwork>,
    ) -> Self {
        let sender = Sender { id: budget.next_id(), client, connection };
        let (bytes, is_recorded) = (AtomicUsize::new(0), AtomicBool::new(false));
        Self { budget: Arc::clone(budget), sender, bytes, is_recorded }
    }

    /// The client that sends it.
    pub(in crate::http) const fn client(&self) -> Option<ClientNetwork> {
        self.sender.client
    }

    /// More bytes of it were read.
    pub(in crate::http) fn has_read(&self, bytes: usize) {
        self.bytes.fetch_add(bytes, Ordering::Relaxed);
    }

    /// Whether anything of it was read.
    pub(in crate::http) fn has_begun(&self) -> bool {
        self.bytes.load(Ordering::Relaxed) > 0
    }

    /// Records what was read of it, which was not all; gives whether more may be read now. A request that comes in one piece, as
    /// nearly all do, never gets here.
    pub(in crate::http) fn may_read_more(&self) -> bool {
        self.is_recorded.store(true, Ordering::Relaxed);
        self.budget.record(&self.sender, self.bytes.load(Ordering::Relaxed))
    }

    /// Until it is worth asking again. Create it before asking, so that no notification is missed.
    pub(in crate::http) fn freed(&self) -> OwnedNotified {
        Arc::clone(&self.budget.freed).notified_owned()
    }

    /// Its body waits for its turn, or has it.
    pub(in crate::http) fn set_turn(&self, turn: Turn) {
        self.may_read_more();
        self.budget.set_turn(&self.sender, turn);
    }

    /// It was read whole, or the rest will not be read.
    pub(in crate::http) fn is_whole(&self) {
        self.bytes.store(0, Ordering::Relaxed);
        self.release();
    }

    /// The server does not wait for more of it at the moment.
    pub(in crate::http) fn release(&self) {
        if self.is_recorded.swap(false, Ordering::Relaxed) {
            self.budget.release(self.sender.id);
        }
    }
}

impl Drop for UnreadRequest {
    fn drop(&mut self) {
        self.is_whole();
    }
}

#[cfg(test)]
mod tests {
    use std::net::{IpAddr, Ipv4Addr};
    use std::time::Duration;

    use super::*;
    use crate::http::server::read_budget::{MIN_BYTES, PROGRESS};

    fn client(last: u8) -> ClientNetwork {
        ClientNetwork::of(IpAddr::V4(Ipv4Addr::new(192, 0, 2, last)))
    }

    fn begin(budget: &Arc<ReadBudget>, client: impl Into<Option<ClientNetwork>>) -> UnreadRequest {
        UnreadRequest::of(budget, Arc::new(ConnectionState::begun_at(0)), client.into())
    }

    fn read(request: &UnreadRequest, bytes: usize) -> bool {
        request.has_read(bytes);
        request.may_read_more()
    }

    async fn is_evicted(request: &UnreadRequest) -> bool {
        tokio::time::timeout(Duration::from_millis(1), request.sender.connection.evicted()).await.is_ok()
    }

    async fn a_moment() {
        tokio::time::advance(Duration::from_millis(10)).await;
    }

    #[tokio::test(start_paused = true)]
    async fn above_the_limit_of_a_client_its_own_oldest_request_is_evicted_and_no_other() {
        let budget = ReadBudget::with(1 << 20, 3 * MIN_BYTES - 1);
        let requests = [1, 2, 1, 1].map(|last| begin(&budget, client(last)));
        for request in &requests {
            read(request, MIN_BYTES);
            a_moment().await;
        }

        let mut evicted = Vec::new();
        for request in &requests {
            evicted.push(is_evicted(request).await);
        }

        assert_eq!(evicted, [true, false, false, false]);
    }

    #[tokio::test(start_paused = true)]
    async fn above_the_total_the_oldest_request_is_evicted_and_nothing_is_read_until_it_has_closed() {
        let budget = ReadBudget::with(3 * MIN_BYTES - 1, 3 * MIN_BYTES - 1);
        let oldest = begin(&budget, client(1));
        read(&oldest, 1);
        a_moment().await;
        // For proxies that speak for many clients only the total counts.
        let others = [Some(client(2)), None].map(|client| begin(&budget, client));

        assert!(read(&others[0], 1));
        assert!(!read(&others[1], MIN_BYTES), "more was read while the budget was exceeded");
        let freed = others[1].freed();
        assert!(is_evicted(&oldest).await);
        drop(oldest);

        freed.await;
        assert!(others[1].may_read_more());
        assert!(!is_evicted(&others[0]).await && !is_evicted(&others[1]).await);
    }

    #[tokio::test(start_paused = true)]
    async fn a_request_that_is_alone_or_whole_is_never_evicted() {
        let budget = ReadBudget::with(MIN_BYTES, MIN_BYTES);
        let (whole, alone) = (begin(&budget, client(1)), begin(&budget, client(1)));
        read(&whole, MIN_BYTES);
        whole.is_whole();

        assert!(read(&alone, 5 * MIN_BYTES));
        assert!(!is_evicted(&whole).await && !is_evicted(&alone).await);
    }

    #[tokio::test(start_paused = true)]
    async fn a_sender_that_makes_progress_counts_as_younger_than_a_slow_one() {
        let budget = ReadBudget::with(1 << 20, 4 * PROGRESS);
        let (sender, slow, other) =
            (begin(&budget, client(1)), begin(&budget, client(1)), begin(&budget, client(1)));
        for _ in 0..3 {
            a_moment().await;
            read(&slow, 1);
            a_moment().await;
            read(&sender, PROGRESS);
        }

        read(&other, PROGRESS);

        assert!(is_evicted(&slow).await);
        assert!(!is_evicted(&sender).await && !is_evicted(&other).await);
    }

    #[tokio::test(start_paused = true)]
    async fn nothing_is_left_of_closed_connections() {
        let budget = ReadBudget::with(10 * MIN_BYTES, 5 * MIN_BYTES);
        let requests: Vec<_> = (0..50).map(|last| begin(&budget, client(last % 5))).collect();
        for request in &requests {
            read(request, 100);
        }
        requests[0].set_turn(Turn::Waiting);

        drop(requests);

        assert!(budget.is_empty(), "{budget:?}");
    }
}
