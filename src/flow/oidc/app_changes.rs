//! Apps are added, changed and deleted, and their secrets replaced.

use uuid::Uuid;

use super::signing_keys::{self, SigningError};
use crate::app::App;
use crate::domain::audit::{AuditContext, AuditEntry, AuditEvent};
use crate::domain::list_query::{ListQuery, Page};
use crate::domain::login_link::KeyId;
use crate::domain::oidc::app::OidcApp;
use crate::domain::oidc::app_change::{self, AppChange, NewApp};
use crate::domain::oidc::app_secret::{AppSecret, ClientSecret, MAX_SECRETS};
use crate::domain::oidc::client_id::parse_client_id;
use crate::domain::outbound::OutboundUrl;
use crate::domain::validation::{Code, ValidationErrors};
use crate::domain::workspace::Workspace;
use crate::flow::operations::nodes;
use crate::keys;
use crate::keys::NoRandomness;
use crate::store::{ListError, ListPermit, Outcome, StoreError};

/// How often a change looks again when others keep getting in between.
const MAX_ATTEMPTS: usize = 8;

/// Why an app was not found, added or changed.
#[derive(Debug, thiserror::Error)]
pub enum AppError {
    /// There is none of that client id.
    #[error("there is no app {0:?} in this workspace: `doorkey app list` shows those there are")]
    NotFound(String),
    /// It has no secret of that number.
    #[error("the app has no secret {0}: `doorkey app show` lists those there are")]
    SecretNotFound(String),
    /// Somebody else has changed it since it was read.
    #[error("somebody else has changed the app meanwhile: nothing was saved")]
    ChangedMeanwhile,
    /// What is there already forbids it; the sentence says what.
    #[error("{0}")]
    Conflict(&'static str),
    /// What was given does not pass.
    #[error("{}", .0.in_one_sentence())]
    ValidationErrors(ValidationErrors),
    /// Its signing keys could not be made.
    #[error(transparent)]
    Signing(#[from] SigningError),
    /// No secret could be drawn.
    #[error(transparent)]
    NoRandomness(#[from] NoRandomness),
    /// The store did not do what it was asked.
    #[error(transparent)]
    Store(#[from] StoreError),
}

const CONTENDED: StoreError =
    StoreError::Contended("others kept changing the app, or the workspace was deleted");

/// An app with its live secrets.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct AppWithSecrets {
    /// The app.
    pub app: OidcApp,
    /// Its secrets, oldest first.
    pub secrets: Vec<AppSecret>,
}

/// Adds an app; this is the only time that its secret is seen. The keys that sign for it are made first, if there are none.
pub async fn add(
    app: &App,
    workspace: &Workspace,
    act: &AuditContext,
    new: &NewApp,
) -> Result<(AppWithSecrets, Option<ClientSecret>), AppError> {
    for _ in 0..MAX_ATTEMPTS {
        let client_id = match &new.client_id {
            Some(chosen) => chosen.clone(),
            None => keys::random_client_id()?,
        };
        let blank = OidcApp::blank(workspace.id, client_id, new.is_public, app.clock.now());
        let (row, _) = new.fields.clone().apply(&blank);
        validate(app, &row, true).await?;
        signing_keys::ensure(app, workspace.id, row.algorithm).await?;
        let row = app.keys().seal_app(row);
        let secret = if row.is_public { None } else { Some(keys::random_client_secret()?) };
        let kept = secret.as_ref().map(|secret| new_secret(app, &row, secret));
        let entry = act.entry(AuditEvent::AppAdded).with("client_id", row.client_id.as_str());
        let entry = entry.with("name", row.name.as_str()).with("type", type_name(row.is_public));
        let entry = entry.with("redirect_uris", row.redirect_uris.clone());
        if app.store.add_app(&row, kept.as_ref(), &entry).await? == Outcome::Applied {
            return Ok((AppWithSecrets { app: row, secrets: kept.into_iter().collect() }, secret));
        }
        if new.client_id.is_some() && app.store.find_app(workspace.id, &row.client_id).await?.is_some() {
            let sentence = "belongs to another app: choose another, or none to have one drawn";
            let taken = ValidationErrors::field("client_id", Code::Taken.saying(sentence));
            return Err(AppError::ValidationErrors(taken));
        }
        // Another secret key derives by now.
        let _ = nodes::check_health(app).await?;
    }
    Err(CONTENDED.into())
}

/// Judges an app that is not added yet, as adding it would.
///
/// # Errors
/// `ValidationErrors` names each field that does not pass.
pub async fn validate_new(app: &App, workspace: &Workspace, new: &NewApp) -> Result<(), AppError> {
    let blank = OidcApp::blank(workspace.id, String::new(), new.is_public, app.clock.now());
    validate(app, &new.fields.clone().apply(&blank).0, true).await
}

pub(super) fn new_secret(app: &App, of: &OidcApp, secret: &ClientSecret) -> AppSecret {
    let row = AppSecret {
        workspace: of.workspace,
        id: Uuid::now_v7(),
        client_id: of.client_id.clone(),
        hash: [0; 32],
        key: KeyId(0),
        created_at: app.clock.now(),
        removed_at: None,
        trial_until: None,
        seal: [0; 32],
    };
    app.keys().seal_app_secret(row, secret)
}

/// What kind of app it is, in a word.
pub const fn type_name(is_public: bool) -> &'static str {
    if is_public { "public" } else { "confidential" }
}

/// Judges an app; where it hears of the end of a session as the outbound rule does, if that is asked for.
async fn validate(app: &App, row: &OidcApp, calls_elsewhere: bool) -> Result<(), AppError> {
    let mut wrong = app_change::validate(row).err().unwrap_or_default();
    let url = row.backchannel_logout_uri.as_ref().filter(|_| calls_elsewhere);
    if let Some(url) = url.and_then(|url| OutboundUrl::parse(url).ok()) {
        wrong.take(
            "backchannel_logout_uri",
            app.outbound.check(&url).await.map_err(|refused| refused.to_string()),
        );
    }
    if wrong.is_empty() { Ok(()) } else { Err(AppError::ValidationErrors(wrong)) }
}

/// An app.
pub async fn show(app: &App, workspace: &Workspace, client_id: &str) -> Result<AppWithSecrets, AppError> {
    let found = find(app, workspace, client_id).await?;
    let mut secrets = app.store.list_app_secrets(workspace.id, client_id).await?;
    secrets.retain(|secret| app.keys().is_genuine_app_secret(secret));
    Ok(AppWithSecrets { app: found, secrets })
}

/// A page of the apps of a workspace, by client id.
pub async fn list(
    app: &App,
    workspace: &Workspace,
    permit: &ListPermit,
    options: &ListQuery,
) -> Result<Page<AppWithSecrets>, ListError> {
    let page = app.store.list_apps(permit, options).await?;
    let names: Vec<_> = page.rows.iter().map(|row| row.client_id.as_str()).collect();
    let secrets = app.store.list_secrets_of_apps(workspace.id, &names).await.map_err(ListError::Store)?;
    let keys = app.keys();
    let with_secrets = |found: OidcApp| {
        let own = secrets.iter().filter(|secret| secret.client_id == found.client_id);
        let secrets = own.filter(|secret| keys.is_genuine_app_secret(secret)).cloned().collect();
        AppWithSecrets { app: found, secrets }
    };
    let genuine = page.rows.into_iter().filter(|found| keys.is_genuine_app(found));
    Ok(Page { rows: genuine.map(with_secrets).collect(), total: page.total })
}

async fn find(app: &App, workspace: &Workspace, client_id: &str) -> Result<OidcApp, AppError> {
    let found = super::apps::find(app, workspace.id, client_id).await?;
    found.ok_or_else(|| AppError::NotFound(client_id.to_owned()))
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

/// Changes an app.
pub async fn set(
    app: &App,
    workspace: &Workspace,
    act: &AuditContext,
    (client_id, change): (&str, &AppChange),
) -> Result<AppWithSecrets, AppError> {
    change_at(app, workspace, act, (client_id, change, None)).await
}

/// Changes an app that was read at a revision, unless somebody else has changed it since.
pub async fn save(
    app: &App,
    workspace: &Workspace,
    act: &AuditContext,
    (client_id, revision, change): (&str, i64, &AppChange),
) -> Result<AppWithSecrets, AppError> {
    change_at(app, workspace, act, (client_id, change, Some(revision))).await
}

async fn change_at(
    app: &App,
    workspace: &Workspace,
    act: &AuditContext,
    (client_id, change, revision): (&str, &AppChange, Option<i64>),
) -> Result<AppWithSecrets, AppError> {
    for _ in 0..MAX_ATTEMPTS {
        let found = find(app, workspace, client_id).await?;
        if revision.is_some_and(|revision| revision != found.revision) {
            return Err(AppError::ChangedMeanwhile);
        }
        let (row, names) = change.clone().apply(&found);
        // Where it leads by now is judged again when something is sent there.
        validate(app, &row, names.contains(&"backchannel_logout_uri")).await?;
        if names.is_empty() {
            return show(app, workspace, client_id).await;
        }
        signing_keys::ensure(app, workspace.id, row.algorithm).await?;
        let row = OidcApp { revision: found.revision + 1, updated_at: app.clock.now(), ..row };
        let row = app.keys().seal_app(row);
        let entry = changed_entry(act, (&found, &row), &names);
        if app.store.set_app(&row, found.seal, &entry).await? == Outcome::Applied {
            return show(app, workspace, client_id).await;
        }
        let _ = nodes::check_health(app).await?;
    }
    Err(CONTENDED.into())
}

/// What changed; of addresses from what to what, since a code goes where they say.
fn changed_entry(act: &AuditContext, (from, to): (&OidcApp, &OidcApp), names: &[&'static str]) -> AuditEntry {
    let entry = act.entry(AuditEvent::AppChanged).with("client_id", to.client_id.as_str());
    let values = |app: &OidcApp, name: &str| -> Option<serde_json::Value> {
        match name {
            "name" => Some(app.name.as_str().into()),
            "redirect_uris" => Some(app.redirect_uris.clone().into()),
            "post_logout_redirect_uris" => Some(app.post_logout_redirect_uris.clone().into()),
            "start_url" => Some(app.start_url.clone().into()),
            "backchannel_logout_uri" => Some(app.backchannel_logout_uri.clone().into()),
            "pkce" => Some(if app.is_pkce_optional { "optional" } else { "required" }.into()),
            "alg" => Some(app.algorithm.name().into()),
            "slim_id_token" => Some(app.is_id_token_slim.into()),
            _ => None,
        }
    };
    let of = |app: &OidcApp| -> serde_json::Map<_, _> {
        names.iter().filter_map(|name| Some(((*name).to_owned(), values(app, name)?))).collect()
    };
    entry.with("fields", names.to_vec()).with("from", of(from)).with("to", of(to))
}

/// Deletes an app, and with it its codes, tokens and secrets.
pub async fn delete(
    app: &App,
    workspace: &Workspace,
    act: &AuditContext,
    client_id: &str,
) -> Result<(), AppError> {
    let read_point = app.store.read_point();
    // An edited app can be deleted, too. What has another form than a client id is no app's.
    let found = match parse_client_id(client_id) {
        Ok(client_id) => app.store.find_app(workspace.id, &client_id).await?,
        Err(_) => None,
    };
    if let Some(found) = found {
        let entry = act.entry(AuditEvent::AppDeleted).with("client_id", client_id);
        let entry = entry.with("name", found.name);
        if app.store.delete_app(workspace.id, client_id, &entry, app.clock.now()).await? == Outcome::Applied {
            return Ok(());
        }
    }
    app.store.ensure_durable(read_point, None).await?;
    Err(AppError::NotFound(client_id.to_owned()))
}

/// Makes another secret of an app; this is the only time that it is seen.
pub async fn add_secret(
    app: &App,
    workspace: &Workspace,
    act: &AuditContext,
    client_id: &str,
) -> Result<(AppSecret, ClientSecret), AppError> {
    for _ in 0..MAX_ATTEMPTS {
        let found = show(app, workspace, client_id).await?;
        if found.app.is_public {
            return Err(AppError::Conflict("an app of the type public has no secret"));
        }
        if app.store.list_app_secrets(workspace.id, client_id).await?.len() >= MAX_SECRETS {
            return Err(AppError::Conflict(
                "the app has two secrets, which is as many as it may have: remove one first",
            ));
        }
        let secret = keys::random_client_secret()?;
        let row = new_secret(app, &found.app, &secret);
        let entry = act.entry(AuditEvent::AppSecretAdded).with("client_id", client_id);
        let entry = entry.with("secret", row.id.to_string());
        if app.store.add_app_secret(&row, &entry).await? == Outcome::Applied {
            return Ok((row, secret));
        }
        let _ = nodes::check_health(app).await?;
    }
    Err(CONTENDED.into())
}

/// Removes a secret of an app for good, which has another one.
pub async fn remove_secret(
    app: &App,
    workspace: &Workspace,
    act: &AuditContext,
    (client_id, id): (&str, &str),
) -> Result<(), AppError> {
    let read_point = app.store.read_point();
    for _ in 0..MAX_ATTEMPTS {
        find(app, workspace, client_id).await?;
        let secrets = app.store.list_app_secrets(workspace.id, client_id).await?;
        let wanted = Uuid::try_parse(id).ok();
        let Some(row) = secrets.iter().find(|secret| Some(secret.id) == wanted) else {
            // It was removed before, and stays so.
            app.store.ensure_durable(read_point, None).await?;
            return Err(AppError::SecretNotFound(id.to_owned()));
        };
        if secrets.len() == 1 {
            return Err(AppError::Conflict(
                "it is the last secret of the app: add another first, or delete the app",
            ));
        }
        let now = app.clock.now();
        let removed = AppSecret { removed_at: Some(now), ..row.clone() };
        // Without its secret key it opens nothing, whatever its seal is.
        let removed = app.keys().reseal_app_secret(removed.clone()).unwrap_or(removed);
        let entry = act.entry(AuditEvent::AppSecretRemoved).with("client_id", client_id);
        let entry = entry.with("secret", row.id.to_string());
        if app.store.remove_app_secret(&removed, &entry, now).await? == Outcome::Applied {
            return Ok(());
        }
    }
    Err(CONTENDED.into())
}
