//! How many connections may be open, and which of them is closed when there are too many.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::Instant;

use super::connection_state::ConnectionState;
use super::process_limits::ProcessLimits;

/// File descriptors that connections leave to the store, the listeners and the log.
const RESERVED_FDS: usize = 96;

/// Connections of the operators' listener: a flood at the public listener must not block health checks and metrics.
const OPS_CONNECTIONS: usize = 16;

/// Connections of the admin listener, where there is one: a browser opens six.
const ADMIN_CONNECTIONS: usize = 64;

/// The memory of one connection beside its unread request, at most: its buffers, the request that is being answered, and what
/// the kernel holds of bytes that were not read yet.
const CONNECTION_BYTES: usize = 64 << 10;

/// How long a request may take before its connection counts as idle: longer than any response takes.
const MAX_BUSY: Duration = Duration::from_secs(20);

/// How long to wait for an evicted connection to close before the next ones are evicted.
const EVICTION_WAIT: Duration = Duration::from_millis(100);

/// The open connections of a listener. When there are too many, the longest-idle ones are closed, so that idle connections
/// never keep new ones out.
#[derive(Debug)]
pub(in crate::http) struct ConnectionLimiter {
    limit: usize,
    created_at: Instant,
    open: Mutex<Open>,
    closed: Notify,
}

#[derive(Default, Debug)]
struct Open {
    next_id: u64,
    by_id: HashMap<u64, Arc<ConnectionState>>,
    warned_at: Option<u64>,
}

/// The permit of an open connection; dropping it lets another one in.
#[derive(Debug)]
pub(in crate::http) struct ConnectionPermit {
    id: u64,
    state: Arc<ConnectionState>,
    limiter: Arc<ConnectionLimiter>,
}

impl ConnectionLimiter {
    /// One for the public listener, one for that of operators and one for that of admins: together as many connections as the
    /// file descriptors and a fourth of the memory of this process allow.
    pub(in crate::http) fn of_all_listeners(limits: ProcessLimits, has_admins: bool) -> [Arc<Self>; 3] {
        let total = max_connections(limits);
        let ops = OPS_CONNECTIONS.min(total / 4).max(1);
        let admins = if has_admins { ADMIN_CONNECTIONS.min(total / 4).max(1) } else { 0 };
        [total.saturating_sub(ops + admins).max(1), ops, admins.max(1)].map(Self::with)
    }

    pub(in crate::http) fn with(limit: usize) -> Arc<Self> {
        let (created_at, open, closed) = (Instant::now(), Mutex::default(), Notify::new());
        Arc::new(Self { limit, created_at, open, closed })
    }

    /// A permit, as soon as one is free.
    pub(in crate::http) async fn acquire(self: &Arc<Self>) -> ConnectionPermit {
        loop {
            if let Some(permit) = self.free_permit() {
                return permit;
            }
            self.evict_idle();
            let _ = tokio::time::timeout(EVICTION_WAIT, self.closed.notified()).await;
        }
    }

    /// How many connections are open.
    pub(in crate::http) fn count(&self) -> usize {
        self.open().by_id.len()
    }

    fn free_permit(self: &Arc<Self>) -> Option<ConnectionPermit> {
        let state = Arc::new(ConnectionState::begun_at(self.now()));
        let mut open = self.open();
        if open.by_id.len() >= self.limit {
            return None;
        }
        let id = open.next_id;
        open.next_id += 1;
        open.by_id.insert(id, Arc::clone(&state));
        Some(ConnectionPermit { id, state, limiter: Arc::clone(self) })
    }

    /// Closes the longest-idle connections: several at once, since finding them takes a pass over all.
    fn evict_idle(&self) {
        let now = self.now();
        let busy = u64::try_from(MAX_BUSY.as_millis()).unwrap_or(u64::MAX);
        let mut open = self.open();
        // Each time is read once: it may change meanwhile, and a sort panics if the order is not consistent.
        let all = open.by_id.values().map(|state| (state.since(), state));
        let is_idle = |(since, state): &(u64, &Arc<ConnectionState>)| {
            !state.is_busy() || now.saturating_sub(*since) > busy
        };
        let mut idle: Vec<_> = all.filter(is_idle).collect();
        idle.sort_by_key(|(since, _)| *since);
        let count = (self.limit / 64).max(1);
        idle.iter().take(count).for_each(|(_, state)| state.evict());
        // Once a second: a flood of connections must not fill the log.
        if open.warned_at.is_none_or(|warned_at| now > warned_at + 1_000) {
            tracing::warn!(open = open.by_id.len(), "connection limit reached: closing idle connections");
            open.warned_at = Some(now);
        }
    }

    /// Closes the connections on which nothing has arrived, or no more than a part of a head: a shutdown does not wait for them.
    pub(in crate::http) fn close_unused(&self) {
        let open = self.open();
        open.by_id.values().filter(|state| state.is_unused()).for_each(|state| state.evict());
    }

    fn now(&self) -> u64 {
        u64::try_from(self.created_at.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    fn open(&self) -> MutexGuard<'_, Open> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl ConnectionPermit {
    /// A different number for each connection.
    pub(in crate::http) const fn id(&self) -> u64 {
        self.id
    }

    /// The state of the connection.
    pub(in crate::http) const fn state(&self) -> &Arc<ConnectionState> {
        &self.state
    }

    /// The time, in the milliseconds that the state uses.
    pub(in crate::http) fn now(&self) -> u64 {
        self.limiter.now()
    }

    /// The instant of such a time.
    pub(in crate::http) fn instant(&self, milliseconds: u64) -> Instant {
        self.limiter.created_at + Duration::from_millis(milliseconds)
    }
}

impl Drop for ConnectionPermit {
    fn drop(&mut self) {
        self.limiter.open().by_id.remove(&self.id);
        self.limiter.closed.notify_one();
    }
}

/// Where there are few descriptors, two thirds are reserved.
fn max_connections(limits: ProcessLimits) -> usize {
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
    fn some_descriptors_and_most_of_the_memory_are_reserved() {
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
            assert_eq!(max_connections(limits), expected, "{limits:?}");
        }
    }

    #[test]
    fn all_listeners_share_the_limit_and_operators_and_admins_always_have_connections() {
        for (descriptors, public, operators, admins) in
            [(48, 8, 4, 4), (144, 24, 12, 12), (1_024, 848, 16, 64)]
        {
            let limits = ProcessLimits { descriptors, memory: 1 << 40 };
            let all = ConnectionLimiter::of_all_listeners(limits, true).map(|one| one.limit);
            assert_eq!(all, [public, operators, admins], "{descriptors}");
            let [one, other, _] = ConnectionLimiter::of_all_listeners(limits, false).map(|one| one.limit);
            assert_eq!((one, other), (public + admins, operators), "{descriptors}");
        }
    }

    /// The sort of the standard library panics when the order is not consistent.
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
    async fn an_unfinished_request_is_evicted_and_a_complete_one_is_served() {
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
        tokio::time::timeout(EVICTION_WAIT, slow.state.evicted()).await.expect("no connection is evicted");
        drop(slow);
        let _next = next.await.unwrap();

        let evicted = tokio::time::timeout(Duration::from_millis(1), served.state.evicted()).await;
        assert!(evicted.is_err(), "a connection that is being served was evicted");
    }

    #[tokio::test]
    async fn the_longest_idle_connection_is_evicted_and_no_busy_one() {
        let limiter = ConnectionLimiter::with(3);
        let (busy, idle, other) = (limiter.acquire().await, limiter.acquire().await, limiter.acquire().await);
        busy.state.enter(Phase::Busy, busy.now());
        tokio::time::sleep(Duration::from_millis(5)).await;
        other.state.enter(Phase::Idle, other.now());

        let next = tokio::spawn({
            let limiter = Arc::clone(&limiter);
            async move { limiter.acquire().await }
        });
        idle.state.evicted().await;
        drop(idle);
        let _next = next.await.unwrap();

        assert_eq!(limiter.open().by_id.len(), 3);
        for permit in [&busy, &other] {
            let evicted = tokio::time::timeout(Duration::from_millis(1), permit.state.evicted()).await;
            assert!(evicted.is_err(), "another connection was evicted too");
        }
    }
}
