//! The audit log is read.

use crate::app::App;
use crate::domain::list_query::{ListQuery, Page};
use crate::store::{ListError, ListPermit, ListedEntry};

/// The audit log of a workspace, newest first.
pub async fn list(
    app: &App,
    permit: &ListPermit,
    options: &ListQuery,
) -> Result<Page<ListedEntry>, ListError> {
    app.store.list_audit_entries(permit, options).await
}
