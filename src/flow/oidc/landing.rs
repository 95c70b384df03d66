//! Who comes by a link arrives in an app: which one, and at which address.

use super::apps;
use crate::app::App;
use crate::domain::destination::Destination;
use crate::domain::oidc::app::OidcApp;
use crate::domain::oidc::client_id::parse_client_id;
use crate::domain::oidc::start_url::{Arrival, InvalidAppRedirect, StartUrl};
use crate::domain::redirect::{InvalidRedirect, RedirectTarget};
use crate::domain::user::UserId;
use crate::domain::workspace::Workspace;
use crate::store::StoreError;

/// Why a destination cannot be given to a link.
#[derive(Debug, thiserror::Error)]
pub enum DestinationError {
    /// There is no such app here, or it has no start URL.
    #[error(
        "app must be the client_id of an app of this workspace that has a start_url: `doorkey app list` shows them"
    )]
    App,
    /// The redirect is none of the app's.
    #[error(transparent)]
    AppRedirect(#[from] InvalidAppRedirect),
    /// The redirect leads where the workspace does not allow.
    #[error(transparent)]
    Redirect(#[from] InvalidRedirect),
    /// The store could not say.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// An app that people can be led to, and where in it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct AppTarget {
    /// The app; it has a start URL.
    pub client: OidcApp,
    /// A redirect of that app.
    pub redirect: Option<String>,
}

/// What becomes of a destination when it is used.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Judged {
    /// It names nothing.
    Nothing,
    /// It leads to an app.
    App(Box<AppTarget>),
    /// It leads to a place that the workspace allows.
    Redirect(RedirectTarget),
    /// What it names is not there, or not allowed.
    NotAllowed,
}

impl Judged {
    /// What is left of the destination.
    pub fn into_destination(self) -> Destination {
        match self {
            Self::App(target) => {
                Destination { app: Some(target.client.client_id), redirect: target.redirect }
            }
            Self::Redirect(target) => Destination { app: None, redirect: Some(target.as_str().to_owned()) },
            Self::Nothing | Self::NotAllowed => Destination::default(),
        }
    }
}

/// An app by its client id, if people can be led there.
pub async fn find(app: &App, workspace: &Workspace, client_id: &str) -> Result<Option<OidcApp>, StoreError> {
    // Anything may stand in a link, and a database does not take every text.
    if parse_client_id(client_id).is_err() {
        return Ok(None);
    }
    let found = apps::find(app, workspace.id, client_id).await?;
    Ok(found.filter(|client| StartUrl::of(client).is_some()))
}

/// Judges a destination that is to be given to a link.
pub async fn validate(
    app: &App,
    workspace: &Workspace,
    destination: &Destination,
) -> Result<(), DestinationError> {
    let redirect = destination.redirect.as_deref();
    if let Some(client_id) = &destination.app {
        let client = find(app, workspace, client_id).await?.ok_or(DestinationError::App)?;
        let start = StartUrl::of(&client).ok_or(DestinationError::App)?;
        redirect.map(|redirect| start.judge(redirect)).transpose()?;
    } else {
        redirect.map(|text| RedirectTarget::parse(text, &workspace.redirect_policy())).transpose()?;
    }
    Ok(())
}

/// Judges the destination of a link that is used: a redirect that is none of the app's is as none; without its app it is nothing.
pub async fn judge(
    app: &App,
    workspace: &Workspace,
    destination: &Destination,
) -> Result<Judged, StoreError> {
    let redirect = destination.redirect.as_deref();
    if let Some(client_id) = &destination.app {
        let client = find(app, workspace, client_id).await?;
        return Ok(
            client.map_or(Judged::NotAllowed, |client| Judged::App(Box::new(target(client, redirect))))
        );
    }
    let Some(redirect) = redirect else { return Ok(Judged::Nothing) };
    let target = RedirectTarget::parse(redirect, &workspace.redirect_policy());
    Ok(target.map_or(Judged::NotAllowed, Judged::Redirect))
}

fn target(client: OidcApp, redirect: Option<&str>) -> AppTarget {
    let is_good = |redirect: &&str| StartUrl::of(&client).is_some_and(|start| start.judge(redirect).is_ok());
    let redirect = redirect.filter(is_good).map(str::to_owned);
    AppTarget { client, redirect }
}

/// The app in which people of a workspace arrive who asked for nothing else.
pub async fn default_app(app: &App, workspace: &Workspace) -> Result<Option<OidcApp>, StoreError> {
    let Some(client_id) = &workspace.apps.default_app else { return Ok(None) };
    find(app, workspace, client_id).await
}

/// The address at which somebody arrives in an app, if both are there.
pub async fn address(
    app: &App,
    workspace: &Workspace,
    target: &AppTarget,
    user: UserId,
) -> Result<Option<String>, StoreError> {
    let Some(person) = app.store.find_person(workspace.id, user).await? else { return Ok(None) };
    let arrival =
        Arrival { issuer: &workspace.url, subject: &person.subject, target: target.redirect.as_deref() };
    Ok(StartUrl::of(&target.client).map(|start| start.filled(&arrival)))
}
