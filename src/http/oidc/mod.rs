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

use axum::extract::Request;
use axum::http::header::{CACHE_CONTROL, X_CONTENT_TYPE_OPTIONS};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::middleware::Next;
use axum::response::Response;
use axum::routing::MethodRouter;
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

/// How what anybody may read is looked up and answered.
pub(super) const DOCUMENTS: Surface = Surface { lookup: Lookup::Nothing, ..PAGES };

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

/// The layer around these routes: on the other hosts of the workspace there is nothing at their paths, whatever the method.
pub(super) async fn require_issuer(request: Request, next: Next) -> Response {
    let context = request.extensions().get::<Arc<RequestContext>>();
    let is_issuers = context.is_some_and(|context| {
        let issuer = HostName::from_header(context.workspace.url.authority());
        issuer.is_ok_and(|issuer| issuer == context.host)
    });
    if is_issuers { next.run(request).await } else { Error::NotFound.into_placeholder() }
}

/// A route whose GET does something: the router would answer HEAD by the same handler, and name it among the methods.
pub(super) fn without_head(route: MethodRouter<App>, methods: &'static str) -> MethodRouter<App> {
    let refuse = move || async move { (StatusCode::METHOD_NOT_ALLOWED, [(header::ALLOW, methods)]) };
    route.head(refuse).fallback(refuse)
}
