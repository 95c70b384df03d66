//! Apps are told of sessions that have ended.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Notify, Semaphore};

use super::ticks::every;
use crate::app::App;
use crate::flow::oidc::sign_outs;

/// From one look to the next.
const LOOK_EVERY: Duration = Duration::from_millis(250);

/// Apps that one node tells at the same time.
const MAX_TELLING: usize = 16;

/// Tells apps what is due. A slow one holds up no other, unless there are many.
pub(super) async fn deliver(app: &App) {
    let mut ticks = every(LOOK_EVERY);
    let telling = Arc::new(Semaphore::new(MAX_TELLING));
    let has_room = Arc::new(Notify::new());
    loop {
        tokio::select! {
            _ = ticks.tick() => {}
            () = has_room.notified() => {}
        }
        let room = telling.available_permits();
        if room == 0 {
            continue;
        }
        let items = match sign_outs::take_due(app, room).await {
            Ok(items) => items,
            Err(error) => {
                tracing::warn!(%error, "the sign-outs that wait could not be looked at");
                continue;
            }
        };
        for item in items {
            let Ok(permit) = Arc::clone(&telling).try_acquire_owned() else { break };
            let (app, has_room) = (app.clone(), Arc::clone(&has_room));
            tokio::spawn(async move {
                if let Err(error) = sign_outs::deliver(&app, item).await {
                    tracing::warn!(%error, "it could not be written down whether an app heard of a sign-out");
                }
                drop(permit);
                has_room.notify_one();
            });
        }
    }
}
