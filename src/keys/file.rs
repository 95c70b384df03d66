//! The key file: one line a key, readable by its owner alone.

use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use super::{Keyring, NoRandomness, SecretKey, random};

/// What the file begins with.
const HEADING: &str = "# doorkey secret keys. Whoever has this file and the database can sign in as anybody: \
                       keep it private, keep a copy, give every node the same.\n";

/// Why a key file cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum KeyFileError {
    /// There is none.
    #[error(
        "there is no key file at {0}: put back the one that the database was made with; for a new database make one with \
         `doorkey secret create`"
    )]
    Missing(PathBuf),
    /// One stands where a new one should go.
    #[error("there is a key file at {0} already: it is left as it is")]
    Exists(PathBuf),
    /// Others could read it.
    #[error(
        "the key file {0} can be read by others: run `chmod 600 {0}`, and make a new key if anybody may have read it"
    )]
    Exposed(PathBuf),
    /// It does not say what a key file says.
    #[error("line {line} of the key file {path} is wrong: {why}")]
    Malformed {
        /// The file.
        path: PathBuf,
        /// The line, from 1.
        line: usize,
        /// What is wrong with it.
        why: &'static str,
    },
    /// It has no active key, or several.
    #[error("the key file {0} must have exactly one active key")]
    NoActiveKey(PathBuf),
    /// It cannot be read or written.
    #[error("the key file {path} cannot be used: {source}")]
    Io {
        /// The file.
        path: PathBuf,
        /// What the operating system said.
        source: io::Error,
    },
    /// No key can be made.
    #[error(transparent)]
    NoRandomness(#[from] NoRandomness),
}

/// Makes a key file with one fresh key, mode 0600, and gives its keys.
///
/// It is written under another name and then linked to its own, so that whoever reads it meanwhile, or comes after
/// a power cut, finds a whole file or none, and of two who make it at once one is told that it exists.
///
/// # Errors
/// `KeyFileError` if there is one already or it cannot be written.
pub fn create(path: &Path) -> Result<Keyring, KeyFileError> {
    let failed = |source| KeyFileError::Io { path: path.to_owned(), source };
    // A slash at the end would name a folder.
    let name = path.file_name().ok_or_else(|| failed(io::ErrorKind::InvalidInput.into()))?;
    let material = random::<32>()?;
    let key = SecretKey::spread(&material);
    let (high, low) = (u128_of(&material[..16]), u128_of(&material[16..]));
    let mut draft_name = name.to_owned();
    draft_name.push(format!(".{}.new", std::process::id()));
    let draft = path.with_file_name(draft_name);
    let linked = write_new(&draft, &format!("{HEADING}active {} {high:032x}{low:032x}\n", key.id))
        .and_then(|()| fs::hard_link(&draft, path));
    // What was never written cannot be removed.
    let _ = fs::remove_file(&draft);
    linked.map_err(|error| {
        let is_there = error.kind() == io::ErrorKind::AlreadyExists;
        if is_there { KeyFileError::Exists(path.to_owned()) } else { failed(error) }
    })?;
    sync_folder_of(path).map_err(failed)?;
    Ok(Keyring { keys: vec![key] })
}

/// Writes a file that is private from its first moment, over what an interrupted attempt may have left.
fn write_new(path: &Path, text: &str) -> io::Result<()> {
    let _ = fs::remove_file(path);
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()
}

/// Reads a key file.
///
/// # Errors
/// `KeyFileError` says what is wrong and what to do.
pub fn load(path: &Path) -> Result<Keyring, KeyFileError> {
    let failed = |source: io::Error| {
        let is_missing = source.kind() == io::ErrorKind::NotFound;
        let path = path.to_owned();
        if is_missing { KeyFileError::Missing(path) } else { KeyFileError::Io { path, source } }
    };
    let mode = fs::metadata(path).map_err(failed)?.permissions().mode();
    if mode & 0o077 != 0 {
        return Err(KeyFileError::Exposed(path.to_owned()));
    }
    let bytes = fs::read(path).map_err(failed)?;
    let malformed = |line, why| KeyFileError::Malformed { path: path.to_owned(), line, why };
    let text = String::from_utf8(bytes).map_err(|_| malformed(1, "it is not text"))?;
    let (mut active, mut accepted) = (Vec::new(), Vec::new());
    for (number, line) in text.lines().enumerate() {
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let (role, key) = key_of(line).map_err(|why| malformed(number + 1, why))?;
        if role == "active" { active.push(key) } else { accepted.push(key) }
    }
    if active.len() != 1 {
        return Err(KeyFileError::NoActiveKey(path.to_owned()));
    }
    active.append(&mut accepted);
    Ok(Keyring { keys: active })
}

fn key_of(line: &str) -> Result<(&str, SecretKey), &'static str> {
    let mut words = line.split_whitespace();
    let (Some(role @ ("active" | "accepted")), Some(id), Some(hex), None) =
        (words.next(), words.next(), words.next(), words.next())
    else {
        return Err("a line is `active` or `accepted`, the key's id, and 64 hexadecimal digits");
    };
    if hex.len() != 64 || !hex.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return Err("a key is 64 hexadecimal digits: the file may have been cut off");
    }
    let mut material = [0_u8; 32];
    for (byte, digits) in material.iter_mut().zip(hex.as_bytes().chunks_exact(2)) {
        let digits = std::str::from_utf8(digits).unwrap_or("0");
        *byte = u8::from_str_radix(digits, 16).unwrap_or(0);
    }
    if material.iter().all(|byte| *byte == material[0]) {
        return Err("a key of equal bytes is no secret: make one with `doorkey secret create`");
    }
    let key = SecretKey::spread(&material);
    if key.id.to_string() == id {
        Ok((role, key))
    } else {
        Err("the key does not fit its id: the line was edited")
    }
}

fn u128_of(bytes: &[u8]) -> u128 {
    bytes.iter().fold(0, |number, byte| number << 8 | u128::from(*byte))
}

/// Makes sure that a file just made is still there after a power cut.
fn sync_folder_of(path: &Path) -> io::Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    fs::File::open(folder.unwrap_or(Path::new(".")))?.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(text: &str, mode: u32) -> String {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("doorkey.key");
        fs::write(&path, text).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
        load(&path).expect_err(text).to_string()
    }

    #[test]
    fn a_fresh_key_file_is_private_and_read_back() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("doorkey.key");
        let made = create(&path).unwrap();

        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(load(&path).unwrap().active().id, made.active().id);
        assert!(matches!(create(&path), Err(KeyFileError::Exists(_))));
    }

    /// O133: each wrong key file is refused with a sentence that says what is wrong.
    #[test]
    fn a_wrong_key_file_is_refused_with_a_sentence() {
        let folder = tempfile::tempdir().unwrap();
        let missing = load(&folder.path().join("none")).unwrap_err().to_string();
        let zeroes = format!("active 00000000 {}", "0".repeat(64));
        let unfit = format!("active 00000000 {}", "0123456789abcdef".repeat(4));

        assert!(missing.contains("doorkey secret create"), "{missing}");
        assert!(refusal("12345678", 0o600).contains("line 1"));
        assert!(refusal("active 1 abc", 0o600).contains("cut off"));
        assert!(refusal(&zeroes, 0o600).contains("no secret"));
        assert!(refusal(&unfit, 0o600).contains("does not fit"));
        assert!(refusal("", 0o600).contains("exactly one active key"));
        assert!(refusal(&zeroes, 0o644).contains("chmod 600"));
    }
}
