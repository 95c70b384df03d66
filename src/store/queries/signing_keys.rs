//! Signing keys of workspaces.

use super::audit;
use super::secret_keys::is_active;
use crate::domain::audit::AuditEntry;
use crate::domain::login_link::KeyId;
use crate::domain::oidc::app::SigningAlgorithm;
use crate::domain::oidc::signing_key::{SigningKey, SigningKeyState};
use crate::domain::timestamp::Timestamp;
use crate::domain::workspace::WorkspaceId;
use crate::store::engine::unit_of_work::{Outcome, Statement, UnitOfWork, sql};
use crate::store::engine::value::{FromValue, Value, from_row, values};
use crate::store::{Store, StoreError};

/// What changes of the keys of a workspace. In this order no two of one algorithm are ever in the same state but `retired`.
#[derive(Debug, Default)]
pub struct SigningKeyChange {
    /// Keys that nobody can open: they are deleted, if they still have these seals.
    pub lost: Vec<SigningKey>,
    /// Keys as this leaves them, each with the seal that it had before.
    pub changed: Vec<(SigningKey, [u8; 32])>,
    /// New keys, under the active secret key.
    pub added: Vec<SigningKey>,
}

/// Rows that are moved to another secret key at one look at most.
const BATCH: i64 = 64;

/// The columns of a signing key.
macro_rules! signing_key_columns {
    () => {
        "k.workspace_id, k.kid, k.alg, k.state, k.public_key, k.private_key, k.key_id, k.created_at, k.activated_at, \
         k.retired_at, k.seal"
    };
}
pub(in crate::store) use signing_key_columns;

impl FromValue for SigningKeyState {
    fn from_value(value: Value) -> Option<Self> {
        let name = String::from_value(value)?;
        Self::ALL.into_iter().find(|state| state.name() == name)
    }
}

from_row! {
    SigningKey {
        workspace, kid, algorithm, state, public_key, private_key, key, created_at, activated_at, retired_at, seal,
    }
}

impl Store {
    /// The key of an algorithm that signs. Its seal must be checked.
    pub async fn find_signing_key(
        &self,
        workspace: WorkspaceId,
        algorithm: SigningAlgorithm,
    ) -> Result<Option<SigningKey>, StoreError> {
        // The last condition is that of the index.
        const FOUND: &str = concat!(
            "SELECT ",
            signing_key_columns!(),
            " FROM signing_keys k WHERE k.workspace_id = $1 AND k.alg = $2 AND k.state = 'signing' AND k.state <> 'retired'"
        );
        self.find(sql(FOUND, values![workspace, algorithm.name()])).await
    }

    /// The key of a name, whatever its state. Its seal must be checked.
    pub async fn find_signing_key_by_name(
        &self,
        workspace: WorkspaceId,
        kid: &str,
    ) -> Result<Option<SigningKey>, StoreError> {
        const FOUND: &str = concat!(
            "SELECT ",
            signing_key_columns!(),
            " FROM signing_keys k WHERE k.workspace_id = $1 AND k.kid = $2"
        );
        self.find(sql(FOUND, values![workspace, kid])).await
    }

    /// The keys of a workspace that were not retired before a moment: by algorithm, those that sign last of all. Their seals must be
    /// checked.
    pub async fn list_signing_keys(
        &self,
        workspace: WorkspaceId,
        retired_since: Timestamp,
    ) -> Result<Vec<SigningKey>, StoreError> {
        const ALL: &str = concat!(
            "SELECT ",
            signing_key_columns!(),
            " FROM signing_keys k WHERE k.workspace_id = $1 AND (k.state <> 'retired' OR k.retired_at > $2)
              ORDER BY k.alg, coalesce(k.retired_at, 0), k.state DESC, k.kid LIMIT 1000"
        );
        self.find_all(sql(ALL, values![workspace, retired_since])).await
    }

    /// Makes a change of a workspace's keys, all of it or nothing: not if others changed one of them since, or the workspace is gone.
    pub async fn change_signing_keys(
        &self,
        workspace: WorkspaceId,
        change: &SigningKeyChange,
        told: Option<(&AuditEntry, Timestamp)>,
    ) -> Result<Outcome, StoreError> {
        let mut unit = UnitOfWork::new().guard(hold(workspace));
        for key in &change.lost {
            unit = unit.guard(sql(
                "DELETE FROM signing_keys WHERE workspace_id = $1 AND kid = $2 AND seal = $3",
                values![key.workspace, key.kid.as_str(), key.seal],
            ));
        }
        for (key, seal) in &change.changed {
            unit = unit.guard(change_key(key, *seal));
        }
        for key in &change.added {
            unit = unit.guard(add(key));
        }
        if let Some((entry, now)) = told {
            unit = unit.and(audit::entry(workspace, entry, now));
        }
        self.apply(unit).await
    }

    /// Some keys, of any workspace, that are not encrypted and sealed under this secret key: those behind the last that was seen.
    pub async fn list_signing_keys_to_move(
        &self,
        active: KeyId,
        (workspace, kid): (WorkspaceId, &str),
    ) -> Result<Vec<SigningKey>, StoreError> {
        const SOME: &str = concat!(
            "SELECT ",
            signing_key_columns!(),
            " FROM signing_keys k WHERE k.key_id <> $1
                AND (k.workspace_id > $2 OR (k.workspace_id = $2 AND k.kid > $3))
              ORDER BY k.workspace_id, k.kid LIMIT $4"
        );
        self.find_all(sql(SOME, values![active, workspace, kid, BATCH])).await
    }

    /// Keeps a signing key as it is under the active secret key, unless it was changed since. `seal` is the one it had.
    pub async fn move_signing_key(&self, moved: &SigningKey, seal: [u8; 32]) -> Result<Outcome, StoreError> {
        self.apply(UnitOfWork::new().guard(change_key(moved, seal))).await
    }

    /// Deletes keys that retired before a moment, and those that never signed and retired before another.
    pub async fn sweep_signing_keys(
        &self,
        workspace: WorkspaceId,
        (signed, never_signed): (Timestamp, Timestamp),
    ) -> Result<(), StoreError> {
        let gone = sql(
            "DELETE FROM signing_keys WHERE workspace_id = $1 AND state = 'retired'
               AND (retired_at <= $2 OR (activated_at IS NULL AND retired_at <= $3))",
            values![workspace, signed, never_signed],
        );
        self.write(UnitOfWork::new().and(gone)).await.map(|_| ())
    }
}

/// What a workspace that is deleted at this moment waits for, or makes impossible.
pub(super) fn hold(workspace: WorkspaceId) -> Statement {
    sql(
        "UPDATE number_counters SET last_api_key_id = last_api_key_id WHERE workspace_id = $1",
        values![workspace],
    )
}

fn add(key: &SigningKey) -> Statement {
    const ADDED: &str = concat!(
        "INSERT INTO signing_keys (workspace_id, kid, alg, state, public_key, private_key, key_id, created_at, activated_at,
                                   retired_at, seal)
         SELECT $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11 WHERE ",
        is_active!("$7"),
        " ON CONFLICT DO NOTHING"
    );
    sql(
        ADDED,
        values! {
            key.workspace, key.kid.as_str(), key.algorithm.name(), key.state.name(), key.public_key.as_str(),
            key.private_key.as_deref(), key.key, key.created_at, key.activated_at, key.retired_at, key.seal
        },
    )
}

fn change_key(key: &SigningKey, seal: [u8; 32]) -> Statement {
    const CHANGED: &str = concat!(
        "UPDATE signing_keys SET state = $1, private_key = $2, key_id = $3, activated_at = $4, retired_at = $5, seal = $6
         WHERE workspace_id = $7 AND kid = $8 AND seal = $9 AND ",
        is_active!("$3")
    );
    sql(
        CHANGED,
        values! {
            key.state.name(), key.private_key.as_deref(), key.key, key.activated_at, key.retired_at, key.seal,
            key.workspace, key.kid.as_str(), seal
        },
    )
}
