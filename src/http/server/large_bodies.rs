//! Large bodies of one client are read one after the other: two of them at once would exceed its share of the memory.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;

use super::read_budget::{ReadBudget, Turn};
use super::unread_request::UnreadRequest;
use crate::domain::client_network::ClientNetwork;

/// The unit of a turn, in bytes. A body that is not larger needs no turn.
pub(in crate::http) const UNIT: usize = 64 << 10;

/// The units of one client: a whole body of the largest kind.
const UNITS_PER_CLIENT: u32 = 16;

/// How long a sender that has its turn may send less than another unit while others wait.
const STALL_TIMEOUT: Duration = Duration::from_secs(1);

/// Above this number of clients, entries without a body are removed.
const MAX_CLIENTS: usize = 1_024;

/// The turns of bodies that are larger than a form. Only requests with a valid API key get one, since no other large body is
/// read.
#[derive(Debug)]
pub(in crate::http) struct LargeBodies {
    budget: Arc<ReadBudget>,
    by_client: Mutex<HashMap<ClientNetwork, Weak<Semaphore>>>,
}

impl LargeBodies {
    pub(in crate::http) fn within(budget: &Arc<ReadBudget>) -> Arc<Self> {
        Arc::new(Self { budget: Arc::clone(budget), by_client: Mutex::default() })
    }

    /// Waits until a body of this length may be read; one of unknown length counts as the largest. Dropping the permit ends the
    /// turn. Proxies that speak for many clients do not wait.
    pub(in crate::http) async fn acquire(
        &self,
        request: &UnreadRequest,
        bytes: Option<u64>,
    ) -> Option<OwnedSemaphorePermit> {
        let client = request.client()?;
        let units = bytes.and_then(|bytes| u32::try_from(bytes.div_ceil(UNIT as u64)).ok());
        let units = units.unwrap_or(UNITS_PER_CLIENT).min(UNITS_PER_CLIENT);
        request.set_turn(Turn::Waiting);
        let mut turn = std::pin::pin!(self.of(client).acquire_many_owned(units));
        let permits = loop {
            match timeout(STALL_TIMEOUT, &mut turn).await {
                // No semaphore of these is ever closed.
                Ok(permits) => break permits.ok(),
                Err(_) => self.budget.end_stalled_turn(client, STALL_TIMEOUT),
            }
        };
        request.set_turn(Turn::Granted);
        permits
    }

    fn of(&self, client: ClientNetwork) -> Arc<Semaphore> {
        let mut by_client = self.by_client.lock().unwrap_or_else(PoisonError::into_inner);
        if by_client.len() > MAX_CLIENTS {
            by_client.retain(|_, turns| turns.strong_count() > 0);
        }
        let known = by_client.get(&client).and_then(Weak::upgrade);
        known.unwrap_or_else(|| {
            let turns = Arc::new(Semaphore::new(UNITS_PER_CLIENT as usize));
            by_client.insert(client, Arc::downgrade(&turns));
            turns
        })
    }
}

#[cfg(test)]
mod tests {
    use std::net::{IpAddr, Ipv4Addr};

    use tokio::time::Instant;

    use super::*;
    use crate::http::server::connection_state::ConnectionState;

    const LARGE: Option<u64> = Some(900_000);

    fn begin(budget: &Arc<ReadBudget>, last: u8) -> (UnreadRequest, Arc<ConnectionState>) {
        let connection = Arc::new(ConnectionState::begun_at(0));
        let client = ClientNetwork::of(IpAddr::V4(Ipv4Addr::new(192, 0, 2, last)));
        (UnreadRequest::of(budget, Arc::clone(&connection), (last > 0).then_some(client)), connection)
    }

    #[tokio::test(start_paused = true)]
    async fn large_bodies_of_one_client_are_read_one_after_the_other_and_those_of_others_beside_them() {
        let budget = ReadBudget::with(32 << 20, 1 << 20);
        let bodies = LargeBodies::within(&budget);
        let (first, _) = begin(&budget, 1);
        let turn = bodies.acquire(&first, LARGE).await;
        assert!(turn.is_some());

        let (second, _) = begin(&budget, 1);
        let waits = async { timeout(Duration::from_millis(500), bodies.acquire(&second, LARGE)).await };
        assert!(waits.await.is_err(), "both are read at once");
        for last in [2, 0] {
            let (other, _) = begin(&budget, last);
            let begun = Instant::now();
            bodies.acquire(&other, None).await;
            assert_eq!(begun.elapsed(), Duration::ZERO, "{last} had to wait");
        }
        drop(turn);
        assert!(bodies.acquire(&second, LARGE).await.is_some());
    }

    #[tokio::test(start_paused = true)]
    async fn a_stalled_sender_loses_its_turn_to_one_that_waits() {
        let budget = ReadBudget::with(32 << 20, 1 << 20);
        let bodies = LargeBodies::within(&budget);
        let ((stalled, connection), (waiting, _)) = (begin(&budget, 1), begin(&budget, 1));
        let turn = bodies.acquire(&stalled, LARGE).await;

        let next = bodies.acquire(&waiting, LARGE);
        let ends = async {
            connection.evicted().await;
            drop((turn, stalled));
        };
        let begun = Instant::now();
        let (next, ()) = tokio::join!(next, ends);

        assert!(next.is_some());
        assert!(begun.elapsed() <= STALL_TIMEOUT * 2, "it waited {:?}", begun.elapsed());
    }
}
