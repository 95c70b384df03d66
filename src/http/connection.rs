//! One connection: what it is doing, what of its request is held, and when it ends.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::sync::OwnedSemaphorePermit;
use tokio::time::sleep_until;

use super::connection_limiter::ConnectionPermit;
use super::connection_state::{HEAD, Phase};
use super::large_bodies::LargeBodies;
use super::read_budget::{ReadBudget, UnreadRequest};
use crate::domain::source::Source;

/// One connection, as its stream, its requests and their bodies know it.
#[derive(Debug)]
pub(super) struct Connection {
    permit: ConnectionPermit,
    request: UnreadRequest,
    /// Whether the body of its last request was read whole.
    is_whole: AtomicBool,
    large_bodies: Arc<LargeBodies>,
}

impl Connection {
    /// A connection from an address; without one it is that of a proxy that speaks for many.
    pub(super) fn with(
        permit: ConnectionPermit,
        (budget, large_bodies): (&Arc<ReadBudget>, &Arc<LargeBodies>),
        source: Option<Source>,
    ) -> Arc<Self> {
        let request = budget.request_of(Arc::clone(permit.state()), source);
        let (is_whole, large_bodies) = (AtomicBool::new(true), Arc::clone(large_bodies));
        Arc::new(Self { permit, request, is_whole, large_bodies })
    }

    /// Another one for each connection.
    pub(super) const fn number(&self) -> u64 {
        self.permit.number()
    }

    /// More is read now: whatever came so far was not all.
    pub(super) fn wants_more(&self) {
        if !self.request.has_begun() {
            return;
        }
        let state = self.permit.state();
        if matches!(state.phase(), Phase::New | Phase::Idle) {
            state.enter(Phase::Head, self.permit.now());
        }
        self.request.is_waited_for();
    }

    /// So much was read.
    pub(super) fn has_read(&self, bytes: usize) {
        self.request.has_read(bytes);
    }

    /// Some of an answer went out.
    pub(super) fn has_written(&self) {
        self.permit.state().has_moved(self.permit.now());
    }

    /// The head of a request has come.
    pub(super) fn is_asked(&self, has_body: bool) {
        self.permit.state().enter(Phase::Busy, self.permit.now());
        self.is_whole.store(!has_body, Ordering::Relaxed);
        if !has_body {
            self.request.is_whole();
        }
    }

    /// More of its body is waited for, or has come.
    pub(super) fn is_waited_for(&self, is_waiting: bool) {
        self.permit.state().is_waited_for(is_waiting);
    }

    /// Waits until a large body may be read.
    pub(super) async fn turn(&self, bytes: Option<u64>) -> Option<OwnedSemaphorePermit> {
        self.large_bodies.turn(&self.request, bytes).await
    }

    /// All of its body has come.
    pub(super) fn body_is_whole(&self) {
        self.is_whole.store(true, Ordering::Relaxed);
        self.request.is_whole();
    }

    /// The request is answered, whether or not its body was read.
    pub(super) fn has_answered(&self) {
        self.request.is_whole();
        self.permit.state().enter(Phase::Idle, self.permit.now());
    }

    /// Whether the other end may still be sending what nobody reads.
    pub(super) fn has_more_to_come(&self) -> bool {
        !self.is_whole.load(Ordering::Relaxed) || self.permit.state().phase() == Phase::Head
    }

    /// Waits until somebody else needs the place more, or nothing came for too long.
    pub(super) async fn is_over(&self) {
        tokio::select! {
            () = self.permit.state().told_to_go() => {}
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
