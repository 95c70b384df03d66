//! When sessions were seen, until that is written.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use uuid::Uuid;

use crate::domain::session::Session;
use crate::domain::timestamp::Timestamp;
use crate::domain::workspace::WorkspaceId;

/// Sessions that wait at most.
const MAX_WAITING: usize = 16_384;

/// Sessions that are better written now.
const MANY: usize = 4_096;

/// What names a session.
pub(super) type SessionKey = (WorkspaceId, Uuid);

/// What the row of a session is to say.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Touch {
    /// When it was last seen.
    pub(super) seen_at: Timestamp,
    /// The seal of the row that says so.
    pub(super) seal: [u8; 32],
}

/// The touches since they were last written.
#[derive(Default, Debug)]
pub(super) struct PendingTouches {
    waiting: Mutex<HashMap<SessionKey, Touch>>,
    /// Held by who writes.
    pub(super) writing: tokio::sync::Mutex<()>,
}

impl PendingTouches {
    pub(super) fn has(&self, session: &Session) -> bool {
        self.lock().contains_key(&(session.workspace, session.id))
    }

    /// Whether there was room.
    pub(super) fn add(&self, session: &Session) -> bool {
        let (key, touch) = Self::of(session);
        let mut waiting = self.lock();
        let has_room = waiting.len() < MAX_WAITING;
        if has_room {
            waiting.insert(key, touch);
        }
        has_room
    }

    /// Whether there should be room for more soon.
    pub(super) fn are_many(&self) -> bool {
        self.lock().len() > MANY
    }

    /// Takes all of them, in the order in which the sessions lie.
    pub(super) fn take(&self) -> Vec<(SessionKey, Touch)> {
        let mut taken: Vec<_> = std::mem::take(&mut *self.lock()).into_iter().collect();
        taken.sort_unstable_by_key(|((workspace, id), _)| (workspace.0, *id));
        taken
    }

    /// Puts back what could not be written, as far as there is room.
    pub(super) fn put_back(&self, unwritten: &[(SessionKey, Touch)]) {
        let mut waiting = self.lock();
        for (key, touch) in unwritten {
            if waiting.len() >= MAX_WAITING {
                return;
            }
            waiting.entry(*key).or_insert(*touch);
        }
    }

    /// What the row of a session is to say that is as it was seen, sealed.
    pub(super) const fn of(session: &Session) -> (SessionKey, Touch) {
        ((session.workspace, session.id), Touch { seen_at: session.last_seen_at, seal: session.seal })
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<SessionKey, Touch>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn touched(number: u128, at: i64) -> (SessionKey, Touch) {
        let touch = Touch { seen_at: Timestamp::from_millis(at), seal: [0; 32] };
        ((WorkspaceId(1), Uuid::from_u128(number)), touch)
    }

    #[test]
    fn what_could_not_be_written_waits_on_within_the_bound_and_behind_what_is_newer() {
        let (touches, most) = (PendingTouches::default(), MAX_WAITING as u128);
        touches.put_back(&[touched(7, 2)]);

        let unwritten: Vec<_> = (0..most + 100).map(|number| touched(number, 1)).collect();
        touches.put_back(&unwritten);

        assert!(touches.are_many());
        let taken = touches.take();
        assert_eq!(taken.len(), MAX_WAITING);
        assert!(taken.is_sorted_by_key(|((_, id), _)| *id));
        assert_eq!(taken[7], touched(7, 2));
        assert!(!touches.are_many());
    }
}
