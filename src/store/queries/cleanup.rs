//! The sweep: what is dead long enough is deleted, a little at a time, so that nobody waits behind it.

use super::audit;
use super::login_links::no_newest;
use crate::domain::login_link::LinkLookupKey;
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
            login_links: self.sweep_links(workspace, now).await?,
            sessions: sweep!("sessions", "id", "expires_at <= $2", now)
                + sweep!("sessions", "id", "last_seen_at <= $2", idle_since),
            audit_entries: sweep!("audit_log", "id", "id < $2 ORDER BY id", audit::first_id_at(audit_since)),
        })
    }

    /// Takes away by what requests clients were added that were added up to a moment.
    pub async fn forget_requests(&self, workspace: WorkspaceId, until: Timestamp) -> Result<(), StoreError> {
        const KNOWN: &str =
            "SELECT id FROM users WHERE workspace_id = $1 AND added_by IS NOT NULL AND created_at <= $2
                             LIMIT $3";
        const FORGOTTEN: &str =
            "UPDATE users SET added_by = NULL, added_with = NULL WHERE workspace_id = $1 AND id = $2";
        loop {
            let [known] = self.scan([sql(KNOWN, values![workspace, until, BATCH])]).await?;
            let users = all::<i64>(known)?;
            let count = i64::try_from(users.len()).unwrap_or(BATCH);
            if count > 0 {
                let forgotten = users.into_iter().map(|user| sql(FORGOTTEN, values![workspace, user]));
                self.write(UnitOfWork::new().and_all(forgotten)).await?;
            }
            if count < BATCH {
                return Ok(());
            }
        }
    }

    /// Deletes links that expired before a moment; the user's row does not tell of them any more either.
    async fn sweep_links(&self, workspace: WorkspaceId, until: Timestamp) -> Result<i64, StoreError> {
        const DEAD: &str =
            "SELECT user_id, hash FROM login_links WHERE workspace_id = $1 AND expires_at <= $2 LIMIT $3";
        const FORGOTTEN: &str = concat!(
            "UPDATE users SET ",
            no_newest!(),
            " WHERE workspace_id = $1 AND id = $2 AND newest_link = $3"
        );
        const DELETED: &str = "DELETE FROM login_links WHERE workspace_id = $1 AND hash = $2";
        let mut swept = 0;
        loop {
            let [dead] = self.scan([sql(DEAD, values![workspace, until, BATCH])]).await?;
            let mut dead = all::<(i64, LinkLookupKey)>(dead)?;
            // In one order, so that two who write to the same users wait for each other.
            dead.sort_unstable();
            let forgotten = dead.iter().map(|(user, hash)| sql(FORGOTTEN, values![workspace, *user, *hash]));
            let deleted = dead.iter().map(|(_, hash)| sql(DELETED, values![workspace, *hash]));
            if !dead.is_empty() {
                self.write(UnitOfWork::new().and_all(forgotten).and_all(deleted)).await?;
            }
            let count = i64::try_from(dead.len()).unwrap_or(BATCH);
            swept += count;
            if count < BATCH {
                return Ok(swept);
            }
        }
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
