//! The audit log is read.

use uuid::Uuid;

use crate::app::App;
use crate::domain::list_query::{ListQuery, Page};
use crate::domain::workspace::Workspace;
use crate::store::{AuditFilter, AuditPiece, AuditPosition, ListError, ListPermit, ListedEntry, StoreError};

/// Entries that are read at a time where they are passed over.
const MAX_PIECE: i64 = 1_000;

/// The audit log of a workspace, newest first.
pub async fn list(
    app: &App,
    permit: &ListPermit,
    options: &ListQuery,
) -> Result<Page<ListedEntry>, ListError> {
    app.store.list_audit_entries(permit, options, app.clock.now()).await
}

/// The next entries of a workspace, in one direction.
pub async fn read(
    app: &App,
    workspace: &Workspace,
    filter: &AuditFilter,
    from: AuditPosition,
    limit: i64,
) -> Result<Vec<ListedEntry>, StoreError> {
    app.store.read_audit_entries(workspace.id, filter, from, limit).await
}

/// The entry behind which a search goes on after so many entries that a filter lets through, newest first; `None` where there are no more.
pub async fn behind(
    app: &App,
    permit: &ListPermit,
    filter: &AuditFilter,
    count: i64,
) -> Result<Option<Uuid>, ListError> {
    let (mut before, mut left) = (None, count);
    while left > 0 {
        let piece = next(app, permit, filter, (before, left.min(MAX_PIECE))).await?;
        left -= i64::try_from(piece.rows.len()).unwrap_or(left);
        before = piece.next;
        if before.is_none() {
            break;
        }
    }
    Ok(before)
}

/// The next entries that a filter lets through, newest first: those older than one, or the newest.
pub async fn next(
    app: &App,
    permit: &ListPermit,
    filter: &AuditFilter,
    from: (Option<Uuid>, i64),
) -> Result<AuditPiece, ListError> {
    app.store.next_audit_entries(permit, filter, from).await
}
