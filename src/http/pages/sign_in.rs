//! What the pages that sign somebody in share.

use axum::http::header::{REFERRER_POLICY, SET_COOKIE};
use axum::http::{HeaderMap, HeaderValue};
use axum::response::Response;

use super::response::see_other;
use crate::app::App;
use crate::domain::destination::{Destination, encoded};
use crate::domain::oidc::app::OidcApp;
use crate::domain::oidc::client_id::parse_client_id;
use crate::domain::oidc::request::AuthorizeRequest;
use crate::domain::redirect::RedirectTarget;
use crate::domain::session::{CsrfCookie, SessionCookie};
use crate::domain::workspace::Workspace;
use crate::flow;
use crate::flow::oidc::landing;
use crate::flow::oidc::landing::{AppTarget, Judged};
use crate::flow::sign_in::Client;
use crate::http::error::Error;
use crate::http::request::context::RequestContext;
use crate::http::request::cookies::CookieJar;
use crate::keys;

/// A page with a form, tied to this browser by a cookie: the one that it has, or a new one.
pub(in crate::http) fn with_form(
    headers: &HeaderMap,
    jar: &CookieJar,
    page: impl FnOnce(&CsrfCookie) -> Response,
) -> Result<Response, Error> {
    let browser = jar.browser(headers).map_or_else(keys::random_browser_cookie, Ok)?;
    let mut response = page(&browser);
    let headers = response.headers_mut();
    headers.append(SET_COOKIE, jar.set_browser(&browser));
    // With `no-referrer` browsers would send the form with `Origin: null`; this policy hides the path as well.
    headers.insert(REFERRER_POLICY, HeaderValue::from_static("strict-origin"));
    Ok(response)
}

/// Sends on who was just signed in.
pub(super) fn signed_in_response(
    app: &App,
    context: &RequestContext,
    jar: &CookieJar,
    (cookie, landing, forget): (&SessionCookie, &str, Vec<HeaderValue>),
) -> Result<Response, Error> {
    let mut response = see_other(app, context, destination(&context.workspace, Some(landing)))?;
    for cookie in [jar.set_session(cookie)].into_iter().chain(forget) {
        response.headers_mut().append(SET_COOKIE, cookie);
    }
    Ok(response)
}

/// Where somebody lands who signs in.
pub(super) struct Landing {
    /// A path of this host, or an absolute URL that the workspace allows.
    pub(super) path: String,
    /// The app that this leads to.
    pub(super) client: Option<OidcApp>,
    /// The request of that app, if one waits.
    pub(super) request: Option<AuthorizeRequest>,
    /// What is left of where the link itself leads, for its form to carry.
    pub(super) own: Destination,
    /// The cookies that the browser then forgets.
    pub(super) forget: Vec<HeaderValue>,
}

impl Landing {
    /// Where the link itself leads; else what this browser remembers: an app's request, or a wish; else where the workspace wants it. Only
    /// what is gone to is forgotten.
    ///
    /// Who was mailed a link for having asked goes back to the request of the app that the link leads to, if it waits in this browser.
    pub(super) async fn of(
        app: &App,
        context: &RequestContext,
        (jar, headers): (&CookieJar, &HeaderMap),
        (own, is_asked_for): (&Destination, bool),
    ) -> Result<Self, Error> {
        let workspace = &context.workspace;
        let judged = landing::judge(app, workspace, own).await?;
        let carried = carried(own, &judged);
        if own.is_nothing() || (is_asked_for && own.app.is_some() && carried.redirect.is_none()) {
            let waiting = waiting_request(app, context, (jar, headers)).await?;
            let is_its_app = |client: &OidcApp| own.app.as_ref().is_none_or(|own| *own == client.client_id);
            if let Some((sealed, client, request)) = waiting.filter(|(_, client, _)| is_its_app(client)) {
                let forget = jar.clear_app_request(headers);
                return Ok(Self {
                    path: way_to_request(&sealed),
                    client: Some(client),
                    request: Some(request),
                    own: carried,
                    forget,
                });
            }
        }
        let wish = jar.wish(headers).filter(|_| own.is_nothing());
        let (judged, forget) = match &wish {
            Some(wish) => (landing::judge(app, workspace, wish).await?, vec![jar.clear_wish()]),
            None => (judged, Vec::new()),
        };
        let (path, client) = match judged {
            Judged::App(target) => (way_to_app(&target), Some(target.client)),
            Judged::Redirect(target) => (target.as_str().to_owned(), None),
            Judged::Nothing | Judged::NotAllowed => default_landing(app, workspace).await?,
        };
        Ok(Self { path, client, request: None, own: carried, forget })
    }
}

/// What of a destination a form carries on: it is judged again when that is sent. One that is not allowed still takes the place of what
/// the browser remembers.
fn carried(own: &Destination, judged: &Judged) -> Destination {
    if *judged == Judged::NotAllowed {
        let app = own.app.clone().filter(|client_id| parse_client_id(client_id).is_ok());
        return app
            .map_or_else(Destination::not_allowed, |app| Destination { app: Some(app), redirect: None });
    }
    judged.clone().into_destination()
}

/// The request of an app that waits in this browser, sealed and open, and the app.
async fn waiting_request(
    app: &App,
    context: &RequestContext,
    (jar, headers): (&CookieJar, &HeaderMap),
) -> Result<Option<(String, OidcApp, AuthorizeRequest)>, Error> {
    let Some(sealed) = jar.app_request(headers) else { return Ok(None) };
    let Some(waiting) = flow::oidc::waiting::open(app, &context.workspace, &sealed) else { return Ok(None) };
    let found = flow::oidc::apps::find(app, context.workspace.id, &waiting.request.client_id).await?;
    Ok(found.map(|client| (sealed, client, waiting.request)))
}

/// Where people land who asked for nothing else.
async fn default_landing(app: &App, workspace: &Workspace) -> Result<(String, Option<OidcApp>), Error> {
    let Some(client) = landing::default_app(app, workspace).await? else {
        return Ok((workspace.landing().as_str().to_owned(), None));
    };
    let target = AppTarget { client, redirect: None };
    Ok((way_to_app(&target), Some(target.client)))
}

/// Has the browser remember where to go after the next sign-in. The last wish counts.
pub(super) fn remember(
    jar: &CookieJar,
    headers: &HeaderMap,
    (wish, response): (&Destination, &mut Response),
) {
    for cookie in [jar.set_wish(wish)].into_iter().chain(jar.clear_app_request(headers)) {
        response.headers_mut().append(SET_COOKIE, cookie);
    }
}

/// The path on which somebody goes on with an app's request.
pub(in crate::http) fn way_to_request(sealed: &str) -> String {
    format!("{WAY_TO_REQUEST}{sealed}")
}

const WAY_TO_REQUEST: &str = "/login/go?return=";

/// The path on which somebody arrives in an app.
fn way_to_app(target: &AppTarget) -> String {
    let redirect = target.redirect.as_ref().map(|redirect| format!("&redirect={}", encoded(redirect)));
    format!("{WAY_TO_APP}{}{}", target.client.client_id, redirect.unwrap_or_default())
}

const WAY_TO_APP: &str = "/login/go?app=";

/// Where a link of who is signed in leads: where it says, if that is allowed, else where the session led.
pub(super) fn landing_of(workspace: &Workspace, judged: Judged, session_landing: &str) -> RedirectTarget {
    match judged {
        Judged::App(target) => RedirectTarget::Path(way_to_app(&target)),
        Judged::Redirect(target) => target,
        Judged::Nothing | Judged::NotAllowed => destination(workspace, Some(session_landing)),
    }
}

/// The wished target if the workspace allows it, else the workspace's own.
pub(super) fn destination(workspace: &Workspace, wish: Option<&str>) -> RedirectTarget {
    // What leads to an app may be longer than a redirect; it is verified where it leads.
    if let Some(path) = wish
        && [WAY_TO_REQUEST, WAY_TO_APP].iter().any(|way| path.starts_with(way))
        && path.bytes().all(|byte| byte.is_ascii_graphic())
    {
        return RedirectTarget::Path(path.to_owned());
    }
    let target = wish.and_then(|text| RedirectTarget::parse(text, &workspace.redirect_policy()).ok());
    target.unwrap_or_else(|| workspace.landing())
}

pub(super) fn visitor(context: &RequestContext, jar: &CookieJar, headers: &HeaderMap) -> Client {
    Client {
        source: context.client_network(headers),
        session: jar.session(headers),
        link: context.link.clone(),
        visit: None,
        read_point: context.read_point,
    }
}
