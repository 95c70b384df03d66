//! The API for back offices.

pub(super) mod apps;
mod caller;
pub(super) mod clients;
pub(super) mod errors;
mod idempotency;
pub(super) mod login_links;
pub(super) mod logs;
pub(super) mod mails;
pub(super) mod openapi;
mod pagination;
pub(super) mod resources;
pub(super) mod sessions;
pub(super) mod stats;
pub(super) mod stories;
pub(super) mod team;

use axum::Router;
use axum::extract::{FromRequestParts, MatchedPath, Path, Request};
use axum::http::header::{CACHE_CONTROL, X_CONTENT_TYPE_OPTIONS};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName, HeaderValue};
use axum::routing::any;
use uuid::Uuid;

use super::error::Error;
use super::middleware::Surface;
use super::request::credentials::Lookup;
use crate::app::App;
use crate::domain::api_version::ApiVersion;
use crate::domain::user::{Refusal, UserRef};

const API_IDENTIFIER: HeaderName = HeaderName::from_static("x-api-identifier");
const API_VERSION: HeaderName = HeaderName::from_static("x-api-version");

/// How the API looks up and answers requests.
pub(super) const SURFACE: Surface = Surface {
    lookup: Lookup::ApiKey,
    render_error: |error, _, _| errors::render(error),
    accepted_language: |_| None,
    set_headers,
};

/// The same where a login link is requested.
pub(super) const LOGIN_LINK: Surface = Surface { lookup: Lookup::ApiKeyAndUser, ..SURFACE };

/// The paths of the API that have no route: their errors are JSON too.
pub(super) fn unknown() -> Router<App> {
    let not_found = any(|| async { Error::NotFound });
    Router::new()
        .route("/api", not_found.clone())
        .route("/api/", not_found.clone())
        .route("/api/{*rest}", not_found)
}

/// Log lines and metrics name no route for them.
pub(super) async fn without_route(mut request: Request) -> Request {
    request.extensions_mut().remove::<MatchedPath>();
    request
}

/// How a path names a user.
const USER_IN_PATH: &str = "The id, digits only, or the e-mail address, percent-encoded.";

/// The user that a path names. What cannot be one, undecodable bytes included, is answered like an unknown user.
pub(super) struct UserInPath(UserRef);

impl FromRequestParts<App> for UserInPath {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Error> {
        let text = Path::<String>::from_request_parts(parts, app).await.ok();
        let named = text.and_then(|Path(text)| UserRef::parse(&text));
        named.map(Self).ok_or(Error::Refused(Refusal::UserNotFound))
    }
}

fn set_headers(headers: &mut HeaderMap, request_id: Uuid, version: ApiVersion) {
    let mut text = Uuid::encode_buffer();
    let request_id = HeaderValue::from_str(request_id.hyphenated().encode_lower(&mut text));
    // A UUID is always a header value.
    headers.extend(request_id.into_iter().map(|request_id| (API_IDENTIFIER, request_id)));
    headers.insert(API_VERSION, HeaderValue::from_static(version.name()));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
}
