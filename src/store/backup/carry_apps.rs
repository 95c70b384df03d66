//! What the replaced database knows of apps: secrets that were removed stay so, and signing keys that were rotated away sign no more.

use super::carry_work::{SAME, Work};
use crate::domain::audit::AuditEvent;
use crate::domain::oidc::app::{OidcApp, SigningAlgorithm};
use crate::domain::oidc::app_secret::AppSecret;
use crate::domain::oidc::signing_key::{SigningKey, SigningKeyState};
use crate::domain::workspace::WorkspaceId;
use crate::store::StoreError;
use crate::store::engine::unit_of_work::sql;
use crate::store::engine::value::{first, values};
use crate::store::queries::app_secrets::app_secret_columns;
use crate::store::queries::apps::app_columns;
use crate::store::queries::signing_keys::signing_key_columns;

impl Work<'_> {
    /// Secrets that were removed stay so, as those of apps that were deleted since; those that went over to another secret key stay with
    /// that one; and those whose secret key is retired open nothing.
    pub(super) fn client_secrets(&self) -> Result<i64, StoreError> {
        const LIVE: &str =
            concat!("SELECT ", app_secret_columns!(), " FROM main.app_secrets s WHERE s.removed_at IS NULL");
        const REPLACED: &str = concat!(
            "SELECT ",
            app_secret_columns!(),
            " FROM old.app_secrets s
              JOIN old.workspaces w ON w.id = s.workspace_id
              JOIN main.workspaces mw ON mw.id = w.id AND mw.created_at = w.created_at
              WHERE s.workspace_id = $1 AND s.id = $2 AND s.created_at = $3"
        );
        let mut removed = 0;
        for secret in self.all::<AppSecret>(&sql(LIVE, values![]))? {
            let replaced =
                self.run(&sql(REPLACED, values![secret.workspace, secret.id, secret.created_at]))?;
            let replaced = first(replaced)?;
            let judged = (self.with.client_secret)(&secret, replaced.as_ref());
            let mut kept = judged.clone().unwrap_or_else(|| secret.clone());
            if self.is_retired(kept.key)? && kept.removed_at.is_none() {
                // Its seal proves nothing any more either way.
                kept.removed_at = Some(self.with.now);
            } else if judged.is_none() {
                continue;
            }
            let changed = "UPDATE main.app_secrets SET hash = $3, key_id = $4, removed_at = $5, seal = $6
                           WHERE workspace_id = $1 AND id = $2";
            let of_secret = values![kept.workspace, kept.id, kept.hash, kept.key, kept.removed_at, kept.seal];
            self.run(&sql(changed, of_secret))?;
            if kept.removed_at.is_some() {
                let entry = self.with.act.entry(AuditEvent::AppSecretRemoved);
                let entry = entry.with("client_id", kept.client_id).with("secret", kept.id.to_string());
                self.tell(kept.workspace, entry)?;
                removed += 1;
            }
        }
        Ok(removed)
    }

    /// An app of the backup that no key of the key file vouches for any more is as it was in the replaced database: there its row went
    /// over to the next secret key.
    pub(super) fn apps(&self) -> Result<(), StoreError> {
        const ALL: &str = concat!("SELECT ", app_columns!(), " FROM main.apps a");
        const REPLACED: &str = concat!(
            "SELECT ",
            app_columns!(),
            " FROM old.apps a
              JOIN old.workspaces w ON w.id = a.workspace_id
              JOIN main.workspaces mw ON mw.id = w.id AND mw.created_at = w.created_at
              WHERE a.workspace_id = $1 AND a.client_id = $2 AND a.created_at = $3"
        );
        for app in self.all::<OidcApp>(&sql(ALL, values![]))? {
            if self.holds(&app)? {
                continue;
            }
            let of_app = values![app.workspace, app.client_id.as_str(), app.created_at];
            let Some(replaced) = first::<OidcApp>(self.run(&sql(REPLACED, of_app))?)? else { continue };
            if !self.holds(&replaced)? {
                continue;
            }
            for text in [
                "DELETE FROM main.apps WHERE workspace_id = $1 AND client_id = $2",
                "INSERT INTO main.apps SELECT * FROM old.apps WHERE workspace_id = $1 AND client_id = $2",
            ] {
                self.run(&sql(text, values![app.workspace, app.client_id.as_str()]))?;
            }
            if replaced.revision != app.revision {
                let entry = self.with.act.entry(AuditEvent::AppChanged).with("client_id", app.client_id);
                self.tell(app.workspace, entry)?;
            }
        }
        Ok(())
    }

    fn holds(&self, app: &OidcApp) -> Result<bool, StoreError> {
        Ok((self.with.is_genuine_app)(app) && !self.is_retired(app.key)?)
    }

    /// The signing keys of an algorithm are those of the replaced database, which applications know by now: one that was rotated away
    /// since does not sign again, and none is lost with a secret key that was retired since.
    pub(super) fn signing_keys(&self) -> Result<(), StoreError> {
        let both = format!(
            "SELECT DISTINCT k.workspace_id, k.alg FROM main.signing_keys k {SAME}
             JOIN old.signing_keys o ON o.workspace_id = k.workspace_id AND o.alg = k.alg ORDER BY 1, 2"
        );
        for of in self.all::<(WorkspaceId, SigningAlgorithm)>(&sql(both, values![]))? {
            self.signing_keys_of(of)?;
        }
        Ok(())
    }

    fn signing_keys_of(
        &self,
        (workspace, algorithm): (WorkspaceId, SigningAlgorithm),
    ) -> Result<(), StoreError> {
        const REPLACED: &str = concat!(
            "SELECT ",
            signing_key_columns!(),
            " FROM old.signing_keys k WHERE k.workspace_id = $1 AND k.alg = $2"
        );
        let mut kept = Vec::new();
        for key in self.all::<SigningKey>(&sql(REPLACED, values![workspace, algorithm.name()]))? {
            if (self.with.is_genuine_signing_key)(&key) && !self.is_retired(key.key)? {
                kept.push(key);
            }
        }
        if !kept.iter().any(|key| key.state == SigningKeyState::Signing) {
            // Somebody edited them, or they are as lost as the backup's.
            return Ok(());
        }
        let all = "DELETE FROM main.signing_keys WHERE workspace_id = $1 AND alg = $2";
        self.run(&sql(all, values![workspace, algorithm.name()]))?;
        for key in kept {
            let one = "INSERT INTO main.signing_keys SELECT * FROM old.signing_keys WHERE workspace_id = $1 AND kid = $2";
            self.run(&sql(one, values![workspace, key.kid]))?;
        }
        Ok(())
    }
}
