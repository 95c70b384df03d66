//! Errors as the API answers them: JSON.

use std::collections::BTreeMap;

use axum::Json;
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};

use super::resources::ErrorBody;
use crate::domain::validation::{Problem, ValidationErrors};
use crate::http::error::{Error, Parts};

/// Renders an error as JSON.
pub(in crate::http) fn render(error: &Error) -> Response {
    let Parts { status, code, sentence, .. } = error.parts();
    let message = advice(error).map_or(sentence.clone(), |advice| format!("{sentence} {advice}").into());
    let invalid = if let Error::ValidationErrors(invalid) = error { Some(invalid) } else { None };
    let errors = invalid.map(|invalid| by_field(invalid, |problem| problem.sentence.as_str()));
    let codes = invalid.map(|invalid| by_field(invalid, |problem| problem.code));
    let body = ErrorBody { message: &message, code, errors, codes };
    let mut response = (status, Json(body)).into_response();
    if matches!(error, Error::Unauthenticated) {
        response.headers_mut().insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
    }
    response.headers_mut().extend(error.retry_after());
    response
}

/// What a caller can do, where the sentence does not say it.
fn advice(error: &Error) -> Option<&'static str> {
    if matches!(error, Error::NotFound) {
        Some("`GET /api/openapi.json` lists the endpoints.")
    } else if matches!(error, Error::WorkspaceNotFound(_)) {
        Some(
            "`doorkey workspace list` shows the hosts there are, `doorkey workspace set NAME host=…` gives a workspace others.",
        )
    } else if matches!(error, Error::MethodNotAllowed) {
        Some("The header `Allow` names those that are.")
    } else if matches!(error, Error::Internal | Error::Panicked) {
        Some("The server's log has it under this answer's `X-Api-Identifier`.")
    } else {
        matches!(error, Error::Unavailable).then_some("Try again after the seconds that `Retry-After` says.")
    }
}

/// One part of each problem, by field.
fn by_field<'a, T>(
    invalid: &'a ValidationErrors,
    part: impl Fn(&'a Problem) -> T,
) -> BTreeMap<&'a str, Vec<T>> {
    invalid.fields().map(|(name, problems)| (name, problems.iter().map(&part).collect())).collect()
}
