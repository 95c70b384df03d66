//! The sweep: what is dead long enough is deleted, a little at a time, so that nobody waits behind it.

use super::audit;
use crate::domain::timestamp::Timestamp;
use crate::domain::workspace::WorkspaceId;
use crate::store::engine::unit_of_work::{UnitOfWork, sql};
use crate::store::engine::value::{Value, all, values};
use crate::store::{Store, StoreError};

/// Rows deleted in one commit at most.
const BATCH: i64 = 500;

/// How many rows a sweep deleted.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Swept {
    /// Login links.
    pub login_links: i64,
    /// Sessions.
    pub sessions: i64,
    /// Audit entries.
    pub audit_entries: i64,
}

impl Store {
    /// Deletes the dead of a workspace: links and sessions that expired before `now`, idle sessions last seen
    /// before `idle_since`, audit entries older than `audit_since`.
    ///
    /// # Errors
    /// `StoreError` if it could not be committed; what was deleted before stays deleted.
    pub async fn sweep(
        &self,
        workspace: WorkspaceId,
        now: Timestamp,
        idle_since: Timestamp,
        audit_since: Timestamp,
    ) -> Result<Swept, StoreError> {
        macro_rules! sweep {
            ($table:literal, $key:literal, $dead:literal, $until:expr) => {
                self.sweep_table(
                    concat!(
                        "SELECT ",
                        $key,
                        " FROM ",
                        $table,
                        " WHERE workspace_id = $1 AND ",
                        $dead,
                        " LIMIT $3"
                    ),
                    concat!("DELETE FROM ", $table, " WHERE workspace_id = $1 AND ", $key, " = $2"),
                    (workspace, $until.into()),
                )
                .await?
            };
        }
        Ok(Swept {
            login_links: sweep!("login_links", "hash", "expires_at <= $2", now),
            sessions: sweep!("sessions", "id", "expires_at <= $2", now)
                + sweep!("sessions", "id", "last_seen_at <= $2", idle_since),
            audit_entries: sweep!("audit_log", "id", "id < $2 ORDER BY id", audit::first_id_at(audit_since)),
        })
    }

    /// Finds what is dead off the calling thread, deletes it by key, and goes on until nothing is found.
    async fn sweep_table(
        &self,
        find: &'static str,
        delete: &'static str,
        (workspace, until): (WorkspaceId, Value),
    ) -> Result<i64, StoreError> {
        let mut swept = 0;
        loop {
            let [dead] = self.scan([sql(find, vec![workspace.into(), until.clone(), BATCH.into()])]).await?;
            let count = i64::try_from(dead.len()).unwrap_or(BATCH);
            let keys = all::<Vec<u8>>(dead)?.into_iter();
            let deletes = keys.map(|key| sql(delete, values![workspace, key.as_slice()]));
            if count > 0 {
                self.write(UnitOfWork::new().and_all(deletes)).await?;
            }
            swept += count;
            if count < BATCH {
                return Ok(swept);
            }
        }
    }
}
