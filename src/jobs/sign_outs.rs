//! Apps are told of sessions that have ended.

use std::time::Duration;

use futures_util::StreamExt;
use futures_util::future::BoxFuture;
use futures_util::stream::FuturesUnordered;

use super::ticks::every;
use crate::app::App;
use crate::flow::oidc::sign_outs;
use crate::flow::oidc::sign_outs::{AppKey, Telling};
use crate::outbound::http::MAX_CALLS;
use crate::store::DueSignOut;

/// From one look to the next.
const LOOK_EVERY: Duration = Duration::from_millis(250);

/// Tells apps what is due, as many at once as there are calls. Each has its share of them: a slow one holds up no other.
pub(super) async fn deliver(app: &App) {
    let mut ticks = every(LOOK_EVERY);
    let mut calls: FuturesUnordered<BoxFuture<'static, AppKey>> = FuturesUnordered::new();
    let mut telling = Telling::default();
    loop {
        // What has ended makes room at once, where more is waiting than one look takes.
        tokio::select! {
            _ = ticks.tick() => {}
            Some(told) = calls.next() => telling.end(&told),
        }
        let room = MAX_CALLS.saturating_sub(calls.len());
        if room == 0 {
            continue;
        }
        match sign_outs::take_due(app, room, &telling).await {
            Ok(due) => {
                for due in due {
                    telling.begin(due.app());
                    calls.push(begin(app, &due));
                }
            }
            Err(error) => tracing::warn!(%error, "the sign-outs that wait could not be looked at"),
        }
    }
}

/// Tells one app on a task of its own, which comes to its end also where nobody waits for it any more. The end of it says which app.
fn begin(app: &App, due: &DueSignOut) -> BoxFuture<'static, AppKey> {
    let (app, key, item) = (app.clone(), due.app(), due.item);
    let told = tokio::spawn(async move {
        if let Err(error) = sign_outs::deliver(&app, item).await {
            tracing::warn!(%error, "it could not be written down whether an app heard of a sign-out");
        }
    });
    Box::pin(async move {
        // However it ends, the app has room for another.
        let _ = told.await;
        key
    })
}
