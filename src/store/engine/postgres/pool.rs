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
    waiting: VecDeque<oneshot::Sender<Result<Pooled, String>>>,
    /// Connections that are idle or lent.
    open: usize,
    opening: usize,
    /// How many the server is believed to allow. A pooler or a role's limit may allow fewer than we would like.
    limit: usize,
    is_resting: bool,
}

impl Pool {
    pub(super) fn over(servers: Servers) -> Self {
        let state = State {
            idle: Vec::new(),
            waiting: VecDeque::new(),
            open: 0,
            opening: 0,
            limit: CONNECTIONS,
            is_resting: false,
        };
        Self(Arc::new(Shared { servers, state: Mutex::new(state) }))
    }

    pub(super) fn servers(&self) -> &Servers {
        &self.0.servers
    }

    /// A connection that may be used, by the deadline.
    pub(super) async fn get(&self, deadline: Instant) -> Result<Pooled, StoreError> {
        let waiting = {
            let mut state = self.state();
            while let Some(client) = state.idle.pop() {
                if self.0.servers.is_usable(&client) {
                    return Ok(self.lent(client));
                }
                state.open -= 1;
            }
            let (sender, receiver) = oneshot::channel();
            state.waiting.push_back(sender);
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
        state.waiting.retain(|waiting| !waiting.is_closed());
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
                        let _ = waiting.send(Err(why_of(&error)));
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

    /// Gives a connection to whoever has waited longest.
    fn hand_over(&self, state: &mut State, mut client: Connected) {
        while let Some(waiting) = state.waiting.pop_front() {
            match waiting.send(Ok(self.lent(client))) {
                // Who waited has gone. What is not lent must not give itself back while the state is held.
                Err(Ok(mut pooled)) => match pooled.client.take() {
                    Some(back) => client = back,
                    None => return,
                },
                Ok(()) | Err(Err(_)) => return,
            }
        }
        state.idle.push(client);
    }

    fn take_back(&self, client: Connected) {
        let mut state = self.state();
        if self.0.servers.is_usable(&client) {
            self.hand_over(&mut state, client);
        } else {
            state.open -= 1;
            self.open_more(&mut state);
        }
    }

    fn lent(&self, client: Connected) -> Pooled {
        Pooled { pool: self.clone(), client: Some(client) }
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
            state.open -= 1;
            self.pool.open_more(&mut state);
        }
    }
}

impl Drop for Pooled {
    fn drop(&mut self) {
        if let Some(client) = self.client.take() {
            self.pool.take_back(client);
        }
    }
}
