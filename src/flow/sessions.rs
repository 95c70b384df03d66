//! Who is signed in, and signing out.

use std::sync::Arc;

use uuid::Uuid;

use super::lists;
use super::operations::nodes;
use super::operations::nodes::EndError;
use crate::app::App;
use crate::domain::audit::{Actor, AuditContext, AuditEvent};
use crate::domain::list_query::{ListQuery, Page};
use crate::domain::session::{Session, SessionCookie, SessionWithUser};
use crate::domain::timestamp::Timestamp;
use crate::domain::user::UserId;
use crate::domain::workspace::Workspace;
use crate::store::{ListError, ListPermit, ListedSession, Outcome, StoreError};

/// A session that ends within so many seconds ends soon: long before, what was noted is written.
const ENDS_SOON: i64 = 600;

/// A session cookie, and the session of its number if one look has found it already.
#[derive(Clone, Debug)]
pub struct PresentedCookie {
    /// The cookie.
    pub cookie: SessionCookie,
    /// What was found.
    pub found: Option<Arc<SessionWithUser>>,
}

/// The session that a cookie proves, with its person. `None` for anything but a live one.
///
/// A session whose time is over, or whose person may not stay, is ended in the store before this says so: a clock
/// set back revives nothing.
///
/// # Errors
/// `EndError` if the store cannot be used, or if this node must not judge: whoever asks must let nobody in.
pub async fn current(
    app: &App,
    workspace: &Workspace,
    act: &AuditContext,
    shown: Option<&PresentedCookie>,
) -> Result<Option<Arc<SessionWithUser>>, EndError> {
    let Some(signed_in) = verify(app, workspace, shown).await? else { return Ok(None) };
    let now = app.clock.now();
    if signed_in.session.is_live(&signed_in.standing, workspace, now) {
        // By a wrong clock it would last longer.
        if signed_in.session.is_to_be_touched(workspace, now) && nodes::is_fit(app).is_ok() {
            touch(app, workspace, &signed_in.session, now);
        }
        return Ok(Some(signed_in));
    }
    end_expired(app, workspace, act, &signed_in).await?;
    Ok(None)
}

/// Ends a session that may not go on. By a wrong clock none is over; one whose person may not stay is, and whoever may end it
/// will.
pub(super) async fn end_expired(
    app: &App,
    workspace: &Workspace,
    act: &AuditContext,
    signed_in: &SessionWithUser,
) -> Result<(), EndError> {
    let (session, read_point) = (&signed_in.session, app.store.read_point());
    let may_stay = signed_in.standing.may_stay(session.epoch);
    match nodes::check_health(app).await? {
        Ok(()) => {}
        Err(_) if !may_stay => return Ok(()),
        Err(unfit) => return Err(unfit.into()),
    }
    let reason = if may_stay { "expired" } else { "user" };
    let entry =
        act.entry(AuditEvent::SessionEnded).about(session.user).with("session", session.id.to_string());
    let ended = app
        .store
        .end_session(workspace.id, session.id, &entry.with("reason", reason), app.clock.now())
        .await?;
    match ended {
        Outcome::Applied => Ok(()),
        // Somebody else has ended it first: it is ended all the same.
        Outcome::Conflict => Ok(app.store.ensure_durable(read_point, None).await?),
    }
}

/// The session whose number and secret a cookie holds, live or not. `None` if there is none for sure.
pub(super) async fn verify(
    app: &App,
    workspace: &Workspace,
    shown: Option<&PresentedCookie>,
) -> Result<Option<Arc<SessionWithUser>>, EndError> {
    let Some(PresentedCookie { cookie, found }) = shown else { return Ok(None) };
    let found = match found {
        Some(found) => Some(Arc::clone(found)),
        None => app.store.find_session(workspace.id, cookie.id).await?.map(Arc::new),
    };
    let Some(found) = found else { return Ok(None) };
    if !app.keys().knows(found.session.key) {
        // Most often that key was retired, and nothing that uses it counts any more; but it may be one that this node
        // lacks, and has yet to hear of.
        nodes::check_health(app).await??;
    }
    Ok(Some(found).filter(|signed_in| app.keys().verify_session(&signed_in.session, cookie)))
}

/// Writes down that a session was seen, and keeps nobody waiting for it: some seconds later with those of others, or at once where it ends
/// soon by what is written.
fn touch(app: &App, workspace: &Workspace, session: &Session, now: Timestamp) {
    let ends_soon = session.ends_at(workspace) <= now.plus_seconds(ENDS_SOON);
    if !ends_soon && app.store.has_touch(session) {
        return;
    }
    let seen = app.keys().seal_session(Session { last_seen_at: now, ..session.clone() });
    if !ends_soon && app.store.note_touch(&seen) {
        return;
    }
    let app = app.clone();
    tokio::spawn(async move {
        if let Err(error) = app.store.write_touch(&seen).await {
            tracing::warn!(%error, "it could not be written down when a session was seen");
        }
    });
}

/// The sessions of a workspace that hold, newest first, with what this process has noted of them, if that can be written soon.
pub async fn list(
    app: &App,
    permit: &ListPermit,
    workspace: &Workspace,
    options: &ListQuery,
) -> Result<Page<ListedSession>, ListError> {
    lists::write_first(app.store.write_touches()).await;
    app.store.list_sessions(permit, workspace, options, app.clock.now()).await
}

/// A session that holds, with its person, by its number.
pub async fn find(app: &App, workspace: &Workspace, id: Uuid) -> Result<Option<SessionWithUser>, StoreError> {
    let now = app.clock.now();
    let found = app.store.find_session(workspace.id, id).await?;
    Ok(found.filter(|found| found.session.is_live(&found.standing, workspace, now)))
}

/// A piece of the sessions that hold, newest first: those that are older than one of them, or the newest.
pub async fn list_before(
    app: &App,
    workspace: &Workspace,
    before: Option<&ListedSession>,
    limit: i64,
) -> Result<Vec<ListedSession>, StoreError> {
    app.store.list_sessions_before(workspace, before, limit, app.clock.now()).await
}

/// Signs somebody out, by the number of the session. Whether there was one.
///
/// # Errors
/// `EndError` if it could not be committed, or this node must not: the person is still signed in.
pub async fn revoke(
    app: &App,
    workspace: &Workspace,
    act: &AuditContext,
    id: Uuid,
) -> Result<bool, EndError> {
    nodes::is_fit(app)?;
    let read_point = app.store.read_point();
    if let Some(SessionWithUser { session, .. }) = app.store.find_session(workspace.id, id).await? {
        let entry = act.entry(AuditEvent::SessionEnded).about(session.user).with("session", id.to_string());
        let entry = entry.with("reason", "revoked");
        if app.store.end_session(workspace.id, id, &entry, app.clock.now()).await? == Outcome::Applied {
            return Ok(true);
        }
    }
    // It ended before, or never was.
    app.store.ensure_durable(read_point, None).await?;
    Ok(false)
}

/// Signs a user out everywhere. Whether there is such a user.
///
/// # Errors
/// `EndError` if it could not be committed, or this node must not: the person is still signed in.
pub async fn revoke_all(
    app: &App,
    workspace: &Workspace,
    act: &AuditContext,
    user: UserId,
) -> Result<bool, EndError> {
    nodes::is_fit(app)?;
    let read_point = app.store.read_point();
    let entry = act.entry(AuditEvent::SessionEnded).about(user).with("reason", "revoked");
    let entry = entry.with("sessions", "all");
    if app.store.end_sessions_of(workspace.id, user, &entry, app.clock.now()).await? == Outcome::Applied {
        return Ok(true);
    }
    // Whoever is deleted is signed in nowhere: that is an answer too.
    app.store.ensure_durable(read_point, None).await?;
    Ok(false)
}

/// Ends the session that a cookie proves; nothing happens for any other.
///
/// # Errors
/// `EndError` if it could not be committed, or this node must not: the person is still signed in.
pub async fn sign_out(
    app: &App,
    workspace: &Workspace,
    act: &AuditContext,
    shown: &PresentedCookie,
) -> Result<(), EndError> {
    let read_point = app.store.read_point();
    if let Some(signed_in) = verify(app, workspace, Some(shown)).await? {
        nodes::is_fit(app)?;
        let session = &signed_in.session;
        let act = AuditContext { actor: Actor::User(session.user), ..act.clone() };
        let entry =
            act.entry(AuditEvent::SignedOut).about(session.user).with("session", session.id.to_string());
        if app.store.end_session(workspace.id, session.id, &entry, app.clock.now()).await? == Outcome::Applied
        {
            return Ok(());
        }
    }
    // A second click finds the session ended, as it wished.
    Ok(app.store.ensure_durable(read_point, None).await?)
}
