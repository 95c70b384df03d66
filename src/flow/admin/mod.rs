//! Who is let in to the admin pages: links are made, names allowed and disallowed, all of them listed and ended.

pub mod clients;
pub mod doors;
pub mod find;
pub mod looks;
pub mod mails;
pub mod overview;

use uuid::Uuid;

use super::operations::nodes;
use crate::app::App;
use crate::domain::admin::{AdminGrant, AdminName, AdminReach};
use crate::domain::admin_access::{AdminAllowance, AdminLink, AdminSecret};
use crate::domain::audit::{AuditContext, AuditEntry, AuditEvent};
use crate::domain::login_link::KeyId;
use crate::domain::named::named;
use crate::domain::timestamp::Timestamp;
use crate::domain::workspace::{Workspace, WorkspaceId};
use crate::keys;
use crate::keys::NoRandomness;
use crate::store::{EndingAdmin, Outcome, StoreError};

/// How often something is sealed again when another secret key derives by then.
const MAX_ATTEMPTS: usize = 8;

const CONTENDED: StoreError = StoreError::Contended("the secret key kept changing");

/// Why an admin was not let in or kept out.
#[derive(Debug, thiserror::Error)]
pub enum AdminError {
    /// The name is not allowed.
    #[error("nobody is allowed by the name {0}: `doorkey admin list` shows who is")]
    NotAllowed(AdminName),
    /// Neither a link nor a session has the id.
    #[error(
        "no admin link and no admin session has the id {0}, or it has ended: `doorkey admin list` shows those there are"
    )]
    NotFound(Uuid),
    /// The id is that of an allowance.
    #[error("{0} is allowed by name, for a proxy's header: `doorkey admin disallow` takes that back")]
    IsAllowance(AdminName),
    /// No secret could be drawn.
    #[error(transparent)]
    NoRandomness(#[from] NoRandomness),
    /// The store did not do what it was asked.
    #[error(transparent)]
    Store(#[from] StoreError),
}

named! {
    /// By what somebody is let in.
    pub enum AdminKind(
        /// The word for it.
        name
    ) {
        /// A name that a proxy brings.
        Allowance = "allowance",
        /// A link that was not used yet.
        Link = "link",
        /// A session.
        Session = "session",
    }
}

/// One way in that is open.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct OpenDoor {
    /// What it is.
    pub kind: AdminKind,
    /// Its number.
    pub id: Uuid,
    /// For whom.
    pub grant: AdminGrant,
    /// Since when.
    pub created_at: Timestamp,
    /// When it was last used, to the minute.
    pub last_seen_at: Option<Timestamp>,
    /// When it closes by itself.
    pub expires_at: Option<Timestamp>,
}

/// Makes a link that signs an admin in once. Its token is seen this once. `lifetime` is in seconds.
pub async fn make_link(
    app: &App,
    act: &AuditContext,
    grant: AdminGrant,
    lifetime: i64,
) -> Result<(AdminLink, AdminSecret), AdminError> {
    for _ in 0..MAX_ATTEMPTS {
        let (now, token) = (app.clock.now(), keys::random_admin_secret()?);
        let link = AdminLink {
            id: now.new_id(),
            hash: [0; 32],
            grant: grant.clone(),
            key: KeyId(0),
            created_at: now,
            expires_at: now.plus_seconds(lifetime),
            seal: [0; 32],
        };
        let link = app.keys().seal_admin_link(link, &token);
        let entry = told(act, AuditEvent::AdminLinkMade, &grant).with("link", link.id.to_string());
        if app.store.add_admin_link(&link, &entry, now).await? == Outcome::Applied {
            return Ok((link, token));
        }
        // Whether this node may issue login links is another matter.
        let _ = nodes::check_health(app).await?;
    }
    Err(CONTENDED.into())
}

/// Lets a name in that a trusted proxy brings, in place of what the name was allowed before.
pub async fn allow(app: &App, act: &AuditContext, grant: AdminGrant) -> Result<AdminAllowance, AdminError> {
    for _ in 0..MAX_ATTEMPTS {
        let now = app.clock.now();
        let allowance = AdminAllowance {
            id: now.new_id(),
            grant: grant.clone(),
            key: KeyId(0),
            created_at: now,
            last_seen_at: None,
            ended_at: None,
            seal: [0; 32],
        };
        let allowance = app.keys().seal_admin_allowance(allowance);
        let entry = told(act, AuditEvent::AdminAllowed, &grant);
        if app.store.allow_admin(&allowance, &entry).await? == Outcome::Applied {
            return Ok(allowance);
        }
        let _ = nodes::check_health(app).await?;
    }
    Err(CONTENDED.into())
}

/// Keeps a name out from here on.
pub async fn disallow(app: &App, act: &AuditContext, name: &AdminName) -> Result<(), AdminError> {
    let read_point = app.store.read_point();
    if let Some(allowance) = app.store.find_admin_allowance(name).await? {
        let entry = told(act, AuditEvent::AdminDisallowed, &allowance.grant);
        if app.store.disallow_admin(&allowance, &entry, app.clock.now()).await? == Outcome::Applied {
            return Ok(());
        }
    }
    // It ended before, or never was.
    app.store.ensure_durable(read_point, None).await?;
    Err(AdminError::NotAllowed(name.clone()))
}

/// Every way in that is open: allowances, then links, then sessions, the oldest of each first.
pub async fn list(app: &App) -> Result<Vec<OpenDoor>, StoreError> {
    let found = app.store.list_admins().await?;
    let (keys, now) = (app.keys(), app.clock.now());
    let allowances = found.allowances.into_iter().filter(|one| keys.is_genuine_admin_allowance(one));
    let allowances = allowances.map(|one| OpenDoor {
        kind: AdminKind::Allowance,
        id: one.id,
        grant: one.grant,
        created_at: one.created_at,
        last_seen_at: one.last_seen_at,
        expires_at: None,
    });
    let links = found.links.into_iter().filter(|one| one.is_live(now) && keys.is_genuine_admin_link(one));
    let links = links.map(|one| OpenDoor {
        kind: AdminKind::Link,
        id: one.id,
        grant: one.grant,
        created_at: one.created_at,
        last_seen_at: None,
        expires_at: Some(one.expires_at),
    });
    let sessions =
        found.sessions.into_iter().filter(|one| one.is_live(now) && keys.is_genuine_admin_session(one));
    let sessions = sessions.map(|one| OpenDoor {
        kind: AdminKind::Session,
        id: one.id,
        expires_at: Some(one.ends_at()),
        grant: one.grant,
        created_at: one.created_at,
        last_seen_at: Some(one.last_seen_at),
    });
    Ok(allowances.chain(links).chain(sessions).collect())
}

/// Ends a link or a session.
pub async fn end(app: &App, act: &AuditContext, id: Uuid) -> Result<AdminKind, AdminError> {
    let read_point = app.store.read_point();
    let found = app.store.list_admins().await?;
    if let Some(allowance) = found.allowances.iter().find(|allowance| allowance.id == id) {
        return Err(AdminError::IsAllowance(allowance.grant.name.clone()));
    }
    let link = found.links.iter().find(|link| link.id == id);
    let session = found.sessions.iter().find(|session| session.id == id);
    let ending = link.map(EndingAdmin::Link).or(session.map(EndingAdmin::Session));
    if let Some(ending) = ending {
        let (kind, grant) = match ending {
            EndingAdmin::Link(link) => (AdminKind::Link, &link.grant),
            EndingAdmin::Session(session) => (AdminKind::Session, &session.grant),
        };
        let entry = told(act, AuditEvent::AdminEnded, grant).with(kind.name(), id.to_string());
        if app.store.end_admin(ending, Some(&entry), app.clock.now()).await? == Outcome::Applied {
            return Ok(kind);
        }
    }
    app.store.ensure_durable(read_point, None).await?;
    Err(AdminError::NotFound(id))
}

/// Ends every link, session and allowance that rests on a secret key, and gives how many there were.
pub async fn end_all_using_key(app: &App, act: &AuditContext, key: KeyId) -> Result<i64, StoreError> {
    let (found, now) = (app.store.list_admins().await?, app.clock.now());
    let mut ended = 0;
    let retired = |event, grant: &AdminGrant| told(act, event, grant).with("reason", "key_retired");
    for allowance in found.allowances.iter().filter(|one| one.key == key) {
        let entry = retired(AuditEvent::AdminDisallowed, &allowance.grant);
        if app.store.disallow_admin(allowance, &entry, now).await? == Outcome::Applied {
            ended += 1;
        }
    }
    let links = found.links.iter().filter(|one| one.key == key).map(EndingAdmin::Link);
    let sessions = found.sessions.iter().filter(|one| one.key == key).map(EndingAdmin::Session);
    for ending in links.chain(sessions) {
        let entry = match ending {
            EndingAdmin::Link(link) => {
                retired(AuditEvent::AdminEnded, &link.grant).with("link", link.id.to_string())
            }
            EndingAdmin::Session(session) => {
                retired(AuditEvent::AdminEnded, &session.grant).with("session", session.id.to_string())
            }
        };
        if app.store.end_admin(ending, Some(&entry), now).await? == Outcome::Applied {
            ended += 1;
        }
    }
    Ok(ended)
}

/// The workspaces that an admin reaches, by name.
pub async fn workspaces(app: &App, reach: &AdminReach) -> Result<Vec<Workspace>, StoreError> {
    let mut all = app.store.list_workspaces().await?;
    all.retain(|workspace| reach.has(workspace.id));
    Ok(all)
}

/// A workspace that an admin reaches, by its number.
pub async fn workspace(
    app: &App,
    reach: &AdminReach,
    id: WorkspaceId,
) -> Result<Option<Workspace>, StoreError> {
    if reach.has(id) { app.store.find_workspace_by_id(id).await } else { Ok(None) }
}

/// An entry about an admin.
fn told(act: &AuditContext, event: AuditEvent, grant: &AdminGrant) -> AuditEntry {
    act.entry(event).with("name", grant.name.as_str()).with("role", grant.role.name())
}
