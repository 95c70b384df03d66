//! What runs by itself while a server serves: one entry for each.

mod mail;
pub mod memory;
mod oidc;
mod sign_outs;
mod stories;
mod ticks;

use std::time::Duration;

use tokio::signal::unix::Signal;

use self::ticks::{SECOND, every};
use crate::app::App;
use crate::flow::operations::maintenance::Retention;
use crate::flow::operations::{maintenance, nodes, notices};
use crate::store::{StoreError, Swept};

/// Checks of this node's health from one report to the next.
const HEARTBEAT_EVERY: u64 = 5;

/// Seconds from one write of what was counted of links and seen of sessions to the next, unless there is much before.
const COUNTERS_EVERY: u64 = 5;

/// Runs every job until it is dropped.
pub async fn run(app: App, kept: Retention) {
    tokio::join!(
        check_health(&app),
        flush_counters(&app),
        sweep(&app, kept),
        log_installation_changes(&app),
        refresh_snapshot(&app),
        mail::answer_asks(&app),
        mail::deliver(&app),
        count_outbox(&app),
        sign_outs::deliver(&app),
        stories::write_notes(&app),
        stories::settle(&app),
        stories::tidy(&app),
        oidc::write_refusals(&app),
        oidc::tend(&app)
    );
}

/// Checks the health of this node, with the key file as it is then, at each hangup signal.
pub async fn check_health_at_hangups(app: App, mut hangups: Signal) {
    while hangups.recv().await.is_some() {
        report(nodes::check_health(&app).await.map(drop));
    }
}

/// Checks clock and keys, and reports now and then that this node is alive. An unhealthy node does not report.
async fn check_health(app: &App) {
    let mut ticks = every(SECOND);
    for number in 0_u64.. {
        ticks.tick().await;
        report(match nodes::check_health(app).await {
            Ok(Ok(())) if number.is_multiple_of(HEARTBEAT_EVERY) => nodes::heartbeat(app).await,
            Ok(_) => Ok(()),
            Err(error) => Err(error),
        });
    }
}

fn report(checked: Result<(), StoreError>) {
    if let Err(error) = checked {
        tracing::warn!(%error, "this node could not look at the store, or report in");
    }
}

async fn flush_counters(app: &App) {
    let mut ticks = every(SECOND);
    for number in 0_u64.. {
        ticks.tick().await;
        let is_time = number.is_multiple_of(COUNTERS_EVERY) || maintenance::has_many_counters(app);
        if is_time && let Err(error) = maintenance::flush_counters(app).await {
            tracing::warn!(%error, "the counters of reused links could not be written down");
        }
    }
}

async fn count_outbox(app: &App) {
    let mut ticks = every(10 * SECOND);
    loop {
        ticks.tick().await;
        if let Err(error) = maintenance::count_outbox(app).await {
            tracing::warn!(%error, "what waits in the outbox could not be counted");
        }
    }
}

async fn sweep(app: &App, kept: Retention) {
    let mut ticks = every(60 * SECOND);
    loop {
        ticks.tick().await;
        match maintenance::sweep_if_due(app, kept).await {
            Ok(swept) if swept != Swept::default() => tracing::info!(
                login_links = swept.login_links,
                sessions = swept.sessions,
                audit_entries = swept.audit_entries,
                mails = swept.mails,
                stories = swept.stories,
                "the sweep deleted what is over"
            ),
            Ok(_) => {}
            Err(error) => tracing::warn!(%error, "the sweep failed"),
        }
    }
}

async fn log_installation_changes(app: &App) {
    let mut ticks = every(SECOND);
    let mut logged = None;
    loop {
        ticks.tick().await;
        // A read that fails is made up for by the next.
        if let Ok(found) = notices::log_new(app, logged.as_ref()).await {
            logged = Some(found);
        }
    }
}

async fn refresh_snapshot(app: &App) {
    let mut ticks = every(Duration::from_millis(100));
    loop {
        ticks.tick().await;
        // What fails here fails for requests too, and is reported there.
        let _ = maintenance::refresh_snapshot(app).await;
    }
}
