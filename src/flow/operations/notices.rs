//! What other processes did to the whole installation stands in this server's log too: a deleted workspace has no log of its
//! own any more.

use std::collections::BTreeSet;
use std::time::Duration;

use tokio::time::MissedTickBehavior;
use uuid::Uuid;

use crate::app::App;
use crate::store::StoreError;

/// How far back is looked, in seconds: the clocks of two machines differ, and a commit takes its time.
const REACH: i64 = 60;

/// Looks each second, and logs what is new since the start. A look that fails is made up for by the next.
pub async fn keep(app: &App) {
    let mut ticks = tokio::time::interval(Duration::from_secs(1));
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut told = None;
    loop {
        ticks.tick().await;
        if let Ok(seen) = tell(app, told.as_ref()).await {
            told = Some(seen);
        }
    }
}

/// Logs the entries that were not told yet, and gives those that a next look may find again. The first look tells nothing.
async fn tell(app: &App, told: Option<&BTreeSet<Uuid>>) -> Result<BTreeSet<Uuid>, StoreError> {
    let since = app.clock.now().plus_seconds(-REACH);
    let entries = app.store.list_installation_entries(since).await?;
    for entry in entries.iter().filter(|entry| told.is_some_and(|told| !told.contains(&entry.id))) {
        let (event, actor, request, data) =
            (&entry.event, &entry.actor, entry.request_id, entry.data.as_str());
        tracing::warn!(event, actor, %request, data, "the installation was changed");
    }
    Ok(entries.into_iter().map(|entry| entry.id).collect())
}
