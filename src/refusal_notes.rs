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

    /// Notes a refusal of an app. Where there is no room, the oldest of that app which waits makes room: its last ones are those that
    /// count.
    pub fn add(&self, workspace: WorkspaceId, client_id: &str, refusal: AppRefusal) {
        let mut waiting = self.lock();
        let app = (workspace, client_id.to_owned());
        let all: usize = waiting.values().map(Vec::len).sum();
        let of_app = waiting.get(&app).map_or(0, Vec::len);
        if all < MAX_OF_ALL && of_app < MAX_OF_APP {
            waiting.entry(app).or_default().push(refusal);
            return;
        }
        self.dropped.inc();
        if let Some(of_app) = waiting.get_mut(&app) {
            of_app.remove(0);
            of_app.push(refusal);
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

    fn refusal(number: i64) -> AppRefusal {
        AppRefusal {
            id: Uuid::now_v7(),
            time: Timestamp::from_millis(number),
            error: "invalid_request".to_owned(),
            message: String::new(),
            request: Uuid::nil(),
        }
    }

    #[test]
    fn the_last_fifty_wait_of_an_app_and_a_thousand_of_all_and_what_is_dropped_is_counted() {
        let dropped = Counter::default();
        let notes = RefusalNotes::new(dropped.clone());
        for app in 0..30 {
            for number in 0..60 {
                notes.add(WorkspaceId(1), &format!("app-{app}"), refusal(number));
            }
        }

        let taken = notes.take();
        for (_, refusals) in &taken {
            let times: Vec<_> = refusals.iter().map(|refusal| refusal.time.millis()).collect();
            assert_eq!(times, (10..60_i64).collect::<Vec<_>>());
        }
        assert_eq!((taken.len(), dropped.get()), (20, 30 * 60 - 1_000));
        assert!(notes.take().is_empty());
    }

    #[test]
    fn where_all_is_full_an_app_that_waits_keeps_its_last_ones() {
        let notes = RefusalNotes::default();
        for app in 0..MAX_OF_ALL / 10 {
            for number in 0..10 {
                notes.add(WorkspaceId(1), &format!("app-{app}"), refusal(number));
            }
        }

        notes.add(WorkspaceId(1), "app-0", refusal(10));
        notes.add(WorkspaceId(1), "new", refusal(10));

        let taken: HashMap<_, _> = notes.take().into_iter().collect();
        let of_app = &taken[&(WorkspaceId(1), "app-0".to_owned())];
        assert_eq!((of_app[0].time.millis(), of_app[9].time.millis()), (1, 10));
        assert_eq!((taken.len(), of_app.len()), (MAX_OF_ALL / 10, 10));
    }
}
