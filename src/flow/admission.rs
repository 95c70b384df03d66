//! A back office shows its key.

use crate::app::App;
use crate::domain::api_key::{ApiKey, ApiKeySecret};
use crate::domain::workspace::Workspace;
use crate::store::StoreError;

/// Finds the key that a caller shows. `None` for any key that does not let in, without saying why.
///
/// A key whose checksum is wrong needs no look at the store: its time tells only what the caller can compute.
///
/// # Errors
/// `StoreError` if the store cannot be read.
pub async fn admit(
    app: &App,
    workspace: &Workspace,
    shown: Option<&str>,
) -> Result<Option<ApiKey>, StoreError> {
    let Some(secret) = shown.and_then(ApiKeySecret::parse) else {
        app.metrics.failed_keys.inc();
        return Ok(None);
    };
    let hashes = app.keys.api_key_hashes(&secret);
    let found = app.store.find_api_key(workspace.id, &hashes, app.clock.now()).await?;
    let admitted = found.filter(|key| app.keys.is_genuine_api_key(key));
    if admitted.is_none() {
        app.metrics.failed_keys.inc();
    }
    Ok(admitted)
}
