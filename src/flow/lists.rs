//! Leave to make a list: so many at a time, and no more.

use crate::app::App;
use crate::domain::workspace::Workspace;
use crate::store::{ListError, ListPermit};

/// Waits until a list of this workspace may be made.
pub async fn permit(app: &App, workspace: &Workspace) -> Result<ListPermit, ListError> {
    app.store.permit_list(workspace.id).await
}
