//! What somebody pastes or types is looked for: a link, its token or its number, an address, a client's number.

use uuid::Uuid;

use crate::app::App;
use crate::domain::admin::AdminReach;
use crate::domain::login_link::LoginLink;
use crate::domain::pasted;
use crate::domain::pasted::Misfit;
use crate::domain::token::Token;
use crate::domain::user::{UserId, UserRef};
use crate::domain::workspace::Workspace;
use crate::flow::stories;
use crate::flow::users;
use crate::flow::users::UserError;
use crate::store::StoreError;

/// What was found.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Found {
    /// A client.
    Client(UserId),
    /// A link, live or dead, and whom it is or was for.
    Link(Uuid, UserId),
}

/// Why nothing was found. It says nothing of what an admin does not reach.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Nothing {
    /// The text can mean nothing.
    Misfit(Misfit),
    /// A link, or its token, that is not known.
    Link,
    /// The same, whose host is that of another workspace that the admin reaches.
    LinkOf(Box<Workspace>),
    /// A link's number that is not known.
    LinkId,
    /// A number that no client has.
    Client,
    /// An address that no client has.
    Address,
    /// The same, with an ending that no known domain has.
    UnlikelyAddress,
}

/// What a text can mean.
enum Meaning {
    Token(Token),
    LinkId(Uuid),
    User(UserRef),
}

impl Meaning {
    fn of(text: &str) -> Option<Self> {
        if let Some(token) = stories::token_of(text) {
            return Some(Self::Token(token));
        }
        // Numbers of links are shown with their hyphens.
        if text.len() == 36
            && let Ok(id) = Uuid::try_parse(text)
        {
            return Some(Self::LinkId(id));
        }
        UserRef::parse(text).map(Self::User)
    }
}

/// Looks for it in a workspace. Nothing of another one is found, and no staff; a link has its story whatever its person is by now, deleted or not.
pub async fn find(app: &App, workspace: &Workspace, text: &str) -> Result<Option<Found>, StoreError> {
    match Meaning::of(text.trim()) {
        None => Ok(None),
        Some(Meaning::Token(token)) => {
            let hashes = app.keys().link_hashes(workspace.id, &token);
            let found = app.store.find_told_link(workspace.id, &hashes).await?;
            linked(app, workspace, found.map(|told| told.link)).await
        }
        Some(Meaning::LinkId(id)) => {
            let found = app.store.find_told_link_by_id(workspace.id, id).await?;
            linked(app, workspace, found.map(|told| told.link)).await
        }
        Some(Meaning::User(user)) => Ok(client(app, workspace, &user).await?.map(Found::Client)),
    }
}

/// Says why a text that was looked for in a workspace was not found, by its shape. No token is looked up elsewhere.
pub async fn why_nothing(
    app: &App,
    workspace: &Workspace,
    reach: &AdminReach,
    text: &str,
) -> Result<Nothing, StoreError> {
    let text = text.trim();
    Ok(match Meaning::of(text) {
        None => Nothing::Misfit(Misfit::of(text)),
        Some(Meaning::Token(_)) => {
            let other = portal_of(app, workspace, reach, text).await?;
            other.map_or(Nothing::Link, |other| Nothing::LinkOf(Box::new(other)))
        }
        Some(Meaning::LinkId(_)) => Nothing::LinkId,
        Some(Meaning::User(UserRef::Id(_))) => Nothing::Client,
        Some(Meaning::User(UserRef::Email(address))) if address.has_known_ending() => Nothing::Address,
        Some(Meaning::User(UserRef::Email(_))) => Nothing::UnlikelyAddress,
    })
}

/// The other workspace at whose portal a link would be opened, if the admin reaches it.
async fn portal_of(
    app: &App,
    workspace: &Workspace,
    reach: &AdminReach,
    link: &str,
) -> Result<Option<Workspace>, StoreError> {
    let Some(host) = pasted::host_of(link) else { return Ok(None) };
    let reached = super::workspaces(app, reach).await?;
    let is_it = |other: &Workspace| other.id != workspace.id && other.portal_host().as_ref() == Some(&host);
    Ok(reached.into_iter().find(is_it))
}

/// The story of a link, or its client: a link is known for longer than its story may be kept.
async fn linked(
    app: &App,
    workspace: &Workspace,
    link: Option<LoginLink>,
) -> Result<Option<Found>, StoreError> {
    let Some(link) = link else { return Ok(None) };
    let user = link.draft.user;
    if stories::show(app, workspace, link.id).await?.is_some() {
        return Ok(Some(Found::Link(link.id, user)));
    }
    Ok(client(app, workspace, &UserRef::Id(user)).await?.map(Found::Client))
}

/// A client, by what names one.
async fn client(app: &App, workspace: &Workspace, user: &UserRef) -> Result<Option<UserId>, StoreError> {
    match users::show_kind(app, workspace, user, false).await {
        Ok(user) => Ok(Some(user.id)),
        Err(UserError::Store(error)) => Err(error),
        Err(_) => Ok(None),
    }
}
