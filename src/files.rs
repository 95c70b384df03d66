//! Private files, written whole or not at all, and what to do about one that cannot be used.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::Path;

use rustix::fs::{Access, access};

use crate::os_users;

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

/// What the operating system said of a file, and what to do about it where that can be seen.
pub(crate) fn explain(path: &Path, error: &io::Error) -> String {
    let kind = error.kind();
    let what_to_do = if kind == io::ErrorKind::NotFound {
        make_folder_of(path)
    } else if kind == io::ErrorKind::PermissionDenied {
        become_owner(path)
    } else {
        (kind == io::ErrorKind::IsADirectory).then(|| "it is a folder, where a file is wanted".to_owned())
    };
    what_to_do.map_or_else(|| error.to_string(), |what_to_do| format!("{error}: {what_to_do}"))
}

/// Why a file cannot be read and written, nor others made beside it, and what to do; `None` if it can.
pub(crate) fn refusal(path: &Path) -> Option<String> {
    let tried = match fs::metadata(path) {
        Ok(found) if found.is_dir() => Err(io::ErrorKind::IsADirectory.into()),
        Ok(_) => may_write(path).and_then(|()| may_write(folder_of(path))),
        Err(error) if error.kind() == io::ErrorKind::NotFound => may_write(folder_of(path)),
        Err(error) => Err(error),
    };
    tried.err().map(|error| explain(path, &error))
}

fn may_write(path: &Path) -> io::Result<()> {
    Ok(access(path, Access::READ_OK | Access::WRITE_OK)?)
}

fn make_folder_of(path: &Path) -> Option<String> {
    let folder = folder_of(path);
    let shown = folder.display();
    (!folder.exists()).then(|| {
        format!(
            "there is no folder {shown}: make it (`mkdir -p {shown}`) for the user whom this command runs as, or give the path \
             of another file"
        )
    })
}

/// Whose the file is, or the folder on the way to it that keeps this process out.
fn become_owner(path: &Path) -> Option<String> {
    let on_the_way = path.ancestors().map(|at| if at.as_os_str().is_empty() { Path::new(".") } else { at });
    let (at, found) = on_the_way
        .filter_map(|at| Some((at, fs::metadata(at).ok()?)))
        .find(|(at, _)| may_write(at).is_err())?;
    let named = fs::canonicalize(at).ok().filter(|_| at == Path::new("."));
    let shown = named.as_deref().unwrap_or(at).display();
    let mode = found.permissions().mode() & 0o777;
    if found.uid() == rustix::process::geteuid().as_raw() {
        return Some(format!("{shown} is yours, but its mode is {mode:04o}: run `chmod u+rw {shown}`"));
    }
    let me = os_users::name_of(rustix::process::geteuid().as_raw());
    let owner = os_users::name_of(found.uid());
    Some(format!(
        "{shown} belongs to {owner}, and this command runs as {me}: run it as {owner} (`sudo -u {owner} doorkey …`)"
    ))
}
