//! One connection: what it is doing, what of its request is held, and when it ends.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::sync::OwnedSemaphorePermit;
use tokio::sync::futures::OwnedNotified;
use tokio::time::sleep_until;

use super::connection_limit::ConnectionPermit;
use super::connection_state::{HEAD, Phase};
use super::large_bodies::LargeBodies;
use super::read_budget::ReadBudget;
use super::unread_request::UnreadRequest;
use crate::domain::client_network::ClientNetwork;

/// One connection, as its stream, its requests and their bodies know it.
#[derive(Debug)]
pub(in crate::http) struct Connection {
    permit: ConnectionPermit,
    request: UnreadRequest,
    /// Whether the body of its last request was read whole.
    is_whole: AtomicBool,
    large_bodies: Arc<LargeBodies>,
}

impl Connection {
    /// A connection from an address; without one it is that of a proxy that speaks for many.
    pub(in crate::http) fn with(
        permit: ConnectionPermit,
        (budget, large_bodies): (&Arc<ReadBudget>, &Arc<LargeBodies>),
        source: Option<ClientNetwork>,
    ) -> Arc<Self> {
        let request = UnreadRequest::of(budget, Arc::clone(permit.state()), source);
        let (is_whole, large_bodies) = (AtomicBool::new(true), Arc::clone(large_bodies));
        Arc::new(Self { permit, request, is_whole, large_bodies })
    }

    /// Another one for each connection.
    pub(in crate::http) const fn number(&self) -> u64 {
        self.permit.number()
    }

    /// More is to be read, since whatever came so far was not all; gives whether that may be now. While a request is being
    /// answered nobody waits for more of it: it may be whole, and nobody has looked yet.
    pub(in crate::http) fn may_read_more(&self) -> bool {
        let state = self.permit.state();
        match state.phase() {
            Phase::Busy => return true,
            Phase::New | Phase::Idle if self.request.has_begun() => {
                state.enter(Phase::Head, self.permit.now());
            }
            Phase::New | Phase::Idle | Phase::Head | Phase::Body => {}
        }
        !self.request.has_begun() || self.request.may_read_more()
    }

    /// Until it is worth asking again. Made before asking, nothing is missed.
    pub(in crate::http) fn room(&self) -> OwnedNotified {
        self.request.room()
    }

    /// So much was read.
    pub(in crate::http) fn has_read(&self, bytes: usize) {
        self.request.has_read(bytes);
    }

    /// Some of an answer went out.
    pub(in crate::http) fn has_written(&self) {
        self.permit.state().has_moved(self.permit.now());
    }

    /// The head of a request has come.
    pub(in crate::http) fn mark_busy(&self, has_body: bool) {
        self.permit.state().enter(Phase::Busy, self.permit.now());
        self.is_whole.store(!has_body, Ordering::Relaxed);
        if has_body {
            self.request.is_not_waited_for();
        } else {
            self.request.is_whole();
        }
    }

    /// More of its body is waited for, or has come.
    pub(in crate::http) fn set_waiting_for_client(&self, is_waiting: bool) {
        self.permit.state().set_waiting_for_client(is_waiting);
    }

    /// Waits until a large body may be read.
    pub(in crate::http) async fn turn(&self, bytes: Option<u64>) -> Option<OwnedSemaphorePermit> {
        self.large_bodies.turn(&self.request, bytes).await
    }

    /// All of its body has come.
    pub(in crate::http) fn body_is_whole(&self) {
        self.is_whole.store(true, Ordering::Relaxed);
        self.request.is_whole();
    }

    /// The request is answered, whether or not its body was read.
    pub(in crate::http) fn mark_idle(&self) {
        self.request.is_whole();
        self.permit.state().enter(Phase::Idle, self.permit.now());
    }

    /// Whether the other end may still be sending what nobody reads.
    pub(in crate::http) fn has_more_to_come(&self) -> bool {
        !self.is_whole.load(Ordering::Relaxed) || self.permit.state().phase() == Phase::Head
    }

    /// Waits until somebody else needs the place more, or nothing came for too long.
    pub(in crate::http) async fn is_over(&self) {
        tokio::select! {
            () = self.permit.state().evicted() => {}
            () = self.is_silent_for_too_long() => {}
        }
    }

    /// Looks again before any head that begins meanwhile can have taken too long.
    async fn is_silent_for_too_long(&self) {
        loop {
            let now = self.permit.now();
            let ends_at = self.permit.state().ends_at();
            if ends_at.is_some_and(|ends_at| ends_at <= now) {
                return;
            }
            let next = ends_at.map_or(now + HEAD, |ends_at| ends_at.min(now + HEAD));
            sleep_until(self.permit.moment(next)).await;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::time::{Instant, advance, timeout};

    use super::*;
    use crate::http::server::connection_limit::ConnectionLimiter;

    async fn connection() -> Arc<Connection> {
        connection_within(&ReadBudget::with(1 << 20, 1 << 20)).await
    }

    async fn connection_within(budget: &Arc<ReadBudget>) -> Arc<Connection> {
        let permit = ConnectionLimiter::with(1).acquire().await;
        Connection::with(permit, (budget, &LargeBodies::within(budget)), None)
    }

    /// Comes in two pieces.
    async fn asks(connection: &Connection) {
        for _ in 0..2 {
            connection.may_read_more();
            connection.has_read(10);
            advance(Duration::from_secs(1)).await;
        }
        connection.mark_busy(false);
        connection.mark_idle();
    }

    async fn seconds_until_it_is_over(connection: &Connection) -> u64 {
        let begun = Instant::now();
        connection.is_over().await;
        begun.elapsed().as_secs()
    }

    #[tokio::test(start_paused = true)]
    async fn an_idle_connection_lives_75_seconds_before_the_first_request_and_between_two() {
        let connection = connection().await;

        assert_eq!(seconds_until_it_is_over(&connection).await, 75);
        asks(&connection).await;
        assert_eq!(seconds_until_it_is_over(&connection).await, 75);
    }

    #[tokio::test(start_paused = true)]
    async fn a_head_has_30_seconds_from_its_first_byte_however_long_the_connection_was_idle() {
        let connection = connection().await;
        asks(&connection).await;
        let watched = Arc::clone(&connection);
        let over = tokio::spawn(async move { seconds_until_it_is_over(&watched).await });
        tokio::time::sleep(Duration::from_secs(70)).await;

        connection.has_read(10);
        connection.may_read_more();
        tokio::time::sleep(Duration::from_secs(20)).await;
        connection.has_read(10);
        connection.may_read_more();

        assert_eq!(over.await.unwrap(), 100);
    }

    #[tokio::test(start_paused = true)]
    async fn a_connection_that_is_being_answered_is_not_idle_however_long_that_takes() {
        let connection = connection().await;
        connection.has_read(10);
        connection.mark_busy(false);

        let over = timeout(Duration::from_mins(10), connection.is_over()).await;

        assert!(over.is_err());
    }

    /// Hundreds at once behind one proxy, each with a body that nobody has looked at yet.
    #[tokio::test(start_paused = true)]
    async fn a_request_that_is_being_answered_does_not_count_as_unfinished() {
        let budget = ReadBudget::with(20_000, 20_000);
        let mut all = Vec::new();
        for _ in 0..10 {
            let connection = connection_within(&budget).await;
            connection.has_read(100);
            connection.may_read_more();
            connection.mark_busy(true);
            all.push(connection);
        }

        for connection in &all {
            assert!(connection.may_read_more());
            assert!(timeout(Duration::from_millis(1), connection.is_over()).await.is_err());
        }
        for connection in &all {
            connection.set_waiting_for_client(true);
        }
        assert!(all.iter().any(|connection| !connection.may_read_more()), "nobody is waited for");
    }
}
