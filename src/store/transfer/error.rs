//! Why a database is not moved.

use crate::store::{OpenError, StoreError};

/// Why a database is not moved.
#[derive(Debug, thiserror::Error)]
pub enum TransferError {
    /// One of the two cannot be opened.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// Not from an embedded database to a server.
    #[error(
        "a move goes from an embedded database to PostgreSQL, not from {from} to {to}: give --from sqlite://FILE and \
         --to postgres://USER@HOST/NAME"
    )]
    Direction {
        /// Where it was to be moved from.
        from: String,
        /// Where it was to be moved to.
        to: String,
    },
    /// Somebody has the source open.
    #[error(
        "the database {0} is in use: stop the server, and whatever else has the file open, and run this again"
    )]
    InUse(String),
    /// The target is, or was, somebody's.
    #[error(
        "the database at {0} has been used before, and nothing is copied over what it holds: give an empty one with --to"
    )]
    Used(String),
    /// The target waits for the end of another move.
    #[error(
        "the database at {target} holds the whole copy of another one, {from}, whose move has not ended: run `doorkey \
         migrate` from there again, or give an empty one with --to"
    )]
    Taken {
        /// Where it is.
        target: String,
        /// What was copied into it.
        from: String,
    },
    /// Another move to this target has begun meanwhile.
    #[error("another move to {0} has begun meanwhile: nothing was copied by this one")]
    Overtaken(String),
    /// Not everything arrived. The target holds nothing of it.
    #[error("{table} has {sent} rows, but {arrived} arrived: nothing was copied; run this again")]
    Uneven {
        /// The table.
        table: String,
        /// Its rows in the source.
        sent: u64,
        /// Its rows in the target.
        arrived: u64,
    },
    /// A database did not do what it was asked.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<rusqlite::Error> for TransferError {
    fn from(error: rusqlite::Error) -> Self {
        Self::Store(error.into())
    }
}

impl From<tokio_postgres::Error> for TransferError {
    fn from(error: tokio_postgres::Error) -> Self {
        Self::Store(error.into())
    }
}
