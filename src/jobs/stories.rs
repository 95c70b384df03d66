//! Stories: what requests note is written, openings are settled, figures are merged.

use super::ticks::{SECOND, every};
use crate::app::App;
use crate::flow::stories;
use crate::store::StoreError;

/// Writes what was noted.
pub(super) async fn write_notes(app: &App) {
    let mut ticks = every(SECOND);
    loop {
        ticks.tick().await;
        report(stories::write_notes(app).await, "what was noted of links could not be written");
    }
}

/// Settles openings. It has a turn of its own: a commit that takes long holds up none of the two.
pub(super) async fn settle(app: &App) {
    let mut ticks = every(SECOND);
    loop {
        ticks.tick().await;
        report(stories::settle::settle(app).await, "openings of links could not be settled");
    }
}

/// Merges figures, and forgets fetches of the style sheet.
pub(super) async fn tidy(app: &App) {
    let mut ticks = every(60 * SECOND);
    loop {
        ticks.tick().await;
        app.notes.forget_stylesheets(app.clock.now());
        report(stories::stats::merge(app).await, "the figures of links could not be merged");
    }
}

fn report(done: Result<(), StoreError>, what: &'static str) {
    if let Err(error) = done {
        tracing::warn!(%error, "{what}");
    }
}
