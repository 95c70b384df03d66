//! The paths of files that lie beside a database.

use std::path::{Path, PathBuf};

/// A file that belongs to a database, by what its name ends with.
pub(in crate::store) fn beside(path: &Path, ending: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(ending);
    name.into()
}
