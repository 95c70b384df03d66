//! How much of requests that are not read whole yet is held, and whose request gives way to another.

use std::collections::{BTreeSet, HashMap};
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use super::connection_state::ConnectionState;
use super::process_limits::ProcessLimits;
use crate::domain::source::Source;

/// Heads and bodies that are not read whole, of all connections together, in bytes.
const MOST: usize = 32 << 20;

/// The same of one address: a whole body of the largest kind.
const MOST_FOR_ONE: usize = 1 << 20;

/// Whoever sends so much more is not silent. Strangers never do: their heads and forms are smaller.
const STEP: usize = 64 << 10;

/// What is held of requests that are not read whole yet. Beyond the most that may be held, the connection of the request
/// that has been waited for longest is closed.
#[derive(Debug)]
pub(super) struct ReadBudget {
    most: usize,
    most_for_one: usize,
    begun: Instant,
    next: AtomicU64,
    held: Mutex<Held>,
}

#[derive(Default, Debug)]
struct Held {
    bytes: usize,
    by_number: HashMap<u64, Request>,
    /// All of them, those first that have been waited for longest.
    by_age: BTreeSet<(u64, u64)>,
    by_source: HashMap<Source, Share>,
    /// When it was last said that there is too much.
    said_at: Option<u64>,
}

/// What is held for one address, but for requests that we keep waiting.
#[derive(Default, Debug)]
struct Share {
    bytes: usize,
    by_age: BTreeSet<(u64, u64)>,
}

#[derive(Debug)]
struct Request {
    bytes: usize,
    since: u64,
    source: Option<Source>,
    turn: Turn,
    connection: Arc<ConnectionState>,
}

/// How a large body stands: see [`LargeBodies`](super::large_bodies::LargeBodies).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Turn {
    /// It is none, or nobody has looked at it yet.
    None,
    /// It waits for its turn: that is our doing, so its address is not charged with it.
    Waits,
    /// It has its turn.
    Has,
}

/// The request of a connection that is not read whole yet, if there is one.
#[derive(Debug)]
pub(super) struct UnreadRequest {
    budget: Arc<ReadBudget>,
    number: u64,
    source: Option<Source>,
    connection: Arc<ConnectionState>,
    bytes: AtomicUsize,
    is_held: AtomicBool,
}

impl ReadBudget {
    /// As much as may be held, and where this process has little memory no more than a fourth of it.
    pub(super) fn of(limits: ProcessLimits) -> Arc<Self> {
        Self::with(MOST.min(limits.memory / 4), MOST_FOR_ONE)
    }

    pub(super) fn with(most: usize, most_for_one: usize) -> Arc<Self> {
        let (begun, next, held) = (Instant::now(), AtomicU64::new(0), Mutex::default());
        Arc::new(Self { most, most_for_one, begun, next, held })
    }

    /// For a connection from an address; without one, which is for proxies that speak for many, only the sum counts.
    pub(super) fn request_of(
        self: &Arc<Self>,
        connection: Arc<ConnectionState>,
        source: Option<Source>,
    ) -> UnreadRequest {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        let (bytes, is_held) = (AtomicUsize::new(0), AtomicBool::new(false));
        UnreadRequest { budget: Arc::clone(self), number, source, connection, bytes, is_held }
    }

    /// Ends the large body of an address that has its turn and of which next to nothing has come for so long, if there is one.
    pub(super) fn end_silent_turn(&self, source: Source, silent: Duration) {
        let latest = self.now().saturating_sub(u64::try_from(silent.as_millis()).unwrap_or(u64::MAX));
        let mut held = self.held();
        let Some(share) = held.by_source.get(&source) else { return };
        let mut silent = share.by_age.iter().take_while(|(since, _)| *since <= latest);
        let found = silent.find(|(_, number)| held.by_number[number].turn == Turn::Has).copied();
        if let Some((_, number)) = found {
            held.give_way(number);
        }
    }

    fn hold(&self, request: &UnreadRequest, bytes: usize) {
        let now = self.now();
        let mut held = self.held();
        let (number, source) = (request.number, request.source);
        let before = held.remove(number);
        let (since, turn) = match &before {
            Some(before) if before.bytes / STEP == bytes / STEP => (before.since, before.turn),
            Some(before) => (now, before.turn),
            None => (now, Turn::None),
        };
        let connection = Arc::clone(&request.connection);
        held.add(number, Request { bytes, since, source, turn, connection });
        self.make_room(&mut held, source, now);
    }

    fn turns(&self, request: &UnreadRequest, turn: Turn) {
        let now = self.now();
        let mut held = self.held();
        if let Some(before) = held.remove(request.number) {
            held.add(request.number, Request { turn, since: now, ..before });
        }
        self.make_room(&mut held, request.source, now);
    }

    /// A request that is alone never gives way: the largest that may be sent fits by itself.
    fn make_room(&self, held: &mut Held, source: Option<Source>, now: u64) {
        let mut closed = 0_usize;
        while let Some(share) = source.and_then(|source| held.by_source.get(&source))
            && share.bytes > self.most_for_one
            && share.by_age.len() > 1
            && let Some((_, number)) = share.by_age.first().copied()
        {
            held.give_way(number);
            closed += 1;
        }
        while held.bytes > self.most
            && held.by_age.len() > 1
            && let Some((_, number)) = held.by_age.first().copied()
        {
            held.give_way(number);
            closed += 1;
        }
        // Whoever sends unfinished requests all the time is not to fill the log.
        if closed > 0 && held.said_at.is_none_or(|said_at| now > said_at + 1_000) {
            tracing::warn!(
                bytes = held.bytes,
                requests = held.by_number.len(),
                "too much of unfinished requests: those that have been waited for longest give way"
            );
            held.said_at = Some(now);
        }
    }

    fn now(&self) -> u64 {
        u64::try_from(self.begun.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    fn held(&self) -> MutexGuard<'_, Held> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Held {
    fn add(&mut self, number: u64, request: Request) {
        let place = (request.since, number);
        self.bytes += request.bytes;
        self.by_age.insert(place);
        if let Some(source) = request.source.filter(|_| request.turn != Turn::Waits) {
            let share = self.by_source.entry(source).or_default();
            share.bytes += request.bytes;
            share.by_age.insert(place);
        }
        self.by_number.insert(number, request);
    }

    fn remove(&mut self, number: u64) -> Option<Request> {
        let request = self.by_number.remove(&number)?;
        let place = (request.since, number);
        self.bytes -= request.bytes;
        self.by_age.remove(&place);
        if let Some(source) = request.source.filter(|_| request.turn != Turn::Waits)
            && let Some(share) = self.by_source.get_mut(&source)
        {
            share.bytes -= request.bytes;
            share.by_age.remove(&place);
            if share.by_age.is_empty() {
                self.by_source.remove(&source);
            }
        }
        Some(request)
    }

    fn give_way(&mut self, number: u64) {
        if let Some(request) = self.remove(number) {
            request.connection.tell_to_go();
        }
    }
}

impl UnreadRequest {
    /// Where it comes from.
    pub(super) const fn source(&self) -> Option<Source> {
        self.source
    }

    /// So much more of it was read.
    pub(super) fn has_read(&self, bytes: usize) {
        self.bytes.fetch_add(bytes, Ordering::Relaxed);
    }

    /// Whether anything of it was read.
    pub(super) fn has_begun(&self) -> bool {
        self.bytes.load(Ordering::Relaxed) > 0
    }

    /// What was read of it was not all. A request that comes in one piece, as nearly all do, is never counted.
    pub(super) fn is_waited_for(&self) {
        self.is_held.store(true, Ordering::Relaxed);
        self.budget.hold(self, self.bytes.load(Ordering::Relaxed));
    }

    /// Its body waits for its turn, or has it.
    pub(super) fn turns(&self, turn: Turn) {
        self.is_waited_for();
        self.budget.turns(self, turn);
    }

    /// It was read whole, or nobody waits for the rest.
    pub(super) fn is_whole(&self) {
        self.bytes.store(0, Ordering::Relaxed);
        if self.is_held.swap(false, Ordering::Relaxed) {
            self.budget.held().remove(self.number);
        }
    }
}

impl Drop for UnreadRequest {
    fn drop(&mut self) {
        self.is_whole();
    }
}
