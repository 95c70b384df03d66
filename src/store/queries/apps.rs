//! Apps and their secrets.

use super::secret_keys::is_active;
use super::{app_secrets, audit};
use crate::domain::audit::AuditEntry;
use crate::domain::login_link::KeyId;
use crate::domain::oidc::app::{OidcApp, SigningAlgorithm};
use crate::domain::oidc::app_secret::AppSecret;
use crate::domain::workspace::WorkspaceId;
use crate::store::engine::unit_of_work::{Outcome, UnitOfWork, sql};
use crate::store::engine::value::{FromRow, FromValue, Row, Value, values};
use crate::store::{Store, StoreError};

/// The columns of an app.
macro_rules! app_columns {
    () => {
        "a.workspace_id, a.client_id, a.name, a.is_public, a.redirect_uris, a.start_url, a.post_logout_redirect_uris, \
         a.backchannel_logout_uri, a.pkce_optional, a.alg, a.slim_id_token, a.revision, a.created_at, a.updated_at, a.key_id, \
         a.seal"
    };
}

impl FromValue for SigningAlgorithm {
    fn from_value(value: Value) -> Option<Self> {
        let name = String::from_value(value)?;
        Self::ALL.into_iter().find(|algorithm| algorithm.name() == name)
    }
}

/// Addresses between spaces.
struct Uris(Vec<String>);

impl FromValue for Uris {
    fn from_value(value: Value) -> Option<Self> {
        let text = String::from_value(value)?;
        Some(Self(text.split(' ').filter(|uri| !uri.is_empty()).map(str::to_owned).collect()))
    }
}

impl FromRow for OidcApp {
    fn from_row(row: &mut Row) -> Result<Self, StoreError> {
        let (workspace, client_id, name, is_public) = row.take()?;
        let (Uris(redirect_uris), start_url, Uris(post_logout_redirect_uris)) = row.take()?;
        let (backchannel_logout_uri, is_pkce_optional, algorithm, is_id_token_slim) = row.take()?;
        let (revision, created_at, updated_at) = row.take()?;
        let (key, seal) = row.take()?;
        Ok(Self {
            workspace,
            client_id,
            name,
            is_public,
            redirect_uris,
            start_url,
            post_logout_redirect_uris,
            backchannel_logout_uri,
            is_pkce_optional,
            algorithm,
            is_id_token_slim,
            revision,
            created_at,
            updated_at,
            key,
            seal,
        })
    }
}

impl Store {
    /// An app, by its client id. Its seal must be checked.
    pub async fn find_app(
        &self,
        workspace: WorkspaceId,
        client_id: &str,
    ) -> Result<Option<OidcApp>, StoreError> {
        const FOUND: &str =
            concat!("SELECT ", app_columns!(), " FROM apps a WHERE a.workspace_id = $1 AND a.client_id = $2");
        self.find(sql(FOUND, values![workspace, client_id])).await
    }

    /// The app in which people of a workspace arrive who asked for nothing else. Its seal must be checked.
    pub async fn find_default_app(&self, workspace: WorkspaceId) -> Result<Option<OidcApp>, StoreError> {
        const FOUND: &str = concat!(
            "SELECT ",
            app_columns!(),
            " FROM workspaces w JOIN apps a ON a.workspace_id = w.id AND a.client_id = w.default_app WHERE w.id = $1"
        );
        self.find(sql(FOUND, values![workspace])).await
    }

    /// Keeps a new app, with its first secret if it is a confidential one, unless its client id is taken or the workspace is gone.
    pub async fn add_app(
        &self,
        app: &OidcApp,
        secret: Option<&AppSecret>,
        entry: &AuditEntry,
    ) -> Result<Outcome, StoreError> {
        const ADDED: &str = concat!(
            "INSERT INTO apps (workspace_id, client_id, name, is_public, redirect_uris, start_url, post_logout_redirect_uris,
                               backchannel_logout_uri, pkce_optional, alg, slim_id_token, revision, created_at, updated_at,
                               key_id, seal)
             SELECT w.id, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16
             FROM workspaces w WHERE w.id = $1 AND ",
            is_active!("$15"),
            " ON CONFLICT DO NOTHING"
        );
        let added = sql(
            ADDED,
            values! {
                app.workspace, app.client_id.as_str(), app.name.as_str(), app.is_public, app.redirect_uris.join(" "),
                app.start_url.clone(), app.post_logout_redirect_uris.join(" "), app.backchannel_logout_uri.clone(),
                app.is_pkce_optional, app.algorithm.name(), app.is_id_token_slim, app.revision, app.created_at,
                app.updated_at, app.key, app.seal
            },
        );
        let mut unit = UnitOfWork::new().guard(added);
        if let Some(secret) = secret {
            unit = unit.guard(app_secrets::add(secret));
        }
        self.apply(unit.and(audit::entry(app.workspace, entry, app.created_at))).await
    }

    /// The public apps that have a host in a redirect URI, perhaps: it stands there somewhere. Their seals must be checked.
    pub async fn list_public_apps_at_host(
        &self,
        workspace: WorkspaceId,
        host: &str,
    ) -> Result<Vec<OidcApp>, StoreError> {
        const THERE: &str = concat!(
            "SELECT ",
            app_columns!(),
            " FROM apps a WHERE a.workspace_id = $1 AND a.is_public <> 0 AND lower(a.redirect_uris) LIKE $2 LIMIT 100"
        );
        self.find_all(sql(THERE, values![workspace, format!("%{host}%")])).await
    }

    /// Some apps, of any workspace, that are not sealed under this secret key: those behind the last that was seen.
    pub async fn list_apps_to_move(
        &self,
        active: KeyId,
        (workspace, client_id): (WorkspaceId, &str),
    ) -> Result<Vec<OidcApp>, StoreError> {
        const SOME: &str = concat!(
            "SELECT ",
            app_columns!(),
            " FROM apps a WHERE a.key_id <> $1 AND (a.workspace_id > $2 OR (a.workspace_id = $2 AND a.client_id > $3))
              ORDER BY a.workspace_id, a.client_id LIMIT 64"
        );
        self.find_all(sql(SOME, values![active, workspace, client_id])).await
    }

    /// Keeps an app as it is sealed under the active secret key, unless it was changed since. `seal` is the one it had.
    pub async fn move_app(&self, moved: &OidcApp, seal: [u8; 32]) -> Result<Outcome, StoreError> {
        const MOVED: &str = concat!(
            "UPDATE apps SET key_id = $1, seal = $2 WHERE workspace_id = $3 AND client_id = $4 AND seal = $5 AND ",
            is_active!("$1")
        );
        let values = values![moved.key, moved.seal, moved.workspace, moved.client_id.as_str(), seal];
        self.apply(UnitOfWork::new().guard(sql(MOVED, values))).await
    }
}
