//! Links handed out again: counted in memory, written down in batches.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use crate::app::App;
use crate::domain::login_link::{LinkHash, LoginLink};
use crate::domain::timestamp::Timestamp;
use crate::domain::workspace::WorkspaceId;
use crate::store::{Reuse, StoreError};

/// Links whose reuses wait to be written at most; the reuses of further ones are not counted.
const LARGEST: usize = 100_000;

/// Updates in one commit at most.
const BATCH: usize = 500;

/// Reuses that are not written down yet.
#[derive(Debug, Default)]
pub struct Reuses(Mutex<HashMap<(WorkspaceId, LinkHash), (i64, Timestamp)>>);

impl Reuses {
    /// Counts one.
    pub fn count(&self, link: &LoginLink, now: Timestamp) {
        self.add(Reuse { workspace: link.draft.workspace, hash: link.hash, times: 1, last_at: now });
    }

    fn add(&self, reuse: Reuse) {
        let mut waiting = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let key = (reuse.workspace, reuse.hash);
        if waiting.len() < LARGEST || waiting.contains_key(&key) {
            let (times, last_at) = waiting.entry(key).or_insert((0, reuse.last_at));
            *times += reuse.times;
            *last_at = reuse.last_at.max(*last_at);
        }
    }

    fn take(&self) -> Vec<Reuse> {
        let mut waiting = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let taken = std::mem::take(&mut *waiting);
        let reuses = taken.into_iter().map(|((workspace, hash), (times, last_at))| Reuse {
            workspace,
            hash,
            times,
            last_at,
        });
        reuses.collect()
    }
}

/// Writes down what was counted; what cannot be written is kept for the next time.
///
/// # Errors
/// `StoreError` if it could not be committed.
pub async fn write_down(app: &App) -> Result<(), StoreError> {
    let reuses = app.reuses.take();
    for (number, batch) in reuses.chunks(BATCH).enumerate() {
        if let Err(error) = app.store.add_reuses(batch).await {
            for reuse in &reuses[number * BATCH..] {
                app.reuses.add(*reuse);
            }
            return Err(error);
        }
    }
    Ok(())
}
