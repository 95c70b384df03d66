//! The keys that a running process works with: those of its key file, as far as its database goes along with them.

use std::fs;
use std::ops::Deref;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use arc_swap::ArcSwap;

use super::{KeyFileError, Keyring, load};
use crate::domain::secret_key::SecretKeyRecord;

/// Keys that may be read by any number of requests while they change.
#[derive(Debug)]
pub struct LiveKeyring {
    path: PathBuf,
    /// What the file said when it was last read.
    read: Mutex<Read>,
    /// What requests work with.
    current: ArcSwap<Keyring>,
}

#[derive(Clone, Debug)]
struct Read {
    stamp: Option<FileStamp>,
    keyring: Arc<Keyring>,
}

/// What tells a file from another that takes its place: device, number, size, and when it was last changed.
type FileStamp = (u64, u64, u64, i64, i64);

impl LiveKeyring {
    /// The keys of a file, as they were just read from it.
    pub fn new(path: &Path, keyring: Keyring) -> Self {
        let keyring = Arc::new(keyring);
        // If the file has changed since, the first check finds that out.
        let read = Read { stamp: None, keyring: Arc::clone(&keyring) };
        Self { path: path.to_owned(), read: Mutex::new(read), current: ArcSwap::new(keyring) }
    }

    /// Where the file is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The keys to work with, as they are at this moment.
    pub fn current(&self) -> impl Deref<Target = Arc<Keyring>> {
        self.current.load()
    }

    /// Every key of the file, also those that the database does not know yet, or has retired.
    pub fn in_file(&self) -> Arc<Keyring> {
        Arc::clone(&self.read().keyring)
    }

    /// Goes along with what the database says: which key is active, and which are retired.
    pub fn apply_database(&self, known: &[SecretKeyRecord]) {
        let Some(settled) = self.in_file().settled(known) else { return };
        if ids(&settled) != ids(&self.current()) {
            self.current.store(Arc::new(settled));
        }
    }

    /// Reads the file again if it is not the one that was read last. Whether it holds others.
    ///
    /// A file that lacks a key which the database uses is not taken: it is somebody else's, or not whole.
    ///
    /// # Errors
    /// `KeyFileError` if it cannot be used, once for each such file; the keys stay as they are.
    pub fn reload_if_changed(&self, known: &[SecretKeyRecord]) -> Result<bool, KeyFileError> {
        let stamp = fs::metadata(&self.path)
            .ok()
            .map(|file| (file.dev(), file.ino(), file.size(), file.ctime(), file.ctime_nsec()));
        if stamp == self.read().stamp {
            return Ok(false);
        }
        let mut read = self.read.lock().unwrap_or_else(PoisonError::into_inner);
        read.stamp = stamp;
        let keyring = load(&self.path)?;
        let is_wanted = |key: &&SecretKeyRecord| key.is_accepted() && read.keyring.has(&key.fingerprint);
        if let Some(lost) = known.iter().filter(is_wanted).find(|key| !keyring.has(&key.fingerprint)) {
            return Err(KeyFileError::Lacks { path: self.path.clone(), key: lost.id });
        }
        let is_other = ids(&keyring) != ids(&read.keyring);
        read.keyring = Arc::new(keyring);
        Ok(is_other)
    }

    fn read(&self) -> Read {
        self.read.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

fn ids(keyring: &Keyring) -> Vec<[u8; 32]> {
    keyring.all().map(|key| key.fingerprint).collect()
}
