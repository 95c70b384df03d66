//! Connections that are kept for a short while, so that a thousand mails do not shake hands a thousand times.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::{Instant, sleep, timeout};

use super::connection::Connection;

/// Connections that are kept; mail servers allow few of one machine.
const MAX_KEPT: usize = 4;

/// How long one is kept without a mail.
const KEPT_FOR: Duration = Duration::from_secs(5);

/// Mails over one connection. Many servers end it after a hundred.
const MAX_MAILS: u32 = 50;

/// How long a server is waited for that is told goodbye.
const GOODBYE: Duration = Duration::from_secs(1);

/// Connections that nobody uses at the moment.
#[derive(Default)]
pub(super) struct Pool(Mutex<Kept>);

#[derive(Default)]
struct Kept {
    /// The longest unused first.
    connections: Vec<(Instant, Connection)>,
    is_watched: bool,
}

impl Pool {
    /// The one that was used last, which is the least likely to have ended.
    pub(super) fn take(&self) -> Option<Connection> {
        let mut kept = self.lock();
        let (since, connection) = kept.connections.pop()?;
        if since.elapsed() < KEPT_FOR { Some(connection) } else { None }
    }

    /// Keeps a connection for the next mail, unless enough are kept or it has served long enough.
    pub(super) fn keep(self: &Arc<Self>, connection: Connection) {
        let mut kept = self.lock();
        if connection.mails >= MAX_MAILS || kept.connections.len() >= MAX_KEPT {
            drop(kept);
            tokio::spawn(timeout(GOODBYE, connection.quit()));
            return;
        }
        kept.connections.push((Instant::now(), connection));
        if !kept.is_watched {
            kept.is_watched = true;
            tokio::spawn(Arc::clone(self).close_unused());
        }
    }

    /// Runs while there are any.
    async fn close_unused(self: Arc<Self>) {
        loop {
            sleep(KEPT_FOR).await;
            let (unused, is_last) = {
                let mut kept = self.lock();
                let used = kept.connections.iter().position(|(since, _)| since.elapsed() < KEPT_FOR);
                let count = used.unwrap_or(kept.connections.len());
                let unused: Vec<_> = kept.connections.drain(..count).collect();
                kept.is_watched = !kept.connections.is_empty();
                (unused, !kept.is_watched)
            };
            for (_, connection) in unused {
                let _ = timeout(GOODBYE, connection.quit()).await;
            }
            if is_last {
                return;
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, Kept> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
