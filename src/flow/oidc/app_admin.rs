//! Apps are added, changed and deleted, and their secrets made and removed.

use uuid::Uuid;

use super::apps;
use super::signing_keys::{self, SigningError};
use crate::app::App;
use crate::domain::audit::{AuditContext, AuditEntry, AuditEvent};
use crate::domain::list_query::{ListQuery, Page};
use crate::domain::login_link::KeyId;
use crate::domain::oidc::app::{OidcApp, SigningAlgorithm};
use crate::domain::oidc::app_body::NewApp;
use crate::domain::oidc::app_change::AppChange;
use crate::domain::oidc::app_secret::{AppSecret, ClientSecret, MAX_SECRETS};
use crate::domain::outbound::OutboundUrl;
use crate::domain::validation::{Code, ValidationErrors};
use crate::domain::workspace::Workspace;
use crate::flow::operations::nodes;
use crate::keys::{self, InvalidSeal, NoRandomness};
use crate::store::{ListError, ListPermit, Outcome, StoreError};

/// How often a change is tried again while others change the same.
const MAX_ATTEMPTS: usize = 8;

/// Why an app is not as was wished.
#[derive(Debug, thiserror::Error)]
pub enum AppError {
    /// No app has this client id.
    #[error("no app has this client id: `doorkey app list` shows those there are")]
    NotFound,
    /// No live secret of the app has this id.
    #[error("no secret of this app has this id, or it was removed: `doorkey app show` lists those there are")]
    SecretNotFound,
    /// Some fields do not pass.
    #[error("{}", .0.in_one_sentence())]
    ValidationErrors(ValidationErrors),
    /// What is there already forbids it.
    #[error("{0}")]
    Conflict(&'static str),
    /// No key could be made, or the store did not do what it was asked.
    #[error(transparent)]
    Signing(#[from] SigningError),
    /// No secret could be drawn.
    #[error(transparent)]
    NoRandomness(#[from] NoRandomness),
    /// A row was edited.
    #[error(transparent)]
    InvalidSeal(#[from] InvalidSeal),
}

impl From<StoreError> for AppError {
    fn from(error: StoreError) -> Self {
        Self::Signing(error.into())
    }
}

/// An app with its live secrets, without what they are.
#[derive(Clone, Debug)]
pub struct ShownApp {
    /// The app.
    pub app: OidcApp,
    /// Its live secrets, oldest first.
    pub secrets: Vec<AppSecret>,
}

/// Adds an app, and gives its secret, this once; a public app has none.
pub async fn create(
    app: &App,
    workspace: &Workspace,
    act: &AuditContext,
    new: NewApp,
) -> Result<(ShownApp, Option<ClientSecret>), AppError> {
    for _ in 0..MAX_ATTEMPTS {
        let client_id = match &new.client_id {
            Some(chosen) => chosen.clone(),
            None => keys::random_client_id()?,
        };
        let client = new.fields.clone().applied_to(&blank(app, workspace, (client_id, new.is_public)));
        check(app, &client).await?;
        let secret = if client.is_public { None } else { Some(keys::random_client_secret()?) };
        let client = app.keys().seal_app(client);
        let row = secret.as_ref().map(|secret| new_secret(app, &client, secret));
        let entry = act.entry(AuditEvent::AppAdded).with("client_id", client.client_id.clone());
        // Its keys are there before it is.
        signing_keys::ensure(app, workspace.id, client.algorithm).await?;
        if app.store.add_app(&client, row.as_ref(), &entry).await? == Outcome::Applied {
            return Ok((ShownApp { app: client, secrets: row.into_iter().collect() }, secret));
        }
        let is_taken = app.store.find_app(workspace.id, &client.client_id).await?.is_some();
        if is_taken && new.client_id.is_some() {
            let taken = Code::Taken.saying("belongs to another app: give another, or none to have one drawn");
            return Err(AppError::ValidationErrors(ValidationErrors::field("client_id", taken)));
        }
        let _ = nodes::check_health(app).await?;
    }
    Err(StoreError::Contended("the workspace kept changing, or was deleted").into())
}

/// An app as nobody has said anything of it yet.
fn blank(app: &App, workspace: &Workspace, (client_id, is_public): (String, bool)) -> OidcApp {
    let now = app.clock.now();
    OidcApp {
        workspace: workspace.id,
        client_id,
        name: String::new(),
        is_public,
        redirect_uris: Vec::new(),
        start_url: None,
        post_logout_redirect_uris: Vec::new(),
        backchannel_logout_uri: None,
        is_pkce_optional: false,
        algorithm: SigningAlgorithm::Rs256,
        is_id_token_slim: false,
        revision: 1,
        created_at: now,
        updated_at: now,
        key: KeyId(0),
        seal: [0; 32],
    }
}

fn new_secret(app: &App, client: &OidcApp, secret: &ClientSecret) -> AppSecret {
    let now = app.clock.now();
    let row = AppSecret {
        workspace: client.workspace,
        id: now.new_id(),
        client_id: client.client_id.clone(),
        hash: [0; 32],
        key: KeyId(0),
        created_at: now,
        removed_at: None,
        seal: [0; 32],
    };
    app.keys().seal_app_secret(row, secret)
}

/// Judges an app as it would be: its text, and where it would be called.
async fn check(app: &App, client: &OidcApp) -> Result<(), AppError> {
    let mut wrong = client.problems();
    if let Some(uri) = &client.backchannel_logout_uri
        && let Ok(url) = OutboundUrl::parse(uri)
        && let Err(refused) = app.outbound.check(&url).await
    {
        wrong.add("backchannel_logout_uri", refused);
    }
    if wrong.is_empty() { Ok(()) } else { Err(AppError::ValidationErrors(wrong)) }
}

/// An app with its secrets.
pub async fn show(app: &App, workspace: &Workspace, client_id: &str) -> Result<ShownApp, AppError> {
    let client = apps::find(app, workspace.id, client_id).await?.ok_or(AppError::NotFound)?;
    with_secrets(app, client).await
}

async fn with_secrets(app: &App, client: OidcApp) -> Result<ShownApp, AppError> {
    let secrets = app.store.list_app_secrets(client.workspace, &client.client_id).await?;
    Ok(ShownApp { app: client, secrets })
}

/// A page of the apps of a workspace, with their secrets.
pub async fn list(
    app: &App,
    permit: &ListPermit,
    workspace: &Workspace,
    options: &ListQuery,
) -> Result<Page<ShownApp>, ListError> {
    let Page { rows, total } = app.store.list_apps(permit, workspace.id, options).await?;
    let mut shown = Vec::with_capacity(rows.len());
    for client in rows {
        let secrets = app.store.list_app_secrets(workspace.id, &client.client_id).await?;
        shown.push(ShownApp { app: client, secrets });
    }
    Ok(Page { rows: shown, total })
}

/// Some apps of a workspace in the order of their client ids, behind one of them.
pub async fn list_after(
    app: &App,
    workspace: &Workspace,
    after: &str,
    limit: i64,
) -> Result<Vec<OidcApp>, StoreError> {
    app.store.list_apps_after(workspace.id, after, limit).await
}

/// Changes an app. A change of nothing is none.
pub async fn set(
    app: &App,
    workspace: &Workspace,
    act: &AuditContext,
    (client_id, change): (&str, &AppChange),
) -> Result<ShownApp, AppError> {
    for _ in 0..MAX_ATTEMPTS {
        let before = apps::find(app, workspace.id, client_id).await?.ok_or(AppError::NotFound)?;
        let fields = change.changed_of(&before);
        let changed = change.clone().applied_to(&before);
        check(app, &changed).await?;
        if fields.is_empty() {
            return with_secrets(app, before).await;
        }
        signing_keys::ensure(app, workspace.id, changed.algorithm).await?;
        let (revision, now) = (before.revision, app.clock.now());
        let changed = OidcApp { revision: revision + 1, updated_at: now, ..changed };
        let changed = app.keys().seal_app(changed);
        let entry = act.entry(AuditEvent::AppChanged).with("client_id", client_id).with("fields", fields);
        if app.store.set_app((&changed, revision), &entry).await? == Outcome::Applied {
            return with_secrets(app, changed).await;
        }
        let _ = nodes::check_health(app).await?;
    }
    Err(StoreError::Contended("others kept changing the same app").into())
}

/// Deletes an app. Its codes and access tokens are dead with it.
pub async fn delete(
    app: &App,
    workspace: &Workspace,
    act: &AuditContext,
    client_id: &str,
) -> Result<(), AppError> {
    for _ in 0..MAX_ATTEMPTS {
        let shown = show(app, workspace, client_id).await?;
        let now = app.clock.now();
        let removed: Vec<_> = shown
            .secrets
            .into_iter()
            .filter_map(|secret| {
                app.keys().reseal_app_secret(AppSecret { removed_at: Some(now), ..secret }).ok()
            })
            .collect();
        let entry = act.entry(AuditEvent::AppDeleted).with("client_id", client_id);
        if app.store.delete_app(&shown.app, &removed, &entry, now).await? == Outcome::Applied {
            return Ok(());
        }
    }
    Err(StoreError::Contended("others kept changing the same app").into())
}

/// Makes another secret of a confidential app, and gives it, this once.
pub async fn add_secret(
    app: &App,
    workspace: &Workspace,
    act: &AuditContext,
    client_id: &str,
) -> Result<(AppSecret, ClientSecret), AppError> {
    for _ in 0..MAX_ATTEMPTS {
        let shown = show(app, workspace, client_id).await?;
        if shown.app.is_public {
            return Err(AppError::Conflict("a public app has no secret"));
        }
        if shown.secrets.len() >= MAX_SECRETS {
            return Err(AppError::Conflict("the app has two secrets: remove one of them first"));
        }
        let secret = keys::random_client_secret()?;
        let row = new_secret(app, &shown.app, &secret);
        let entry = secret_entry(act, AuditEvent::AppSecretAdded, &row);
        if app.store.add_app_secret(&row, &entry).await? == Outcome::Applied {
            return Ok((row, secret));
        }
        let _ = nodes::check_health(app).await?;
    }
    Err(StoreError::Contended("others kept changing the same app").into())
}

/// Removes a secret of an app, for good.
pub async fn remove_secret(
    app: &App,
    workspace: &Workspace,
    act: &AuditContext,
    (client_id, id): (&str, Uuid),
) -> Result<(), AppError> {
    for _ in 0..MAX_ATTEMPTS {
        let shown = show(app, workspace, client_id).await?;
        let is_last = shown.secrets.len() < 2;
        let found = shown.secrets.into_iter().find(|secret| secret.id == id);
        let found = found.ok_or(AppError::SecretNotFound)?;
        if is_last {
            return Err(AppError::Conflict("it is the app's last secret: make another one first"));
        }
        let now = app.clock.now();
        let removed = app.keys().reseal_app_secret(AppSecret { removed_at: Some(now), ..found })?;
        let entry = secret_entry(act, AuditEvent::AppSecretRemoved, &removed);
        if app.store.remove_app_secret(&removed, &entry, now).await? == Outcome::Applied {
            return Ok(());
        }
    }
    Err(StoreError::Contended("others kept changing the same app").into())
}

fn secret_entry(act: &AuditContext, event: AuditEvent, secret: &AppSecret) -> AuditEntry {
    act.entry(event).with("client_id", secret.client_id.clone()).with("secret", secret.id.to_string())
}
