//! API keys are made, listed, revoked.

use super::operations::nodes;
use crate::app::App;
use crate::domain::api_key::{ApiKey, ApiKeySecret};
use crate::domain::audit::{AuditContext, AuditEvent};
use crate::domain::login_link::KeyId;
use crate::domain::scope::Scopes;
use crate::domain::workspace::Workspace;
use crate::keys;
use crate::keys::{InvalidSeal, NoRandomness};
use crate::store::{Outcome, StoreError};

/// How often a number is drawn again when others keep taking it.
const MAX_ATTEMPTS: usize = 8;

/// Why a key was not made or revoked.
#[derive(Debug, thiserror::Error)]
pub enum ApiKeyError {
    /// The workspace has none of that number.
    #[error("there is no API key {0} in this workspace: `doorkey key list` shows those there are")]
    NotFound(i64),
    /// The row cannot be sealed again.
    #[error(transparent)]
    InvalidSeal(#[from] InvalidSeal),
    /// No secret could be drawn.
    #[error(transparent)]
    NoRandomness(#[from] NoRandomness),
    /// The store did not do what it was asked.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Makes a key; this is the only time that the secret is seen. `lifetime` is in seconds.
pub async fn create(
    app: &App,
    workspace: &Workspace,
    act: &AuditContext,
    (name, scopes, lifetime): (&str, Scopes, Option<i64>),
) -> Result<(ApiKey, ApiKeySecret), ApiKeyError> {
    let now = app.clock.now();
    let expires_at = lifetime.map(|seconds| now.plus_seconds(seconds));
    for _ in 0..MAX_ATTEMPTS {
        let secret = keys::random_api_key()?;
        let key = ApiKey {
            workspace: workspace.id,
            id: app.store.find_next_api_key_id(workspace.id).await?,
            name: name.to_owned(),
            hash: [0; 32],
            scopes,
            key: KeyId(0),
            created_at: now,
            expires_at,
            revoked_at: None,
            seal: [0; 32],
        };
        let key = app.keys().seal_api_key(key, &secret);
        let entry = act.entry(AuditEvent::KeyAdded).with("key", key.id).with("name", name);
        let entry = entry.with("scopes", scopes.to_string());
        if app.store.add_api_key(&key, &entry).await? == Outcome::Applied {
            return Ok((key, secret));
        }
        // The number was taken, or another secret key derives by now. Whether this node may issue links is another matter.
        let _ = nodes::check_health(app).await?;
    }
    Err(StoreError::Contended("others kept making keys, or the workspace was deleted").into())
}

/// The keys of a workspace, oldest first.
pub async fn list(app: &App, workspace: &Workspace) -> Result<Vec<ApiKey>, StoreError> {
    app.store.list_api_keys(workspace.id).await
}

/// Revokes a key for good; revoking it again changes nothing.
pub async fn revoke(
    app: &App,
    workspace: &Workspace,
    act: &AuditContext,
    id: i64,
) -> Result<(), ApiKeyError> {
    let read_point = app.store.read_point();
    let found = app.store.find_api_key_by_id(workspace.id, id).await?;
    let key = found.ok_or(ApiKeyError::NotFound(id))?;
    let now = app.clock.now();
    let revoked = app.keys().reseal_api_key(ApiKey { revoked_at: key.revoked_at.or(Some(now)), ..key })?;
    let entry = act.entry(AuditEvent::KeyRevoked).with("key", id).with("name", revoked.name.as_str());
    match app.store.end_api_key(&revoked, &entry, now).await? {
        Outcome::Applied => Ok(()),
        Outcome::Conflict => Ok(app.store.ensure_durable(read_point, None).await?),
    }
}
