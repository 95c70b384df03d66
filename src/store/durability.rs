//! Responses that depend on a read: given only where no failover can take back what was read.

use super::{Engine, Store, StoreError};
use crate::domain::timestamp::Timestamp;

/// A moment before some reads.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ReadPoint(Option<u64>);

impl ReadPoint {
    /// Whether a response that depends on what was read since has to be covered.
    #[must_use]
    pub const fn is_binding(self) -> bool {
        self.0.is_some()
    }
}

impl Store {
    /// Taken before the first of the reads that a response depends on.
    #[must_use]
    pub fn read_point(&self) -> ReadPoint {
        match &self.engine {
            // Readers see nothing that is not synced.
            Engine::Sqlite(_) => ReadPoint(None),
            Engine::Postgres(postgres) => ReadPoint(postgres.read_point()),
        }
    }

    /// Returns once nothing that was read since a point can be lost by a failover to a synchronous standby. What a read sees
    /// may be on the primary alone: a commit whose wait for the standby was broken off is visible, though nobody was told
    /// that it was done.
    ///
    /// `written_at` is the time that the rows bear by themselves; without one, only a commit that is made now covers them.
    /// Where there is no synchronous standby, this returns at once.
    ///
    /// # Errors
    /// `StoreError::Unavailable` if that is not known: then the answer must not be given.
    pub async fn ensure_durable(
        &self,
        since: ReadPoint,
        written_at: Option<Timestamp>,
    ) -> Result<(), StoreError> {
        match (&self.engine, since.0) {
            (Engine::Postgres(postgres), Some(generation)) => {
                Box::pin(postgres.ensure_durable(generation, written_at)).await
            }
            (Engine::Sqlite(_), _) | (Engine::Postgres(_), None) => Ok(()),
        }
    }

    /// The server that is asked from here on.
    pub(super) fn generation(&self) -> u64 {
        match &self.engine {
            Engine::Sqlite(_) => 0,
            Engine::Postgres(postgres) => postgres.generation(),
        }
    }

    /// Notes whether commits wait for a standby, as the server of a generation said.
    pub(super) fn note_synchronous(&self, generation: u64, is_synchronous: bool) {
        if let Engine::Postgres(postgres) = &self.engine {
            postgres.note_synchronous(generation, is_synchronous);
        }
    }
}
