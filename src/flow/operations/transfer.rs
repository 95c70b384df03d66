//! Moving up: from an embedded database to PostgreSQL, with the server stopped.

use std::path::Path;

use super::startup::{StartError, agree};
use crate::clock::Clock;
use crate::domain::audit::{AuditContext, AuditEvent};
use crate::keys;
use crate::store::{DatabaseUrl, Transfer, TransferError};

/// Why nothing was moved.
#[derive(Debug, thiserror::Error)]
pub enum MovingError {
    /// The key file does not belong to the source.
    #[error(transparent)]
    Start(#[from] StartError),
    /// One of the databases stands in the way.
    #[error(transparent)]
    Transfer(#[from] TransferError),
}

/// A table and its number of rows, the same in source and target.
pub type Moved = (String, u64);

/// How far a move has come: rows that are sent, and all rows.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Progress {
    /// Rows that are sent.
    pub sent: u64,
    /// All rows.
    pub all: u64,
}

/// Moves everything, and closes the source for good.
///
/// Broken off at any point, it can be begun again, and at no point can both databases be used. Links, sessions and API keys
/// go on with the same key file, so one that does not belong to the source is refused before anything is done.
pub async fn run(
    (from, to): (&DatabaseUrl, &DatabaseUrl),
    key_file: &Path,
    act: &AuditContext,
    clock: &Clock,
    progress: &mut dyn FnMut(Progress),
) -> Result<Vec<Moved>, MovingError> {
    let known = Transfer::known_keys(from, to)?;
    agree(&known, &keys::load(key_file).map_err(StartError::from)?, key_file)?;
    let mut moving = Transfer::begin(from, to).await?;
    let tables = moving.tables().to_vec();
    let all = tables.iter().map(|(_, rows)| rows).sum();
    progress(Progress { sent: 0, all });
    if !moving.is_copied() {
        moving.copy(&mut |sent| progress(Progress { sent, all })).await?;
        moving.close_source()?;
    }
    let entry = act.entry(AuditEvent::DatabaseMoved).with("rows", all);
    moving.open_target(&entry, clock.now()).await?;
    Ok(tables)
}
