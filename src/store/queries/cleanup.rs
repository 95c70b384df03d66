//! The sweep: what is dead long enough is deleted, a little at a time, so that nobody waits behind it.

use super::audit;
use super::login_links::no_newest;
use crate::domain::login_link::LinkLookupKey;
use crate::domain::timestamp::Timestamp;
use crate::domain::workspace::WorkspaceId;
use crate::store::engine::unit_of_work::{Statement, UnitOfWork, UnitResult, sql};
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
    /// Mails.
    pub mails: i64,
    /// Links whose stories were forgotten.
    pub stories: i64,
}

/// What a sweep deletes: all that ended, or was made, before a moment.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct SweepLimits {
    /// Links that expired.
    pub links: Timestamp,
    /// Sessions that expired.
    pub sessions: Timestamp,
    /// Sessions that were last used.
    pub idle_sessions: Timestamp,
    /// Audit entries.
    pub audit_entries: Timestamp,
    /// Mails.
    pub mails: Timestamp,
    /// Asks that expired.
    pub asks: Timestamp,
    /// Counters of mails.
    pub counters: Timestamp,
    /// Codes of apps, with their access tokens, that were made, and secrets of trials that were over.
    pub app_codes: Timestamp,
}

impl Store {
    /// Deletes what a workspace has kept for long enough.
    ///
    /// # Errors
    /// `StoreError` if it could not be committed; what was deleted before stays deleted.
    pub async fn sweep(&self, workspace: WorkspaceId, limits: &SweepLimits) -> Result<Swept, StoreError> {
        let SweepLimits { links, sessions, idle_sessions, audit_entries, mails, asks, counters, app_codes } =
            *limits;
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
        let swept = Swept {
            login_links: self.sweep_links(workspace, links).await?,
            sessions: sweep!("sessions", "id", "expires_at <= $2", sessions)
                + sweep!("sessions", "id", "last_seen_at <= $2", idle_sessions),
            audit_entries: self.sweep_audit_log(workspace, audit_entries).await?,
            mails: sweep!("mails", "id", "id < $2 ORDER BY id", audit::first_id_at(mails)),
            stories: 0,
        };
        self.sweep_asks(workspace, asks).await?;
        self.sweep_mail_counters(workspace, counters).await?;
        sweep!("app_codes", "hash", "created_at <= $2", app_codes);
        sweep!("app_secrets", "id", "trial_until <= $2", app_codes);
        Ok(swept)
    }

    /// Deletes the audit entries of a workspace, or of the installation, that are older than a moment.
    pub async fn sweep_audit_log(&self, workspace: WorkspaceId, until: Timestamp) -> Result<i64, StoreError> {
        const OLD: &str = "SELECT id FROM audit_log WHERE workspace_id = $1 AND id < $2 ORDER BY id LIMIT $3";
        const DELETED: &str = "DELETE FROM audit_log WHERE workspace_id = $1 AND id = $2";
        self.sweep_table(OLD, DELETED, (workspace, audit::first_id_at(until).into())).await
    }

    /// Forgets requests that came up to a moment.
    pub async fn forget_requests(&self, workspace: WorkspaceId, until: Timestamp) -> Result<(), StoreError> {
        let gone = sql(
            "DELETE FROM idempotency_keys WHERE workspace_id = $1 AND created_at <= $2 AND key IN
               (SELECT key FROM idempotency_keys WHERE workspace_id = $1 AND created_at <= $2 LIMIT 500) RETURNING 1",
            values![workspace, until],
        );
        self.until_none(gone).await
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

    /// Runs a statement that changes some rows, and returns them, until it changes none.
    pub(super) async fn until_none(&self, statement: Statement) -> Result<(), StoreError> {
        loop {
            let written = self.write(UnitOfWork::new().and(statement.clone())).await?;
            match written {
                UnitResult::Done(rows) if rows.first().is_some_and(|rows| !rows.is_empty()) => {}
                UnitResult::Done(_) | UnitResult::Conflict => return Ok(()),
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
