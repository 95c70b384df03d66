//! Refused requests that named an app: noted for its operator, and never waited for.

use uuid::Uuid;

use crate::app::App;
use crate::domain::oidc::app::OidcApp;
use crate::domain::oidc::refusal::{AppRefusal, MAX_MESSAGE};
use crate::domain::timestamp::Timestamp;
use crate::domain::workspace::WorkspaceId;
use crate::store::{RefusalsOfApps, StoreError};

/// Notes a refusal: the word that the app is answered, and for its operator what is wrong.
pub fn note(app: &App, client: &OidcApp, (error, message): (&str, String), request: Uuid) {
    let mut message = message;
    let end = (0..=MAX_MESSAGE).rev().find(|end| message.is_char_boundary(*end)).unwrap_or(0);
    message.truncate(end);
    let time = app.clock.now();
    let refusal = AppRefusal { id: Uuid::now_v7(), time, error: error.to_owned(), message, request };
    app.refusals.add(client.workspace, &client.client_id, refusal);
}

/// Writes what was noted. What could not be written is tried once more before anything else.
pub async fn write(app: &App) -> Result<(), StoreError> {
    let mut unwritten = app.refusals.unwritten.lock().await;
    if unwritten.is_empty() {
        *unwritten = app.refusals.take();
    }
    if unwritten.is_empty() {
        return Ok(());
    }
    app.store.add_app_refusals(&unwritten).await?;
    unwritten.clear();
    Ok(())
}

/// The last refusals of an app, newest first.
pub async fn list(app: &App, workspace: WorkspaceId, client_id: &str) -> Result<Vec<AppRefusal>, StoreError> {
    app.store.list_app_refusals(workspace, client_id).await
}

/// The refusals of some apps since a moment.
pub async fn list_of_apps(
    app: &App,
    workspace: WorkspaceId,
    client_ids: &[&str],
    since: Timestamp,
) -> Result<RefusalsOfApps, StoreError> {
    app.store.list_refusals_of_apps((workspace, client_ids), since).await
}
