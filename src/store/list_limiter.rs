//! How many lists are made at a time, for how long, and how much of what they gave waits to be sent.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::{Duration, Instant};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout_at;

use super::StoreError;
use crate::domain::workspace::WorkspaceId;

/// Lists of one workspace that run at a time (contract, section 3).
const OF_ONE: usize = 2;

/// Lists of all workspaces that run at a time.
const OF_ALL: usize = 8;

/// How long a caller waits until a list may begin.
const WAIT: Duration = Duration::from_secs(5);

/// How long a list may run: so that whoever waited longest is answered before a stop ends.
const RUN: Duration = Duration::from_millis(4_500);

/// Of answers that are not sent yet, what one workspace may have in memory, in KiB.
const UNSENT_OF_ONE: u32 = 16 << 10;

/// The same of all workspaces.
const UNSENT_OF_ALL: u32 = 48 << 10;

/// Why there is no list.
#[derive(Debug, thiserror::Error)]
pub enum ListError {
    /// Others were being made for as long as a caller waits.
    #[error("too many lists were read at once")]
    Busy,
    /// It was not done in the time that a list has.
    #[error("the list took too long")]
    TooLong,
    /// The store did not do what it was asked.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Bounds the lists of a process.
#[derive(Debug)]
pub(super) struct ListLimiter {
    all: Share,
    workspaces: Mutex<HashMap<WorkspaceId, Weak<Share>>>,
}

/// What may run, and what may wait to be sent.
#[derive(Debug)]
struct Share {
    running: Arc<Semaphore>,
    unsent: Arc<Semaphore>,
}

impl Share {
    fn of(running: usize, unsent: u32) -> Self {
        let unsent = usize::try_from(unsent).unwrap_or(usize::MAX);
        Self { running: Arc::new(Semaphore::new(running)), unsent: Arc::new(Semaphore::new(unsent)) }
    }
}

impl Default for ListLimiter {
    fn default() -> Self {
        Self { all: Share::of(OF_ALL, UNSENT_OF_ALL), workspaces: Mutex::default() }
    }
}

impl ListLimiter {
    /// Leave to make a list of a workspace. Who waits for it has nothing in the store, and whoever goes away meanwhile
    /// leaves nothing behind.
    ///
    /// # Errors
    /// `ListError::Busy` if others were made all the time.
    pub(super) async fn permit(&self, workspace: WorkspaceId) -> Result<ListPermit, ListError> {
        let share = self.share_of(workspace);
        let both = async {
            // Its own first: callers of one workspace stand in the line of all with two at most.
            let own = Arc::clone(&share.running).acquire_owned().await.ok()?;
            let any = Arc::clone(&self.all.running).acquire_owned().await.ok()?;
            Some([own, any])
        };
        let running = timeout_at((Instant::now() + WAIT).into(), both).await.ok().flatten();
        let running = running.ok_or(ListError::Busy)?;
        let permit = Permit {
            workspace,
            deadline: Instant::now() + RUN,
            unsent: [Arc::clone(&share.unsent), Arc::clone(&self.all.unsent)],
            _running: running,
            _share: share,
        };
        Ok(ListPermit(Arc::new(permit)))
    }

    fn share_of(&self, workspace: WorkspaceId) -> Arc<Share> {
        let mut shares = self.workspaces.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(share) = shares.get(&workspace).and_then(Weak::upgrade) {
            return share;
        }
        // Only those are kept that somebody uses.
        shares.retain(|_, share| share.strong_count() > 0);
        let share = Arc::new(Share::of(OF_ONE, UNSENT_OF_ONE));
        shares.insert(workspace, Arc::downgrade(&share));
        share
    }
}

/// Leave to make one list. The next may begin when all clones are dropped: its caller has one, and so has what runs in
/// the engine, which may end a little after its caller is gone.
#[derive(Clone, Debug)]
pub struct ListPermit(Arc<Permit>);

#[derive(Debug)]
struct Permit {
    workspace: WorkspaceId,
    deadline: Instant,
    unsent: [Arc<Semaphore>; 2],
    _running: [OwnedSemaphorePermit; 2],
    _share: Arc<Share>,
}

impl ListPermit {
    /// Whose list it is.
    pub(super) fn workspace(&self) -> WorkspaceId {
        self.0.workspace
    }

    /// When the list must be done.
    pub(super) fn deadline(&self) -> Instant {
        self.0.deadline
    }

    /// An error on the way, or that there was no time left.
    pub(super) fn judge(&self, error: StoreError) -> ListError {
        if Instant::now() >= self.0.deadline { ListError::TooLong } else { ListError::Store(error) }
    }

    /// Something that is done before the list is looked up, in the time that the list has.
    pub(super) async fn in_time<T>(
        &self,
        what: impl Future<Output = Result<T, StoreError>>,
    ) -> Result<T, ListError> {
        let done = timeout_at(self.0.deadline.into(), what).await.map_err(|_| ListError::TooLong)?;
        done.map_err(|error| self.judge(error))
    }

    /// Room for an answer of so many bytes. The next list may begin before this one is sent, so a caller who reads slowly
    /// keeps nobody from lists, unless with much.
    ///
    /// # Errors
    /// `ListError::Busy` if what was asked for before is not read.
    pub async fn make_room(self, bytes: usize) -> Result<UnsentRoom, ListError> {
        let kibibytes = u32::try_from(bytes.div_ceil(1 << 10)).unwrap_or(u32::MAX).min(UNSENT_OF_ONE);
        let [own, all] = self.0.unsent.clone();
        let both = async {
            let own = own.acquire_many_owned(kibibytes).await.ok()?;
            let all = all.acquire_many_owned(kibibytes).await.ok()?;
            Some(UnsentRoom { _room: [own, all] })
        };
        timeout_at(self.0.deadline.into(), both).await.ok().flatten().ok_or(ListError::Busy)
    }
}

/// Room in memory for an answer, until this is dropped.
#[derive(Debug)]
pub struct UnsentRoom {
    _room: [OwnedSemaphorePermit; 2],
}
