//! Moving up: everything of an embedded database goes over to a PostgreSQL, and the file is not used again.
//!
//! At no moment may both be served. So the copy, made in one transaction, ends with a mark that keeps everybody out of
//! the target; then the source is marked as moved; and only then is the target let go. Whoever dies on the way leaves
//! marks from which the next try sees how far it came, and until the source is marked it is as good as ever.

mod error;
mod marker;
mod source;
mod target;

pub use self::error::TransferError;
use self::marker::{Mark, State};
use self::source::Source;
use self::target::Target;
use super::queries::audit;
use super::{DatabaseUrl, OpenError, Store};
use crate::domain::audit::AuditEntry;
use crate::domain::secret_key::SecretKeyRecord;
use crate::domain::timestamp::Timestamp;

/// A move on its way. While there is one, nobody else can open the source.
pub struct Transfer {
    source: Source,
    target: Target,
    is_copied: bool,
    tables: Vec<(String, u64)>,
}

impl Transfer {
    /// Keeps everybody out of the source, and out of a target that nobody has used.
    ///
    /// # Errors
    /// `TransferError` says what stands in the way; the source is as it was.
    pub async fn begin(from: &DatabaseUrl, to: &DatabaseUrl) -> Result<Self, TransferError> {
        let (DatabaseUrl::Sqlite(path), DatabaseUrl::Postgres(servers)) = (from, to) else {
            return Err(TransferError::Direction { from: from.to_string(), to: to.to_string() });
        };
        let source = Source::take(path)?;
        let mut target = Target::enter(servers, &to.to_string()).await?;
        let found = source.mark()?;
        let is_copied = match &found {
            Some(mark) if mark.state == State::SourceClosed => {
                if !target.has_copy_of(mark).await? {
                    return Err(moved(from, mark).into());
                }
                true
            }
            Some(_) | None => {
                let mark = source.leave(found, to)?;
                target.claim(&mark, from).await?;
                false
            }
        };
        Ok(Self { tables: source.count()?, source, target, is_copied })
    }

    /// Whether an earlier try came as far as to mark the source.
    pub fn is_copied(&self) -> bool {
        self.is_copied
    }

    /// The tables of the source, and how many rows each has.
    pub fn tables(&self) -> &[(String, u64)] {
        &self.tables
    }

    /// Copies every row in one transaction, and compares the counts. `progress` hears now and then how many are sent.
    pub async fn copy(&mut self, progress: &mut dyn FnMut(u64)) -> Result<(), TransferError> {
        self.target.begin().await?;
        let mut sent = 0;
        for (table, rows) in &self.tables {
            let arrived =
                self.target.fill(&self.source, table, &mut |of_table| progress(sent + of_table)).await?;
            if arrived != *rows {
                return Err(TransferError::Uneven { table: table.clone(), sent: *rows, arrived });
            }
            sent += rows;
            progress(sent);
        }
        Ok(self.target.commit().await?)
    }

    /// Marks the source as moved: from here on nobody opens it any more.
    ///
    /// # Errors
    /// `TransferError`, and the source is as it was.
    pub fn close_source(&self) -> Result<(), TransferError> {
        Ok(self.source.close()?)
    }

    /// Lets everybody use the target. The log of each workspace has an entry of that.
    ///
    /// # Errors
    /// `TransferError`, and it is still closed.
    pub async fn open_target(mut self, entry: &AuditEntry, now: Timestamp) -> Result<(), TransferError> {
        Ok(self.target.let_go(&audit::entry_everywhere(entry, now)).await?)
    }

    /// The secret keys that a source uses, before anything is done with it.
    pub fn known_keys(from: &DatabaseUrl, to: &DatabaseUrl) -> Result<Vec<SecretKeyRecord>, TransferError> {
        let (DatabaseUrl::Sqlite(path), DatabaseUrl::Postgres(_)) = (from, to) else {
            return Err(TransferError::Direction { from: from.to_string(), to: to.to_string() });
        };
        Ok(Source::take(path)?.known_keys()?)
    }
}

impl Store {
    /// Whether this database may be used: one that was moved, or that a move has not ended for, may not.
    pub(super) async fn check_marker(&self, url: &DatabaseUrl) -> Result<(), OpenError> {
        let found = self.find::<Mark>(marker::find()).await;
        match found.map_err(|source| OpenError::Failed { database: url.to_string(), source })? {
            Some(mark) if mark.state == State::SourceClosed => Err(moved(url, &mark)),
            Some(mark) if mark.state != State::SourceStarted => {
                Err(OpenError::HalfMoved { database: url.to_string(), from: mark.place })
            }
            Some(_) | None => Ok(()),
        }
    }
}

fn moved(url: &DatabaseUrl, mark: &Mark) -> OpenError {
    OpenError::Moved { database: url.to_string(), to: mark.place.clone() }
}
