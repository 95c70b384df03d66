//! A restore: a backup takes the place of a database that nobody has open.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use rusqlite::{Connection, ErrorCode};

use super::compare::compare;
use super::{
    CopyError, check_whole, copy_pages, fresh, fresh_file, io_error, make_single, put_in_place, remove,
};
use crate::domain::timestamp::Timestamp;
use crate::store::engine::sqlite::{LOCK_TIMEOUT, beside, connect, exclusive, schema};
use crate::store::queries::post_restore::Revived;
use crate::store::{DatabaseUrl, OpenError, Store};

/// A restore on its way: the backup lies beside the database, which is as it was until it is replaced. Meanwhile nobody else
/// can open that, so that nothing is changed in it which is not carried over.
#[derive(Debug)]
pub struct Restore {
    path: PathBuf,
    /// The copy of the backup that is worked on.
    pub(super) draft: PathBuf,
    replaced: Option<Connection>,
}

/// What became of the database that was there.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Replaced {
    /// It is kept in this file.
    Kept(PathBuf),
    /// There was none.
    Nothing,
}

impl Restore {
    /// Copies a backup to where the database is, and reads all of it. It blocks the calling thread.
    ///
    /// A raw copy of a database file, with its `-wal` or without, is taken too, if it is whole. The backup is not touched.
    ///
    /// # Errors
    /// `CopyError`, and nothing was changed.
    pub fn begin(url: &DatabaseUrl, file: &Path) -> Result<Self, CopyError> {
        let path = url.path().ok_or_else(|| CopyError::NotEmbedded(url.to_string()))?.to_owned();
        if !file.exists() {
            return Err(CopyError::Missing(file.to_owned()));
        }
        // A device or a pipe may have no end.
        if !file.is_file() {
            return Err(CopyError::NoBackup(file.to_owned()));
        }
        let replaced = if path.exists() { Some(take(&path)?) } else { None };
        let restore = Self { draft: beside(&path, ".restoring"), path, replaced };
        remove(&restore.draft);
        restore.keep_replaced()?;
        for ending in ["", "-wal"] {
            let part = beside(file, ending);
            if part.exists() {
                let mut from = fs::File::open(&part).map_err(io_error(&part))?;
                let draft = beside(&restore.draft, ending);
                io::copy(&mut from, &mut fresh_file(&draft)?).map_err(io_error(&draft))?;
            }
        }
        let mut draft = connect(&restore.draft)?;
        // Errors name it as the operator did.
        let newest = schema::newest_of(&draft).map_err(|error| {
            if error.sqlite_error_code() == Some(ErrorCode::NotADatabase) {
                return CopyError::NoBackup(file.to_owned());
            }
            CopyError::Damaged { path: file.to_owned(), what: error.to_string() }
        })?;
        if newest.is_none_or(|newest| newest == 0) {
            return Err(CopyError::NoBackup(file.to_owned()));
        }
        schema::check_version(newest, file)?;
        check_whole(&draft, file)?;
        schema::migrate(&mut draft, &restore.draft)?;
        // Whoever had it open then has nothing to do with it any more.
        draft.execute("DELETE FROM nodes", [])?;
        // Nor has what a clock said then with the one of now.
        draft.execute("DELETE FROM clock_readings", [])?;
        drop(draft);
        Ok(restore)
    }

    /// Copies what is going to be replaced, as it is.
    fn keep_replaced(&self) -> Result<(), CopyError> {
        let Some(replaced) = &self.replaced else { return Ok(()) };
        let mut copy = fresh(&self.kept_draft())?;
        copy_pages(replaced, &mut copy)?;
        match schema::newest_of(replaced) {
            Ok(newest) => {
                schema::check_version(newest, &self.path)?;
                make_single(&copy)
            }
            // A damaged one is what a backup is for.
            Err(error) if error.sqlite_error_code() == Some(ErrorCode::DatabaseCorrupt) => Ok(()),
            Err(error) => Err(schema::failed(&self.path, &error).into()),
        }
    }

    fn kept_draft(&self) -> PathBuf {
        beside(&self.path, ".restoring-old")
    }

    /// The copy of what is going to be replaced, if there is something.
    pub(super) fn copy_of_replaced(&self) -> Option<PathBuf> {
        self.replaced.is_some().then(|| self.kept_draft())
    }

    /// Opens what is going to be the database, to make it ready for that.
    pub async fn open(&self) -> Result<Store, OpenError> {
        Store::open(&DatabaseUrl::Sqlite(self.draft.clone()), false).await
    }

    /// Puts it in place of the database, which is kept beside it under a name with this moment. It blocks the calling thread.
    ///
    /// The pages are written over those of the old one in one transaction, under a lock that goes with no other: whoever is
    /// about to open the file meanwhile gets to see the one or the other, and so does everybody after a power cut.
    ///
    /// # Errors
    /// `CopyError`, and the database is as it was.
    pub fn replace(&mut self, now: Timestamp) -> Result<Replaced, CopyError> {
        let draft = connect(&self.draft)?;
        make_single(&draft)?;
        let moment = now.to_string().replace([':', '.'], "-");
        let kept = beside(&self.path, &format!(".before-{moment}"));
        let Some(replaced) = &mut self.replaced else {
            drop(draft);
            // A WAL that was left behind would be checkpointed into the new file.
            for ending in ["-wal", "-shm", "-journal", "-doubt"] {
                let left = beside(&self.path, ending);
                if left.exists() {
                    fs::rename(&left, beside(&kept, ending)).map_err(io_error(&left))?;
                }
            }
            return put_in_place(&self.draft, &self.path).map(|()| Replaced::Nothing);
        };
        put_in_place(&beside(&self.path, ".restoring-old"), &kept)?;
        copy_pages(&draft, replaced)?;
        // Whoever comes next may open it.
        self.replaced = None;
        Ok(Replaced::Kept(kept))
    }

    /// What is otherwise than in the database that was kept. It blocks the calling thread.
    pub fn compare(&self, kept: &Path, now: Timestamp) -> Result<Revived, CopyError> {
        compare(&self.draft, kept, now)
    }
}

impl Drop for Restore {
    fn drop(&mut self) {
        remove(&self.draft);
        remove(&self.kept_draft());
    }
}

fn take(path: &Path) -> Result<Connection, CopyError> {
    exclusive::take(path, LOCK_TIMEOUT)?.ok_or_else(|| CopyError::InUse(path.display().to_string()))
}
