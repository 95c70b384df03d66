//! How many connections may be open, and which of them gives way to another.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::Notify;

/// File descriptors that connections leave to the store, the listeners and the log.
const KEPT_FREE: usize = 96;

/// Descriptors that a process has where nobody can tell.
const USUAL: usize = 1_024;

/// How long a request is given before its connection may have to give way: longer than any answer takes.
const BUSY: Duration = Duration::from_secs(20);

/// How long to wait for a connection to end before another one is asked to.
const BREATH: Duration = Duration::from_millis(100);

/// The connections that are open. Whoever opens many and says nothing keeps nobody else out: who has been silent
/// longest gives way.
#[derive(Debug)]
pub(super) struct Seats {
    most: usize,
    begun: Instant,
    taken: Mutex<Taken>,
    freed: Notify,
}

#[derive(Default, Debug)]
struct Taken {
    next: u64,
    by_number: HashMap<u64, Arc<Guest>>,
    /// When it was last said that there are too many.
    said_at: Option<u64>,
}

/// What is known of a connection.
#[derive(Debug)]
struct Guest {
    /// When its last request came or was answered, in milliseconds since the server began.
    since: AtomicU64,
    is_busy: AtomicBool,
    has_spoken: AtomicBool,
    told_to_go: Notify,
}

/// A connection's place; it is free again when this is dropped.
#[derive(Debug)]
pub(super) struct Seat {
    number: u64,
    guest: Arc<Guest>,
    seats: Arc<Seats>,
}

impl Seats {
    /// As many as the file descriptors of this process allow.
    pub(super) fn for_this_process() -> Arc<Self> {
        let descriptors =
            std::fs::read_to_string("/proc/self/limits").ok().and_then(|limits| soft_limit(&limits));
        Self::with(seats_for(descriptors.unwrap_or(USUAL)))
    }

    pub(super) fn with(most: usize) -> Arc<Self> {
        let (begun, taken, freed) = (Instant::now(), Mutex::default(), Notify::new());
        Arc::new(Self { most, begun, taken, freed })
    }

    /// A seat, as soon as there is one.
    pub(super) async fn take(self: &Arc<Self>) -> Seat {
        loop {
            if let Some(seat) = self.free_seat() {
                return seat;
            }
            self.make_room();
            let _ = tokio::time::timeout(BREATH, self.freed.notified()).await;
        }
    }

    fn free_seat(self: &Arc<Self>) -> Option<Seat> {
        let guest = Arc::new(Guest {
            since: self.now().into(),
            is_busy: false.into(),
            has_spoken: false.into(),
            told_to_go: Notify::new(),
        });
        let mut taken = self.taken();
        if taken.by_number.len() >= self.most {
            return None;
        }
        let number = taken.next;
        taken.next += 1;
        taken.by_number.insert(number, Arc::clone(&guest));
        Some(Seat { number, guest, seats: Arc::clone(self) })
    }

    /// Tells those to go who have been silent longest: some at once, since finding them is a look at all.
    fn make_room(&self) {
        let now = self.now();
        let busy = u64::try_from(BUSY.as_millis()).unwrap_or(u64::MAX);
        let mut taken = self.taken();
        let may_go = |guest: &&Arc<Guest>| {
            let is_busy = guest.is_busy.load(Ordering::Relaxed);
            !is_busy || now.saturating_sub(guest.since.load(Ordering::Relaxed)) > busy
        };
        // Read once for each: they go on asking meanwhile, and a sort panics if what it compares changes under its hands.
        let silent = taken.by_number.values().filter(may_go);
        let mut silent: Vec<_> = silent.map(|guest| (guest.since.load(Ordering::Relaxed), guest)).collect();
        silent.sort_by_key(|(since, _)| *since);
        let count = (self.most / 64).max(1);
        silent.iter().take(count).for_each(|(_, guest)| guest.told_to_go.notify_one());
        // Whoever opens connections all the time is not to fill the log.
        if taken.said_at.is_none_or(|said_at| now > said_at + 1_000) {
            tracing::warn!(
                open = taken.by_number.len(),
                "too many connections: those that are silent give way"
            );
            taken.said_at = Some(now);
        }
    }

    /// Before a stop: nobody waits for those who have not said anything yet.
    pub(super) fn send_the_silent_home(&self) {
        let taken = self.taken();
        let is_silent = |guest: &&Arc<Guest>| !guest.has_spoken.load(Ordering::Relaxed);
        taken.by_number.values().filter(is_silent).for_each(|guest| guest.told_to_go.notify_one());
    }

    fn now(&self) -> u64 {
        u64::try_from(self.begun.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    fn taken(&self) -> MutexGuard<'_, Taken> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Seat {
    /// Another one for each connection.
    pub(super) const fn number(&self) -> u64 {
        self.number
    }

    /// The first bytes have come.
    pub(super) fn has_spoken(&self) {
        self.guest.has_spoken.store(true, Ordering::Relaxed);
    }

    /// A request has come.
    pub(super) fn is_asked(&self) {
        self.note(true);
    }

    /// It is answered.
    pub(super) fn has_answered(&self) {
        self.note(false);
    }

    /// More of the request is waited for, or has come. Whoever drips is silent from the beginning.
    pub(super) fn is_waited_for(&self, is_waiting: bool) {
        self.guest.is_busy.store(!is_waiting, Ordering::Relaxed);
    }

    /// Waits until somebody else needs the place more.
    pub(super) async fn told_to_go(&self) {
        self.guest.told_to_go.notified().await;
    }

    fn note(&self, is_busy: bool) {
        self.guest.since.store(self.seats.now(), Ordering::Relaxed);
        self.guest.is_busy.store(is_busy, Ordering::Relaxed);
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.seats.taken().by_number.remove(&self.number);
        self.seats.freed.notify_one();
    }
}

/// The soft limit on open files in what the kernel says of a process's limits (proc(5)).
fn soft_limit(limits: &str) -> Option<usize> {
    let line = limits.lines().find_map(|line| line.strip_prefix("Max open files"))?;
    line.split_whitespace().next()?.parse().ok()
}

/// Of few descriptors two thirds are kept free.
fn seats_for(descriptors: usize) -> usize {
    descriptors.saturating_sub(KEPT_FREE.min(descriptors * 2 / 3)).max(1)
}

#[cfg(test)]
mod tests {
    use std::panic::AssertUnwindSafe;

    use super::*;

    #[test]
    fn some_descriptors_are_left_to_the_store() {
        let limits = "Limit                     Soft Limit           Hard Limit           Units\n\
                      Max processes             95                   95                   processes\n\
                      Max open files            1024                 524288               files\n";

        assert_eq!(soft_limit(limits), Some(1_024));
        assert_eq!(
            soft_limit("Max open files            unlimited            unlimited            files\n"),
            None
        );
        for (descriptors, seats) in [(0, 1), (48, 16), (144, 48), (1_024, 928), (20_000, 19_904)] {
            assert_eq!(seats_for(descriptors), seats, "{descriptors}");
        }
    }

    /// The sort of the standard library panics when it finds out that an order is none.
    #[tokio::test]
    async fn room_is_made_while_everybody_asks() {
        let seats = Seats::with(64);
        let mut guests = Vec::new();
        for _ in 0..64 {
            guests.push(seats.take().await);
        }
        let is_over = AtomicBool::new(false);

        std::thread::scope(|scope| {
            scope.spawn(|| {
                for moment in (0..).take_while(|_| !is_over.load(Ordering::Relaxed)) {
                    let guest: &Seat = &guests[moment * 7 % 64];
                    guest.guest.since.store((moment * 31 % 97) as u64, Ordering::Relaxed);
                }
            });
            let made =
                std::panic::catch_unwind(AssertUnwindSafe(|| (0..5_000).for_each(|_| seats.make_room())));
            is_over.store(true, Ordering::Relaxed);
            assert!(made.is_ok());
        });
    }

    #[tokio::test(start_paused = true)]
    async fn who_never_says_all_gives_way_and_who_has_said_all_is_served() {
        let seats = Seats::with(2);
        let (slow, served) = (seats.take().await, seats.take().await);
        for seat in [&slow, &served] {
            seat.is_asked();
            seat.is_waited_for(true);
        }
        served.is_waited_for(false);

        let next = tokio::spawn({
            let seats = Arc::clone(&seats);
            async move { seats.take().await }
        });
        tokio::time::timeout(BREATH, slow.told_to_go()).await.expect("nobody gives way");
        drop(slow);
        let _next = next.await.unwrap();

        let told = tokio::time::timeout(Duration::from_millis(1), served.told_to_go()).await;
        assert!(told.is_err(), "who is being served was told to go");
    }

    #[tokio::test]
    async fn who_has_been_silent_longest_gives_way_and_nobody_who_is_being_served() {
        let seats = Seats::with(3);
        let (busy, silent, other) = (seats.take().await, seats.take().await, seats.take().await);
        busy.is_asked();
        tokio::time::sleep(Duration::from_millis(5)).await;
        other.is_asked();
        other.has_answered();

        let next = tokio::spawn({
            let seats = Arc::clone(&seats);
            async move { seats.take().await }
        });
        silent.told_to_go().await;
        drop(silent);
        let _next = next.await.unwrap();

        assert_eq!(seats.taken().by_number.len(), 3);
        for guest in [&busy, &other] {
            let told = tokio::time::timeout(Duration::from_millis(1), guest.told_to_go()).await;
            assert!(told.is_err(), "somebody else was told to go too");
        }
    }
}
