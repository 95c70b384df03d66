//! How much apps are used: told to their operator, and merged.

use std::collections::HashMap;

use crate::app::App;
use crate::domain::oidc::usage::AppUsage;
use crate::domain::workspace::WorkspaceId;
use crate::store::StoreError;

/// What some apps were used for, by their client ids. One that never was is left out.
pub async fn of_apps(
    app: &App,
    workspace: WorkspaceId,
    client_ids: &[&str],
) -> Result<HashMap<String, AppUsage>, StoreError> {
    app.store.find_app_usage((workspace, client_ids), app.clock.now()).await
}

/// Merges what was counted in slots of days that are over.
pub async fn merge(app: &App) -> Result<(), StoreError> {
    for workspace in app.store.list_workspaces().await? {
        app.store.merge_app_usage(workspace.id, app.clock.now()).await?;
    }
    Ok(())
}
