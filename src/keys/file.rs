//! The key file: one line a key, readable by its owner alone.

use std::fs;
use std::io;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

use super::{Keyring, NoRandomness, SecretKey};
use crate::domain::login_link::KeyId;
use crate::files;

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
    #[error(
        "there is a key file at {0} already, which is left as it is: `doorkey secret add` adds a key to it"
    )]
    Exists(PathBuf),
    /// Others could read it, or it has a mark that no such file has.
    #[error(
        "the key file {path} is open to others, or marked as a program (mode {mode:04o}): run `chmod 600 {path}`; 0400 does \
         too, and 0440 or 0640 for a group or an ACL, if the file belongs to root"
    )]
    Exposed {
        /// The file.
        path: PathBuf,
        /// Its mode.
        mode: u32,
    },
    /// It says that no database was made with it yet, and cannot be made to say otherwise.
    #[error(
        "the key file {path} says that no database was made with it yet, and that line cannot be taken out ({source}): run \
         the first command as somebody who may write there, or take it out by hand"
    )]
    Unmarkable {
        /// The file.
        path: PathBuf,
        /// What the operating system said.
        source: io::Error,
    },
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
    #[error(
        "the key file {0} must have exactly one active key: one line begins with `active`, every other with `accepted`"
    )]
    NoActiveKey(PathBuf),
    /// It holds nothing.
    #[error(
        "the key file {0} is empty: put back the one that the database was made with; for a new database delete it, and make \
         one with `doorkey secret create`"
    )]
    Empty(PathBuf),
    /// It has a key twice.
    #[error("the key file {0} has one key in two lines: take one of them out")]
    Twice(PathBuf),
    /// It does not have a key that is asked for.
    #[error("the key file {path} has no key {key}: `doorkey secret list` shows those it has")]
    Unknown {
        /// The file.
        path: PathBuf,
        /// The number that was asked for.
        key: KeyId,
    },
    /// It lacks a key that the database uses.
    #[error(
        "the key file {path} lacks the key {key}, which the database rests on: put back the file that has it, or copy the \
         one of another node"
    )]
    Lacks {
        /// The file.
        path: PathBuf,
        /// The key that it lacks.
        key: KeyId,
    },
    /// It cannot be read or written.
    #[error("the key file {path} cannot be used: {}", files::explain(.path, .source))]
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

/// Reads a key file.
pub fn load(path: &Path) -> Result<Keyring, KeyFileError> {
    let failed = |source: io::Error| {
        let is_missing = source.kind() == io::ErrorKind::NotFound;
        let path = path.to_owned();
        if is_missing { KeyFileError::Missing(path) } else { KeyFileError::Io { path, source } }
    };
    let found = fs::metadata(path).map_err(failed)?;
    if found.is_dir() {
        return Err(failed(io::ErrorKind::IsADirectory.into()));
    }
    let mode = found.permissions().mode() & 0o7777;
    // Service managers hand out keys that root owns to a group, or by an ACL, whose mask stands where the group's bits are.
    let may_have = if found.uid() == 0 { 0o640 } else { 0o600 };
    if mode & !may_have != 0 {
        return Err(KeyFileError::Exposed { path: path.to_owned(), mode });
    }
    let bytes = fs::read(path).map_err(failed)?;
    if bytes.trim_ascii().is_empty() {
        return Err(KeyFileError::Empty(path.to_owned()));
    }
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
    let mut ids: Vec<_> = active.iter().map(|key| key.id.0).collect();
    ids.sort_unstable();
    // One key in two lines: to retire it would leave it there.
    if ids.windows(2).any(|pair| pair[0] == pair[1]) {
        return Err(KeyFileError::Twice(path.to_owned()));
    }
    Ok(Keyring { keys: active })
}

pub(super) fn key_of(line: &str) -> Result<(&str, SecretKey), &'static str> {
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
    let key = SecretKey::derive_subkeys(&material);
    if key.id.to_string() == id {
        Ok((role, key))
    } else {
        Err("the key does not fit its id: the line was edited")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::keys::create;

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
        assert!(refusal("# Nothing yet.\n", 0o600).contains("exactly one active key"));
        assert!(refusal("", 0o600).contains("is empty: put back"));
        for mode in [0o644, 0o4600, 0o2600, 0o1600] {
            let sentence = refusal(&zeroes, mode);
            assert!(
                sentence.contains(&format!("mode {mode:04o}")) && sentence.contains("chmod 600"),
                "{sentence}"
            );
        }
    }
}
