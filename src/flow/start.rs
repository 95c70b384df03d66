//! A store and its keys are opened together: neither is of use without the other.

use std::path::Path;

use super::nodes;
use crate::app::App;
use crate::clock::Clock;
use crate::domain::secret_key::KnownKey;
use crate::keys::{self, Held, KeyFileError, Keyring};
use crate::store::{DatabaseUrl, OpenError, Store, StoreError};

/// Why doorkey cannot start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The database cannot be opened.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// The key file cannot be used.
    #[error(transparent)]
    KeyFile(#[from] KeyFileError),
    /// The key file is another database's.
    #[error(
        "the key file {0} does not belong to this database: put back the file it was made with (nothing that was \
         issued works with another), or give --database and --secret-key-file that belong together"
    )]
    WrongKeys(String),
    /// The store did not do what it was asked.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Opens a database and its key file, and makes sure that they belong together.
///
/// With `may_create`, an embedded database that is not there yet is made, and a key file with it if there is none.
/// The key file for PostgreSQL is made by hand and copied to every node: nodes that each made one would not agree.
///
/// # Errors
/// `StartError` says what is wrong and what to do.
pub async fn open(
    url: &DatabaseUrl,
    key_file: &Path,
    may_create: bool,
    clock: Clock,
) -> Result<App, StartError> {
    let is_new = !url.exists();
    if is_new && !may_create {
        return Err(OpenError::Missing(url.to_string()).into());
    }
    // The key first: a database without a key would be a riddle to whoever comes next.
    let keys = match keys::load(key_file) {
        Err(KeyFileError::Missing(_)) if is_new => made_or_found(key_file)?,
        found => found?,
    };
    let store = Store::open(url, may_create).await?;
    adopt(&store, &keys, &clock).await?;
    let known = store.list_known_keys().await?;
    agree(&known, &keys, key_file)?;
    let held = Held::new(key_file, keys);
    held.settle(&known);
    let app = App::over(store, clock, held);
    // What it must not do it knows before it does anything.
    let _ = nodes::look(&app).await?;
    Ok(app)
}

/// A fresh key file, or that of another process that starts at the same moment.
fn made_or_found(key_file: &Path) -> Result<Keyring, KeyFileError> {
    match keys::create(key_file) {
        Err(KeyFileError::Exists(_)) => keys::load(key_file),
        made => made,
    }
}

/// A fresh database rests on the keys that it is first opened with.
async fn adopt(store: &Store, keys: &Keyring, clock: &Clock) -> Result<(), StoreError> {
    if store.list_known_keys().await?.is_empty() {
        let fresh: Vec<_> = keys.all().map(|key| (key.id, key.fingerprint)).collect();
        // Another process may have been first: whether its keys are ours is seen next.
        let _ = store.add_key_fingerprints(&fresh, clock.now()).await?;
    }
    Ok(())
}

/// Whether the key file has every key that the database rests on.
///
/// It may have others: one that was added and is not used yet, or one that was retired while this file was elsewhere.
pub(super) fn agree(known: &[KnownKey], keys: &Keyring, key_file: &Path) -> Result<(), StartError> {
    let (has, lacks): (Vec<_>, Vec<_>) =
        known.iter().filter(|key| key.is_accepted()).partition(|key| keys.has(&key.fingerprint));
    match lacks.first() {
        None => Ok(()),
        Some(_) if has.is_empty() => Err(StartError::WrongKeys(key_file.display().to_string())),
        Some(lost) => Err(KeyFileError::Lacks { path: key_file.to_owned(), key: lost.id }.into()),
    }
}
