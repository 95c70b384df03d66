//! Connections on loan: so many may write, one user's callers wait for each other without one, and a connection
//! that owes an answer is lent to nobody else; if it is that of a list, the server is told to stop.

use std::collections::HashMap;
use std::pin::pin;
use std::sync::{Arc, PoisonError};
use std::time::{Duration, Instant};

use tokio::runtime::Handle;
use tokio::sync::{Mutex, OwnedMutexGuard, OwnedSemaphorePermit, Semaphore};
use tokio::time::{timeout, timeout_at};
use tokio_postgres::SimpleQueryMessage;

use super::error::{STORE_TIMEOUT, late};
use super::pool::{Pool, Pooled, Use};
use super::servers::{Connected, Servers};
use crate::store::engine::unit_of_work::ContendedRow;
use crate::store::{ListPermit, StoreError};

/// Of the connections, those that may write at the same moment: whatever writers wait for, lists find one. What is left to lookups, the
/// pool sees to.
const WRITERS: usize = 12;

/// How long a list whose caller is gone may come to its end by itself, and how long it may take to hear that it is to
/// stop. Most are done sooner, and their connections are good for others.
const GRACE: Duration = Duration::from_millis(300);

/// How often a list is told to stop: between two of its statements nobody hears it.
const CALLS: usize = 4;

/// Lends connections.
#[derive(Clone)]
pub(super) struct ConnectionPool {
    pub(super) pool: Pool,
    writers: Arc<Semaphore>,
    lines: Arc<RowQueues>,
}

impl ConnectionPool {
    pub(super) fn over(servers: Servers) -> Self {
        Self { pool: Pool::over(servers), writers: Arc::new(Semaphore::new(WRITERS)), lines: Arc::default() }
    }

    pub(super) fn servers(&self) -> &Servers {
        self.pool.servers()
    }

    /// A connection to look something up with.
    pub(super) async fn for_reading(&self, deadline: Instant) -> Result<Lease, StoreError> {
        self.lend(None, deadline).await
    }

    /// A connection to make a list with. If its caller goes away, the list is called off.
    pub(super) async fn for_listing(&self, permit: &ListPermit) -> Result<Lease, StoreError> {
        let turn = WritePermit { _line: None, _writer: None, list: Some(permit.clone()) };
        self.lend(Some(turn), permit.deadline()).await
    }

    /// A connection to write with, once nobody else of this process writes to the row that is sought.
    pub(super) async fn for_writing(
        &self,
        sought: Option<ContendedRow>,
        deadline: Instant,
    ) -> Result<Lease, StoreError> {
        let turn = async {
            let line = match sought {
                Some(sought) => Some(Place::in_line(&self.lines, sought).wait().await),
                None => None,
            };
            // It is never closed.
            let writer = Arc::clone(&self.writers).acquire_owned().await.ok();
            WritePermit { _line: line, _writer: writer, list: None }
        };
        let turn = timeout_at(deadline.into(), turn).await.map_err(|_| late())?;
        self.lend(Some(turn), deadline).await
    }

    async fn lend(&self, turn: Option<WritePermit>, deadline: Instant) -> Result<Lease, StoreError> {
        let wanted = match &turn {
            None => Use::Lookup,
            Some(WritePermit { list: Some(_), .. }) => Use::List,
            Some(_) => Use::Write,
        };
        let client = self.pool.get(wanted, deadline).await?;
        Ok(Lease { pool: self.pool.clone(), client: Some(client), turn, begun: Instant::now() })
    }
}

/// How a connection comes back.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Health {
    /// It can be lent again.
    Good,
    /// Nobody knows what it is good for.
    Broken,
    /// Its server is silent, or is no longer the one to ask; so it is with all that were made before.
    Stale,
}

/// A connection, until it is given back. If its caller goes away before that, it comes back by itself when it has
/// answered, and its place in the line is kept so long.
pub(super) struct Lease {
    pool: Pool,
    client: Option<Pooled>,
    turn: Option<WritePermit>,
    begun: Instant,
}

impl Lease {
    /// The connection, until it is given back.
    pub(super) fn client(&self) -> Option<&Connected> {
        self.client.as_ref()?.client()
    }

    pub(super) fn give_back(mut self, condition: Health) {
        if let Some(client) = self.client.take() {
            take_back(&self.pool, client, condition);
        }
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        let Some(client) = self.client.take() else { return };
        // At the end of the process there is nobody left to wait, and nobody to lend to.
        let Ok(runtime) = Handle::try_current() else { return };
        let (pool, turn, deadline) = (self.pool.clone(), self.turn.take(), self.begun + STORE_TIMEOUT);
        runtime.spawn(async move {
            let is_list = turn.as_ref().is_some_and(|turn| turn.list.is_some());
            let condition = match client.client() {
                Some(connected) if is_list => call_off(&pool, connected).await,
                Some(connected) => end_of(&pool, connected, turn.is_some(), deadline).await,
                None => Health::Broken,
            };
            take_back(&pool, client, condition);
            drop(turn);
        });
    }
}

/// Waits until a connection has answered all that nobody waits for any more.
///
/// A commit that waits for the standby may do so for hours: it keeps its connection and its leave to write so long. Were
/// they given up, the server's process would wait on by itself, the next writer would send another after it, and soon there
/// would be no connection left to read with.
async fn end_of(pool: &Pool, connected: &Connected, has_written: bool, deadline: Instant) -> Health {
    // Answers come in order: this one comes after those that the caller did not wait for.
    let mut answer = pin!(connected.simple_query(""));
    let mut deadline = deadline;
    loop {
        match timeout_at(deadline.into(), &mut answer).await {
            Ok(Ok(_)) => return Health::Good,
            Ok(Err(_)) => return Health::Broken,
            Err(_) if has_written && waits_for_standby(pool, connected).await => {
                deadline = Instant::now() + Duration::from_secs(1);
            }
            Err(_) => return Health::Stale,
        }
    }
}

/// Whether the server says, on another connection, that a commit waits for a standby.
async fn waits_for_standby(pool: &Pool, connected: &Connected) -> bool {
    let Some(process) = connected.process else { return false };
    let deadline = Instant::now() + Duration::from_millis(1_500);
    let Ok(client) = pool.get(Use::Lookup, deadline).await else { return false };
    let loan = Lease { pool: pool.clone(), client: Some(client), turn: None, begun: Instant::now() };
    let Some(other) = loan.client().filter(|other| other.generation == connected.generation) else {
        return false;
    };
    let question = format!("SELECT 1 FROM pg_stat_activity WHERE pid = {process} AND wait_event = 'SyncRep'");
    let Ok(told) = timeout_at(deadline.into(), other.simple_query(&question)).await else { return false };
    loan.give_back(if told.is_ok() { Health::Good } else { Health::Broken });
    told.is_ok_and(|told| told.iter().any(|message| matches!(message, SimpleQueryMessage::Row(_))))
}

/// Has the server stop what it does for nobody.
async fn call_off(pool: &Pool, client: &Connected) -> Health {
    // Answers come in order: this one comes after those that the caller did not wait for.
    let mut answer = pin!(client.simple_query(""));
    if let Ok(answer) = timeout(GRACE, &mut answer).await {
        return if answer.is_ok() { Health::Good } else { Health::Broken };
    }
    let token = client.cancel_token();
    for _ in 0..CALLS {
        let _ = timeout(GRACE, token.cancel_query(pool.servers().tls.clone())).await;
        if timeout(GRACE, &mut answer).await.is_ok() {
            break;
        }
    }
    // The server may hear of it late. So nobody gets this connection any more: that could be a commit by then.
    Health::Broken
}

fn take_back(pool: &Pool, client: Pooled, condition: Health) {
    if condition == Health::Good {
        return;
    }
    if condition == Health::Stale
        && let Some(connected) = client.client()
    {
        pool.servers().turn_from(connected.trust);
    }
    client.discard();
}

/// Leave to write, or to make a list; it goes back when this is dropped.
struct WritePermit {
    _line: Option<(OwnedMutexGuard<()>, Place)>,
    _writer: Option<OwnedSemaphorePermit>,
    list: Option<ListPermit>,
}

/// Where callers wait who want to write to the same row. The server would have them wait as well, but each of them
/// with a connection: a row that somebody holds on to would soon hold all of them.
type RowQueues = std::sync::Mutex<HashMap<ContendedRow, Arc<Mutex<()>>>>;

/// A place in a line, which is gone with the last one.
struct Place {
    lines: Arc<RowQueues>,
    sought: ContendedRow,
    line: Arc<Mutex<()>>,
}

impl Place {
    fn in_line(lines: &Arc<RowQueues>, sought: ContendedRow) -> Self {
        let mut all = lines.lock().unwrap_or_else(PoisonError::into_inner);
        let line = Arc::clone(all.entry(sought).or_default());
        Self { lines: Arc::clone(lines), sought, line }
    }

    async fn wait(self) -> (OwnedMutexGuard<()>, Self) {
        (Arc::clone(&self.line).lock_owned().await, self)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut all = self.lines.lock().unwrap_or_else(PoisonError::into_inner);
        // One is here, one in the list.
        if Arc::strong_count(&self.line) == 2 {
            all.remove(&self.sought);
        }
    }
}
