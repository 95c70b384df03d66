//! A store and its keys are opened together: neither is of use without the other.

use std::path::{Path, PathBuf};
use std::time::SystemTime;

use super::nodes;
use crate::app::App;
use crate::clock::Clock;
use crate::domain::secret_key::SecretKeyRecord;
use crate::keys;
use crate::keys::{KeyFileError, Keyring, LiveKeyring};
use crate::store;
use crate::store::{DatabaseUrl, FileState, OpenError, Store, StoreError};

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
    /// The key file's database is gone.
    #[error(
        "there is a key file at {key_file}, but no database at {database}: put the database back (is its disk mounted?), take \
         in a backup with `doorkey restore`, or give --database and --secret-key-file that belong together; to begin anew, \
         move the key file away"
    )]
    LostDatabase {
        /// The key file.
        key_file: PathBuf,
        /// Where the database should be.
        database: String,
    },
    /// The store did not do what it was asked.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Opens a database and its key file, and makes sure that they belong together.
///
/// With `may_create`, an embedded database and its key file are made where neither is there yet. A key file that a database
/// was made with is refused without it: a lost mount must not look like a fresh start. The key file for PostgreSQL is made by hand and copied to every node: nodes that each made one would not agree.
pub async fn open(
    url: &DatabaseUrl,
    key_file: &Path,
    may_create: bool,
    clock: Clock,
) -> Result<App, StartError> {
    match url.path() {
        Some(path) if may_create => begin(path, key_file)?,
        Some(path) if !url.exists() => {
            let missing = || OpenError::Missing(url.to_string()).into();
            return Err(lost_database(path, key_file).unwrap_or_else(missing));
        }
        _ => {}
    }
    let keys = keys::load(key_file)?;
    let store = Store::open(url, may_create).await?;
    record_keys(&store, &keys, &clock).await?;
    let known = store.list_known_keys().await?;
    agree(&known, &keys, key_file)?;
    let held = LiveKeyring::new(key_file, keys);
    held.apply_database(&known);
    let app = App::new(store, clock, held);
    // What it must not do it knows before it does anything.
    let _ = nodes::check_health(&app).await?;
    Ok(app)
}

/// Makes a database's file, still empty, and its key file, unless they are there; others may do so at the same moment.
///
/// The database's file is the first to be made and the last to be looked at. So a key file without one was never made here,
/// and whoever is killed in between leaves an empty file, with which the next one goes on.
fn begin(path: &Path, key_file: &Path) -> Result<(), StartError> {
    let is_unused = match keys::is_unused(key_file) {
        Err(KeyFileError::Missing(_)) => None,
        found => Some(found?),
    };
    let state = store::state_of(path);
    if is_unused == Some(false) && is_gone(state, key_file) {
        return Err(lost(path, key_file));
    }
    match (is_unused, state) {
        (_, FileState::Filled) | (Some(false), FileState::Missing | FileState::Empty { .. }) => Ok(()),
        (None | Some(true), FileState::Missing | FileState::Empty { .. }) => {
            store::make_file(path)?;
            let ready = if is_unused.is_some() {
                keys::take_into_use(key_file)
            } else {
                keys::create_in_use(key_file).map(|_| ())
            };
            match ready {
                Ok(()) | Err(KeyFileError::Exists(_)) => Ok(()),
                Err(error) => Err(error.into()),
            }
        }
    }
}

/// What is wrong where a key file that a database was made with is there, and the database is not; `None` where it is not so.
pub(super) fn lost_database(path: &Path, key_file: &Path) -> Option<StartError> {
    let is_used = matches!(keys::is_unused(key_file), Ok(false));
    // Looked at after the key file, as in `begin`.
    (is_used && is_gone(store::state_of(path), key_file)).then(|| lost(path, key_file))
}

fn lost(path: &Path, key_file: &Path) -> StartError {
    StartError::LostDatabase { key_file: key_file.to_owned(), database: path.display().to_string() }
}

/// Whether the database of a key file is gone.
///
/// What was emptied after the key file was made is no first start that was broken off. Its time was read with its length: a
/// second look may find what another process has just filled.
fn is_gone(state: FileState, key_file: &Path) -> bool {
    match state {
        FileState::Missing => true,
        FileState::Empty { since } => is_from_before(key_file, since),
        FileState::Filled => false,
    }
}

fn is_from_before(file: &Path, moment: Option<SystemTime>) -> bool {
    let written = file.metadata().and_then(|found| found.modified()).ok();
    matches!((written, moment), (Some(written), Some(moment)) if written < moment)
}

/// A fresh database uses the keys that it is first opened with.
async fn record_keys(store: &Store, keys: &Keyring, clock: &Clock) -> Result<(), StoreError> {
    if store.list_known_keys().await?.is_empty() {
        let fresh: Vec<_> = keys.all().map(|key| (key.id, key.fingerprint)).collect();
        // Another process may have been first: whether its keys are ours is seen next.
        let _ = store.add_key_fingerprints(&fresh, clock.now()).await?;
    }
    Ok(())
}

/// Whether the key file has every key that the database uses.
///
/// It may have others: one that was added and is not used yet, or one that was retired while this file was elsewhere.
pub(in crate::flow) fn agree(
    known: &[SecretKeyRecord],
    keys: &Keyring,
    key_file: &Path,
) -> Result<(), StartError> {
    let (has, lacks): (Vec<_>, Vec<_>) =
        known.iter().filter(|key| key.is_accepted()).partition(|key| keys.has(&key.fingerprint));
    match lacks.first() {
        None => Ok(()),
        Some(_) if has.is_empty() => Err(StartError::WrongKeys(key_file.display().to_string())),
        Some(lost) => Err(KeyFileError::Lacks { path: key_file.to_owned(), key: lost.id }.into()),
    }
}
