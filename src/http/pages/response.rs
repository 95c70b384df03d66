//! The responses of pages: HTML, and redirects.

use askama::Template;
use axum::http::header::{CONTENT_LANGUAGE, VARY};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{Html, IntoResponse, Response};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

use super::frame::Frame;
use crate::app::App;
use crate::domain::redirect::RedirectTarget;
use crate::http::error::Error;
use crate::http::request::context::{RequestContext, empty};
use crate::keys::FormClaim;

/// A page in the language of its frame.
pub(in crate::http) fn page(status: StatusCode, frame: &Frame<'_>, page: &impl Template) -> Response {
    let mut response = render(status, page);
    let headers = response.headers_mut();
    headers.insert(CONTENT_LANGUAGE, HeaderValue::from_static(frame.tag()));
    headers.insert(VARY, HeaderValue::from_static("Accept-Language"));
    response
}

/// A page with its status.
pub(super) fn render(status: StatusCode, page: &impl Template) -> Response {
    match page.render() {
        Ok(html) => (status, Html(html)).into_response(),
        Err(error) => {
            tracing::error!(%error, "a page could not be rendered");
            empty(StatusCode::INTERNAL_SERVER_ERROR)
        }
    }
}

/// 303 to a path of this host; to another origin by way of the page `/login/go`.
pub(in crate::http) fn see_other(
    app: &App,
    context: &RequestContext,
    target: RedirectTarget,
) -> Result<Response, Error> {
    let location = match target.seen_from(&context.origin()) {
        RedirectTarget::Path(path) => path,
        absolute @ RedirectTarget::Absolute(_) => leaving_path(app, context, absolute.as_str()),
    };
    let mut response = empty(StatusCode::SEE_OTHER);
    let location = HeaderValue::from_str(&location).map_err(|_| Error::Internal)?;
    response.headers_mut().insert(header::LOCATION, location);
    Ok(response)
}

fn leaving_path(app: &App, context: &RequestContext, target: &str) -> String {
    let proof = app.keys().form_mac(context.workspace.id, FormClaim::Leave(target));
    format!("/login/go?to={}&proof={proof}", utf8_percent_encode(target, NON_ALPHANUMERIC))
}
