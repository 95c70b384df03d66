//! Private files, written whole or not at all.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

/// Makes a file that its owner alone can read, from its first moment on. One that is there is an error.
pub(crate) fn create_private(path: &Path) -> io::Result<File> {
    OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)
}

/// Gives a finished file its name, for good, unless something of that name is there (`AlreadyExists`).
///
/// Whoever looks meanwhile, or after a power cut, finds a whole file or none.
pub(crate) fn put_in_place(draft: &Path, path: &Path) -> io::Result<()> {
    File::open(draft)?.sync_all()?;
    match fs::hard_link(draft, path) {
        Ok(()) => fs::remove_file(draft)?,
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => return Err(error),
        // Not every file system knows links. An empty file keeps the name free until it is taken.
        Err(_) => {
            create_private(path)?;
            fs::rename(draft, path)?;
        }
    }
    sync_folder_of(path)
}

/// Makes sure that what was just made or renamed in a folder is so after a power cut.
pub(crate) fn sync_folder_of(path: &Path) -> io::Result<()> {
    File::open(folder_of(path))?.sync_all()
}

/// The folder that a file lies in.
pub(crate) fn folder_of(path: &Path) -> &Path {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    folder.unwrap_or(Path::new("."))
}
