//! What other processes did to the whole installation stands in this server's log too: a deleted workspace has no log of its
//! own any more.

use std::collections::BTreeSet;

use uuid::Uuid;

use crate::app::App;
use crate::store::StoreError;

/// How far back entries are read, in seconds: the clocks of two machines differ, and a commit takes its time.
const REACH: i64 = 60;

/// Logs the entries that were not logged yet, and gives those that the next call may find again. The first call logs nothing.
pub async fn log_new(app: &App, logged: Option<&BTreeSet<Uuid>>) -> Result<BTreeSet<Uuid>, StoreError> {
    let since = app.clock.now().plus_seconds(-REACH);
    let entries = app.store.list_installation_entries(since).await?;
    for entry in entries.iter().filter(|entry| logged.is_some_and(|logged| !logged.contains(&entry.id))) {
        let (event, actor, request, data) =
            (&entry.event, &entry.actor, entry.request_id, entry.data.as_str());
        tracing::warn!(event, actor, %request, data, "the installation was changed");
    }
    Ok(entries.into_iter().map(|entry| entry.id).collect())
}
