//! Key files are made and changed: never half written, and never at the price of a key that was in them.

use std::fs;
use std::io::{self, Write};
use std::os::unix::fs::{MetadataExt, fchown};
use std::path::{Path, PathBuf};

use super::file::key_of;
use super::{KeyFileError, Keyring, NoRandomness, SecretKey, load, random};
use crate::domain::login_link::KeyId;
use crate::files::{self, create_private, folder_of, sync_folder_of};

/// What the file begins with.
const HEADING: &str = "# doorkey secret keys. Whoever has this file and the database can sign in as anybody: \
                       keep it private, keep a copy, give every node the same.\n";

/// What a key file says that was made before its database: without this line, a database that is missing was lost.
const UNUSED: &str =
    "# No database was made with it yet. The first command that makes one takes this line out.\n";

/// Makes a key file with one fresh key, mode 0600, before there is a database, and gives its keys.
///
/// # Errors
/// `KeyFileError` if there is one already or it cannot be written.
pub fn create(path: &Path) -> Result<Keyring, KeyFileError> {
    write_first(path, UNUSED)
}

/// The same for a database that is just being made.
pub fn create_in_use(path: &Path) -> Result<Keyring, KeyFileError> {
    write_first(path, "")
}

/// Whether a key file says that no database was made with it yet.
///
/// # Errors
/// `KeyFileError` if there is none, or it cannot be used.
pub fn is_unused(path: &Path) -> Result<bool, KeyFileError> {
    load(path)?;
    let text = fs::read_to_string(path);
    let text = text.map_err(|source| KeyFileError::Io { path: path.to_owned(), source })?;
    Ok(text.contains(UNUSED.trim_end()))
}

/// A database is about to be made with a key file: from here on it says nothing of the kind any more.
///
/// # Errors
/// `KeyFileError`, and the file is as it was.
pub fn take_into_use(path: &Path) -> Result<(), KeyFileError> {
    let changed = PendingKeyFile::of(path).and_then(|draft| {
        let text = draft.text.replace(UNUSED, "").replace(UNUSED.trim_end(), "");
        if text == draft.text { Ok(()) } else { draft.write(&text)?.put_in_place() }
    });
    match changed {
        Err(KeyFileError::Io { path, source }) => Err(KeyFileError::Unmarkable { path, source }),
        changed => changed,
    }
}

/// It is written under another name and then linked to its own, so that whoever reads it meanwhile, or comes after
/// a power cut, finds a whole file or none, and of two who make it at once one gets the error that it exists.
fn write_first(path: &Path, mark: &str) -> Result<Keyring, KeyFileError> {
    let failed = |source| KeyFileError::Io { path: path.to_owned(), source };
    let draft = beside(path, &format!(".{}.new", std::process::id())).map_err(failed)?;
    let (key, line) = fresh_key("active")?;
    let placed = write_new(&draft, &format!("{HEADING}{mark}{line}"), None)
        .and_then(|()| files::put_in_place(&draft, path));
    // Once it has its name, there is no draft.
    let _ = fs::remove_file(&draft);
    placed.map_err(|error| {
        let is_alive = error.kind() == io::ErrorKind::AlreadyExists;
        if is_alive { KeyFileError::Exists(path.to_owned()) } else { failed(error) }
    })?;
    Ok(Keyring { keys: vec![key] })
}

/// Adds a fresh key that proves only, and gives its number.
///
/// # Errors
/// `KeyFileError`, and the file is as it was.
pub fn add(path: &Path) -> Result<KeyId, KeyFileError> {
    let draft = PendingKeyFile::of(path)?;
    let (id, line) = loop {
        let (key, line) = fresh_key("accepted")?;
        // Rows name their key by a short number.
        if draft.keyring.find(key.id).is_err() {
            break (key.id, line);
        }
    };
    let end = if draft.text.is_empty() || draft.text.ends_with('\n') { "" } else { "\n" };
    let text = format!("{}{end}{line}", draft.text);
    draft.write(&text)?.put_in_place()?;
    Ok(id)
}

/// The same file with this active key, and without one that goes, if one does; it is not in its place yet.
///
/// # Errors
/// `KeyFileError` if it lacks one of the two, or cannot be written.
pub fn with_active(path: &Path, active: KeyId, goes: Option<KeyId>) -> Result<PendingKeyFile, KeyFileError> {
    let draft = PendingKeyFile::of(path)?;
    for key in goes.into_iter().chain([active]) {
        draft.must_have(key)?;
    }
    let text = draft.lines(|key, rest| {
        let role = if key == active { "active" } else { "accepted" };
        (goes != Some(key)).then(|| format!("{role} {rest}"))
    });
    draft.write(&text)
}

/// A key file that is to take the place of another: written and synced, and gone again if it does not.
///
/// As long as there is one, others wait who want to change the same file.
#[derive(Debug)]
pub struct PendingKeyFile {
    path: PathBuf,
    written: PathBuf,
    text: String,
    keyring: Keyring,
    /// Held for its lock.
    _folder: fs::File,
}

impl PendingKeyFile {
    /// What the file says now, for whoever is to change it next.
    fn of(path: &Path) -> Result<Self, KeyFileError> {
        load(path)?;
        let failed = |source| KeyFileError::Io { path: path.to_owned(), source };
        // What takes the place of a link would leave the file behind it as it was.
        let path = fs::canonicalize(path).map_err(failed)?;
        let folder = fs::File::open(folder_of(&path)).map_err(failed)?;
        // Not every file system knows such locks; without one, two who change it at once are the operator's to avoid.
        let _ = folder.lock();
        let keyring = load(&path)?;
        let text = fs::read_to_string(&path).map_err(failed)?;
        let written = beside(&path, ".new").map_err(failed)?;
        Ok(Self { path, written, text, keyring, _folder: folder })
    }

    fn must_have(&self, key: KeyId) -> Result<(), KeyFileError> {
        let found = self.keyring.find(key).map(|_| ());
        found.map_err(|_| KeyFileError::Unknown { path: self.path.clone(), key })
    }

    /// The text once each line with a key is changed, by the key and what follows its role. Comments stay.
    fn lines(&self, change: impl Fn(KeyId, &str) -> Option<String>) -> String {
        let mut text = String::new();
        for line in self.text.lines() {
            let changed = match key_of(line.trim()) {
                Ok((role, key)) => change(key.id, line.trim().trim_start_matches(role).trim_start()),
                Err(_) => Some(line.to_owned()),
            };
            text.extend(changed.iter().flat_map(|line| [line.as_str(), "\n"]));
        }
        text
    }

    fn write(self, text: &str) -> Result<Self, KeyFileError> {
        match write_new(&self.written, text, Some(&self.path))
            .map_err(|source| KeyFileError::Io { path: self.path.clone(), source })
        {
            Ok(()) => load(&self.written).map(|_| self),
            Err(error) => Err(error),
        }
    }

    /// Takes the place of the file, at once and for good: after a power cut there is either of the two.
    ///
    /// # Errors
    /// `KeyFileError` if the file is as it was, or may be so after a power cut.
    pub fn put_in_place(self) -> Result<(), KeyFileError> {
        let placed = fs::rename(&self.written, &self.path).and_then(|()| sync_folder_of(&self.path));
        placed.map_err(|source| KeyFileError::Io { path: self.path.clone(), source })
    }
}

impl Drop for PendingKeyFile {
    fn drop(&mut self) {
        // Once it is in its place, there is nothing of that name.
        let _ = fs::remove_file(&self.written);
    }
}

/// A key, and its line.
fn fresh_key(role: &str) -> Result<(SecretKey, String), NoRandomness> {
    let material = random::<32>()?;
    let key = SecretKey::derive_subkeys(&material);
    let (high, low) = (u128_of(&material[..16]), u128_of(&material[16..]));
    let line = format!("{role} {} {high:032x}{low:032x}\n", key.id);
    Ok((key, line))
}

/// A name beside a file.
fn beside(path: &Path, ending: &str) -> io::Result<PathBuf> {
    // A slash at the end would name a folder.
    let mut name = path.file_name().ok_or(io::ErrorKind::InvalidInput)?.to_owned();
    name.push(ending);
    Ok(path.with_file_name(name))
}

/// Writes a file that is private from its first moment, over what an interrupted attempt may have left; it belongs to
/// whom the old one belongs to, and is as open, since a server that may not read its keys does not start.
fn write_new(path: &Path, text: &str, old: Option<&Path>) -> io::Result<()> {
    let _ = fs::remove_file(path);
    let mut file = create_private(path)?;
    if let Some(old_path) = old {
        let old = fs::metadata(old_path)?;
        if file.metadata().is_ok_and(|new| (new.uid(), new.gid()) != (old.uid(), old.gid())) {
            fchown(&file, Some(old.uid()), Some(old.gid()))?;
        }
        file.set_permissions(old.permissions())?;
        copy_acl(old_path, &file)?;
    }
    file.write_all(text.as_bytes())?;
    file.sync_all()
}

/// Whoever may read the old file by its access control list may read the new one.
fn copy_acl(old: &Path, new: &fs::File) -> io::Result<()> {
    const ACL: &str = "system.posix_acl_access";
    let mut list = vec![0_u8; 1 << 16];
    match rustix::fs::getxattr(old, ACL, &mut list) {
        Ok(length) => {
            let list = list.get(..length).unwrap_or_default();
            Ok(rustix::fs::fsetxattr(new, ACL, list, rustix::fs::XattrFlags::empty())?)
        }
        // There is none, or the file system knows none.
        Err(_) => Ok(()),
    }
}

fn u128_of(bytes: &[u8]) -> u128 {
    bytes.iter().fold(0, |number, byte| number << 8 | u128::from(*byte))
}
