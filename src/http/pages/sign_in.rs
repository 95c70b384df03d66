//! What the pages that sign somebody in share.

use axum::http::header::{REFERRER_POLICY, SET_COOKIE};
use axum::http::{HeaderMap, HeaderValue};
use axum::response::Response;

use super::response::see_other;
use crate::app::App;
use crate::domain::redirect::RedirectTarget;
use crate::domain::session::{CsrfCookie, SessionCookie};
use crate::domain::workspace::Workspace;
use crate::flow;
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

/// Where somebody lands who signs in, and what the browser then forgets.
pub(super) struct Landing {
    pub(super) path: String,
    pub(super) forget: Vec<HeaderValue>,
}

impl Landing {
    /// Where the link itself leads; else what this browser remembers: an app's request, or a redirect. Only what is gone to is forgotten.
    pub(super) fn of(
        app: &App,
        context: &RequestContext,
        (jar, headers): (&CookieJar, &HeaderMap),
        own: Option<&str>,
    ) -> Self {
        let workspace = &context.workspace;
        if own.is_none()
            && let Some(request) = jar.app_request(headers)
            && flow::oidc::waiting::open(app, workspace, &request).is_some()
        {
            return Self { path: way_to_request(&request), forget: jar.clear_app_request(headers) };
        }
        let remembered = if own.is_none() { jar.redirect(headers) } else { None };
        let path = destination(workspace, own.or(remembered.as_deref())).as_str().to_owned();
        Self { path, forget: remembered.map(|_| jar.clear_redirect()).into_iter().collect() }
    }
}

/// The path on which somebody goes on with an app's request.
pub(in crate::http) fn way_to_request(sealed: &str) -> String {
    format!("{WAY_TO_REQUEST}{sealed}")
}

const WAY_TO_REQUEST: &str = "/login/go?return=";

/// The wished target if the workspace allows it, else the workspace's own.
pub(super) fn destination(workspace: &Workspace, wish: Option<&str>) -> RedirectTarget {
    // An app's request is longer than a redirect may be; it is verified where it leads.
    if let Some(path) = wish
        && path.starts_with(WAY_TO_REQUEST)
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
        opening: None,
        read_point: context.read_point,
    }
}
