//! What can be moved to the active secret key without anybody's help: apps and signing keys, and whatever is encrypted.

use crate::app::App;
use crate::domain::workspace::WorkspaceId;
use crate::store::StoreError;

/// Seals and encrypts anew what rests on another secret key than the active one. Rows that were edited stay as they are.
pub async fn move_to_active_key(app: &App) -> Result<(), StoreError> {
    move_signing_keys(app).await?;
    move_apps(app).await
}

async fn move_signing_keys(app: &App) -> Result<(), StoreError> {
    let mut last = (WorkspaceId(0), String::new());
    loop {
        let active = app.keys().active_id();
        let keys = app.store.list_signing_keys_to_move(active, (last.0, &last.1)).await?;
        let Some(end) = keys.last() else { return Ok(()) };
        last = (end.workspace, end.kid.clone());
        for key in keys {
            let moved = app.keys().move_signing_key(&key);
            // Whoever changed it since has moved it too.
            if let Ok(moved) = moved {
                let _ = app.store.move_signing_key(&moved, key.seal).await?;
            }
        }
    }
}

async fn move_apps(app: &App) -> Result<(), StoreError> {
    let mut last = (WorkspaceId(0), String::new());
    loop {
        let active = app.keys().active_id();
        let apps = app.store.list_apps_to_move(active, (last.0, &last.1)).await?;
        let Some(end) = apps.last() else { return Ok(()) };
        last = (end.workspace, end.client_id.clone());
        for found in apps {
            if app.keys().is_genuine_app(&found) {
                let moved = app.keys().seal_app(found.clone());
                let _ = app.store.move_app(&moved, found.seal).await?;
            }
        }
    }
}
