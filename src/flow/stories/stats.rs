//! Figures of links: summed from what was counted with every act.

use crate::app::App;
use crate::domain::link_stats::{Figures, KindFigures, LinkStats, StatsKind, StatsQuery, lifetime_of};
use crate::domain::workspace::Workspace;
use crate::flow::lists;
use crate::store::{ListError, ListPermit, StoreError};

/// The figures of a workspace in a time, with what this process has not written yet, if that can be written soon.
///
/// # Errors
/// `ListError` if they cannot be read in the time that a list has.
pub async fn link_stats(
    app: &App,
    (workspace, permit): (&Workspace, &ListPermit),
    query: StatsQuery,
) -> Result<LinkStats, ListError> {
    Ok(summed(workspace, query, &look(app, permit, &query).await?))
}

/// The same of all links, and of those of the back office, by one look.
pub async fn link_stats_and_api(
    app: &App,
    (workspace, permit): (&Workspace, &ListPermit),
    query: StatsQuery,
) -> Result<[LinkStats; 2], ListError> {
    let [all, api] = [StatsKind::All, StatsKind::Api].map(|kind| StatsQuery { kind, ..query });
    let found = look(app, permit, &all).await?;
    Ok([all, api].map(|query| summed(workspace, query, &found)))
}

async fn look(app: &App, permit: &ListPermit, query: &StatsQuery) -> Result<Vec<KindFigures>, ListError> {
    lists::write_first(async {
        let (reuses, notes) = tokio::join!(app.store.write_reuses(), super::write_notes(app));
        reuses.and(notes)
    })
    .await;
    app.store.link_figures(permit, query).await
}

/// The buckets of a query, those without figures too, and their sum.
fn summed(workspace: &Workspace, query: StatsQuery, found: &[KindFigures]) -> LinkStats {
    let is_asked = |of: &KindFigures| query.kind == StatsKind::All || of.kind == query.kind;
    let mut found = found.iter().filter(|of| is_asked(of)).peekable();
    let (mut buckets, mut totals) = (Vec::new(), Figures::default());
    for at in query.buckets() {
        let mut figures = Figures::default();
        while let Some(of) = found.next_if(|of| of.at == at) {
            figures.add(&of.figures);
        }
        totals.add(&figures);
        buckets.push((at, figures));
    }
    let advice = totals.advice(lifetime_of(query.kind, workspace));
    LinkStats { query, totals, buckets, link_lifetime: workspace.link_lifetime, advice }
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
