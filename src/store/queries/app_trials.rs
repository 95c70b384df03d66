//! What a trial of an app has of its own: a secret and a link, which nobody else ever sees.

use uuid::Uuid;

use super::secret_keys::is_active;
use super::{asks, audit, link_marks};
use crate::domain::audit::AuditEntry;
use crate::domain::login_link::LoginLink;
use crate::domain::oidc::app_secret::AppSecret;
use crate::domain::workspace::WorkspaceId;
use crate::store::engine::unit_of_work::{Outcome, UnitOfWork, sql};
use crate::store::engine::value::values;
use crate::store::{Store, StoreError};

impl Store {
    /// Keeps a secret of a trial. Those of trials that are over go.
    pub async fn add_trial_secret(&self, secret: &AppSecret) -> Result<Outcome, StoreError> {
        const ADDED: &str = concat!(
            "INSERT INTO app_secrets (workspace_id, id, client_id, hash, key_id, created_at, removed_at, trial_until, seal)
             SELECT $1, $2, $3, $4, $5, $6, $7, $8, $9 WHERE ",
            is_active!("$5")
        );
        let over = sql(
            "DELETE FROM app_secrets WHERE workspace_id = $1 AND client_id = $2 AND trial_until <= $3",
            values![secret.workspace, secret.client_id.as_str(), secret.created_at],
        );
        let added = sql(
            ADDED,
            values! {
                secret.workspace, secret.id, secret.client_id.as_str(), secret.hash, secret.key, secret.created_at,
                secret.removed_at, secret.trial_until, secret.seal
            },
        );
        self.apply(UnitOfWork::new().and(over).guard(added)).await
    }

    /// Takes the secret of a trial away.
    pub async fn remove_trial_secret(&self, secret: &AppSecret) -> Result<(), StoreError> {
        let gone = sql(
            "DELETE FROM app_secrets WHERE workspace_id = $1 AND id = $2 AND trial_until IS NOT NULL",
            values![secret.workspace, secret.id],
        );
        self.write(UnitOfWork::new().and(gone)).await.map(drop)
    }

    /// Keeps a link of a trial beside the user's newest one, unless the user may no longer have one. `is_recorded` says whether its
    /// openings are noted. What an app does with it is not counted.
    pub async fn add_trial_link(
        &self,
        (link, is_recorded): (&LoginLink, bool),
        entry: &AuditEntry,
    ) -> Result<Outcome, StoreError> {
        let draft = &link.draft;
        let marked = sql(
            "UPDATE login_links SET is_trial = 1 WHERE workspace_id = $1 AND hash = $2",
            values![draft.workspace, link.hash],
        );
        let unit = UnitOfWork::about(draft.workspace, draft.user)
            .guard(asks::add_link(link))
            .guard(marked)
            .and(audit::entry(draft.workspace, entry, draft.created_at))
            .and(link_marks::count_issued(&self.engine, link, (draft.kind.name(), is_recorded)));
        self.apply(unit).await
    }

    /// Has no app told of the end of a session that was a trial's.
    pub async fn forget_app_sessions(&self, workspace: WorkspaceId, session: Uuid) -> Result<(), StoreError> {
        let gone = sql(
            "DELETE FROM app_sessions WHERE workspace_id = $1 AND session_id = $2",
            values![workspace, session],
        );
        self.write(UnitOfWork::new().and(gone)).await.map(drop)
    }
}
