//! stub
use crate::app::App;
use crate::domain::oidc::app::OidcApp;
use crate::domain::workspace::WorkspaceId;
use crate::store::StoreError;
pub async fn find(app: &App, workspace: WorkspaceId, client_id: &str) -> Result<Option<OidcApp>, StoreError> {
    let found = app.store.find_app(workspace, client_id).await?;
    Ok(found.filter(|found| app.keys().is_genuine_app(found)))
}
pub async fn check_secret(_: &App, _: WorkspaceId, _: &OidcApp, _: &str) -> Result<bool, StoreError> {
    Ok(false)
}
pub async fn is_origin_of_public_app(_: &App, _: WorkspaceId, _: &str) -> Result<bool, StoreError> {
    Ok(false)
}
