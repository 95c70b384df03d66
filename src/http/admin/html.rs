//! The responses of the admin pages: HTML, with the referrer policy that its forms need.

use askama::Template;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{Html, IntoResponse, Response};

use super::error::Problem;
use crate::http::error::Error;

/// Where those are sent who are not signed in.
pub(super) const SIGN_IN: &str = "/sign-in";

/// A page with its status.
pub(super) fn html(status: StatusCode, page: &impl Template) -> Response {
    let html = match page.render() {
        Ok(html) => html,
        Err(error) => {
            tracing::error!(%error, "a page could not be rendered");
            return Problem::Common(Error::Internal).into_response();
        }
    };
    // With `no-referrer`, browsers send `Origin: null` with a form.
    let policy = if html.contains("<form") { "strict-origin" } else { "no-referrer" };
    let policy = [(header::REFERRER_POLICY, HeaderValue::from_static(policy))];
    (status, policy, Html(html)).into_response()
}

/// 303 to a path of this host.
pub(super) fn see_other(path: &str) -> Response {
    match HeaderValue::from_str(path) {
        Ok(path) => (StatusCode::SEE_OTHER, [(header::LOCATION, path)]).into_response(),
        Err(_) => Problem::Common(Error::Internal).into_response(),
    }
}
