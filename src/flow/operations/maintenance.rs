//! Maintenance of the store: counters are flushed, what is dead is swept.

use super::nodes;
use crate::app::App;
use crate::domain::ask;
use crate::domain::audit::INSTALLATION;
use crate::domain::idempotency::RepeatableRequest;
use crate::domain::mail;
use crate::domain::node::NodeUnhealthy;
use crate::domain::oidc::signing_key::{KEPT_AFTER, PUBLISHED_AFTER};
use crate::domain::oidc::usage;
use crate::domain::timestamp::Timestamp;
use crate::domain::workspace::MAX_LINK_LIFETIME;
use crate::flow::oidc::refusals;
use crate::flow::stories;
use crate::store::{OutboxKind, StoreError, SweepLimits, Swept};

/// How long a dead link or session is kept before the sweep takes it, in seconds: so long a clock may be wrong.
const SWEEP_GRACE: i64 = 86_400;

/// How long an ask is kept after its end, in seconds: the asks of a network are counted for so long. What a stranger typed is gone
/// within an hour.
const ASK_GRACE: i64 = ask::SOURCE_WINDOW;

/// How long counters of days are kept, in seconds.
const COUNTERS_KEPT: i64 = 2 * 86_400;

/// How long figures are kept, in seconds: a year, and some days more to compare with.
const STATS_KEPT: i64 = 400 * 86_400;

/// How long things are kept, in seconds.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Retention {
    /// Audit entries.
    pub audit_log: i64,
    /// Dead links: for so long a person gets a fresh one by them.
    pub dead_links: i64,
}

/// Sweeps, unless it must not be done now: where this node is not what it must be, or its clock has not been calm for ten
/// minutes. By the database's clock, where it has one.
pub async fn sweep_if_due(app: &App, kept: Retention) -> Result<Swept, StoreError> {
    match nodes::time_to_sweep(app).await? {
        Some(now) => sweep(app, now, kept).await,
        None => Ok(Swept::default()),
    }
}

/// Deletes what has been dead for long enough by `now`, and audit entries and mails past their retention, and forgets requests that
/// are known no longer.
///
/// # Errors
/// `StoreError` if the store cannot be used; what was deleted before stays deleted.
pub async fn sweep(app: &App, now: Timestamp, kept: Retention) -> Result<Swept, StoreError> {
    let mut all = Swept::default();
    for workspace in app.store.list_workspaces().await? {
        let dead_since = now.plus_seconds(-SWEEP_GRACE);
        let limits = SweepLimits {
            links: now.plus_seconds(-kept.dead_links.max(SWEEP_GRACE)),
            sessions: dead_since,
            idle_sessions: dead_since.plus_seconds(-workspace.session_idle),
            audit_entries: now.plus_seconds(-kept.audit_log),
            mails: now.plus_seconds(-mail::RETENTION),
            asks: now.plus_seconds(-ASK_GRACE),
            counters: now.plus_seconds(-COUNTERS_KEPT),
            // Neither a code nor its access token lives for so long as a clock may be wrong.
            app_codes: dead_since,
        };
        let swept = app.store.sweep(workspace.id, &limits).await?;
        app.store.sweep_link_kills(workspace.id, limits.links.plus_seconds(-MAX_LINK_LIFETIME)).await?;
        app.store.sweep_stats(workspace.id, now.plus_seconds(-STATS_KEPT)).await?;
        app.store.sweep_app_usage(workspace.id, now.plus_seconds(-usage::KEPT)).await?;
        let (signed, never_signed) = (now.plus_seconds(-KEPT_AFTER), now.plus_seconds(-PUBLISHED_AFTER));
        app.store.sweep_signing_keys(workspace.id, (signed, never_signed)).await?;
        all.stories +=
            app.store.sweep_stories(workspace.id, now.plus_seconds(-workspace.stories.retention)).await?;
        app.store.forget_mail_redirects(workspace.id, now).await?;
        app.store.forget_requests(workspace.id, RepeatableRequest::forgotten_until(now)).await?;
        all.login_links += swept.login_links;
        all.sessions += swept.sessions;
        all.audit_entries += swept.audit_entries;
        all.mails += swept.mails;
    }
    app.store.sweep_admins(now.plus_seconds(-SWEEP_GRACE)).await?;
    all.audit_entries += app.store.sweep_audit_log(INSTALLATION, now.plus_seconds(-kept.audit_log)).await?;
    Ok(all)
}

/// Makes durable what is only counted or noted so far.
pub async fn flush_counters(app: &App) -> Result<(), StoreError> {
    let (written, seen, noted, refused) = tokio::join!(
        app.store.write_reuses(),
        app.store.write_touches(),
        stories::write_notes(app),
        refusals::write(app)
    );
    written.and(seen).and(noted).and(refused)
}

/// Counts what waits in the outbox, for the metrics.
pub async fn count_outbox(app: &App) -> Result<(), StoreError> {
    for kind in OutboxKind::ALL {
        let count = app.store.count_waiting(kind).await?;
        app.metrics.set_waiting(kind.name(), count);
    }
    Ok(())
}

/// Whether the counters should be flushed before there is no room for more.
pub fn has_many_counters(app: &App) -> bool {
    app.store.has_many_reuses() || app.store.has_many_touches()
}

/// Once a process has reported in, and before it serves: a copy of an embedded database's file says from here on that it is
/// one of a file in use.
pub async fn checkpoint(app: &App) {
    app.store.checkpoint().await;
}

/// Before a process ends: nothing that was counted or noted is lost, and the node is off the list.
pub async fn leave(app: &App) -> Result<(), StoreError> {
    let (written, left) = tokio::join!(flush_counters(app), nodes::deregister(app));
    // Whoever copies the file of a server that was stopped, and forgets the WAL, has everything.
    app.store.checkpoint().await;
    written.and(left)
}

/// Goes to the newest commit.
pub async fn refresh_snapshot(app: &App) -> Result<(), StoreError> {
    app.store.refresh_snapshot().await
}

/// Why a process must not be sent requests.
#[derive(Debug, thiserror::Error)]
pub enum NotReady {
    /// The store cannot be used.
    #[error("the store cannot be used")]
    Store(#[from] StoreError),
    /// It must not issue or redeem anything.
    #[error(transparent)]
    NodeUnhealthy(#[from] NodeUnhealthy),
}

/// Asks whether requests can be served now: by looking at keys and clock, and by reporting in, which is a commit.
pub async fn ready(app: &App) -> Result<(), NotReady> {
    nodes::check_health(app).await??;
    Ok(nodes::heartbeat(app).await?)
}
