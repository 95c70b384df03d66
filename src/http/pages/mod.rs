//! The pages for people.

pub(super) mod assets;
pub(super) mod console;
pub(super) mod errors;
pub(super) mod home;
pub(super) mod login;
pub(super) mod redirect;
mod response;
pub(super) mod templates;

use axum::http::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS};
use axum::http::{HeaderMap, HeaderName, HeaderValue};

use super::middleware::Surface;
use super::request::credentials::Lookup;

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
