//! What the pages that sign somebody in share.

use axum::http::header::{REFERRER_POLICY, SET_COOKIE};
use axum::http::{HeaderMap, HeaderValue};
use axum::response::Response;

use super::response::see_other;
use crate::app::App;
use crate::domain::redirect::RedirectTarget;
use crate::domain::session::{CsrfCookie, SessionCookie};
use crate::domain::workspace::Workspace;
use crate::flow::sign_in::Client;
use crate::http::error::Error;
use crate::http::request::context::RequestContext;
use crate::http::request::cookies::CookieJar;
use crate::keys;

/// A page with a form, tied to this browser by a cookie: the one that it has, or a new one.
pub(super) fn with_form(
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
    (cookie, landing): (&SessionCookie, &str),
) -> Result<Response, Error> {
    let mut response = see_other(app, context, destination(&context.workspace, Some(landing)))?;
    response.headers_mut().append(SET_COOKIE, jar.set_session(cookie));
    Ok(response)
}

/// The wished target if the workspace allows it, else the workspace's own.
pub(super) fn destination(workspace: &Workspace, wish: Option<&str>) -> RedirectTarget {
    let target = wish.and_then(|text| RedirectTarget::parse(text, &workspace.redirect_policy()).ok());
    target.unwrap_or_else(|| workspace.landing())
}

pub(super) fn visitor(context: &RequestContext, jar: &CookieJar, headers: &HeaderMap) -> Client {
    Client {
        source: context.client_network(headers),
        session: jar.session(headers),
        link: context.link.clone(),
        opening: None,
        read_point: context.read_point,
    }
}
