//! The pool of connections: a caller gets a new one or one that is given back, whichever comes first.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::runtime::Handle;
use tokio::sync::oneshot;
use tokio::time::timeout_at;

use super::error::late;
use super::servers::{Connected, Servers};
use crate::store::StoreError;

/// Connections of this process to the server at most.
const CONNECTIONS: usize = 16;

/// Of however many the server allows, those that writers and lists leave to lookups: fewer, where there are less than six.
const RESERVED: usize = 2;

/// What a connection is wanted for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Use {
    Lookup,
    Write,
    List,
}

impl Use {
    /// What it counts among those that are lent to writers and lists.
    const fn busy(self) -> usize {
        matches!(self, Self::Write | Self::List) as usize
    }
}

/// How long no more connections are asked for than there are, after one was refused beside them.
const REST: Duration = Duration::from_secs(1);

/// Connections to one of several servers, shared by all callers.
#[derive(Clone)]
pub(super) struct Pool(Arc<Shared>);

struct Shared {
    servers: Servers,
    state: Mutex<State>,
}

struct State {
    idle: Vec<Connected>,
    /// Those who wait for one, the first at the front.
    waiting: VecDeque<Waiting>,
    /// Connections that are idle or lent.
    open: usize,
    /// Those that are lent to writers and lists.
    busy: usize,
    opening: usize,
    /// How many the server is believed to allow. A pooler or a role's limit may allow fewer than we would like.
    limit: usize,
    is_resting: bool,
}

struct Waiting {
    caller: oneshot::Sender<Result<Pooled, String>>,
    wanted: Use,
}

impl State {
    /// Whether a connection may be lent: a lookup finds one, whatever writers and lists wait for, and a writer, whatever lists do.
    fn may_lend(&self, wanted: Use) -> bool {
        let room = self.limit.saturating_sub(RESERVED.min(self.limit / 3));
        match wanted {
            Use::Lookup => true,
            Use::Write => self.busy < room.max(1),
            Use::List => self.busy < room.saturating_sub(1).max(1),
        }
    }
}

impl Pool {
    pub(super) fn over(servers: Servers) -> Self {
        let state = State {
            idle: Vec::new(),
            waiting: VecDeque::new(),
            open: 0,
            busy: 0,
            opening: 0,
            limit: CONNECTIONS,
            is_resting: false,
        };
        Self(Arc::new(Shared { servers, state: Mutex::new(state) }))
    }

    pub(super) fn servers(&self) -> &Servers {
        &self.0.servers
    }

    /// A connection that may be used, by the deadline; for a lookup, or for a writer or a list.
    pub(super) async fn get(&self, wanted: Use, deadline: Instant) -> Result<Pooled, StoreError> {
        let waiting = {
            let mut state = self.state();
            while state.may_lend(wanted)
                && let Some(client) = state.idle.pop()
            {
                if self.0.servers.is_usable(&client) {
                    return Ok(self.lent(&mut state, client, wanted));
                }
                state.open -= 1;
            }
            let (caller, receiver) = oneshot::channel();
            state.waiting.push_back(Waiting { caller, wanted });
            self.open_more(&mut state);
            receiver
        };
        match timeout_at(deadline.into(), waiting).await {
            Ok(Ok(given)) => given.map_err(StoreError::Unavailable),
            Ok(Err(_)) | Err(_) => Err(late()),
        }
    }

    /// Asks for as many connections as callers wait for, within what the server is believed to allow.
    fn open_more(&self, state: &mut State) {
        state.waiting.retain(|waiting| !waiting.caller.is_closed());
        // At the end of the process nobody waits any more.
        let Ok(runtime) = Handle::try_current() else { return };
        while state.opening < state.waiting.len() && state.open + state.opening < state.limit {
            state.opening += 1;
            let pool = self.clone();
            runtime.spawn(async move { pool.open_one().await });
        }
    }

    async fn open_one(&self) {
        let opened = self.0.servers.connect().await;
        {
            let mut state = self.state();
            state.opening -= 1;
            match opened {
                Ok(client) => {
                    state.open += 1;
                    state.limit = CONNECTIONS.min(state.limit + 1);
                    self.hand_over(&mut state, client);
                    self.open_more(&mut state);
                    return;
                }
                // None is there and none is on its way: nobody needs to wait for one that is given back.
                Err(error) if state.open + state.opening == 0 => {
                    for waiting in std::mem::take(&mut state.waiting) {
                        let _ = waiting.caller.send(Err(why_of(&error)));
                    }
                    return;
                }
                Err(error) => {
                    state.limit = state.open + state.opening;
                    if std::mem::replace(&mut state.is_resting, true) {
                        return;
                    }
                    tracing::warn!(%error, connections = state.limit, "no further connection to PostgreSQL could be made");
                }
            }
        }
        tokio::time::sleep(REST).await;
        let mut state = self.state();
        state.is_resting = false;
        state.limit = CONNECTIONS.min(state.limit + 1);
        self.open_more(&mut state);
    }

    /// Gives a connection to whoever has waited longest and may have it.
    fn hand_over(&self, state: &mut State, mut client: Connected) {
        let next = |state: &State| state.waiting.iter().position(|waiting| state.may_lend(waiting.wanted));
        while let Some(waiting) = next(state).and_then(|place| state.waiting.remove(place)) {
            let lent = self.lent(state, client, waiting.wanted);
            match waiting.caller.send(Ok(lent)) {
                // Who waited has gone. What is not lent must not give itself back while the state is held.
                Err(Ok(mut pooled)) => match pooled.client.take() {
                    Some(back) => {
                        state.busy -= waiting.wanted.busy();
                        client = back;
                    }
                    None => return,
                },
                Ok(()) | Err(Err(_)) => return,
            }
        }
        state.idle.push(client);
    }

    fn take_back(&self, client: Connected, wanted: Use) {
        let mut state = self.state();
        state.busy -= wanted.busy();
        if self.0.servers.is_usable(&client) {
            self.hand_over(&mut state, client);
        } else {
            self.replace_one(&mut state);
        }
    }

    /// One that was lent is gone: whoever waited for its end may have one that is idle, or a new one is opened.
    fn replace_one(&self, state: &mut State) {
        state.open -= 1;
        while let Some(idle) = state.idle.pop() {
            if self.0.servers.is_usable(&idle) {
                self.hand_over(state, idle);
                break;
            }
            state.open -= 1;
        }
        self.open_more(state);
    }

    fn lent(&self, state: &mut State, client: Connected, wanted: Use) -> Pooled {
        state.busy += wanted.busy();
        Pooled { pool: self.clone(), client: Some(client), wanted }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What kept a connection from being made.
fn why_of(error: &StoreError) -> String {
    match error {
        StoreError::Unavailable(why) | StoreError::Refused(why) => why.clone(),
        StoreError::Unexpected(what) | StoreError::Contended(what) => (*what).to_owned(),
    }
}

/// A connection of the pool, which goes back when this is dropped.
pub(super) struct Pooled {
    pool: Pool,
    /// None once it has left the pool.
    client: Option<Connected>,
    wanted: Use,
}

impl Pooled {
    pub(super) fn client(&self) -> Option<&Connected> {
        self.client.as_ref()
    }

    /// Closes it, and makes room for another.
    pub(super) fn discard(mut self) {
        if let Some(client) = self.client.take() {
            drop(client);
            let mut state = self.pool.state();
            state.busy -= self.wanted.busy();
            self.pool.replace_one(&mut state);
        }
    }
}

impl Drop for Pooled {
    fn drop(&mut self) {
        if let Some(client) = self.client.take() {
            self.pool.take_back(client, self.wanted);
        }
    }
}
