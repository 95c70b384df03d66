//! How much of requests that are not read whole yet is held, and whose request gives way to another.

use std::collections::{BTreeSet, HashMap};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::Instant;

use super::connection_state::ConnectionState;
use super::process_limits::ProcessLimits;
use super::unread_request::UnreadRequest;
use crate::domain::client_network::ClientNetwork;

/// Heads and bodies that are not read whole, of all connections together, in bytes.
const MOST: usize = 32 << 20;

/// The same of one address: a whole body of the largest kind.
const MAX_FOR_ONE: usize = 1 << 20;

/// What an unfinished request takes at least: the buffer that it is read into.
const LEAST: usize = 8 << 10;

/// How much younger than it is a large body counts that has its turn: whoever sends it has shown an API key, so it does not give
/// way to strangers at its address as long as it goes on.
const LENIENCE: u64 = 1_000;

/// Whoever sends so much more is not silent. Strangers never do: their heads and forms are smaller.
const STEP: usize = 64 << 10;

/// What is held of requests that are not read whole yet. Beyond the most that may be held, the connection of the request
/// that has been waited for longest is closed.
#[derive(Debug)]
pub(in crate::http) struct ReadBudget {
    most: usize,
    most_for_one: usize,
    begun: Instant,
    next: AtomicU64,
    held: Mutex<Held>,
    /// Those that were told to go have gone.
    pub(in crate::http) has_room: Arc<Notify>,
}

#[derive(Default, Debug)]
struct Held {
    bytes: usize,
    by_number: HashMap<u64, Request>,
    /// All of them, those first that have been waited for longest.
    by_age: BTreeSet<(u64, u64)>,
    by_source: HashMap<ClientNetwork, Share>,
    /// What those hold that were told to go and have not gone yet.
    leaving: HashMap<u64, usize>,
    leaving_bytes: usize,
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
    source: Option<ClientNetwork>,
    turn: Turn,
    connection: Arc<ConnectionState>,
}

/// How a large body stands: see [`LargeBodies`](super::large_bodies::LargeBodies).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(in crate::http) enum Turn {
    /// It is none, or nobody has looked at it yet.
    None,
    /// It waits for its turn: that is our doing, so its address is not charged with it.
    Waits,
    /// It has its turn.
    Has,
}

impl ReadBudget {
    /// As much as may be held, and where this process has little memory no more than an eighth of it: buffers grow by doubling,
    /// so that much is up to three times that.
    pub(in crate::http) fn of(limits: ProcessLimits) -> Arc<Self> {
        Self::with(MOST.min(limits.memory / 8), MAX_FOR_ONE)
    }

    pub(in crate::http) fn with(most: usize, most_for_one: usize) -> Arc<Self> {
        let (begun, next, held) = (Instant::now(), AtomicU64::new(0), Mutex::default());
        Arc::new(Self { most, most_for_one, begun, next, held, has_room: Arc::default() })
    }

    /// Another number for each connection.
    pub(in crate::http) fn next(&self) -> u64 {
        self.next.fetch_add(1, Ordering::Relaxed)
    }

    /// Ends the large body of an address that has its turn and of which next to nothing has come for so long, if there is one.
    pub(in crate::http) fn end_silent_turn(&self, source: ClientNetwork, silent: Duration) {
        let latest = self.now().saturating_sub(u64::try_from(silent.as_millis()).unwrap_or(u64::MAX));
        let mut held = self.held();
        let Some(share) = held.by_source.get(&source) else { return };
        let numbers = share.by_age.iter().map(|(_, number)| *number);
        let has_turn = numbers.filter(|number| held.by_number[number].turn == Turn::Has);
        let oldest = has_turn.map(|number| (held.by_number[&number].since, number)).min();
        if let Some((_, number)) = oldest.filter(|(since, _)| *since <= latest) {
            held.give_way(number);
        }
    }

    /// Whether more may be read now. If not, somebody is about to go, who may be whoever asks.
    pub(in crate::http) fn hold(&self, request: &UnreadRequest, bytes: usize) -> bool {
        let now = self.now();
        let mut held = self.held();
        let (number, source) = (request.number, request.source);
        if held.leaving.contains_key(&number) {
            return false;
        }
        let before = held.remove(number);
        let (since, turn) = match &before {
            Some(before) if before.bytes / STEP == bytes / STEP => (before.since, before.turn),
            Some(before) => (now, before.turn),
            None => (now, Turn::None),
        };
        let (bytes, connection) = (bytes.max(LEAST), Arc::clone(&request.connection));
        held.add(number, Request { bytes, since, source, turn, connection });
        self.make_room(&mut held, source, now);
        self.has_room_in(&held)
    }

    fn has_room_in(&self, held: &Held) -> bool {
        held.leaving_bytes == 0 || held.bytes + held.leaving_bytes <= self.most
    }

    /// Nothing of a request is held any more.
    pub(in crate::http) fn forget(&self, number: u64) {
        let mut held = self.held();
        held.remove(number);
        if let Some(bytes) = held.leaving.remove(&number) {
            let had_room = self.has_room_in(&held);
            held.leaving_bytes -= bytes;
            if !had_room && self.has_room_in(&held) {
                self.has_room.notify_waiters();
            }
        }
    }

    /// The body of a request waits for its turn, or has it.
    pub(in crate::http) fn turns(&self, request: &UnreadRequest, turn: Turn) {
        let now = self.now();
        let mut held = self.held();
        if let Some(before) = held.remove(request.number) {
            held.add(request.number, Request { turn, since: now, ..before });
        }
        self.make_room(&mut held, request.source, now);
    }

    /// A request that is alone never gives way: the largest that may be sent fits by itself.
    fn make_room(&self, held: &mut Held, source: Option<ClientNetwork>, now: u64) {
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

impl Request {
    /// Where it stands among those that may have to give way.
    fn place(&self, number: u64) -> (u64, u64) {
        (self.since + if self.turn == Turn::Has { LENIENCE } else { 0 }, number)
    }
}

impl Held {
    fn add(&mut self, number: u64, request: Request) {
        let place = request.place(number);
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
        let place = request.place(number);
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
            self.leaving.insert(number, request.bytes);
            self.leaving_bytes += request.bytes;
            request.connection.tell_to_go();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::net::{IpAddr, Ipv4Addr};

    use super::*;

    fn source(last: u8) -> ClientNetwork {
        ClientNetwork::of(IpAddr::V4(Ipv4Addr::new(192, 0, 2, last)))
    }

    fn begin(budget: &Arc<ReadBudget>, source: impl Into<Option<ClientNetwork>>) -> UnreadRequest {
        UnreadRequest::of(budget, Arc::new(ConnectionState::begun_at(0)), source.into())
    }

    fn read(request: &UnreadRequest, bytes: usize) -> bool {
        request.has_read(bytes);
        request.may_read_more()
    }

    async fn gives_way(request: &UnreadRequest) -> bool {
        tokio::time::timeout(Duration::from_millis(1), request.connection.evicted()).await.is_ok()
    }

    async fn a_moment() {
        tokio::time::advance(Duration::from_millis(10)).await;
    }

    #[tokio::test(start_paused = true)]
    async fn beyond_the_share_of_an_address_its_own_oldest_request_gives_way_and_no_other() {
        let budget = ReadBudget::with(1 << 20, 3 * LEAST - 1);
        let requests = [1, 2, 1, 1].map(|last| begin(&budget, source(last)));
        for request in &requests {
            read(request, LEAST);
            a_moment().await;
        }

        let mut gone = Vec::new();
        for request in &requests {
            gone.push(gives_way(request).await);
        }

        assert_eq!(gone, [true, false, false, false]);
    }

    #[tokio::test(start_paused = true)]
    async fn beyond_the_sum_the_oldest_request_of_all_gives_way_and_nothing_is_read_until_it_has_gone() {
        let budget = ReadBudget::with(3 * LEAST - 1, 3 * LEAST - 1);
        let oldest = begin(&budget, source(1));
        read(&oldest, 1);
        a_moment().await;
        // Of proxies that speak for many only the sum counts.
        let others = [Some(source(2)), None].map(|source| begin(&budget, source));

        assert!(read(&others[0], 1));
        assert!(!read(&others[1], LEAST), "more was read while too much was held");
        let room = others[1].room();
        assert!(gives_way(&oldest).await);
        drop(oldest);

        room.await;
        assert!(others[1].may_read_more());
        assert!(!gives_way(&others[0]).await && !gives_way(&others[1]).await);
    }

    #[tokio::test(start_paused = true)]
    async fn a_request_that_is_alone_or_whole_never_gives_way() {
        let budget = ReadBudget::with(LEAST, LEAST);
        let (whole, alone) = (begin(&budget, source(1)), begin(&budget, source(1)));
        read(&whole, LEAST);
        whole.is_whole();

        assert!(read(&alone, 5 * LEAST));
        assert!(!gives_way(&whole).await && !gives_way(&alone).await);
    }

    #[tokio::test(start_paused = true)]
    async fn whoever_sends_much_is_not_silent_and_whoever_drips_is() {
        let budget = ReadBudget::with(1 << 20, 4 * STEP);
        let (sender, dripper, other) =
            (begin(&budget, source(1)), begin(&budget, source(1)), begin(&budget, source(1)));
        for _ in 0..3 {
            a_moment().await;
            read(&dripper, 1);
            a_moment().await;
            read(&sender, STEP);
        }

        read(&other, STEP);

        assert!(gives_way(&dripper).await);
        assert!(!gives_way(&sender).await && !gives_way(&other).await);
    }

    #[tokio::test(start_paused = true)]
    async fn nothing_is_left_of_connections_that_are_closed() {
        let budget = ReadBudget::with(10 * LEAST, 5 * LEAST);
        let requests: Vec<_> = (0..50).map(|last| begin(&budget, source(last % 5))).collect();
        for request in &requests {
            read(request, 100);
        }
        requests[0].turns(Turn::Waits);

        drop(requests);

        let held = budget.held();
        assert_eq!((held.bytes, held.leaving_bytes, held.by_number.len(), held.by_age.len()), (0, 0, 0, 0));
        assert!(held.by_source.is_empty() && held.leaving.is_empty());
    }
}
