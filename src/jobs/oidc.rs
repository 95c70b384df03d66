//! OpenID Connect: refusals are written, what rests on an old secret key is moved, sessions that are over are ended, and what is counted is merged.

use tokio::time::sleep;

use super::ticks::{SECOND, every};
use crate::app::App;
use crate::flow::oidc::{refusals, rekey, sign_outs, usage};

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

/// From one look for what is to be tended to the next.
const TEND_EVERY: u32 = 30;

/// Moves what rests on an old secret key to the active one, ends the sessions that are over and that apps know of, and merges what is
/// counted of apps.
///
/// One after the other, and not while a server starts: what looks at whole tables takes a thread of the blocking pool, and each thread
/// more keeps memory until it has been idle for ten seconds.
pub(super) async fn tend(app: &App) {
    sleep(5 * SECOND).await;
    let mut ticks = every(TEND_EVERY * SECOND);
    loop {
        ticks.tick().await;
        if let Err(error) = rekey::move_to_active_key(app).await {
            tracing::warn!(%error, "apps and signing keys could not be moved to the active secret key");
        }
        if let Err(error) = sign_outs::end_over(app).await {
            tracing::warn!(%error, "sessions that are over could not be ended");
        }
        if let Err(error) = usage::merge(app).await {
            tracing::warn!(%error, "the sign-ins of apps could not be merged");
        }
    }
}
