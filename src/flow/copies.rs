//! A backup is made, or put in place; after that nothing that was handed out before lives on.

use std::path::{Path, PathBuf};

use super::nodes;
use super::start::{StartError, agree};
use crate::app::App;
use crate::clock::Clock;
use crate::domain::audit::{Act, Event};
use crate::domain::timestamp::Timestamp;
use crate::keys::{self, Keyring};
use crate::store::{
    self, CopyError, DatabaseUrl, Replaced, Restore, RevivedKey, RevivedUser, Store, StoreError,
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
    /// The store did not do what it was asked.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// What a restore did.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Restored {
    /// Where the database that was replaced is kept, if there was one.
    pub kept: Option<PathBuf>,
    /// When the newest entry of the audit log was written: what happened later is gone.
    pub as_of: Option<Timestamp>,
    /// Links that were deleted.
    pub login_links: i64,
    /// Sessions that were deleted.
    pub sessions: i64,
    /// API keys that work: they may have been revoked since.
    pub api_keys: Vec<RevivedKey>,
    /// Users whose flags are others than before the restore; if that cannot be told, all who have two-factor or are disabled.
    pub users: Vec<RevivedUser>,
}

/// Makes a backup of an embedded database beside running servers, and gives its size in bytes.
///
/// # Errors
/// `CopyError`, and there is no file.
pub async fn back_up(url: &DatabaseUrl, file: &Path) -> Result<u64, CopyError> {
    if url.path().is_none() {
        return Err(CopyError::NotEmbedded(url.to_string()));
    }
    // A database that is not ours, or was moved elsewhere, is worth no backup.
    Store::open(url, false).await?.close().await;
    let (url, file) = (url.clone(), file.to_owned());
    off_thread(move || store::back_up(&url, &file)).await
}

/// Puts a backup in place of the embedded database, which is kept beside it.
///
/// All that must be done to it is done before it is the database, so that no server ever sees what is not dead yet.
///
/// # Errors
/// `RestoreError`, and the database is as it was.
pub async fn restore(
    url: &DatabaseUrl,
    key_file: &Path,
    file: &Path,
    clock: &Clock,
) -> Result<Restored, RestoreError> {
    let keyring = keys::load(key_file).map_err(StartError::from)?;
    let (database, file) = (url.clone(), file.to_owned());
    let restore = off_thread(move || Restore::begin(&database, &file)).await?;
    let draft = restore.open().await.map_err(CopyError::from)?;
    let now = clock.now();
    let prepared = prepare(&draft, &keyring, key_file, now).await;
    // Refused or not, nothing of it may be open when it is moved, or taken away.
    draft.close().await;
    let mut restored = prepared?;
    let (replaced, restore) = off_thread(move || Ok((restore.replace(now)?, restore))).await?;
    if let Replaced::Kept(kept) = replaced {
        let old = kept.clone();
        // What cannot be compared is all listed.
        if let Ok((api_keys, users)) = off_thread(move || restore.compare(&old, now)).await {
            (restored.api_keys, restored.users) = (api_keys, users);
        }
        restored.kept = Some(kept);
    }
    Ok(restored)
}

async fn prepare(
    draft: &Store,
    keyring: &Keyring,
    key_file: &Path,
    now: Timestamp,
) -> Result<Restored, RestoreError> {
    agree(&draft.list_known_keys().await?, keyring, key_file)?;
    Ok(end_everything(draft, now).await?)
}

/// Does to a database that was restored by other tools what [`restore`] does.
///
/// # Errors
/// `RestoreError`; what was deleted stays deleted, and the same again goes on from there.
pub async fn mark_only(app: &App) -> Result<Restored, RestoreError> {
    match nodes::list(app).await?.len() {
        0 => Ok(end_everything(&app.store, app.clock.now()).await?),
        count => Err(RestoreError::InUse(count)),
    }
}

async fn end_everything(store: &Store, now: Timestamp) -> Result<Restored, StoreError> {
    let mut restored = Restored {
        kept: None,
        as_of: None,
        login_links: 0,
        sessions: 0,
        api_keys: store.list_revived_keys(now).await?,
        users: store.list_flagged_users().await?,
    };
    let (act, mut entries) = (Act::at_command_line(), Vec::new());
    for workspace in store.list_workspaces().await? {
        restored.as_of = restored.as_of.max(store.find_newest_audit_time(workspace.id).await?);
        let (login_links, sessions) = store.end_everything(workspace.id).await?;
        restored.login_links += login_links;
        restored.sessions += sessions;
        let entry = act.entry(Event::WorkspaceRestored).with("login_links", login_links);
        entries.push((workspace.id, entry.with("sessions", sessions)));
    }
    store.mark_restored(&entries, now).await?;
    Ok(restored)
}

/// Runs what reads and writes whole files where nobody else waits for the thread.
async fn off_thread<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, CopyError> + Send + 'static,
) -> Result<T, CopyError> {
    let done = tokio::task::spawn_blocking(work).await;
    done.map_err(|_| StoreError::Unavailable("the copy was broken off".to_owned()))?
}
