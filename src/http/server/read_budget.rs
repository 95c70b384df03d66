//! A memory budget for requests that are not read whole yet, and which connection is closed when it is exceeded.

use std::collections::{BTreeSet, HashMap};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::Instant;

use super::connection_state::ConnectionState;
use super::process_limits::ProcessLimits;
use crate::domain::client_network::ClientNetwork;

/// The bytes of heads and bodies that are not read whole, of all connections together.
const MAX_TOTAL: usize = 32 << 20;

/// The same for one client network: a whole body of the largest kind.
const MAX_PER_CLIENT: usize = 1 << 20;

/// What an unfinished request takes at least: the buffer that it is read into.
pub(super) const MIN_BYTES: usize = 8 << 10;

/// By how much a large body that has its turn counts as younger, in milliseconds: its sender has shown an API key, so strangers
/// at the same address do not get it closed as long as it makes progress.
const TURN_BONUS: u64 = 1_000;

/// A sender that sends this many bytes more counts as making progress. Requests without a key never do: their heads and forms
/// are smaller.
pub(super) const PROGRESS: usize = 64 << 10;

/// The bytes of all requests that are not read whole yet. When they exceed the budget, the connection of the oldest request is
/// closed.
#[derive(Debug)]
pub(in crate::http) struct ReadBudget {
    max_total: usize,
    max_per_client: usize,
    created_at: Instant,
    next_id: AtomicU64,
    usage: Mutex<Usage>,
    /// Notified when evicted connections have closed.
    pub(in crate::http) freed: Arc<Notify>,
}

/// Who sends a request.
#[derive(Debug)]
pub(in crate::http) struct Sender {
    /// A different number for each connection.
    pub(in crate::http) id: u64,
    /// Where it comes from; without one, which is for proxies that speak for many clients, only the total counts.
    pub(in crate::http) client: Option<ClientNetwork>,
    /// What is closed when the budget is exceeded.
    pub(in crate::http) connection: Arc<ConnectionState>,
}

#[derive(Default, Debug)]
struct Usage {
    bytes: usize,
    by_id: HashMap<u64, Request>,
    /// All requests, the oldest first.
    by_age: BTreeSet<(u64, u64)>,
    by_client: HashMap<ClientNetwork, ClientUsage>,
    /// The bytes of connections that were evicted and have not closed yet.
    evicted: HashMap<u64, usize>,
    evicted_bytes: usize,
    warned_at: Option<u64>,
}

/// What one client network uses, without the bodies that wait for their turn.
#[derive(Default, Debug)]
struct ClientUsage {
    bytes: usize,
    by_age: BTreeSet<(u64, u64)>,
}

#[derive(Debug)]
struct Request {
    bytes: usize,
    since: u64,
    client: Option<ClientNetwork>,
    turn: Turn,
    connection: Arc<ConnectionState>,
}

/// The state of a large body: see [`LargeBodies`](super::large_bodies::LargeBodies).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(in crate::http) enum Turn {
    /// It is no large body, or no handler has read from it yet.
    None,
    /// It waits for its turn: the server causes the wait, so the client is not charged for it.
    Waiting,
    /// It has its turn.
    Granted,
}

impl ReadBudget {
    /// The usual budget, or an eighth of the memory of this process where that is less: buffers grow by doubling, so the budget
    /// may take up to three times its size.
    pub(in crate::http) fn of(limits: ProcessLimits) -> Arc<Self> {
        Self::with(MAX_TOTAL.min(limits.memory / 8), MAX_PER_CLIENT)
    }

    pub(in crate::http) fn with(max_total: usize, max_per_client: usize) -> Arc<Self> {
        let (created_at, next_id, usage) = (Instant::now(), AtomicU64::new(0), Mutex::default());
        Arc::new(Self { max_total, max_per_client, created_at, next_id, usage, freed: Arc::default() })
    }

    /// A different number for each connection.
    pub(in crate::http) fn next_id(&self) -> u64 {
        self.next_id.fetch_add(1, Ordering::Relaxed)
    }

    /// Closes the large body of a client that has its turn and made no progress for this long, if there is one.
    pub(in crate::http) fn end_stalled_turn(&self, client: ClientNetwork, stalled: Duration) {
        let latest = self.now().saturating_sub(u64::try_from(stalled.as_millis()).unwrap_or(u64::MAX));
        let mut usage = self.usage();
        let Some(of_client) = usage.by_client.get(&client) else { return };
        let ids = of_client.by_age.iter().map(|(_, id)| *id);
        let granted = ids.filter(|id| usage.by_id[id].turn == Turn::Granted);
        let oldest = granted.map(|id| (usage.by_id[&id].since, id)).min();
        if let Some((_, id)) = oldest.filter(|(since, _)| *since <= latest) {
            usage.evict(id);
        }
    }

    /// Records how many bytes of a request were read so far; gives whether more may be read now. If not, a connection is about
    /// to close, and may be this one.
    pub(in crate::http) fn record(&self, sender: &Sender, bytes: usize) -> bool {
        let now = self.now();
        let mut usage = self.usage();
        if usage.evicted.contains_key(&sender.id) {
            return false;
        }
        let (since, turn) = match usage.remove(sender.id) {
            Some(before) if before.bytes / PROGRESS == bytes / PROGRESS => (before.since, before.turn),
            Some(before) => (now, before.turn),
            None => (now, Turn::None),
        };
        let (bytes, connection) = (bytes.max(MIN_BYTES), Arc::clone(&sender.connection));
        usage.add(sender.id, Request { bytes, since, client: sender.client, turn, connection });
        self.evict_excess(&mut usage, sender.client, now);
        self.has_room(&usage)
    }

    /// Records that the body of a request waits for its turn, or has it.
    pub(in crate::http) fn set_turn(&self, sender: &Sender, turn: Turn) {
        let now = self.now();
        let mut usage = self.usage();
        if let Some(before) = usage.remove(sender.id) {
            usage.add(sender.id, Request { turn, since: now, ..before });
        }
        self.evict_excess(&mut usage, sender.client, now);
    }

    /// Nothing of a request is held any more.
    pub(in crate::http) fn release(&self, id: u64) {
        let mut usage = self.usage();
        usage.remove(id);
        if let Some(bytes) = usage.evicted.remove(&id) {
            let had_room = self.has_room(&usage);
            usage.evicted_bytes -= bytes;
            if !had_room && self.has_room(&usage) {
                self.freed.notify_waiters();
            }
        }
    }

    /// Evicts the oldest requests of a client, then of all, until the rest is within the budget. The last request stays: the
    /// largest one that is allowed fits by itself.
    fn evict_excess(&self, usage: &mut Usage, client: Option<ClientNetwork>, now: u64) {
        let mut closed = 0_usize;
        while let Some(of_client) = client.and_then(|client| usage.by_client.get(&client))
            && of_client.bytes > self.max_per_client
            && of_client.by_age.len() > 1
            && let Some((_, id)) = of_client.by_age.first().copied()
        {
            usage.evict(id);
            closed += 1;
        }
        while usage.bytes > self.max_total
            && usage.by_age.len() > 1
            && let Some((_, id)) = usage.by_age.first().copied()
        {
            usage.evict(id);
            closed += 1;
        }
        // Once a second: a flood of unfinished requests must not fill the log.
        if closed > 0 && usage.warned_at.is_none_or(|warned_at| now > warned_at + 1_000) {
            tracing::warn!(
                bytes = usage.bytes,
                requests = usage.by_id.len(),
                "unfinished requests exceed their memory budget: closing the oldest ones"
            );
            usage.warned_at = Some(now);
        }
    }

    fn has_room(&self, usage: &Usage) -> bool {
        usage.evicted_bytes == 0 || usage.bytes + usage.evicted_bytes <= self.max_total
    }

    fn now(&self) -> u64 {
        u64::try_from(self.created_at.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    fn usage(&self) -> MutexGuard<'_, Usage> {
        self.usage.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether nothing at all is held.
    #[cfg(test)]
    pub(super) fn is_empty(&self) -> bool {
        let usage = self.usage();
        let bytes = usage.bytes + usage.evicted_bytes;
        let entries = usage.by_id.len() + usage.by_age.len() + usage.by_client.len() + usage.evicted.len();
        bytes == 0 && entries == 0
    }
}

impl Request {
    /// Its position in the order of eviction.
    fn position(&self, id: u64) -> (u64, u64) {
        (self.since + if self.turn == Turn::Granted { TURN_BONUS } else { 0 }, id)
    }

    /// The client that is charged for it.
    fn charged(&self) -> Option<ClientNetwork> {
        if self.turn == Turn::Waiting { None } else { self.client }
    }
}

impl Usage {
    fn add(&mut self, id: u64, request: Request) {
        let position = request.position(id);
        self.bytes += request.bytes;
        self.by_age.insert(position);
        if let Some(client) = request.charged() {
            let of_client = self.by_client.entry(client).or_default();
            of_client.bytes += request.bytes;
            of_client.by_age.insert(position);
        }
        self.by_id.insert(id, request);
    }

    fn remove(&mut self, id: u64) -> Option<Request> {
        let request = self.by_id.remove(&id)?;
        let position = request.position(id);
        self.bytes -= request.bytes;
        self.by_age.remove(&position);
        if let Some(client) = request.charged()
            && let Some(of_client) = self.by_client.get_mut(&client)
        {
            of_client.bytes -= request.bytes;
            of_client.by_age.remove(&position);
            if of_client.by_age.is_empty() {
                self.by_client.remove(&client);
            }
        }
        Some(request)
    }

    fn evict(&mut self, id: u64) {
        if let Some(request) = self.remove(id) {
            self.evicted.insert(id, request.bytes);
            self.evicted_bytes += request.bytes;
            request.connection.evict();
        }
    }
}
