//! What a connection is doing, and when it has been idle for too long.

use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};

use tokio::sync::Notify;

/// How long a connection may be idle, before its first request and between two, in milliseconds. Proxies and load balancers
/// close theirs after 60 s: the server must not close one that a proxy is about to use.
const IDLE_TIMEOUT: u64 = 75_000;

/// How long the head of a request may take from its first byte on, in milliseconds.
pub(in crate::http) const HEAD_TIMEOUT: u64 = 30_000;

/// What a connection is doing.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u8)]
pub(in crate::http) enum Phase {
    /// Nothing was received yet.
    New,
    /// The last request is answered.
    Idle,
    /// The head of a request has begun to arrive.
    Head,
    /// A request is being answered.
    Busy,
    /// The server waits for more of a body.
    Body,
}

/// The state of a connection. All times are milliseconds of the limiter's clock.
#[derive(Debug)]
pub(in crate::http) struct ConnectionState {
    phase: AtomicU8,
    /// When its last request began, arrived or was answered: a slow sender counts as idle from its first byte.
    since: AtomicU64,
    /// When bytes were last sent, or the phase changed.
    moved_at: AtomicU64,
    evicted: Notify,
}

impl ConnectionState {
    pub(in crate::http) fn begun_at(now: u64) -> Self {
        Self {
            phase: AtomicU8::new(Phase::New as u8),
            since: now.into(),
            moved_at: now.into(),
            evicted: Notify::new(),
        }
    }

    pub(in crate::http) fn phase(&self) -> Phase {
        let all = [Phase::New, Phase::Idle, Phase::Head, Phase::Busy, Phase::Body];
        let number = self.phase.load(Ordering::Relaxed);
        all.into_iter().find(|phase| *phase as u8 == number).unwrap_or(Phase::New)
    }

    /// Begins another phase.
    pub(in crate::http) fn enter(&self, phase: Phase, now: u64) {
        self.since.store(now, Ordering::Relaxed);
        self.moved_at.store(now, Ordering::Relaxed);
        self.phase.store(phase as u8, Ordering::Relaxed);
    }

    /// The server waits for more of the body, or some of it has arrived.
    pub(in crate::http) fn set_waiting_for_client(&self, is_waiting: bool) {
        let phase = if is_waiting { Phase::Body } else { Phase::Busy };
        self.phase.store(phase as u8, Ordering::Relaxed);
    }

    /// Some of a response was sent.
    pub(in crate::http) fn has_moved(&self, now: u64) {
        self.moved_at.store(now, Ordering::Relaxed);
    }

    pub(in crate::http) fn since(&self) -> u64 {
        self.since.load(Ordering::Relaxed)
    }

    pub(in crate::http) fn is_busy(&self) -> bool {
        self.phase() == Phase::Busy
    }

    /// Whether no head of a request has arrived whole, so that nobody waits for a response.
    pub(in crate::http) fn is_unused(&self) -> bool {
        matches!(self.phase(), Phase::New | Phase::Head)
    }

    /// When it will have been idle for too long, if nothing happens. A request that has arrived has a timeout of its own, and so
    /// has its body.
    pub(in crate::http) fn expires_at(&self) -> Option<u64> {
        match self.phase() {
            Phase::New | Phase::Idle => Some(self.moved_at.load(Ordering::Relaxed) + IDLE_TIMEOUT),
            Phase::Head => Some(self.since() + HEAD_TIMEOUT),
            Phase::Busy | Phase::Body => None,
        }
    }

    pub(in crate::http) fn evict(&self) {
        self.evicted.notify_one();
    }

    /// Waits until the connection is to be closed in favour of another one.
    pub(in crate::http) async fn evicted(&self) {
        self.evicted.notified().await;
    }
}
