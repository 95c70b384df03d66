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
const UNSENT_OF_ONE: u32 = 8 << 10;

/// The same of all workspaces.
const UNSENT_OF_ALL: u32 = 32 << 10;

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
            unsent_of_all: Arc::clone(&self.all.unsent),
            share,
            _running: running,
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
    unsent_of_all: Arc<Semaphore>,
    share: Arc<Share>,
    _running: [OwnedSemaphorePermit; 2],
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
    pub(super) fn classify(&self, error: StoreError) -> ListError {
        if Instant::now() >= self.0.deadline { ListError::TooLong } else { ListError::Store(error) }
    }

    /// Something that is done before the list is looked up, in the time that the list has.
    pub(super) async fn in_time<T>(
        &self,
        what: impl Future<Output = Result<T, StoreError>>,
    ) -> Result<T, ListError> {
        let done = timeout_at(self.0.deadline.into(), what).await.map_err(|_| ListError::TooLong)?;
        done.map_err(|error| self.classify(error))
    }

    /// Room for an answer of so many bytes. The next list may begin before this one is sent, so a caller who reads slowly
    /// keeps nobody from lists, unless with much.
    pub async fn make_room(self, bytes: usize) -> Result<UnsentRoom, ListError> {
        let kibibytes = u32::try_from(bytes.div_ceil(1 << 10)).unwrap_or(u32::MAX).min(UNSENT_OF_ONE);
        let share = Arc::clone(&self.0.share);
        let both = async {
            let own = Arc::clone(&share.unsent).acquire_many_owned(kibibytes).await.ok()?;
            let all = Arc::clone(&self.0.unsent_of_all).acquire_many_owned(kibibytes).await.ok()?;
            Some(UnsentRoom { _room: [own, all], _share: share })
        };
        timeout_at(self.0.deadline.into(), both).await.ok().flatten().ok_or(ListError::Busy)
    }
}

/// Room in memory for an answer, until this is dropped.
#[derive(Debug)]
pub struct UnsentRoom {
    _room: [OwnedSemaphorePermit; 2],
    /// Its workspace's share is not forgotten meanwhile.
    _share: Arc<Share>,
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use tokio::time::{Instant, sleep, timeout};

    use super::*;

    const MOMENT: Duration = Duration::from_millis(10);

    /// How many there are, and how many there were at most.
    #[derive(Default)]
    struct Running {
        now: AtomicUsize,
        most: AtomicUsize,
    }

    impl Running {
        fn begin(&self) {
            let now = self.now.fetch_add(1, Ordering::SeqCst) + 1;
            self.most.fetch_max(now, Ordering::SeqCst);
        }

        fn end(&self) {
            self.now.fetch_sub(1, Ordering::SeqCst);
        }

        fn most(&self) -> usize {
            self.most.load(Ordering::SeqCst)
        }
    }

    #[tokio::test]
    async fn of_racing_callers_two_of_a_workspace_and_eight_of_all_make_a_list() {
        let limiter = Arc::new(ListLimiter::default());
        let of_all = Arc::new(Running::default());
        let of_each: Vec<_> = (0..6).map(|_| Arc::new(Running::default())).collect();
        let mut callers = Vec::new();

        for (workspace, of_one) in (0..6).zip(of_each.iter()) {
            for _ in 0..32 {
                let (limiter, of_one, of_all) =
                    (Arc::clone(&limiter), Arc::clone(of_one), Arc::clone(&of_all));
                callers.push(tokio::spawn(async move {
                    let permit = limiter.permit(WorkspaceId(workspace)).await.unwrap();
                    of_one.begin();
                    of_all.begin();
                    sleep(MOMENT).await;
                    of_one.end();
                    of_all.end();
                    drop(permit);
                }));
            }
        }
        for caller in callers {
            caller.await.unwrap();
        }

        assert_eq!(of_each.iter().map(|of_one| of_one.most()).collect::<Vec<_>>(), [2; 6]);
        assert_eq!(of_all.most(), 8);
    }

    #[tokio::test(start_paused = true)]
    async fn who_waits_for_a_list_in_vain_is_told_so_after_five_seconds() {
        let limiter = ListLimiter::default();
        let running = [limiter.permit(WorkspaceId(1)).await, limiter.permit(WorkspaceId(1)).await];
        let begun = Instant::now();

        let refused = limiter.permit(WorkspaceId(1)).await;

        assert!(matches!(refused, Err(ListError::Busy)), "{refused:?}");
        assert_eq!(begun.elapsed().as_secs(), 5);
        drop(running);
        assert!(limiter.permit(WorkspaceId(1)).await.is_ok(), "who was refused is still in the line");
    }

    #[tokio::test]
    async fn who_waits_for_a_list_of_one_workspace_stands_in_nobody_elses_way() {
        let limiter = Arc::new(ListLimiter::default());
        let mut held = vec![
            limiter.permit(WorkspaceId(1)).await.unwrap(),
            limiter.permit(WorkspaceId(1)).await.unwrap(),
        ];
        for _ in 0..32 {
            let limiter = Arc::clone(&limiter);
            tokio::spawn(async move { limiter.permit(WorkspaceId(1)).await.map(|_| ()) });
        }
        sleep(MOMENT).await;

        for workspace in 2..8 {
            let permit = timeout(MOMENT * 100, limiter.permit(WorkspaceId(workspace))).await;
            held.push(permit.unwrap().unwrap());
        }
    }

    #[tokio::test]
    async fn a_list_counts_until_its_engine_has_let_go_of_it() {
        let limiter = ListLimiter::default();
        let _other = limiter.permit(WorkspaceId(1)).await.unwrap();
        let of_the_caller = limiter.permit(WorkspaceId(1)).await.unwrap();
        let of_the_engine = of_the_caller.clone();

        drop(of_the_caller);
        assert!(timeout(MOMENT, limiter.permit(WorkspaceId(1))).await.is_err(), "a third one runs");
        drop(of_the_engine);

        assert!(limiter.permit(WorkspaceId(1)).await.is_ok());
    }

    #[tokio::test(start_paused = true)]
    async fn answers_that_nobody_reads_are_bounded_for_each_workspace() {
        let limiter = ListLimiter::default();
        let mut unread = Vec::new();
        let refused = loop {
            match limiter.permit(WorkspaceId(1)).await.unwrap().make_room(4 << 20).await {
                Ok(room) => unread.push(room),
                Err(refused) => break refused,
            }
        };

        assert!(matches!(refused, ListError::Busy), "{refused:?}");
        assert_eq!(unread.len(), 2);
        let other = limiter.permit(WorkspaceId(2)).await.unwrap();
        assert!(other.make_room(100 << 20).await.is_ok(), "one that is larger than the room gets all of it");
        unread.pop();
        assert!(limiter.permit(WorkspaceId(1)).await.unwrap().make_room(4 << 20).await.is_ok());
    }

    #[tokio::test]
    async fn workspaces_that_list_nothing_any_more_are_forgotten() {
        let limiter = ListLimiter::default();

        for workspace in 0..1_000 {
            limiter.permit(WorkspaceId(workspace)).await.unwrap();
        }

        assert_eq!(limiter.workspaces.lock().unwrap().len(), 1);
    }
}
