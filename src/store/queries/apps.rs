//! Apps and their secrets.

use super::list::{self, Source};
use super::secret_keys::is_active;
use super::{app_secrets, app_usage, audit, directory_stamp, signing_keys};
use crate::domain::audit::AuditEntry;
use crate::domain::list_query::{Field, FieldType, ListQuery, Page};
use crate::domain::oidc::app::{OidcApp, SigningAlgorithm};
use crate::domain::oidc::app_secret::AppSecret;
use crate::domain::timestamp::Timestamp;
use crate::domain::workspace::WorkspaceId;
use crate::store::engine::unit_of_work::{Outcome, Statement, UnitOfWork, sql};
use crate::store::engine::value::{FromRow, FromValue, Row, Value, values};
use crate::store::{ListError, ListPermit, Store, StoreError};

/// What a list of apps may be sorted and filtered by.
pub const APP_FIELDS: [Field; 4] = [
    Field { name: "client_id", kind: FieldType::Text },
    Field { name: "name", kind: FieldType::Text },
    Field { name: "created_at", kind: FieldType::Time },
    Field { name: "updated_at", kind: FieldType::Time },
];

/// The columns of an app.
macro_rules! app_columns {
    () => {
        "a.workspace_id, a.client_id, a.name, a.is_public, a.redirect_uris, a.start_url, a.post_logout_redirect_uris, \
         a.backchannel_logout_uri, a.pkce_optional, a.alg, a.slim_id_token, a.revision, a.created_at, a.updated_at, a.key_id, \
         a.seal"
    };
}
pub(in crate::store) use app_columns;

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

    /// Some apps of a workspace in the order of their client ids, behind one of them or from the first on.
    pub async fn list_apps_after(
        &self,
        workspace: WorkspaceId,
        after: &str,
        limit: i64,
    ) -> Result<Vec<OidcApp>, StoreError> {
        const SOME: &str = concat!(
            "SELECT ",
            app_columns!(),
            " FROM apps a WHERE a.workspace_id = $1 AND a.client_id > $2 ORDER BY a.client_id LIMIT $3"
        );
        self.find_all(sql(SOME, values![workspace, after, limit])).await
    }

    /// Some public apps, behind one of them, that have a redirect URI that begins like this, perhaps: it stands there somewhere. Their
    /// seals must be checked.
    pub async fn list_public_apps_at(
        &self,
        workspace: WorkspaceId,
        begins: &str,
        after: &str,
    ) -> Result<Vec<OidcApp>, StoreError> {
        const THERE: &str = concat!(
            "SELECT ",
            app_columns!(),
            " FROM apps a WHERE a.workspace_id = $1 AND a.client_id > $3 AND a.is_public <> 0 AND lower(a.redirect_uris) LIKE $2
             ORDER BY a.client_id LIMIT 100"
        );
        self.find_all(sql(THERE, values![workspace, format!("%{begins}%"), after])).await
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

    /// Keeps a new app with its first secret, unless the client id is taken, or the workspace is gone.
    pub async fn add_app(
        &self,
        app: &OidcApp,
        secret: Option<&AppSecret>,
        entry: &AuditEntry,
    ) -> Result<Outcome, StoreError> {
        const ADDED: &str = concat!(
            "INSERT INTO apps (workspace_id, client_id, is_public, created_at, name, redirect_uris, start_url,
                               post_logout_redirect_uris, backchannel_logout_uri, pkce_optional, alg, slim_id_token, updated_at,
                               key_id, seal, revision)
             SELECT $13, $14, $15, $16, $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12 WHERE ",
            is_active!("$10"),
            " ON CONFLICT DO NOTHING"
        );
        let mut values = settings(app);
        values.extend(values![app.workspace, app.client_id.as_str(), app.is_public, app.created_at]);
        let mut unit = UnitOfWork::new().guard(signing_keys::hold(app.workspace)).guard(sql(ADDED, values));
        // Of an app of this name that somebody took out of its table by hand no secret may come back.
        unit = unit.and(app_secrets::remove_all(app.workspace, &app.client_id, app.created_at));
        // Nor is it told what one of this name was used for that was deleted while somebody counted.
        unit = unit.and_all(app_usage::forget(app.workspace, &app.client_id));
        if let Some(secret) = secret {
            unit = unit.guard(app_secrets::add(secret));
        }
        self.apply(unit.and(audit::entry(app.workspace, entry, app.created_at))).await
    }

    /// Keeps an app as it is from now on, unless it was changed since it was read. `app` is sealed; `seal` is the one it had.
    pub async fn set_app(
        &self,
        app: &OidcApp,
        seal: [u8; 32],
        entry: &AuditEntry,
    ) -> Result<Outcome, StoreError> {
        const CHANGED: &str = concat!(
            "UPDATE apps SET name = $1, redirect_uris = $2, start_url = $3, post_logout_redirect_uris = $4,
                    backchannel_logout_uri = $5, pkce_optional = $6, alg = $7, slim_id_token = $8, updated_at = $9,
                    key_id = $10, seal = $11, revision = $12
             WHERE workspace_id = $13 AND client_id = $14 AND seal = $15 AND ",
            is_active!("$10")
        );
        let mut values = settings(app);
        values.extend(values![app.workspace, app.client_id.as_str(), seal]);
        let changed = sql(CHANGED, values);
        let told = audit::entry(app.workspace, entry, app.updated_at);
        if app.start_url.is_some() {
            return self.apply(UnitOfWork::new().guard(changed).and(told)).await;
        }
        let unit = UnitOfWork::new().and(no_default(app.workspace, &app.client_id));
        self.apply(unit.guard(changed).and(told).guard(directory_stamp::draw())).await
    }

    /// Deletes an app with its codes and tokens. Its secrets stay as removed ones, so that no backup brings them back.
    pub async fn delete_app(
        &self,
        workspace: WorkspaceId,
        client_id: &str,
        entry: &AuditEntry,
        now: Timestamp,
    ) -> Result<Outcome, StoreError> {
        let gone = |text: &'static str| sql(text, values![workspace, client_id]);
        let unit = UnitOfWork::new()
            .and(no_default(workspace, client_id))
            // Whoever adds a secret or a code holds it, and what was added until then is seen by the statements behind it.
            .guard(gone("DELETE FROM apps WHERE workspace_id = $1 AND client_id = $2"))
            .and(app_secrets::remove_all(workspace, client_id, now))
            .and(gone("DELETE FROM app_codes WHERE workspace_id = $1 AND client_id = $2"))
            .and(gone("DELETE FROM app_sessions WHERE workspace_id = $1 AND client_id = $2"))
            .and(gone("DELETE FROM app_refusals WHERE workspace_id = $1 AND client_id = $2"))
            .and_all(app_usage::forget(workspace, client_id))
            .and(audit::entry(workspace, entry, now));
        self.apply(unit.guard(directory_stamp::draw())).await
    }

    /// A page of the apps of a workspace. Their seals must be checked.
    pub async fn list_apps(
        &self,
        permit: &ListPermit,
        options: &ListQuery,
    ) -> Result<Page<OidcApp>, ListError> {
        let source = Source {
            columns: app_columns!(),
            table: "apps a WHERE a.workspace_id = $1",
            key: "a.client_id",
            key_field: "client_id",
            column_of: |field| format!("a.{field}"),
            from: "FROM apps a WHERE a.workspace_id = $1".to_owned(),
            values: values![permit.workspace()],
            first: None,
            order: "a.client_id",
            total: None,
        };
        self.list(permit, list::statements(&source, options), |app: OidcApp| app).await
    }

    /// Whether a workspace has an app.
    pub async fn has_app(&self, workspace: WorkspaceId) -> Result<bool, StoreError> {
        let found = sql("SELECT 1 FROM apps WHERE workspace_id = $1 LIMIT 1", values![workspace]);
        Ok(self.find::<i64>(found).await?.is_some())
    }
}

/// The values of what may change, `$1` to `$12`.
fn settings(app: &OidcApp) -> Vec<Value> {
    values! {
        app.name.as_str(), app.redirect_uris.join(" "), app.start_url.clone(), app.post_logout_redirect_uris.join(" "),
        app.backchannel_logout_uri.clone(), app.is_pkce_optional, app.algorithm.name(), app.is_id_token_slim,
        app.updated_at, app.key, app.seal, app.revision
    }
}

/// Nobody lands in an app any more that cannot be landed in. Whoever makes it the default at the same moment looks again: the workspace
/// has changed either way.
fn no_default(workspace: WorkspaceId, client_id: &str) -> Statement {
    sql(
        "UPDATE workspaces SET default_app = CASE WHEN default_app = $2 THEN NULL ELSE default_app END, revision = revision + 1
         WHERE id = $1",
        values![workspace, client_id],
    )
}
