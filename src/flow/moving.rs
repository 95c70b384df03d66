//! Moving up: from an embedded database to PostgreSQL, with the server stopped.

use crate::store::{DatabaseUrl, Move, MoveError};

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
/// Broken off at any point, it can be begun again, and at no point can both databases be used. Whether links, sessions
/// and API keys work afterwards is up to the key file alone: they rest on the same keys.
///
/// # Errors
/// `MoveError` says why it was not moved and what to do.
pub async fn run(
    from: &DatabaseUrl,
    to: &DatabaseUrl,
    told: &mut dyn FnMut(Progress),
) -> Result<Vec<Moved>, MoveError> {
    let mut moving = Move::begin(from, to).await?;
    let tables = moving.tables().to_vec();
    let all = tables.iter().map(|(_, rows)| rows).sum();
    told(Progress { sent: 0, all });
    if !moving.is_copied() {
        moving.copy(&mut |sent| told(Progress { sent, all })).await?;
        moving.close_source()?;
    }
    moving.open_target().await?;
    Ok(tables)
}
