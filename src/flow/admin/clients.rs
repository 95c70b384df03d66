//! Clients as support sees them: looked for, and all that is known of one.

use std::collections::HashMap;
use std::sync::Arc;

use uuid::Uuid;

use crate::app::App;
use crate::domain::list_query::ListQuery;
use crate::domain::login_link::{Decision, decide};
use crate::domain::mail::Mail;
use crate::domain::user::search::Prefix;
use crate::domain::user::{User, UserId, UserRef};
use crate::domain::workspace::Workspace;
use crate::flow::login_links::RequestedUser;
use crate::flow::users;
use crate::flow::users::UserError;
use crate::store::{ClientLink, ListError, ListPermit, ListedClient, ListedEntry, ListedSession, StoreError};

/// Links, sessions and mails of one client that are shown at most.
const MAX_SHOWN: i64 = 20;

/// Entries of the log about that client that are shown at most.
const MAX_ENTRIES: usize = 5;

/// Apps of all these sessions that are shown at most.
const MAX_APPS: i64 = 100;

/// A part of a list of clients.
pub struct FoundClients {
    /// The clients.
    pub rows: Vec<ListedClient>,
    /// How many there are in all, where somebody counts them.
    pub total: Option<i64>,
    /// Whether there are more behind this part.
    pub has_more: bool,
}

/// All that is known of a client.
pub struct ClientRecord {
    /// The client.
    pub user: User,
    /// Whether a link would be issued now.
    pub decision: Decision,
    /// The newest links.
    pub links: Vec<ClientLink>,
    /// The newest sessions that hold.
    pub sessions: Vec<ListedSession>,
    /// The names of the apps that they were gone on to, each with its session.
    pub apps: Vec<(Uuid, String)>,
    /// The newest mails.
    pub mails: Vec<Mail>,
    /// The newest entries of the log.
    pub entries: Vec<ListedEntry>,
}

/// The clients of a workspace, in the order of their numbers.
pub async fn list(
    app: &App,
    permit: &ListPermit,
    workspace: &Workspace,
    part: &ListQuery,
) -> Result<FoundClients, ListError> {
    let page = users::list(app, permit, false, part).await?;
    let ids: Vec<_> = page.rows.iter().map(|user| user.id).collect();
    let rows = app.store.find_clients(workspace.id, &ids).await?;
    let has_more = part.offset().saturating_add(part.limit) < page.total;
    Ok(FoundClients { rows, total: Some(page.total), has_more })
}

/// The clients whose address, first name or last name begins in some way.
pub async fn search(
    app: &App,
    permit: &ListPermit,
    workspace: &Workspace,
    (prefix, part): (&Prefix, &ListQuery),
) -> Result<FoundClients, ListError> {
    let mut ids = app.store.search_clients(permit, prefix, part).await?;
    let limit = usize::try_from(part.limit).unwrap_or(0);
    let has_more = ids.len() > limit;
    ids.truncate(limit);
    let rows = app.store.find_clients(workspace.id, &ids).await?;
    Ok(FoundClients { rows, total: None, has_more })
}

/// All that is known of a client. Staff are nobody here.
pub async fn show(app: &App, workspace: &Workspace, user: UserId) -> Result<ClientRecord, UserError> {
    let named = UserRef::Id(user);
    let found = users::show_kind(app, workspace, &named, false).await?;
    let now = app.clock.now();
    let subject = RequestedUser::find(app, workspace, named).await?;
    Ok(ClientRecord {
        user: found,
        decision: decide(subject.seen.as_ref().map(Arc::as_ref), 0, now),
        links: app.store.list_client_links(workspace.id, user, MAX_SHOWN).await?,
        sessions: app.store.list_client_sessions(workspace, user, (MAX_SHOWN, now)).await?,
        apps: app.store.list_apps_of_user(workspace.id, user, MAX_APPS).await?,
        mails: app.store.list_client_mails(workspace.id, user, MAX_SHOWN).await?,
        entries: app.store.list_entries_about(workspace.id, user, MAX_ENTRIES).await?,
    })
}

/// The names of those of some users who are clients, or their addresses where they have no name.
pub async fn names(
    app: &App,
    workspace: &Workspace,
    users: &[UserId],
) -> Result<HashMap<UserId, String>, StoreError> {
    let mut ids = users.to_vec();
    ids.sort_unstable();
    ids.dedup();
    let found = app.store.find_clients(workspace.id, &ids).await?;
    Ok(found.into_iter().map(|client| (client.user.id, called(&client.user))).collect())
}

/// Whether somebody is a client now, and by which name; by the number alone, if not.
pub async fn name_of(app: &App, workspace: &Workspace, user: UserId) -> Result<(bool, String), StoreError> {
    match users::show_kind(app, workspace, &UserRef::Id(user), false).await {
        Ok(user) => Ok((true, called(&user))),
        Err(UserError::Store(error)) => Err(error),
        Err(_) => Ok((false, format!("user {}", user.number()))),
    }
}

/// How a person is called: by name, or by address where there is no name.
pub fn called(user: &User) -> String {
    let name = user.name();
    if name.trim().is_empty() { user.email.as_str().to_owned() } else { name }
}
