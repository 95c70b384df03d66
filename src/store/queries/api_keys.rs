//! API keys: found by a keyed hash, never by what they are.

use super::secret_keys::is_active;
use super::{audit, directory_stamp};
use crate::domain::api_key::ApiKey;
use crate::domain::audit::AuditEntry;
use crate::domain::timestamp::Timestamp;
use crate::domain::workspace::WorkspaceId;
use crate::store::engine::unit_of_work::{Outcome, UnitOfWork, sql};
use crate::store::engine::value::{all, from_row, values};
use crate::store::{Store, StoreError};

/// The columns of a key.
macro_rules! api_key_columns {
    () => {
        "k.workspace_id, k.id, k.name, k.hash, k.scopes, k.key_id, k.created_at, k.expires_at, k.revoked_at, k.seal"
    };
}
pub(in crate::store) use api_key_columns;

from_row! { ApiKey { workspace, id, name, hash, scopes, key, created_at, expires_at, revoked_at, seal } }

impl Store {
    /// A key of a workspace, by its number.
    pub async fn find_api_key_by_id(
        &self,
        workspace: WorkspaceId,
        id: i64,
    ) -> Result<Option<ApiKey>, StoreError> {
        const FOUND: &str = concat!(
            "SELECT ",
            api_key_columns!(),
            " FROM api_keys k WHERE k.workspace_id = $1 AND k.id = $2"
        );
        self.find(sql(FOUND, values![workspace, id])).await
    }

    /// The number that the next key of a workspace gets. None is ever given again: keys are revoked, not deleted.
    pub async fn find_next_api_key_id(&self, workspace: WorkspaceId) -> Result<i64, StoreError> {
        // After a restore the newest keys may be gone, but not their numbers.
        let last = "SELECT last_api_key_id FROM number_counters WHERE workspace_id = $1
                    UNION ALL SELECT coalesce(max(id), 0) FROM api_keys WHERE workspace_id = $1";
        let [rows] = self.read([sql(last, values![workspace])]).await?;
        // Where the workspace is gone, nothing can be kept under any number.
        Ok(all::<i64>(rows)?.into_iter().max().unwrap_or(0) + 1)
    }

    /// Keeps a new key, unless its number was taken meanwhile or the workspace is gone.
    pub async fn add_api_key(&self, key: &ApiKey, entry: &AuditEntry) -> Result<Outcome, StoreError> {
        let added = sql(
            concat!(
                "INSERT INTO api_keys (workspace_id, id, name, hash, scopes, key_id, created_at, expires_at, seal)
                 SELECT c.workspace_id, $2, $3, $4, $5, $6, $7, $8, $9
                 FROM number_counters c WHERE c.workspace_id = $1 AND ",
                is_active!("$6"),
                " ON CONFLICT DO NOTHING"
            ),
            values! {
                key.workspace, key.id, key.name.as_str(), key.hash, key.scopes.bits(), key.key,
                key.created_at, key.expires_at, key.seal
            },
        );
        let drawn = sql(
            "UPDATE number_counters SET last_api_key_id = $2 WHERE workspace_id = $1 AND last_api_key_id < $2",
            values![key.workspace, key.id],
        );
        let unit = UnitOfWork::new().guard(drawn).guard(added);
        let unit = unit.and(audit::entry(key.workspace, entry, key.created_at));
        self.apply(unit.guard(directory_stamp::draw())).await
    }

    /// The keys of a workspace, oldest first.
    pub async fn list_api_keys(&self, workspace: WorkspaceId) -> Result<Vec<ApiKey>, StoreError> {
        const ALL: &str = concat!(
            "SELECT ",
            api_key_columns!(),
            " FROM api_keys k WHERE k.workspace_id = $1 ORDER BY k.id"
        );
        self.find_all(sql(ALL, values![workspace])).await
    }

    /// Keeps a live key under another hash and secret key, the one that derives, unless others were first. `key` is as this
    /// leaves it, sealed; `old` is how it was found.
    pub async fn move_api_key(&self, old: &ApiKey, key: &ApiKey) -> Result<Outcome, StoreError> {
        const MOVED: &str = concat!(
            "UPDATE api_keys SET hash = $1, key_id = $2, seal = $3
             WHERE workspace_id = $4 AND id = $5 AND hash = $6 AND seal = $7 AND revoked_at IS NULL AND ",
            is_active!("$2")
        );
        let moved =
            sql(MOVED, values![key.hash, key.key, key.seal, key.workspace, key.id, old.hash, old.seal]);
        self.apply(UnitOfWork::new().guard(moved).guard(directory_stamp::draw())).await
    }

    /// Revokes a key for good, unless it was revoked before. `key` is as this leaves it, sealed.
    pub async fn end_api_key(
        &self,
        key: &ApiKey,
        entry: &AuditEntry,
        now: Timestamp,
    ) -> Result<Outcome, StoreError> {
        let revoked = sql(
            "UPDATE api_keys SET revoked_at = $1, seal = $2
             WHERE workspace_id = $3 AND id = $4 AND revoked_at IS NULL",
            values![key.revoked_at, key.seal, key.workspace, key.id],
        );
        let unit = UnitOfWork::new().guard(revoked).and(audit::entry(key.workspace, entry, now));
        self.apply(unit.guard(directory_stamp::draw())).await
    }
}
