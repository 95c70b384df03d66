//! Figures of links: summed from what was counted with every act.

use std::time::Duration;

use crate::app::App;
use crate::domain::link_stats::{Figures, LinkStats, StatsQuery, lifetime_of};
use crate::domain::workspace::Workspace;
use crate::store::{ListError, ListPermit, StoreError};

/// For so long the figures wait for what was counted and noted last.
const WRITE_WAIT: Duration = Duration::from_secs(1);

/// The figures of a workspace in a time, with what this process has not written yet, if that can be written soon.
///
/// # Errors
/// `ListError` if they cannot be read in the time that a list has.
pub async fn link_stats(
    app: &App,
    (workspace, permit): (&Workspace, &ListPermit),
    query: StatsQuery,
) -> Result<LinkStats, ListError> {
    // It is written anyhow; what takes longer than that is in the figures a little later.
    let write = async { tokio::join!(app.store.write_reuses(), super::write_notes(app)) };
    if let Ok((Err(error), _) | (_, Err(error))) = tokio::time::timeout(WRITE_WAIT, write).await {
        tracing::warn!(%error, "figures are read without what was counted last");
    }
    let mut found = app.store.link_figures(permit, &query).await?.into_iter().peekable();
    let mut buckets = Vec::new();
    for at in query.buckets() {
        let figures = found.next_if(|(begun, _)| *begun == at).map(|(_, figures)| figures);
        buckets.push((at, figures.unwrap_or_default()));
    }
    let mut totals = Figures::default();
    for (_, figures) in &buckets {
        totals.add(figures);
    }
    let advice = totals.advice(lifetime_of(query.kind, workspace));
    Ok(LinkStats { query, totals, buckets, link_lifetime: workspace.link_lifetime, advice })
}

/// Merges what was counted in slots of hours that are over, and forgets batches that are old.
///
/// # Errors
/// `StoreError` if the store cannot be used; what is not merged is so the next time.
pub async fn merge(app: &App) -> Result<(), StoreError> {
    app.store.forget_batches(app.clock.now()).await?;
    for workspace in app.store.list_workspaces().await? {
        app.store.merge_stats(workspace.id, app.clock.now()).await?;
    }
    Ok(())
}
