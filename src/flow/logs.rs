//! The audit log is read.

use crate::app::App;
use crate::domain::page::{Page, PageWish};
use crate::domain::workspace::Workspace;
use crate::store::{ListedEntry, StoreError};

/// The audit log of a workspace, newest first.
///
/// # Errors
/// `StoreError` if the store cannot be read.
pub async fn list(
    app: &App,
    workspace: &Workspace,
    wish: &PageWish,
) -> Result<Page<ListedEntry>, StoreError> {
    app.store.list_audit_entries(workspace.id, wish).await
}
