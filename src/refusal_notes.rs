//! Refusals of apps, until they are written: in bounded memory, and nobody waits for it.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use prometheus_client::metrics::counter::Counter;

use crate::domain::oidc::refusal::{AppRefusal, MAX_OF_APP};
use crate::domain::workspace::WorkspaceId;

/// Refusals that wait of all apps at most.
const MAX_OF_ALL: usize = 1_000;

/// Of one app what waits, or was taken to be written.
pub type RefusalsOfApp = ((WorkspaceId, String), Vec<AppRefusal>);

/// What waits to be written.
#[derive(Debug, Default)]
pub struct RefusalNotes {
    waiting: Mutex<HashMap<(WorkspaceId, String), Vec<AppRefusal>>>,
    /// Refusals for which there was no room.
    dropped: Counter,
    /// What could not be written yet; held by who writes.
    pub unwritten: tokio::sync::Mutex<Vec<RefusalsOfApp>>,
}

impl RefusalNotes {
    /// Nothing waits yet; what finds no room is counted there.
    pub fn new(dropped: Counter) -> Self {
        Self { dropped, ..Self::default() }
    }

    /// Notes a refusal of an app, if there is room.
    pub fn add(&self, workspace: WorkspaceId, client_id: &str, refusal: AppRefusal) {
        let mut waiting = self.lock();
        let all: usize = waiting.values().map(Vec::len).sum();
        let of_app = waiting.get(&(workspace, client_id.to_owned())).map_or(0, Vec::len);
        if all < MAX_OF_ALL && of_app < MAX_OF_APP {
            waiting.entry((workspace, client_id.to_owned())).or_default().push(refusal);
        } else {
            self.dropped.inc();
        }
    }

    /// Takes all that waits.
    pub fn take(&self) -> Vec<RefusalsOfApp> {
        std::mem::take(&mut *self.lock()).into_iter().collect()
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<(WorkspaceId, String), Vec<AppRefusal>>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;
    use crate::domain::timestamp::Timestamp;

    #[test]
    fn fifty_wait_of_an_app_and_a_thousand_of_all_and_what_is_dropped_is_counted() {
        let dropped = Counter::default();
        let notes = RefusalNotes::new(dropped.clone());
        let refusal = || AppRefusal {
            id: Uuid::now_v7(),
            time: Timestamp::from_millis(1),
            error: "invalid_request".to_owned(),
            message: String::new(),
            request: Uuid::nil(),
        };
        for app in 0..30 {
            for _ in 0..60 {
                notes.add(WorkspaceId(1), &format!("app-{app}"), refusal());
            }
        }

        let taken = notes.take();
        assert!(taken.iter().all(|(_, refusals)| refusals.len() == MAX_OF_APP));
        assert_eq!((taken.len(), dropped.get()), (20, 30 * 60 - 1_000));
        assert!(notes.take().is_empty());
    }
}
