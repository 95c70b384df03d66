//! One connection: what it is doing, how much of its request is held in memory, and when it is closed.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::sync::OwnedSemaphorePermit;
use tokio::sync::futures::OwnedNotified;
use tokio::time::sleep_until;

use super::connection_limit::ConnectionPermit;
use super::connection_state::{HEAD_TIMEOUT, Phase};
use super::large_bodies::LargeBodies;
use super::read_budget::ReadBudget;
use super::unread_request::UnreadRequest;
use crate::domain::client_network::ClientNetwork;

/// One connection, shared by its stream, its requests and their bodies.
#[derive(Debug)]
pub(in crate::http) struct Connection {
    permit: ConnectionPermit,
    request: UnreadRequest,
    /// Whether the body of its last request was read whole.
    is_whole: AtomicBool,
    large_bodies: Arc<LargeBodies>,
}

impl Connection {
    /// A connection of a client; without one it is that of a proxy that speaks for many.
    pub(in crate::http) fn with(
        permit: ConnectionPermit,
        (budget, large_bodies): (&Arc<ReadBudget>, &Arc<LargeBodies>),
        client: Option<ClientNetwork>,
    ) -> Arc<Self> {
        let request = UnreadRequest::of(budget, Arc::clone(permit.state()), client);
        let (is_whole, large_bodies) = (AtomicBool::new(true), Arc::clone(large_bodies));
        Arc::new(Self { permit, request, is_whole, large_bodies })
    }

    /// A different number for each connection.
    pub(in crate::http) const fn id(&self) -> u64 {
        self.permit.id()
    }

    /// The server wants to read more; gives whether it may now. While a request is being answered it always may: the request may
    /// be whole already, and is not counted until its handler waits for the body.
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

    /// Until it is worth asking again. Create it before asking, so that no notification is missed.
    pub(in crate::http) fn freed(&self) -> OwnedNotified {
        self.request.freed()
    }

    /// Bytes were read.
    pub(in crate::http) fn has_read(&self, bytes: usize) {
        self.request.has_read(bytes);
    }

    /// Some of a response was sent.
    pub(in crate::http) fn has_written(&self) {
        self.permit.state().has_moved(self.permit.now());
    }

    /// The head of a request has arrived.
    pub(in crate::http) fn mark_busy(&self, has_body: bool) {
        self.permit.state().enter(Phase::Busy, self.permit.now());
        self.is_whole.store(!has_body, Ordering::Relaxed);
        if has_body {
            self.request.release();
        } else {
            self.request.is_whole();
        }
    }

    /// The server waits for more of the body, or some of it has arrived.
    pub(in crate::http) fn set_waiting_for_client(&self, is_waiting: bool) {
        self.permit.state().set_waiting_for_client(is_waiting);
    }

    /// Waits until a large body may be read.
    pub(in crate::http) async fn large_body_turn(&self, bytes: Option<u64>) -> Option<OwnedSemaphorePermit> {
        self.large_bodies.acquire(&self.request, bytes).await
    }

    /// All of the body has arrived.
    pub(in crate::http) fn body_is_whole(&self) {
        self.is_whole.store(true, Ordering::Relaxed);
        self.request.is_whole();
    }

    /// The request is answered, whether or not its body was read.
    pub(in crate::http) fn mark_idle(&self) {
        self.request.is_whole();
        self.permit.state().enter(Phase::Idle, self.permit.now());
    }

    /// Whether the client may still be sending what the server will not read.
    pub(in crate::http) fn has_more_to_come(&self) -> bool {
        !self.is_whole.load(Ordering::Relaxed) || self.permit.state().phase() == Phase::Head
    }

    /// Waits until the connection is to be closed: evicted in favour of another one, or idle for too long.
    pub(in crate::http) async fn must_close(&self) {
        tokio::select! {
            () = self.permit.state().evicted() => {}
            () = self.expired() => {}
        }
    }

    /// Waits until the connection was idle for too long. Checks again before a head that begins meanwhile can time out.
    async fn expired(&self) {
        loop {
            let now = self.permit.now();
            let expires_at = self.permit.state().expires_at();
            if expires_at.is_some_and(|expires_at| expires_at <= now) {
                return;
            }
            let latest = now + HEAD_TIMEOUT;
            let next = expires_at.map_or(latest, |expires_at| expires_at.min(latest));
            sleep_until(self.permit.instant(next)).await;
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

    /// A request in two pieces.
    async fn send_request(connection: &Connection) {
        for _ in 0..2 {
            connection.may_read_more();
            connection.has_read(10);
            advance(Duration::from_secs(1)).await;
        }
        connection.mark_busy(false);
        connection.mark_idle();
    }

    async fn seconds_until_closed(connection: &Connection) -> u64 {
        let begun = Instant::now();
        connection.must_close().await;
        begun.elapsed().as_secs()
    }

    #[tokio::test(start_paused = true)]
    async fn an_idle_connection_lives_75_seconds_before_the_first_request_and_between_two() {
        let connection = connection().await;

        assert_eq!(seconds_until_closed(&connection).await, 75);
        send_request(&connection).await;
        assert_eq!(seconds_until_closed(&connection).await, 75);
    }

    #[tokio::test(start_paused = true)]
    async fn a_head_has_30_seconds_from_its_first_byte_however_long_the_connection_was_idle() {
        let connection = connection().await;
        send_request(&connection).await;
        let watched = Arc::clone(&connection);
        let over = tokio::spawn(async move { seconds_until_closed(&watched).await });
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

        let over = timeout(Duration::from_mins(10), connection.must_close()).await;

        assert!(over.is_err());
    }

    /// Hundreds at once behind one proxy, each with a body that no handler has read from yet.
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
            assert!(timeout(Duration::from_millis(1), connection.must_close()).await.is_err());
        }
        for connection in &all {
            connection.set_waiting_for_client(true);
        }
        assert!(all.iter().any(|connection| !connection.may_read_more()), "no connection is waited for");
    }
}
