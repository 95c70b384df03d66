//! Mails into a folder instead of to a server: each is a file, whole or not there.

use std::fs::DirBuilder;
use std::io::{self, Write as _};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use uuid::Uuid;

use crate::files;

/// Makes the folder where it is missing, for its owner alone, and makes sure that files can be made in it.
pub(super) fn prepare(folder: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
    tempfile::NamedTempFile::new_in(folder).map(drop)
}

/// Writes a mail, durably, and gives its path. One that is there already is the same mail, sent once more.
pub(super) fn write(folder: &Path, id: Uuid, mail: &[u8]) -> io::Result<PathBuf> {
    let path = folder.join(format!("{id}.eml"));
    // Its mode is 0600 from the first moment on.
    let mut draft = tempfile::Builder::new().prefix(".").suffix(".draft").tempfile_in(folder)?;
    draft.write_all(mail)?;
    draft.as_file().sync_all()?;
    draft.persist(&path).map_err(|error| error.error)?;
    files::sync_folder_of(&path)?;
    Ok(path)
}
