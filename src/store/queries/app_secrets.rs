//! Secrets of apps.

use super::audit;
use super::secret_keys::is_active;
use crate::domain::audit::AuditEntry;
use crate::domain::oidc::app_secret::{AppSecret, MAX_SECRETS};
use crate::domain::timestamp::Timestamp;
use crate::domain::workspace::WorkspaceId;
use crate::store::engine::unit_of_work::{Outcome, Statement, UnitOfWork, sql};
use crate::store::engine::value::{all, from_row, values};
use crate::store::{Store, StoreError};

/// The columns of a secret.
macro_rules! app_secret_columns {
    () => {
        "s.workspace_id, s.id, s.client_id, s.hash, s.key_id, s.created_at, s.removed_at, s.trial_until, s.seal"
    };
}

pub(in crate::store) use app_secret_columns;

from_row! { AppSecret { workspace, id, client_id, hash, key, created_at, removed_at, trial_until, seal } }

impl Store {
    /// The live secrets of an app, oldest first. Their seals must be checked.
    pub async fn list_app_secrets(
        &self,
        workspace: WorkspaceId,
        client_id: &str,
    ) -> Result<Vec<AppSecret>, StoreError> {
        const LIVE: &str = concat!(
            "SELECT ",
            app_secret_columns!(),
            " FROM app_secrets s WHERE s.workspace_id = $1 AND s.client_id = $2 AND s.removed_at IS NULL
              ORDER BY s.created_at, s.id LIMIT 10"
        );
        let [rows] = self.read([sql(LIVE, values![workspace, client_id])]).await?;
        all(rows)
    }

    /// The secrets by which an app may show who it is: its live ones, and those of trials that go on. Their seals must be checked.
    pub async fn list_usable_app_secrets(
        &self,
        workspace: WorkspaceId,
        client_id: &str,
        now: Timestamp,
    ) -> Result<Vec<AppSecret>, StoreError> {
        let [rows] = self.read([usable(workspace, client_id, now)]).await?;
        all(rows)
    }

    /// The live secrets of some apps, a page of them at most, oldest first. Their seals must be checked.
    pub async fn list_secrets_of_apps(
        &self,
        workspace: WorkspaceId,
        client_ids: &[&str],
    ) -> Result<Vec<AppSecret>, StoreError> {
        if client_ids.is_empty() {
            return Ok(Vec::new());
        }
        let places: Vec<_> = (0..client_ids.len()).map(|place| format!("${}", place + 2)).collect();
        let (columns, places) = (app_secret_columns!(), places.join(", "));
        let text = format!(
            "SELECT {columns} FROM app_secrets s
             WHERE s.workspace_id = $1 AND s.client_id IN ({places}) AND s.removed_at IS NULL ORDER BY s.created_at, s.id"
        );
        let mut values = values![workspace];
        values.extend(client_ids.iter().map(|client_id| (*client_id).into()));
        self.find_all(sql(text, values)).await
    }

    /// Keeps a live secret under another hash and secret key, the one that derives, unless others were first. `moved` is as this
    /// leaves it, sealed; `old` is how it was found.
    pub async fn move_app_secret(&self, old: &AppSecret, moved: &AppSecret) -> Result<Outcome, StoreError> {
        const MOVED: &str = concat!(
            "UPDATE app_secrets SET hash = $1, key_id = $2, seal = $3
             WHERE workspace_id = $4 AND id = $5 AND seal = $6 AND removed_at IS NULL AND ",
            is_active!("$2")
        );
        let values = values![moved.hash, moved.key, moved.seal, moved.workspace, moved.id, old.seal];
        self.apply(UnitOfWork::new().guard(sql(MOVED, values))).await
    }

    /// Keeps a secret of an app, unless the app is gone, is public, or has as many as it may have.
    pub async fn add_app_secret(
        &self,
        secret: &AppSecret,
        entry: &AuditEntry,
    ) -> Result<Outcome, StoreError> {
        let unit = UnitOfWork::new().guard(hold_app(secret)).guard(add(secret));
        self.apply(unit.and(audit::entry(secret.workspace, entry, secret.created_at))).await
    }

    /// Removes a secret for good, unless it was removed before, or would be the last of its app. `secret` is as this leaves it,
    /// sealed.
    pub async fn remove_app_secret(
        &self,
        secret: &AppSecret,
        entry: &AuditEntry,
        now: Timestamp,
    ) -> Result<Outcome, StoreError> {
        let removed = sql(
            "UPDATE app_secrets SET removed_at = $1, seal = $2
             WHERE workspace_id = $3 AND id = $4 AND removed_at IS NULL
               AND EXISTS (SELECT 1 FROM app_secrets o WHERE o.workspace_id = $3 AND o.client_id = $5
                           AND o.id <> $4 AND o.removed_at IS NULL)",
            values![secret.removed_at, secret.seal, secret.workspace, secret.id, secret.client_id.as_str()],
        );
        let unit = UnitOfWork::new().guard(hold_app(secret)).guard(removed);
        self.apply(unit.and(audit::entry(secret.workspace, entry, now))).await
    }
}

/// The statement that finds the secrets by which an app may show who it is.
pub(in crate::store) fn usable(workspace: WorkspaceId, client_id: &str, now: Timestamp) -> Statement {
    const USABLE: &str = concat!(
        "SELECT ",
        app_secret_columns!(),
        " FROM app_secrets s WHERE s.workspace_id = $1 AND s.client_id = $2
          AND (s.removed_at IS NULL OR s.trial_until > $3) ORDER BY s.removed_at IS NOT NULL, s.id LIMIT 10"
    );
    sql(USABLE, values![workspace, client_id, now])
}

/// Whoever changes the secrets of an app waits for who does so at the same moment: each counts them then.
fn hold_app(secret: &AppSecret) -> Statement {
    sql(
        "UPDATE apps SET revision = revision WHERE workspace_id = $1 AND client_id = $2 AND is_public = 0",
        values![secret.workspace, secret.client_id.as_str()],
    )
}

/// Removes a secret, whichever it is of its app.
pub(super) fn remove(secret: &AppSecret) -> Statement {
    sql(
        "UPDATE app_secrets SET removed_at = $1, seal = $2 WHERE workspace_id = $3 AND id = $4 AND removed_at IS NULL",
        values![secret.removed_at, secret.seal, secret.workspace, secret.id],
    )
}

/// Removes all secrets of an app that goes with them. What is left of them is no row that could open anything, whatever its seal.
pub(super) fn remove_all(workspace: WorkspaceId, client_id: &str, now: Timestamp) -> Statement {
    sql(
        "UPDATE app_secrets SET removed_at = $3 WHERE workspace_id = $1 AND client_id = $2 AND removed_at IS NULL",
        values![workspace, client_id, now],
    )
}

pub(super) fn add(secret: &AppSecret) -> Statement {
    const ADDED: &str = concat!(
        "INSERT INTO app_secrets (workspace_id, id, client_id, hash, key_id, created_at, seal)
         SELECT $1, $2, $3, $4, $5, $6, $7
         WHERE (SELECT count(*) FROM app_secrets s WHERE s.workspace_id = $1 AND s.client_id = $3 AND s.removed_at IS NULL) < $8
           AND ",
        is_active!("$5")
    );
    sql(
        ADDED,
        values! {
            secret.workspace, secret.id, secret.client_id.as_str(), secret.hash, secret.key, secret.created_at,
            secret.seal, i64::try_from(MAX_SECRETS).unwrap_or(0)
        },
    )
}
