//! Errors as the API answers them: JSON.

use std::collections::BTreeMap;

use axum::Json;
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use utoipa::ToSchema;

use crate::domain::validation::{Code, Problem, ValidationErrors};
use crate::http::error::{Error, Parts};

/// The body of every error of the API.
#[derive(Serialize, ToSchema)]
#[schema(as = Error)]
pub(super) struct ErrorBody<'a> {
    /// A sentence for people.
    message: &'a str,
    /// A stable word for programs.
    code: &'static str,
    /// Sentences by field, where fields did not pass.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    errors: Option<BTreeMap<&'a str, Vec<&'a str>>>,
    /// The kinds of those problems as stable words, in the same order.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, inline)]
    codes: Option<BTreeMap<&'a str, Vec<Code>>>,
}

/// Renders an error as JSON.
pub(in crate::http) fn render(error: &Error) -> Response {
    let Parts { status, code, sentence, .. } = error.parts();
    let invalid = if let Error::ValidationErrors(invalid) = error { Some(invalid) } else { None };
    let errors = invalid.map(|invalid| by_field(invalid, |problem| problem.sentence.as_str()));
    let codes = invalid.map(|invalid| by_field(invalid, |problem| problem.code));
    let body = ErrorBody { message: &sentence, code, errors, codes };
    let mut response = (status, Json(body)).into_response();
    if matches!(error, Error::Unauthenticated) {
        response.headers_mut().insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
    }
    response.headers_mut().extend(error.retry_after());
    response
}

/// One part of each problem, by field.
fn by_field<'a, T>(
    invalid: &'a ValidationErrors,
    part: impl Fn(&'a Problem) -> T,
) -> BTreeMap<&'a str, Vec<T>> {
    invalid.fields().map(|(name, problems)| (name, problems.iter().map(&part).collect())).collect()
}
