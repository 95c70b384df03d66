//! What a connection is doing, and when it has been doing nothing for too long.

use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};

use tokio::sync::Notify;

/// How long a connection may be idle, before its first request and between two. Proxies and load balancers keep theirs for
/// 60 s: who closes first must not be the one who is about to be asked.
const IDLE: u64 = 75_000;

/// How long the head of a request may take from its first byte on, in milliseconds.
pub(in crate::http) const HEAD: u64 = 30_000;

/// What a connection is doing.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u8)]
pub(in crate::http) enum Phase {
    /// It has said nothing yet.
    New,
    /// The last request is answered.
    Idle,
    /// The head of a request has begun to arrive.
    Head,
    /// A request is being answered.
    Busy,
    /// More of a body is waited for.
    Body,
}

/// What is known of a connection. All times are milliseconds of the clock of whoever has it.
#[derive(Debug)]
pub(in crate::http) struct ConnectionState {
    phase: AtomicU8,
    /// When its last request began, came or was answered: who drips is silent from the beginning.
    since: AtomicU64,
    /// When something last moved.
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

    /// From now on it does something else.
    pub(in crate::http) fn enter(&self, phase: Phase, now: u64) {
        self.since.store(now, Ordering::Relaxed);
        self.moved_at.store(now, Ordering::Relaxed);
        self.phase.store(phase as u8, Ordering::Relaxed);
    }

    /// More of the body is waited for, or has come.
    pub(in crate::http) fn set_waiting_for_client(&self, is_waiting: bool) {
        let phase = if is_waiting { Phase::Body } else { Phase::Busy };
        self.phase.store(phase as u8, Ordering::Relaxed);
    }

    /// Some of an answer went out.
    pub(in crate::http) fn has_moved(&self, now: u64) {
        self.moved_at.store(now, Ordering::Relaxed);
    }

    pub(in crate::http) fn since(&self) -> u64 {
        self.since.load(Ordering::Relaxed)
    }

    pub(in crate::http) fn is_busy(&self) -> bool {
        self.phase() == Phase::Busy
    }

    pub(in crate::http) fn mark_started(&self) -> bool {
        self.phase() != Phase::New
    }

    /// When it will have been silent for too long, if it stays as it is. A request that came is judged elsewhere: it has a
    /// time limit of its own, and so has its body.
    pub(in crate::http) fn ends_at(&self) -> Option<u64> {
        match self.phase() {
            Phase::New | Phase::Idle => Some(self.moved_at.load(Ordering::Relaxed) + IDLE),
            Phase::Head => Some(self.since() + HEAD),
            Phase::Busy | Phase::Body => None,
        }
    }

    pub(in crate::http) fn tell_to_go(&self) {
        self.evicted.notify_one();
    }

    /// Waits until somebody else needs the place more.
    pub(in crate::http) async fn evicted(&self) {
        self.evicted.notified().await;
    }
}
