//! OpenID Connect: refusals are written, and what rests on an old secret key is moved.

use super::ticks::{SECOND, every};
use crate::app::App;
use crate::flow::oidc::{refusals, rekey};

/// Writes the refusals that were noted.
pub(super) async fn write_refusals(app: &App) {
    let mut ticks = every(SECOND);
    loop {
        ticks.tick().await;
        if let Err(error) = refusals::write(app).await {
            tracing::warn!(%error, "refused requests of apps could not be written");
        }
    }
}

/// Moves apps and signing keys to the active secret key.
pub(super) async fn move_to_active_key(app: &App) {
    let mut ticks = every(10 * SECOND);
    loop {
        ticks.tick().await;
        if let Err(error) = rekey::move_to_active_key(app).await {
            tracing::warn!(%error, "apps and signing keys could not be moved to the active secret key");
        }
    }
}
