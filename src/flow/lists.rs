//! Leave to make a list: so many at a time, and no more.

use std::time::Duration;

use crate::app::App;
use crate::domain::workspace::Workspace;
use crate::store::{ListError, ListPermit, StoreError};

/// For so long a list waits for what was counted and noted last.
const WRITE_WAIT: Duration = Duration::from_secs(1);

/// Waits until a list of this workspace may be made.
pub async fn permit(app: &App, workspace: &Workspace) -> Result<ListPermit, ListError> {
    app.store.permit_list(workspace.id).await
}

/// Writes what was counted or noted of what is about to be read, if that can be done soon. It is written anyhow; what takes longer is in the
/// list a little later.
pub(super) async fn write_first(write: impl Future<Output = Result<(), StoreError>>) {
    if let Ok(Err(error)) = tokio::time::timeout(WRITE_WAIT, write).await {
        tracing::warn!(%error, "a list is read without what was counted last");
    }
}
