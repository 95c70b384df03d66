//! Sessions that were seen: noted in memory, written in batches.

use crate::domain::session::Session;
use crate::store::engine::rows::Column;
use crate::store::engine::unit_of_work::{Statement, UnitOfWork, over};
use crate::store::engine::value::values;
use crate::store::pending_touches::{PendingTouches, SessionKey, Touch};
use crate::store::{Store, StoreError};

/// Sessions of a workspace in one commit at most.
const BATCH: usize = 500;

impl Store {
    /// Whether it waits to be written that a session was seen.
    pub fn has_touch(&self, session: &Session) -> bool {
        self.touches.has(session)
    }

    /// Notes that a session was seen; [`write_touches`](Self::write_touches) makes it durable. `session` is as that leaves it, sealed.
    /// Whether there was room.
    pub fn note_touch(&self, session: &Session) -> bool {
        self.touches.add(session)
    }

    /// Whether what was noted should be written down before there is no room for more.
    pub fn has_many_touches(&self) -> bool {
        self.touches.are_many()
    }

    /// Writes at once that a session was seen.
    pub async fn write_touch(&self, session: &Session) -> Result<(), StoreError> {
        self.write(UnitOfWork::new().and(touched(&[PendingTouches::of(session)]))).await.map(drop)
    }

    /// Writes what was noted; what cannot be written waits on. It goes on if nobody waits for it any more.
    pub async fn write_touches(&self) -> Result<(), StoreError> {
        let store = self.clone();
        let written = tokio::spawn(async move { store.write_waiting_touches().await }).await;
        written.map_err(|_| StoreError::Unexpected("when sessions were seen was not written to the end"))?
    }

    async fn write_waiting_touches(&self) -> Result<(), StoreError> {
        let _writing = self.touches.writing.lock().await;
        let taken = self.touches.take();
        let mut written = 0;
        let of_workspaces = taken.chunk_by(|(one, _), (next, _)| one.0 == next.0);
        for batch in of_workspaces.flat_map(|of_workspace| of_workspace.chunks(BATCH)) {
            if let Err(error) = self.write(UnitOfWork::new().and(touched(batch))).await {
                self.touches.put_back(&taken[written..]);
                return Err(error);
            }
            written += batch.len();
        }
        Ok(())
    }
}

/// The statement that writes down when sessions of one workspace were seen, unless they were seen later. There is at least one.
fn touched(batch: &[(SessionKey, Touch)]) -> Statement {
    let ((workspace, _), _) = batch[0];
    let columns = vec![
        ("id", Column::Bytes(batch.iter().map(|((_, id), _)| id.as_bytes().to_vec()).collect())),
        ("seen_at", Column::Numbers(batch.iter().map(|(_, touch)| touch.seen_at.millis()).collect())),
        ("seal", Column::Bytes(batch.iter().map(|(_, touch)| touch.seal.to_vec()).collect())),
    ];
    over(
        "UPDATE sessions SET last_seen_at = r.seen_at, seal = r.seal FROM",
        columns,
        "WHERE sessions.workspace_id = $1 AND sessions.id = r.id AND sessions.last_seen_at < r.seen_at",
        values![workspace],
    )
}
