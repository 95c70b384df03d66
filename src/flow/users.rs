//! Users are added, changed, deleted; what that kills dies in the same commit.

use std::collections::HashMap;

use super::operations::nodes;
use crate::app::App;
use crate::domain::audit::{AuditContext, AuditEntry, AuditEvent};
use crate::domain::idempotency::RepeatableRequest;
use crate::domain::list_query::{ListQuery, Page};
use crate::domain::node::NodeUnhealthy;
use crate::domain::reach::Reach;
use crate::domain::timestamp::Timestamp;
use crate::domain::user::UserChange;
use crate::domain::user::{RevocationReason, User, UserId, UserRef};
use crate::domain::validation::{Code, ValidationErrors};
use crate::domain::workspace::Workspace;
use crate::store::{ChangedUser, ListError, ListPermit, NewUser, Outcome, ReadPoint, StoreError};

/// How often a change looks again when others keep getting in between.
const MAX_ATTEMPTS: usize = 8;

const NAMESAKE: &str = "belongs to another user: change that one, or give another address";

/// Why a user was not added or changed.
#[derive(Debug, thiserror::Error)]
pub enum UserError {
    /// There is no such user in this workspace.
    #[error("there is no such user in this workspace: `doorkey user list` shows those there are")]
    NotFound,
    /// The scope `clients:unlock` is missing.
    #[error("switching two-factor off, or a disabled client on again, needs the scope clients:unlock")]
    MayNotUnlock,
    /// The request is not the one that its key came with first.
    #[error(
        "this Idempotency-Key came with another request within 24 hours: give another with what is not the same request"
    )]
    AnotherRequest,
    /// What was given does not pass.
    #[error("{}", .0.in_one_sentence())]
    ValidationErrors(ValidationErrors),
    /// It would end links and sessions, and this node must not.
    #[error(transparent)]
    NodeUnhealthy(#[from] NodeUnhealthy),
    /// The store did not do what it was asked.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Adds a user and gives the number.
pub async fn add(
    app: &App,
    workspace: &Workspace,
    act: &AuditContext,
    user: &NewUser,
) -> Result<UserId, UserError> {
    add_by(app, workspace, act, (user, None)).await.map(|(id, _)| id)
}

/// Adds a user by a request, and gives the user as it was added. The same request again gives that again, whatever became of
/// the user since.
///
/// # Errors
/// The same, and `UserError::AnotherRequest`.
pub async fn add_once(
    app: &App,
    workspace: &Workspace,
    act: &AuditContext,
    (user, request): (NewUser, &RepeatableRequest),
) -> Result<User, UserError> {
    let (id, added_at) = add_by(app, workspace, act, (&user, Some(request))).await?;
    Ok(user.added(id, added_at))
}

async fn add_by(
    app: &App,
    workspace: &Workspace,
    act: &AuditContext,
    (user, request): (&NewUser, Option<&RepeatableRequest>),
) -> Result<(UserId, Timestamp), UserError> {
    let entry = addition(act, &user.fields);
    for _ in 0..MAX_ATTEMPTS {
        let now = app.clock.now();
        if let Some(id) = app.store.add_user(workspace.id, (user, request), &entry, now).await? {
            return Ok((id, now));
        }
        if let Some(request) = request
            && let Some(added) = find_added(app, workspace, request, now).await?
        {
            return Ok(added);
        }
        let taken_id = match user.id {
            Some(id) if app.store.is_user_id_taken(workspace.id, id).await? => Some(id),
            _ => None,
        };
        let by_address = UserRef::Email(user.email.clone());
        let has_namesake = app.store.find_user(workspace.id, &by_address).await?.is_some();
        let taken = taken(taken_id, has_namesake);
        // Neither is taken any more: the one in the way was just deleted.
        if !taken.is_empty() {
            return Err(UserError::ValidationErrors(taken));
        }
    }
    Err(StoreError::Contended("the workspace kept changing, or was deleted").into())
}

/// The entry about a user who is added.
pub(super) fn addition(act: &AuditContext, fields: &UserChange) -> AuditEntry {
    act.entry(AuditEvent::UserAdded).with("staff", fields.is_staff.unwrap_or(false))
}

/// What is wrong with a user whose number or address is another one's, if any is.
pub(super) fn taken(id: Option<UserId>, has_namesake: bool) -> ValidationErrors {
    let mut taken = ValidationErrors::default();
    if let Some(id) = id {
        let sentence = format!(
            "{} belongs, or belonged, to another user: give another, or none to have one drawn",
            id.number()
        );
        taken.add("id", Code::Taken.saying(sentence));
    }
    if has_namesake {
        taken.add("email", Code::Taken.saying(NAMESAKE));
    }
    taken
}

/// Whom this very request has added, if it has.
async fn find_added(
    app: &App,
    workspace: &Workspace,
    request: &RepeatableRequest,
    now: Timestamp,
) -> Result<Option<(UserId, Timestamp)>, UserError> {
    let read_point = app.store.read_point();
    let Some(kept) = app.store.find_request(workspace.id, request, now).await? else { return Ok(None) };
    app.store.ensure_durable(read_point, None).await?;
    match kept.user {
        Some(user) if request.is(&kept.request) => Ok(Some((user, kept.created_at))),
        _ => Err(UserError::AnotherRequest),
    }
}

/// A user.
pub async fn show(app: &App, workspace: &Workspace, user: &UserRef) -> Result<User, UserError> {
    let read_point = app.store.read_point();
    let found = app.store.find_user(workspace.id, user).await?;
    if found.is_none() {
        // A primary that was replaced does not know who was added since.
        app.store.ensure_durable(read_point, None).await?;
    }
    found.ok_or(UserError::NotFound)
}

/// Name and address of each of some users who are there, a hundred at most.
pub async fn people(
    app: &App,
    workspace: &Workspace,
    users: &[UserId],
) -> Result<HashMap<UserId, (String, String)>, StoreError> {
    let found = app.store.find_people(workspace.id, users).await?;
    Ok(found.into_iter().map(|(id, name, email)| (id, (name, email))).collect())
}

/// A user who is a client, or one who is staff, as is asked: the other kind is nobody here.
pub async fn show_kind(
    app: &App,
    workspace: &Workspace,
    user: &UserRef,
    is_staff: bool,
) -> Result<User, UserError> {
    let user = show(app, workspace, user).await?;
    if user.standing.is_staff == is_staff { Ok(user) } else { Err(UserError::NotFound) }
}

/// The clients of a workspace, or its staff, page by page.
pub async fn list(
    app: &App,
    permit: &ListPermit,
    is_staff: bool,
    options: &ListQuery,
) -> Result<Page<User>, ListError> {
    app.store.list_users(permit, is_staff, options).await
}

/// Changes the fields that are given, and kills links and sessions where the change demands it.
pub async fn set(
    app: &App,
    workspace: &Workspace,
    act: &AuditContext,
    user: &UserRef,
    change: &UserChange,
) -> Result<User, UserError> {
    set_within(app, workspace, act, user, (change, Reach::All)).await.map(|(user, _)| user)
}

/// The same within a reach, and whether anything was changed. What is out of reach is judged by the very row that is written
/// over: a client may become staff, get two-factor or be disabled meanwhile.
///
/// # Errors
/// The same, and `UserError::MayNotUnlock`.
pub async fn set_within(
    app: &App,
    workspace: &Workspace,
    act: &AuditContext,
    user: &UserRef,
    (change, reach): (&UserChange, Reach),
) -> Result<(User, bool), UserError> {
    for _ in 0..MAX_ATTEMPTS {
        let read_point = app.store.read_point();
        let found = app.store.find_user(workspace.id, user).await?;
        let Some(old) = found.filter(|old| reach.sees(&old.standing)) else {
            return Err(gone(app, read_point).await);
        };
        let new = change.applied_to(&old);
        if !reach.allows(&old.standing, &new.standing) {
            return Err(UserError::MayNotUnlock);
        }
        let Some((new, entries)) = alteration(act, &old, new) else {
            app.store.ensure_durable(read_point, None).await?;
            return Ok((old, false));
        };
        if new.standing.ended_more_than(&old.standing) {
            nodes::is_fit(app)?;
        }
        let now = app.clock.now();
        let changed = ChangedUser { user: &new, was_staff: old.standing.is_staff, reach };
        if app.store.set_user(workspace.id, changed, &entries, now).await? == Outcome::Applied {
            // As it was written: by now it may be another's, or nobody's.
            return Ok((User { revision: new.revision + 1, updated_at: now, ..new }, true));
        }
        let namesake = app.store.find_user(workspace.id, &UserRef::Email(new.email.clone())).await?;
        if namesake.is_some_and(|other| other.id != old.id) {
            return Err(UserError::ValidationErrors(taken(None, true)));
        }
    }
    Err(StoreError::Contended("others kept changing the same user").into())
}

/// A user who was changed, with links and sessions ended where the change demands it, and the entries about that. `None` if
/// nothing differs.
pub(super) fn alteration(act: &AuditContext, old: &User, mut new: User) -> Option<(User, Vec<AuditEntry>)> {
    if UserChange::fields_between(old, &new).is_empty() {
        return None;
    }
    let mut changed = act.entry(AuditEvent::UserChanged).about(old.id);
    changed.data.extend(UserChange::audit_data(old, &new));
    let mut entries = vec![changed];
    let ends_sessions = old.ends_sessions_by(&new);
    if let Some(kill) = old.kill_by(&new) {
        new.standing.link_epoch += 1;
        entries.push(act.entry(AuditEvent::LinksKilled).about(old.id).with("reason", kill.reason()));
    }
    if ends_sessions {
        new.standing.session_epoch += 1;
    }
    Some((new, entries))
}

/// Deletes a user within a reach, for good; links and sessions die with the user, the number stays taken.
pub async fn delete(
    app: &App,
    workspace: &Workspace,
    act: &AuditContext,
    (user, reach): (&UserRef, Reach),
) -> Result<(), UserError> {
    nodes::is_fit(app)?;
    let read_point = app.store.read_point();
    let Some(user) = app.store.find_user(workspace.id, user).await? else {
        return Err(gone(app, read_point).await);
    };
    let entries = [
        act.entry(AuditEvent::UserDeleted).about(user.id),
        act.entry(AuditEvent::LinksKilled).about(user.id).with("reason", RevocationReason::Deleted.reason()),
    ];
    match app.store.delete_user(workspace.id, (user.id, reach), &entries, app.clock.now()).await? {
        Outcome::Applied => Ok(()),
        Outcome::Conflict => Err(gone(app, read_point).await),
    }
}

/// That there is no such user, to whoever wants to change or delete one: it may have been deleted before, and stays so.
async fn gone(app: &App, since: ReadPoint) -> UserError {
    match app.store.ensure_durable(since, None).await {
        Ok(()) => UserError::NotFound,
        Err(error) => UserError::Store(error),
    }
}

/// Up to `limit` users whose numbers are larger than `after`, in the order of their numbers.
pub async fn list_after(
    app: &App,
    workspace: &Workspace,
    after: i64,
    limit: i64,
) -> Result<Vec<User>, StoreError> {
    app.store.list_users_after(workspace.id, after, limit).await
}
