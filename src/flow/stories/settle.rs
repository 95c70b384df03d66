//! Openings are settled: whether a person or a machine was there, by all that is seen some seconds later. It is a guess.

use std::collections::BTreeMap;

use crate::app::App;
use crate::domain::opening::{STYLESHEET_WINDOW, Sign, Signs, is_from_many_networks, is_soon_after_mail};
use crate::domain::timestamp::Timestamp;
use crate::domain::workspace::WorkspaceId;
use crate::store::{SettledLink, StoreError, Unsettled};

/// Links that are settled in one commit at most.
const BATCH: usize = 100;

/// Writes down which of those who opened links have fetched the style sheet from this node, and settles what is due. Any number of nodes
/// may do so at once.
///
/// # Errors
/// `StoreError` if the store cannot be used; what is not settled is so the next time.
pub async fn settle(app: &App) -> Result<(), StoreError> {
    for (workspace, mut openings) in app.store.list_unsettled().await? {
        note_stylesheets(app, workspace, &mut openings).await?;
        let now = app.clock.now();
        let mut links = BTreeMap::<_, Vec<Unsettled>>::new();
        for opening in openings.into_iter().filter(|opening| opening.settle_at <= now) {
            links.entry(opening.hash).or_default().push(opening);
        }
        let links: Vec<_> = links.into_values().collect();
        for batch in links.chunks(BATCH) {
            let mut settled = Vec::with_capacity(batch.len());
            for openings in batch {
                settled.extend(settled_link(app, workspace, openings).await?);
            }
            app.store.settle_openings(workspace, &settled, now).await?;
        }
    }
    Ok(())
}

async fn note_stylesheets(
    app: &App,
    workspace: WorkspaceId,
    openings: &mut [Unsettled],
) -> Result<(), StoreError> {
    let has_fetched = |opening: &Unsettled| {
        let until = opening.time.plus_seconds(STYLESHEET_WINDOW);
        opening.signs.has(Sign::NoStylesheet)
            && app.notes.has_stylesheet(workspace, &opening.client, (opening.time, until))
    };
    let fetched: Vec<&Unsettled> = openings.iter().filter(|opening| has_fetched(opening)).collect();
    for batch in fetched.chunks(BATCH) {
        app.store.note_stylesheets(workspace, batch, app.clock.now()).await?;
    }
    for opening in openings.iter_mut().filter(|opening| has_fetched(opening)) {
        opening.signs = opening.signs.with(Sign::NoStylesheet, false);
    }
    Ok(())
}

/// What the due openings of one link were.
async fn settled_link(
    app: &App,
    workspace: WorkspaceId,
    openings: &[Unsettled],
) -> Result<Option<SettledLink>, StoreError> {
    let Some(first) = openings.first() else { return Ok(None) };
    let (all, sent) = app.store.find_opening_facts(workspace, first).await?;
    let all: Vec<(Timestamp, &str)> = all.iter().map(|(time, network)| (*time, network.as_str())).collect();
    let signs_of = |opening: &Unsettled| -> Signs {
        let signs = opening.signs.with(Sign::ManyNetworks, is_from_many_networks(opening.time, &all));
        signs.with(Sign::SoonAfterMail, is_soon_after_mail(opening.time, &sent))
    };
    let seen = openings.iter().map(|opening| (opening.id, signs_of(opening))).collect();
    Ok(Some(SettledLink { link: first.link(), openings: seen }))
}
