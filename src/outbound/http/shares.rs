//! How many calls run at once, in all and to one host and port, so that a slow receiver holds up no other.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Calls that run at once.
pub const MAX_CALLS: usize = 64;

/// Calls to one host and port that run at once.
pub const MAX_OF_HOST: usize = 4;

/// Calls that run or wait.
const MAX_QUEUED: usize = 1_024;

/// Who calls and who waits.
#[derive(Debug)]
pub(super) struct Shares {
    calls: Arc<Semaphore>,
    hosts: Mutex<HashMap<String, Host>>,
}

#[derive(Debug)]
struct Host {
    calls: Arc<Semaphore>,
    /// Those who call and those who wait.
    queued: usize,
}

/// Leave to call a host, until it is dropped.
pub(super) struct Share<'a> {
    _of_all: OwnedSemaphorePermit,
    _of_host: OwnedSemaphorePermit,
    _place: Place<'a>,
}

/// A place in the queue of a host.
struct Place<'a> {
    shares: &'a Shares,
    host: String,
    calls: Arc<Semaphore>,
}

impl Shares {
    pub(super) fn new() -> Self {
        Self { calls: Arc::new(Semaphore::new(MAX_CALLS)), hosts: Mutex::default() }
    }

    /// Waits for leave to call a host; `None` if too many wait already.
    pub(super) async fn take(&self, host: &str) -> Option<Share<'_>> {
        let place = self.queue(host)?;
        // The host's own first: who waits for a slow host keeps no other waiting.
        let of_host = Arc::clone(&place.calls).acquire_owned().await.ok()?;
        let of_all = Arc::clone(&self.calls).acquire_owned().await.ok()?;
        Some(Share { _of_all: of_all, _of_host: of_host, _place: place })
    }

    fn queue(&self, host: &str) -> Option<Place<'_>> {
        let mut hosts = self.lock();
        if hosts.values().map(|host| host.queued).sum::<usize>() >= MAX_QUEUED {
            return None;
        }
        let new = || Host { calls: Arc::new(Semaphore::new(MAX_OF_HOST)), queued: 0 };
        let known = hosts.entry(host.to_owned()).or_insert_with(new);
        known.queued += 1;
        Some(Place { shares: self, host: host.to_owned(), calls: Arc::clone(&known.calls) })
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, Host>> {
        self.hosts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        let mut hosts = self.shares.lock();
        if let Some(host) = hosts.get_mut(&self.host) {
            host.queued -= 1;
            if host.queued == 0 {
                hosts.remove(&self.host);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt as _;
    use tokio::task::yield_now;

    use super::*;

    #[tokio::test]
    async fn a_host_has_its_share_and_leaves_the_others_theirs() {
        let shares = Shares::new();
        let mut held = Vec::new();
        for _ in 0..MAX_OF_HOST {
            held.push(shares.take("slow.test").await.unwrap());
        }

        assert!(shares.take("slow.test").now_or_never().is_none(), "a host has more than its share");
        assert!(shares.take("other.test").now_or_never().is_some());
        held.pop();
        assert!(shares.take("slow.test").now_or_never().is_some());
    }

    #[tokio::test]
    async fn all_hosts_together_have_a_bound_and_nothing_is_kept_of_them() {
        let shares = Shares::new();
        let mut held = Vec::new();
        for number in 0..MAX_CALLS {
            held.push(shares.take(&format!("{number}.test")).await.unwrap());
        }
        // A task that has taken so many permits waits before the next, whatever there is.
        yield_now().await;

        assert!(shares.take("one-more.test").now_or_never().is_none());
        drop(held);
        assert!(shares.take("one-more.test").now_or_never().is_some());
        assert!(shares.lock().is_empty(), "{shares:?}");
    }

    #[tokio::test]
    async fn who_comes_when_too_many_wait_is_sent_away_at_once() {
        let shares = Shares::new();
        let mut waiting = Vec::new();
        for _ in 0..MAX_QUEUED {
            let mut call = Box::pin(shares.take("slow.test"));
            let taken = (&mut call).now_or_never();
            waiting.push((call, taken));
        }

        assert!(matches!(shares.take("other.test").now_or_never(), Some(None)));
        drop(waiting);
        yield_now().await;
        assert!(matches!(shares.take("other.test").now_or_never(), Some(Some(_))));
    }
}
