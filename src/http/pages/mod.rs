//! The pages for people.

pub(super) mod assets;
pub(super) mod console;
pub(super) mod errors;
pub(super) mod home;
pub(super) mod login;
pub(super) mod redirect;
mod swagger_ui;
pub(super) mod templates;

use askama::Template;
use axum::http::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::{Html, IntoResponse, Response};

use super::error::Error;
use super::middleware::Surface;
use super::request::context::{RequestContext, empty};
use super::request::credentials::Lookup;
use crate::app::App;
use crate::domain::redirect::RedirectTarget;

/// No resource of another origin, no script, no frame around the page.
const CSP: &str = "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; \
                   frame-ancestors 'none'; base-uri 'none'";

const ROBOTS: HeaderName = HeaderName::from_static("x-robots-tag");

/// How pages look up and answer requests.
pub(super) const SURFACE: Surface = Surface {
    lookup: Lookup::Session,
    render_error: errors::render,
    set_headers: |headers, _, _| set_headers(headers),
};

/// The same where a login link is opened and confirmed.
pub(super) const LOGIN: Surface = Surface { lookup: Lookup::SessionAndLink, ..SURFACE };

/// A handler's own headers stay.
fn set_headers(headers: &mut HeaderMap) {
    for (name, value) in [
        (CACHE_CONTROL, "no-store"),
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (ROBOTS, "noindex"),
        (CONTENT_SECURITY_POLICY, CSP),
        (REFERRER_POLICY, "no-referrer"),
    ] {
        headers.entry(name).or_insert(HeaderValue::from_static(value));
    }
}

/// A page with its status.
pub(super) fn page(status: StatusCode, page: &impl Template) -> Response {
    match page.render() {
        Ok(html) => (status, Html(html)).into_response(),
        Err(error) => {
            tracing::error!(%error, "a page could not be rendered");
            empty(StatusCode::INTERNAL_SERVER_ERROR)
        }
    }
}

/// 303 to a path of this host; to another origin by way of the page `/login/go`.
fn see_other(app: &App, context: &RequestContext, target: RedirectTarget) -> Result<Response, Error> {
    let location = match target.seen_from(&context.origin()) {
        RedirectTarget::Path(path) => path,
        elsewhere @ RedirectTarget::Absolute(_) => redirect::address(app, context, elsewhere.as_str()),
    };
    let mut response = empty(StatusCode::SEE_OTHER);
    let location = HeaderValue::from_str(&location).map_err(|_| Error::Internal)?;
    response.headers_mut().insert(header::LOCATION, location);
    Ok(response)
}
