//! Errors as apps are told them: JSON (RFC 6749, section 5.2; RFC 6750, section 3).

use axum::Json;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;

use crate::flow::oidc::token::TokenError;
use crate::http::error::Error;

#[derive(Serialize)]
struct Body<'a> {
    error: &'a str,
    error_description: &'a str,
}

/// An error with its status.
pub(super) fn answer(status: StatusCode, error: &str, description: &str) -> Response {
    let description = description.replace(is_excluded, "'");
    (status, Json(Body { error, error_description: &description })).into_response()
}

/// Whether a letter may not stand in a description (RFC 6749, section 5.2): it may come from the request.
fn is_excluded(letter: char) -> bool {
    !matches!(letter, ' '..='~') || matches!(letter, '"' | '\\')
}

/// Renders an error that has nothing to do with OpenID Connect.
pub(super) fn render(error: &Error) -> Response {
    let parts = error.parts();
    let word = match parts.status.as_u16() {
        429 | 503 => "temporarily_unavailable",
        500.. => "server_error",
        _ => "invalid_request",
    };
    let mut response = answer(parts.status, word, &parts.sentence);
    response.headers_mut().extend(error.retry_after());
    response
}

/// Renders why an exchange was refused.
pub(super) fn refused(error: TokenError) -> Response {
    let description = error.to_string();
    match error {
        TokenError::InvalidRequest(_) => answer(StatusCode::BAD_REQUEST, "invalid_request", &description),
        TokenError::InvalidClient => {
            let mut response = answer(StatusCode::UNAUTHORIZED, "invalid_client", &description);
            let scheme = HeaderValue::from_static("Basic");
            response.headers_mut().insert(header::WWW_AUTHENTICATE, scheme);
            response
        }
        TokenError::UnsupportedGrantType => {
            answer(StatusCode::BAD_REQUEST, "unsupported_grant_type", &description)
        }
        TokenError::InvalidGrant => answer(StatusCode::BAD_REQUEST, "invalid_grant", &description),
        TokenError::RateLimited(limited) => render(&limited.into()),
        TokenError::NodeUnhealthy(unfit) => render(&unfit.into()),
        TokenError::Store(error) => render(&error.into()),
        TokenError::NoRandomness(error) => render(&error.into()),
        TokenError::Signing(error) => {
            tracing::error!(%error, "no ID token could be signed");
            render(&Error::Unavailable)
        }
    }
}
