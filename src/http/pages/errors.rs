//! Errors as a person sees them: a page that says what to do.

use axum::response::Response;

use super::response::page;
use super::templates::ProblemPage;
use crate::http::error::{Error, Parts};

/// Renders an error as a page of a workspace; the name is empty where no workspace is known.
pub(in crate::http) fn render(error: &Error, workspace: &str) -> Response {
    let Parts { status, sentence, advice, .. } = error.parts();
    let title = match status.as_u16() {
        401 | 403 => "That did not work",
        404 => "Nothing here",
        429 => "Please wait a moment",
        500.. => "Please try again",
        _ => "That request was not understood",
    };
    let leads_to_sign_out = matches!(error, Error::CrossOriginSignOut);
    let view = ProblemPage { workspace, title, sentence: &sentence, advice, leads_to_sign_out };
    let mut response = page(status, &view);
    response.headers_mut().extend(error.retry_after());
    response
}
