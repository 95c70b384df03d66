//! Openings are settled: whether a person or a machine was there, by all that is seen some seconds later. It is a guess.

use std::collections::BTreeMap;

use crate::app::App;
use crate::domain::login_link::LinkLookupKey;
use crate::domain::opening::{
    NETWORKS_WINDOW, SETTLED_AFTER, STYLESHEET_WINDOW, Sign, Signs, is_from_many_networks, is_soon_after_mail,
};
use crate::domain::workspace::WorkspaceId;
use crate::store::{OpeningFacts, SettledLink, StoreError, Unsettled};

/// Links that are settled in one commit at most.
const BATCH: usize = 250;

/// Writes down which of those who opened links have fetched the style sheet from this node, once the time for that is over, and settles
/// what is due. Any number of nodes may do so at once.
///
/// # Errors
/// `StoreError` if the store cannot be used; what is not settled is so the next time.
pub async fn settle(app: &App) -> Result<(), StoreError> {
    let until = app.clock.now().plus_seconds(SETTLED_AFTER - STYLESHEET_WINDOW);
    for (workspace, openings) in app.store.list_unsettled(until).await? {
        let openings = note_stylesheets(app, workspace, openings).await?;
        let now = app.clock.now();
        let mut links = BTreeMap::<_, Vec<Unsettled>>::new();
        for opening in openings.into_iter().filter(|opening| opening.settle_at <= now) {
            links.entry(opening.hash).or_default().push(opening);
        }
        let links: Vec<_> = links.into_iter().collect();
        for batch in links.chunks(BATCH) {
            let hashes: Vec<_> = batch.iter().map(|(hash, _)| *hash).collect();
            let first = batch.iter().flat_map(|(_, openings)| openings).map(|opening| opening.time).min();
            let since = first.unwrap_or(now).plus_seconds(-NETWORKS_WINDOW);
            let facts = app.store.find_opening_facts(workspace, &hashes, since).await?;
            let settled: Vec<_> = batch.iter().map(|of_link| settled_link(of_link, &facts)).collect();
            app.store.settle_openings(workspace, &settled, now).await?;
        }
    }
    Ok(())
}

/// The openings, with the style sheets that were fetched from this node written down.
async fn note_stylesheets(
    app: &App,
    workspace: WorkspaceId,
    openings: Vec<Unsettled>,
) -> Result<Vec<Unsettled>, StoreError> {
    let (mut fetched, mut openings): (Vec<_>, Vec<_>) = openings.into_iter().partition(|opening| {
        let has_sign = opening.signs.has(Sign::NoStylesheet);
        has_sign && app.notes.has_stylesheet(workspace, &opening.client, opening.time)
    });
    for batch in fetched.chunks(BATCH) {
        app.store.note_stylesheets(workspace, batch, app.clock.now()).await?;
    }
    for opening in &mut fetched {
        opening.signs = opening.signs.with(Sign::NoStylesheet, false);
    }
    openings.append(&mut fetched);
    Ok(openings)
}

/// What the due openings of one link were.
fn settled_link((hash, openings): &(LinkLookupKey, Vec<Unsettled>), facts: &OpeningFacts) -> SettledLink {
    let opened = facts.opened.get(hash).map_or(&[][..], Vec::as_slice);
    let opened: Vec<_> = opened.iter().map(|(time, network)| (*time, network.as_str())).collect();
    let sent = facts.sent.get(hash).map_or(&[][..], Vec::as_slice);
    let signs_of = |opening: &Unsettled| -> Signs {
        let signs = opening.signs.with(Sign::ManyNetworks, is_from_many_networks(opening.time, &opened));
        signs.with(Sign::SoonAfterMail, is_soon_after_mail(opening.time, sent))
    };
    let seen = openings.iter().map(|opening| (opening.id, signs_of(opening))).collect();
    SettledLink { link: *hash, openings: seen }
}
