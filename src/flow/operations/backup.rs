//! A backup is made, or put in place; after that nothing that was handed out before lives on.

use std::path::{Path, PathBuf};

use super::nodes;
use super::startup::{StartError, agree};
use crate::app::App;
use crate::clock::Clock;
use crate::domain::api_key::ApiKey;
use crate::domain::audit::{AuditContext, AuditEvent};
use crate::domain::oidc::app_secret::AppSecret;
use crate::domain::secret_key::SecretKeyRecord;
use crate::domain::timestamp::Timestamp;
use crate::keys;
use crate::keys::{Keyring, NoRandomness};
use crate::store;
use crate::store::{
    CarriedOver, CarryWith, CopyError, DatabaseUrl, NotCarried, Replaced, Restore, Revived, Store, StoreError,
};

/// Why nothing was restored.
#[derive(Debug, thiserror::Error)]
pub enum RestoreError {
    /// The backup cannot be used, or the database cannot be replaced.
    #[error(transparent)]
    Copy(#[from] CopyError),
    /// Backup and key file do not belong together.
    #[error(transparent)]
    Start(#[from] StartError),
    /// It would act under the feet of a server.
    #[error(
        "{0} server(s) run on this database: stop them, and run this again a quarter of a minute later at the earliest"
    )]
    InUse(usize),
    /// Each key of the key file was retired since the backup.
    #[error(
        "each key of {0} was retired since the backup: give the newer key file, or go back to how it was with \
         --as-it-was"
    )]
    KeysRetired(PathBuf),
    /// The store did not do what it was asked.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// No name for the session cookies can be drawn.
    #[error(transparent)]
    NoRandomness(#[from] NoRandomness),
}

/// Why there is no backup, or no entry of it.
#[derive(Debug, thiserror::Error)]
pub enum BackUpError {
    /// There is no file.
    #[error(transparent)]
    Copy(#[from] CopyError),
    /// The file is there and whole, but the database takes no entry of that.
    #[error(
        "the backup is there, of {bytes} bytes and whole, but no entry in the audit log says so: {source}"
    )]
    Untold {
        /// Its size.
        bytes: u64,
        /// Why nothing could be written.
        source: StoreError,
    },
}

/// What a restore did.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Restored {
    /// Where the database that was replaced is kept, if there was one.
    pub kept: Option<PathBuf>,
    /// What the replaced database knew of ends, and whether it was carried over.
    pub carried: Carried,
    /// When the newest entry of the audit log was written: what happened later is gone.
    pub as_of: Option<Timestamp>,
    /// Links that were deleted.
    pub login_links: i64,
    /// Sessions that were deleted.
    pub sessions: i64,
    /// What may have come back.
    pub revived: Revived,
}

/// Whether what the replaced database knew of ends was carried over.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Carried {
    /// So much of it.
    Over(CarriedOver),
    /// It could not be.
    Not(NotCarried),
    /// It was to be as it was.
    LeftOut,
}

/// Makes a backup of an embedded database beside running servers, and gives its size in bytes. Each workspace gets an entry.
///
/// # Errors
/// `BackUpError`: there is no file, or it is there, but no entry of it.
pub async fn back_up(
    url: &DatabaseUrl,
    file: &Path,
    act: &AuditContext,
    clock: &Clock,
) -> Result<u64, BackUpError> {
    if url.path().is_none() {
        return Err(CopyError::NotEmbedded(url.to_string()).into());
    }
    // A database that is not ours, or was moved elsewhere, is worth no backup.
    let store = Store::open(url, false).await.map_err(CopyError::from)?;
    let (url, to) = (url.clone(), file.to_owned());
    let made = blocking(move || store::back_up(&url, &to)).await;
    let told = match &made {
        Ok(bytes) => {
            let entry = act.entry(AuditEvent::DatabaseBackedUp).with("bytes", *bytes);
            store.add_entry_everywhere(&entry, clock.now()).await
        }
        Err(_) => Ok(()),
    };
    store.close().await;
    let bytes = made?;
    // A full disk is a reason to make a backup elsewhere, and none to lose it.
    told.map_err(|source| BackUpError::Untold { bytes, source })?;
    Ok(bytes)
}

/// Puts a backup in place of the embedded database, which is kept beside it. What is known there of ends is carried over,
/// unless it is to be as it was.
///
/// All that must be done to it is done before it is the database, so that no server ever sees what is not dead yet.
///
/// # Errors
/// `RestoreError`, and the database is as it was.
pub async fn restore(
    (url, key_file): (&DatabaseUrl, &Path),
    file: &Path,
    is_as_it_was: bool,
    act: &AuditContext,
    clock: &Clock,
) -> Result<Restored, RestoreError> {
    let keyring = keys::load(key_file).map_err(StartError::from)?;
    let (database, file) = (url.clone(), file.to_owned());
    let restore = blocking(move || Restore::begin(&database, &file)).await?;
    let now = clock.now();
    let (carried, restore) = if is_as_it_was {
        (Carried::LeftOut, restore)
    } else {
        let with = carry_with(&keyring, act, now);
        let (carried, restore) = blocking(move || Ok((restore.carry_over(&with)?, restore))).await?;
        (carried.map_or_else(Carried::Not, Carried::Over), restore)
    };
    let draft = restore.open().await.map_err(CopyError::from)?;
    let prepared = prepare(&draft, (&keyring, key_file), carried, act, now).await;
    // Refused or not, nothing of it may be open when it is moved, or taken away.
    draft.close().await;
    let mut restored = prepared?;
    let mut restore = restore;
    let (replaced, restore) = blocking(move || Ok((restore.replace(now)?, restore))).await?;
    if let Replaced::Kept(kept) = replaced {
        let old = kept.clone();
        // What cannot be compared is all listed.
        if let Ok(revived) = blocking(move || restore.compare(&old, now)).await {
            restored.revived = revived;
        }
        restored.kept = Some(kept);
    }
    Ok(restored)
}

/// Who carries over, with these keys.
fn carry_with(keyring: &Keyring, act: &AuditContext, now: Timestamp) -> CarryWith {
    let fingerprints = keyring.all().map(|key| key.fingerprint).collect();
    let (keyring, act) = (keyring.clone(), act.clone());
    let for_secrets = keyring.clone();
    let (for_apps, for_signing) = (keyring.clone(), keyring.clone());
    CarryWith {
        fingerprints,
        api_key: Box::new(move |key, replaced| validate_key(&keyring, key, replaced?)),
        client_secret: Box::new(move |secret, replaced| validate_secret(&for_secrets, secret, replaced?)),
        is_genuine_app: Box::new(move |app| for_apps.is_genuine_app(app)),
        is_genuine_signing_key: Box::new(move |key| for_signing.is_genuine_signing_key(key)),
        act,
        now,
    }
}

/// A client secret of the backup as it is from here on: removed if it was so since; and under the secret key that it went over to since,
/// if that row is genuine.
fn validate_secret(keyring: &Keyring, secret: &AppSecret, replaced: &AppSecret) -> Option<AppSecret> {
    if replaced.removed_at.is_some() {
        let removed = AppSecret { removed_at: replaced.removed_at, ..secret.clone() };
        // Without its secret key it opens nothing, whatever its seal is.
        return Some(keyring.reseal_app_secret(removed.clone()).unwrap_or(removed));
    }
    let has_moved = secret.key != replaced.key
        && secret.client_id == replaced.client_id
        && keyring.is_genuine_app_secret(replaced);
    has_moved.then(|| replaced.clone())
}

/// An API key of the backup as it is from here on: revoked if it was so since; and under the secret key that it went over to
/// since, if that row is genuine.
fn validate_key(keyring: &Keyring, key: &ApiKey, replaced: &ApiKey) -> Option<ApiKey> {
    if replaced.revoked_at.is_some() {
        let revoked = ApiKey { revoked_at: replaced.revoked_at, ..key.clone() };
        // Without its secret key it opens nothing, whatever its seal is.
        return Some(keyring.reseal_api_key(revoked.clone()).unwrap_or(revoked));
    }
    let is_same = (key.scopes, key.expires_at) == (replaced.scopes, replaced.expires_at);
    let has_moved = key.key != replaced.key && is_same && keyring.is_genuine_api_key(replaced);
    has_moved.then(|| ApiKey { name: key.name.clone(), ..replaced.clone() })
}

async fn prepare(
    draft: &Store,
    (keyring, key_file): (&Keyring, &Path),
    carried: Carried,
    act: &AuditContext,
    now: Timestamp,
) -> Result<Restored, RestoreError> {
    let known = draft.list_known_keys().await?;
    agree(&known, keyring, key_file)?;
    if !known.iter().any(SecretKeyRecord::is_accepted) {
        return Err(RestoreError::KeysRetired(key_file.to_owned()));
    }
    end_everything(draft, carried, act, now).await
}

/// Does to a database that was restored by other tools what [`restore`] does. There is nothing to carry over.
///
/// # Errors
/// `RestoreError`; what was deleted stays deleted, and the same again goes on from there.
pub async fn invalidate_only(app: &App, act: &AuditContext) -> Result<Restored, RestoreError> {
    let nothing = Carried::Not(NotCarried::NothingThere);
    match nodes::list(app).await?.len() {
        0 => end_everything(&app.store, nothing, act, app.clock.now()).await,
        count => Err(RestoreError::InUse(count)),
    }
}

async fn end_everything(
    store: &Store,
    carried: Carried,
    act: &AuditContext,
    now: Timestamp,
) -> Result<Restored, RestoreError> {
    let mut restored = Restored {
        kept: None,
        carried,
        as_of: None,
        login_links: 0,
        sessions: 0,
        revived: Revived {
            api_keys: store.list_revived_keys(now).await?,
            users: store.list_flagged_users().await?,
            admins: store.list_revived_admins().await?,
            client_secrets: store.list_revived_secrets().await?,
            ..Revived::default()
        },
    };
    store.skip_numbers(matches!(carried, Carried::Over(_))).await?;
    store.end_all_admins().await?;
    let mut entries = Vec::new();
    for workspace in store.list_workspaces().await? {
        // Where the backup came from, another installation may go on below the same parent domain.
        store.set_cookie_tag(workspace.id, &keys::random_cookie_tag()?).await?;
        restored.as_of = restored.as_of.max(store.find_newest_audit_time(workspace.id).await?);
        let (login_links, sessions) = store.end_everything(workspace.id).await?;
        restored.login_links += login_links;
        restored.sessions += sessions;
        let entry = act.entry(AuditEvent::WorkspaceRestored).with("login_links", login_links);
        let entry = entry.with("sessions", sessions).with("as_it_was", carried == Carried::LeftOut);
        entries.push((workspace.id, entry));
    }
    store.mark_restored(&entries, now).await?;
    Ok(restored)
}

/// Runs what reads and writes whole files where nobody else waits for the thread.
async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, CopyError> + Send + 'static,
) -> Result<T, CopyError> {
    let done = tokio::task::spawn_blocking(work).await;
    done.map_err(|_| StoreError::Unavailable("the copy was broken off".to_owned()))?
}
