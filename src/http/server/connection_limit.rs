//! How many connections may be open, and which of them gives way to another.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::Instant;

use super::connection_state::ConnectionState;
use super::process_limits::ProcessLimits;

/// File descriptors that connections leave to the store, the listeners and the log.
const RESERVED_FDS: usize = 96;

/// Connections that are for operators alone, so that no crowd at the public listener keeps them from asking how things are.
const FOR_OPERATORS: usize = 16;

/// What a connection takes at most, beside what of its request is counted as not read whole: its buffers and the request that
/// is answered here, and what the kernel holds of what was not read yet.
const CONNECTION_BYTES: usize = 64 << 10;

/// How long a request is given before its connection may have to give way: longer than any answer takes.
const MAX_BUSY: Duration = Duration::from_secs(20);

/// How long to wait for a connection to end before another one is asked to.
const EVICTION_WAIT: Duration = Duration::from_millis(100);

/// The connections of a listener that are open. Whoever opens many and says nothing keeps nobody else out: who has been
/// silent longest gives way.
#[derive(Debug)]
pub(in crate::http) struct ConnectionLimiter {
    most: usize,
    begun: Instant,
    open: Mutex<Open>,
    closed: Notify,
}

#[derive(Default, Debug)]
struct Open {
    next: u64,
    by_number: HashMap<u64, Arc<ConnectionState>>,
    /// When it was last said that there are too many.
    warned_at: Option<u64>,
}

/// A connection's place among those that may be open; it is free again when this is dropped.
#[derive(Debug)]
pub(in crate::http) struct ConnectionPermit {
    number: u64,
    state: Arc<ConnectionState>,
    limiter: Arc<ConnectionLimiter>,
}

impl ConnectionLimiter {
    /// One for the public listener and one for that of operators: together as many connections as the file descriptors
    /// and a fourth of the memory of this process allow.
    pub(in crate::http) fn of_both_listeners(limits: ProcessLimits) -> (Arc<Self>, Arc<Self>) {
        let most = most_connections(limits);
        let for_operators = FOR_OPERATORS.min(most / 4).max(1);
        (Self::with(most.saturating_sub(for_operators).max(1)), Self::with(for_operators))
    }

    pub(in crate::http) fn with(most: usize) -> Arc<Self> {
        let (begun, open, closed) = (Instant::now(), Mutex::default(), Notify::new());
        Arc::new(Self { most, begun, open, closed })
    }

    /// A permit, as soon as there is one.
    pub(in crate::http) async fn acquire(self: &Arc<Self>) -> ConnectionPermit {
        loop {
            if let Some(permit) = self.free_permit() {
                return permit;
            }
            self.evict_idle();
            let _ = tokio::time::timeout(EVICTION_WAIT, self.closed.notified()).await;
        }
    }

    /// How many are open.
    pub(in crate::http) fn count(&self) -> usize {
        self.open().by_number.len()
    }

    fn free_permit(self: &Arc<Self>) -> Option<ConnectionPermit> {
        let state = Arc::new(ConnectionState::begun_at(self.now()));
        let mut open = self.open();
        if open.by_number.len() >= self.most {
            return None;
        }
        let number = open.next;
        open.next += 1;
        open.by_number.insert(number, Arc::clone(&state));
        Some(ConnectionPermit { number, state, limiter: Arc::clone(self) })
    }

    /// Tells those to go who have been silent longest: some at once, since finding them is a look at all.
    fn evict_idle(&self) {
        let now = self.now();
        let busy = u64::try_from(MAX_BUSY.as_millis()).unwrap_or(u64::MAX);
        let mut open = self.open();
        // Read once for each: they go on asking meanwhile, and a sort panics if what it compares changes under its hands.
        let known = open.by_number.values().map(|state| (state.since(), state));
        let may_go = |(since, state): &(u64, &Arc<ConnectionState>)| {
            !state.is_busy() || now.saturating_sub(*since) > busy
        };
        let mut silent: Vec<_> = known.filter(may_go).collect();
        silent.sort_by_key(|(since, _)| *since);
        let count = (self.most / 64).max(1);
        silent.iter().take(count).for_each(|(_, state)| state.tell_to_go());
        // Whoever opens connections all the time is not to fill the log.
        if open.warned_at.is_none_or(|warned_at| now > warned_at + 1_000) {
            tracing::warn!(
                open = open.by_number.len(),
                "too many connections: those that are silent give way"
            );
            open.warned_at = Some(now);
        }
    }

    /// Before a stop: nobody waits for those who have not said anything yet.
    pub(in crate::http) fn close_those_that_never_spoke(&self) {
        let open = self.open();
        open.by_number.values().filter(|state| !state.mark_started()).for_each(|state| state.tell_to_go());
    }

    fn now(&self) -> u64 {
        u64::try_from(self.begun.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    fn open(&self) -> MutexGuard<'_, Open> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl ConnectionPermit {
    /// Another one for each connection.
    pub(in crate::http) const fn number(&self) -> u64 {
        self.number
    }

    /// What is known of the connection.
    pub(in crate::http) const fn state(&self) -> &Arc<ConnectionState> {
        &self.state
    }

    /// The time, in the milliseconds that the state is told.
    pub(in crate::http) fn now(&self) -> u64 {
        self.limiter.now()
    }

    /// The moment of such a time.
    pub(in crate::http) fn moment(&self, milliseconds: u64) -> Instant {
        self.limiter.begun + Duration::from_millis(milliseconds)
    }
}

impl Drop for ConnectionPermit {
    fn drop(&mut self) {
        self.limiter.open().by_number.remove(&self.number);
        self.limiter.closed.notify_one();
    }
}

/// Of few descriptors two thirds are left to others.
fn most_connections(limits: ProcessLimits) -> usize {
    let ProcessLimits { descriptors, memory } = limits;
    let by_descriptors = descriptors.saturating_sub(RESERVED_FDS.min(descriptors * 2 / 3));
    by_descriptors.min(memory / 4 / CONNECTION_BYTES).max(1)
}

#[cfg(test)]
mod tests {
    use std::panic::AssertUnwindSafe;
    use std::sync::atomic::{AtomicBool, Ordering};

    use super::*;
    use crate::http::server::connection_state::Phase;

    #[test]
    fn some_descriptors_are_left_to_the_store_and_most_of_the_memory_too() {
        for (descriptors, memory, expected) in [
            (0, 1 << 40, 1),
            (48, 1 << 40, 16),
            (144, 1 << 40, 48),
            (1_024, 1 << 40, 928),
            (20_000, 1 << 40, 19_904),
            (65_536, 64 << 20, 256),
            (65_536, 2 << 30, 8_192),
            (65_536, 0, 1),
        ] {
            let limits = ProcessLimits { descriptors, memory };
            assert_eq!(most_connections(limits), expected, "{limits:?}");
        }
    }

    #[test]
    fn both_listeners_together_have_no_more_than_there_is_and_operators_always_have_some() {
        for (descriptors, public, operators) in [(48, 12, 4), (144, 36, 12), (1_024, 912, 16)] {
            let limits = ProcessLimits { descriptors, memory: 1 << 40 };
            let (one, other) = ConnectionLimiter::of_both_listeners(limits);
            assert_eq!((one.most, other.most), (public, operators), "{descriptors}");
        }
    }

    /// The sort of the standard library panics when it finds out that an order is none.
    #[tokio::test]
    async fn room_is_made_while_everybody_asks() {
        let limiter = ConnectionLimiter::with(64);
        let mut permits = Vec::new();
        for _ in 0..64 {
            permits.push(limiter.acquire().await);
        }
        let is_over = AtomicBool::new(false);

        std::thread::scope(|scope| {
            scope.spawn(|| {
                for moment in (0..).take_while(|_| !is_over.load(Ordering::Relaxed)) {
                    let permit: &ConnectionPermit = &permits[moment * 7 % 64];
                    permit.state.enter(Phase::Idle, (moment * 31 % 97) as u64);
                }
            });
            let made =
                std::panic::catch_unwind(AssertUnwindSafe(|| (0..5_000).for_each(|_| limiter.evict_idle())));
            is_over.store(true, Ordering::Relaxed);
            assert!(made.is_ok());
        });
    }

    #[tokio::test(start_paused = true)]
    async fn who_never_says_all_gives_way_and_who_has_said_all_is_served() {
        let limiter = ConnectionLimiter::with(2);
        let (slow, served) = (limiter.acquire().await, limiter.acquire().await);
        for permit in [&slow, &served] {
            permit.state.enter(Phase::Busy, permit.now());
            permit.state.set_waiting_for_client(true);
        }
        served.state.set_waiting_for_client(false);

        let next = tokio::spawn({
            let limiter = Arc::clone(&limiter);
            async move { limiter.acquire().await }
        });
        tokio::time::timeout(EVICTION_WAIT, slow.state.evicted()).await.expect("nobody gives way");
        drop(slow);
        let _next = next.await.unwrap();

        let told = tokio::time::timeout(Duration::from_millis(1), served.state.evicted()).await;
        assert!(told.is_err(), "who is being served was told to go");
    }

    #[tokio::test]
    async fn who_has_been_silent_longest_gives_way_and_nobody_who_is_being_served() {
        let limiter = ConnectionLimiter::with(3);
        let (busy, silent, other) =
            (limiter.acquire().await, limiter.acquire().await, limiter.acquire().await);
        busy.state.enter(Phase::Busy, busy.now());
        tokio::time::sleep(Duration::from_millis(5)).await;
        other.state.enter(Phase::Idle, other.now());

        let next = tokio::spawn({
            let limiter = Arc::clone(&limiter);
            async move { limiter.acquire().await }
        });
        silent.state.evicted().await;
        drop(silent);
        let _next = next.await.unwrap();

        assert_eq!(limiter.open().by_number.len(), 3);
        for permit in [&busy, &other] {
            let told = tokio::time::timeout(Duration::from_millis(1), permit.state.evicted()).await;
            assert!(told.is_err(), "somebody else was told to go too");
        }
    }
}
