//! OpenID Connect on the host of the workspace's URL.

pub(super) mod authorize;
pub(super) mod cors;
pub(super) mod discovery;
pub(super) mod end_session;
mod errors;
mod reply;
mod templates;
pub(super) mod token;
pub(super) mod userinfo;

use std::sync::Arc;

use axum::extract::FromRequestParts;
use axum::http::header::{CACHE_CONTROL, X_CONTENT_TYPE_OPTIONS};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use uuid::Uuid;

use super::error::Error;
use super::middleware::Surface;
use super::pages;
use super::request::context::RequestContext;
use super::request::credentials::Lookup;
use crate::app::App;
use crate::domain::host::HostName;

const REQUEST_ID: HeaderName = HeaderName::from_static("x-api-identifier");

/// How what people see is looked up and answered.
pub(super) const PAGES: Surface = Surface {
    set_headers: |headers, request_id, _| {
        pages::set_headers(headers);
        set_request_id(headers, request_id);
    },
    ..pages::SURFACE
};

/// How what apps ask for by themselves is looked up and answered.
pub(super) const CALLS: Surface = Surface {
    lookup: Lookup::Nothing,
    render_error: |error, _, _| errors::render(error),
    accepted_language: |_| None,
    set_headers: |headers, request_id, _| {
        headers.entry(CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
        headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
        set_request_id(headers, request_id);
    },
};

fn set_request_id(headers: &mut HeaderMap, request_id: Uuid) {
    // A UUID is always a header value.
    if let Ok(value) = HeaderValue::from_str(&request_id.to_string()) {
        headers.insert(REQUEST_ID, value);
    }
}

/// The context of a request on the host of the issuer. On the other hosts of the workspace there is nothing at these paths.
pub(super) struct AtIssuer(pub(super) Arc<RequestContext>);

impl FromRequestParts<App> for AtIssuer {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, _app: &App) -> Result<Self, Error> {
        let context = parts.extensions.get::<Arc<RequestContext>>().ok_or(Error::Internal)?.clone();
        let issuer = HostName::from_header(context.workspace.url.authority());
        if issuer.is_ok_and(|issuer| issuer == context.host) {
            Ok(Self(context))
        } else {
            Err(Error::NotFound)
        }
    }
}

/// For HEAD where a GET does something: the router would answer it by the same handler.
pub(super) async fn no_head() -> (StatusCode, [(HeaderName, &'static str); 1]) {
    (StatusCode::METHOD_NOT_ALLOWED, [(header::ALLOW, "GET, POST")])
}
