//! A backup: the database as it is at one moment, in one file, while others go on writing.

use std::path::Path;

use super::{CopyError, check_whole, copy_pages, fresh, make_single, put_in_place, remove};
use crate::store::DatabaseUrl;
use crate::store::engine::sqlite::{beside, connect_to_share};

/// Makes a backup of an embedded database, and gives its size in bytes. It blocks the calling thread.
///
/// Whoever writes meanwhile is not held up. The file is whole before it has its name, and is read once more before that.
///
/// # Errors
/// `CopyError`, and there is no file.
pub fn back_up(url: &DatabaseUrl, file: &Path) -> Result<u64, CopyError> {
    let path = url.path().ok_or_else(|| CopyError::NotEmbedded(url.to_string()))?;
    if file.exists() {
        return Err(CopyError::Exists(file.to_owned()));
    }
    let draft = beside(file, &format!(".{}.new", std::process::id()));
    let made = make(path, &draft).and_then(|()| put_in_place(&draft, file));
    remove(&draft);
    if let Err(CopyError::Io { path, source }) = made {
        // It is named as the operator named it.
        let path = if path == draft { file.to_owned() } else { path };
        return Err(CopyError::Io { path, source });
    }
    made?;
    Ok(std::fs::metadata(file).map_err(super::io_error(file))?.len())
}

fn make(path: &Path, draft: &Path) -> Result<(), CopyError> {
    let source = connect_to_share(path)?;
    let mut copy = fresh(draft)?;
    copy_pages(&source, &mut copy)?;
    make_single(&copy)?;
    check_whole(&copy, path)
}
