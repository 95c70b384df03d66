//! What a person sees.

pub(super) mod assets;
pub(super) mod console;
pub(super) mod errors;
pub(super) mod home;
pub(super) mod login;
pub(super) mod redirect;
mod swagger_ui;
pub(super) mod templates;

use askama::Template;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{Html, IntoResponse, Response};

use super::error::Error;
use super::request::context::{RequestContext, empty};
use crate::domain::redirect::RedirectTarget;

/// A page with its status.
pub(super) fn page(status: StatusCode, page: &impl Template) -> Response {
    match page.render() {
        Ok(html) => (status, Html(html)).into_response(),
        Err(error) => {
            tracing::error!(%error, "a page could not be drawn");
            empty(StatusCode::INTERNAL_SERVER_ERROR)
        }
    }
}

/// 303 to a path of this host, or over the page that leads to another origin.
fn see_other(
    app: &crate::app::App,
    context: &RequestContext,
    target: RedirectTarget,
) -> Result<Response, Error> {
    let location = match target.seen_from(&context.origin()) {
        RedirectTarget::Path(path) => path,
        elsewhere @ RedirectTarget::Absolute(_) => redirect::address(app, context, elsewhere.as_str()),
    };
    let mut response = empty(StatusCode::SEE_OTHER);
    let location = HeaderValue::from_str(&location).map_err(|_| Error::Internal)?;
    response.headers_mut().insert(header::LOCATION, location);
    Ok(response)
}
