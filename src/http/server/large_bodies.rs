//! Large bodies come one after the other, since two halves of them help nobody.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;

use super::read_budget::{ReadBudget, Turn};
use super::unread_request::UnreadRequest;
use crate::domain::client_network::ClientNetwork;

/// What turns are counted in, in bytes. A body that is not larger needs none.
pub(in crate::http) const UNIT: usize = 64 << 10;

/// The units that one address may have: a whole body of the largest kind.
const UNITS_FOR_ONE: u32 = 16;

/// How long whoever has its turn may send less than another unit while others wait.
const SILENT: Duration = Duration::from_secs(1);

/// How many addresses are remembered before those are forgotten that have no body here.
const TIDY: usize = 1_024;

/// The turns of bodies that are larger than a form. Only who has shown a good API key has one, since no other body that is
/// larger is read.
#[derive(Debug)]
pub(in crate::http) struct LargeBodies {
    budget: Arc<ReadBudget>,
    by_source: Mutex<HashMap<ClientNetwork, Weak<Semaphore>>>,
}

impl LargeBodies {
    pub(in crate::http) fn within(budget: &Arc<ReadBudget>) -> Arc<Self> {
        Arc::new(Self { budget: Arc::clone(budget), by_source: Mutex::default() })
    }

    /// Waits until a body of so many bytes may be read; one that does not say how long it is, is taken for the largest. The
    /// turn is the next one's when what this gives is dropped. Proxies that speak for many wait for nobody.
    pub(in crate::http) async fn turn(
        &self,
        request: &UnreadRequest,
        bytes: Option<u64>,
    ) -> Option<OwnedSemaphorePermit> {
        let source = request.source?;
        let units = bytes.and_then(|bytes| u32::try_from(bytes.div_ceil(UNIT as u64)).ok());
        let units = units.unwrap_or(UNITS_FOR_ONE).min(UNITS_FOR_ONE);
        request.turns(Turn::Waits);
        let mut turn = std::pin::pin!(self.of(source).acquire_many_owned(units));
        let permits = loop {
            match timeout(SILENT, &mut turn).await {
                // No semaphore of these is ever closed.
                Ok(permits) => break permits.ok(),
                Err(_) => self.budget.end_silent_turn(source, SILENT),
            }
        };
        request.turns(Turn::Has);
        permits
    }

    fn of(&self, source: ClientNetwork) -> Arc<Semaphore> {
        let mut by_source = self.by_source.lock().unwrap_or_else(PoisonError::into_inner);
        if by_source.len() > TIDY {
            by_source.retain(|_, turns| turns.strong_count() > 0);
        }
        let known = by_source.get(&source).and_then(Weak::upgrade);
        known.unwrap_or_else(|| {
            let turns = Arc::new(Semaphore::new(UNITS_FOR_ONE as usize));
            by_source.insert(source, Arc::downgrade(&turns));
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
        let source = ClientNetwork::of(IpAddr::V4(Ipv4Addr::new(192, 0, 2, last)));
        (UnreadRequest::of(budget, Arc::clone(&connection), (last > 0).then_some(source)), connection)
    }

    #[tokio::test(start_paused = true)]
    async fn large_bodies_of_one_address_come_one_after_the_other_and_those_of_others_beside_them() {
        let budget = ReadBudget::with(32 << 20, 1 << 20);
        let bodies = LargeBodies::within(&budget);
        let (first, _) = begin(&budget, 1);
        let turn = bodies.turn(&first, LARGE).await;
        assert!(turn.is_some());

        let (second, _) = begin(&budget, 1);
        let waits = async { timeout(Duration::from_millis(500), bodies.turn(&second, LARGE)).await };
        assert!(waits.await.is_err(), "both are read at once");
        for last in [2, 0] {
            let (other, _) = begin(&budget, last);
            let begun = Instant::now();
            bodies.turn(&other, None).await;
            assert_eq!(begun.elapsed(), Duration::ZERO, "{last} had to wait");
        }
        drop(turn);
        assert!(bodies.turn(&second, LARGE).await.is_some());
    }

    #[tokio::test(start_paused = true)]
    async fn whoever_has_the_turn_and_sends_nothing_gives_way_to_whoever_waits() {
        let budget = ReadBudget::with(32 << 20, 1 << 20);
        let bodies = LargeBodies::within(&budget);
        let ((silent, connection), (waiting, _)) = (begin(&budget, 1), begin(&budget, 1));
        let turn = bodies.turn(&silent, LARGE).await;

        let next = bodies.turn(&waiting, LARGE);
        let ends = async {
            connection.evicted().await;
            drop((turn, silent));
        };
        let begun = Instant::now();
        let (next, ()) = tokio::join!(next, ends);

        assert!(next.is_some());
        assert!(begun.elapsed() <= SILENT * 2, "it waited {:?}", begun.elapsed());
    }
}
