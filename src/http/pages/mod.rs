//! The pages for people.

pub(super) mod assets;
pub(super) mod console;
pub(super) mod errors;
pub(super) mod frame;
pub(super) mod home;
pub(super) mod login;
pub(super) mod mail_sign_in;
pub(super) mod redirect;
pub(super) mod response;
pub(super) mod sign_in;
pub(super) mod templates;
pub(super) mod without_link;

use axum::http::header::{
    ACCEPT_LANGUAGE, CACHE_CONTROL, CONTENT_SECURITY_POLICY, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS,
};
use axum::http::{HeaderMap, HeaderName, HeaderValue};

use super::middleware::Surface;
use super::request::credentials::Lookup;
use crate::domain::language::Language;

/// No resource of another origin, no script, no frame around the page.
pub(super) const CSP: &str = "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; \
                   frame-ancestors 'none'; base-uri 'none'";

const ROBOTS: HeaderName = HeaderName::from_static("x-robots-tag");

/// How pages look up and answer requests.
pub(super) const SURFACE: Surface = Surface {
    lookup: Lookup::Session,
    render_error: errors::render,
    set_headers: |headers, _, _| set_headers(headers),
    accepted_language: accepted,
};

/// The same where a login link is opened and confirmed.
pub(super) const LOGIN: Surface = Surface { lookup: Lookup::SessionAndLink, ..SURFACE };

/// The language that a browser asks for, if doorkey has it.
fn accepted(headers: &HeaderMap) -> Option<Language> {
    let lines = headers.get_all(ACCEPT_LANGUAGE).iter();
    // A byte that cannot be read spoils its own entry alone.
    let lines: Vec<_> = lines.map(|line| String::from_utf8_lossy(line.as_bytes())).collect();
    Language::accepted(lines.iter().map(|line| &**line))
}

/// A handler's own headers stay.
pub(super) fn set_headers(headers: &mut HeaderMap) {
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
