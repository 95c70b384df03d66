//! Letting admins in: by a link that is used up, by the session that it began, or by the name that a proxy brings.
//!
//! Each is looked up at each request, so what was ended or disallowed on one node is over on all of them at once.

use uuid::Uuid;

use super::{CONTENDED, MAX_ATTEMPTS, told};
use crate::app::App;
use crate::domain::admin::AdminName;
use crate::domain::admin_access::{AdminAllowance, AdminLink, AdminSecret, AdminSession, SESSION_LIFETIME};
use crate::domain::audit::{Actor, AuditContext, AuditEvent};
use crate::domain::login_link::KeyId;
use crate::domain::node::NodeUnhealthy;
use crate::flow::operations::nodes;
use crate::flow::operations::nodes::EndError;
use crate::keys;
use crate::keys::NoRandomness;
use crate::store::{EndingAdmin, Outcome, StoreError};

/// Why nobody was signed in, though the link may be good.
#[derive(Debug, thiserror::Error)]
pub enum AdminSignInError {
    /// This node must not judge.
    #[error(transparent)]
    NodeUnhealthy(#[from] NodeUnhealthy),
    /// No secret could be drawn.
    #[error(transparent)]
    NoRandomness(#[from] NoRandomness),
    /// The store did not do what it was asked.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<EndError> for AdminSignInError {
    fn from(error: EndError) -> Self {
        match error {
            EndError::NodeUnhealthy(unfit) => Self::NodeUnhealthy(unfit),
            EndError::Store(error) => Self::Store(error),
        }
    }
}

/// The link of a token, if it works. One whose time is over is deleted before this says so: a clock set back revives nothing.
///
/// # Errors
/// `EndError` if the store cannot be used, or this node must not judge.
pub async fn open_link(app: &App, token: &AdminSecret) -> Result<Option<AdminLink>, EndError> {
    let hashes = app.keys().admin_link_hashes(token);
    let found = app.store.find_admin_link(&hashes).await?;
    let Some(link) = found.filter(|link| app.keys().is_genuine_admin_link(link)) else {
        nodes::knows_all(app)?;
        return Ok(None);
    };
    if link.is_live(app.clock.now()) {
        return Ok(Some(link));
    }
    end_expired(app, EndingAdmin::Link(&link)).await?;
    Ok(None)
}

/// Signs an admin in: uses the link up and begins a session, which replaces the one that the browser had. `None` if the link does not work (any more).
pub async fn sign_in(
    app: &App,
    request: Uuid,
    token: &AdminSecret,
    replaced: Option<&AdminSession>,
) -> Result<Option<(AdminSession, AdminSecret)>, AdminSignInError> {
    nodes::is_fit(app)?;
    for _ in 0..MAX_ATTEMPTS {
        let Some(link) = open_link(app, token).await? else { return Ok(None) };
        let (now, cookie) = (app.clock.now(), keys::random_admin_secret()?);
        let session = AdminSession {
            id: now.new_id(),
            hash: [0; 32],
            grant: link.grant.clone(),
            key: KeyId(0),
            created_at: now,
            last_seen_at: now,
            expires_at: now.plus_seconds(SESSION_LIFETIME),
            seal: [0; 32],
        };
        let session = app.keys().begin_admin_session(session, &cookie);
        let act = AuditContext { actor: Actor::Admin(link.grant.name.clone()), request };
        let entry = told(&act, AuditEvent::AdminSignedIn, &link.grant);
        let entry = entry.with("link", link.id.to_string()).with("session", session.id.to_string());
        if app.store.claim_admin_link(&link, &session, replaced, &entry).await? == Outcome::Applied {
            return Ok(Some((session, cookie)));
        }
        // The link was used, or another secret key derives by now.
        nodes::check_health(app).await??;
    }
    Err(CONTENDED.into())
}

/// The session of a cookie, if it holds.
///
/// # Errors
/// `EndError` if the store cannot be used, or this node must not judge: whoever asks must let nobody in.
pub async fn session(app: &App, cookie: &AdminSecret) -> Result<Option<AdminSession>, EndError> {
    let hashes = app.keys().admin_session_hashes(cookie);
    let found = app.store.find_admin_session(&hashes).await?;
    let Some(session) = found.filter(|session| app.keys().is_genuine_admin_session(session)) else {
        nodes::knows_all(app)?;
        return Ok(None);
    };
    let now = app.clock.now();
    if session.is_live(now) {
        // By a wrong clock it would last longer.
        if session.is_to_be_touched(now) && nodes::is_fit(app).is_ok() {
            touch_session(app, AdminSession { last_seen_at: now, ..session.clone() });
        }
        return Ok(Some(session));
    }
    end_expired(app, EndingAdmin::Session(&session)).await?;
    Ok(None)
}

/// What a name is allowed, if it is.
///
/// # Errors
/// `EndError` if the store cannot be used, or this node lacks the key of the row.
pub async fn allowance(app: &App, name: &AdminName) -> Result<Option<AdminAllowance>, EndError> {
    let Some(allowance) = app.store.find_admin_allowance(name).await? else { return Ok(None) };
    if !app.keys().knows(allowance.key) {
        nodes::check_health(app).await??;
    }
    if !app.keys().is_genuine_admin_allowance(&allowance) {
        return Ok(None);
    }
    let now = app.clock.now();
    let rests_on_old_key = allowance.key != app.keys().active_id();
    if (allowance.is_to_be_touched(now) || rests_on_old_key) && nodes::is_fit(app).is_ok() {
        touch_allowance(app, AdminAllowance { last_seen_at: Some(now), ..allowance.clone() });
    }
    Ok(Some(allowance))
}

/// Ends a session that its admin is done with.
///
/// # Errors
/// `EndError` if it could not be committed, or this node must not: the admin is still signed in.
pub async fn sign_out(app: &App, act: &AuditContext, session: &AdminSession) -> Result<(), EndError> {
    nodes::is_fit(app)?;
    let read_point = app.store.read_point();
    let entry = told(act, AuditEvent::AdminSignedOut, &session.grant);
    let entry = entry.with("session", session.id.to_string());
    match app.store.end_admin(EndingAdmin::Session(session), Some(&entry), app.clock.now()).await? {
        Outcome::Applied => Ok(()),
        // A second click finds the session ended, as it wished.
        Outcome::Conflict => Ok(app.store.ensure_durable(read_point, None).await?),
    }
}

/// Deletes what is over, unless this node's clock may be wrong.
async fn end_expired(app: &App, ending: EndingAdmin<'_>) -> Result<(), EndError> {
    let read_point = app.store.read_point();
    nodes::check_health(app).await??;
    match app.store.end_admin(ending, None, app.clock.now()).await? {
        Outcome::Applied => Ok(()),
        Outcome::Conflict => Ok(app.store.ensure_durable(read_point, None).await?),
    }
}

/// Writes down that a session was seen, and keeps nobody waiting for it.
fn touch_session(app: &App, seen: AdminSession) {
    let (seen, app) = (app.keys().seal_admin_session(seen), app.clone());
    tokio::spawn(async move {
        if let Err(error) = app.store.touch_admin_session(&seen).await {
            tracing::warn!(%error, "it could not be written down when an admin was seen");
        }
    });
}

/// The same of an allowance, whose seal moves to the active secret key by that.
fn touch_allowance(app: &App, seen: AdminAllowance) {
    let (old, app) = (seen.seal, app.clone());
    let seen = app.keys().seal_admin_allowance(seen);
    tokio::spawn(async move {
        if let Err(error) = app.store.touch_admin_allowance(&seen, &old).await {
            tracing::warn!(%error, "it could not be written down when an admin was seen");
        }
    });
}
