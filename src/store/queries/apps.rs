//! Apps and their secrets.

use crate::domain::oidc::app::{OidcApp, SigningAlgorithm};
use crate::domain::workspace::WorkspaceId;
use crate::store::engine::unit_of_work::sql;
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
}
