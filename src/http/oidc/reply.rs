//! What an app is told at its redirect URI (RFC 6749, section 4.1.2; RFC 9207; Form Post Response Mode).

use axum::http::header::{CONTENT_SECURITY_POLICY, LOCATION};
use axum::http::{HeaderValue, StatusCode};
use axum::response::Response;

use super::templates::FormPostPage;
use crate::domain::oidc::app_uri::with_parameters;
use crate::domain::oidc::request::{AuthorizeError, ReplyTo, ResponseMode};
use crate::domain::workspace::Workspace;
use crate::http::error::Error;
use crate::http::pages::frame::Frame;
use crate::http::pages::response::page;
use crate::http::request::context::{RequestContext, empty};

/// The policy of the one page that sends a form elsewhere, by a script of its own.
const CSP: &str = "default-src 'none'; style-src 'self'; img-src 'self'; \
                   script-src 'sha256-ePniVEkSivX/c7XWBGafqh8tSpiRrKiqYeqbG7N1TOE='; frame-ancestors 'none'; base-uri 'none'";

/// Tells an app its code.
pub(super) fn code(context: &RequestContext, to: &ReplyTo, code: &str) -> Result<Response, Error> {
    send(context, to, vec![("code", code)])
}

/// Tells an app what is wrong.
pub(super) fn wrong(
    context: &RequestContext,
    to: &ReplyTo,
    error: &AuthorizeError,
) -> Result<Response, Error> {
    send(context, to, vec![("error", error.code), ("error_description", error.description)])
}

fn send<'a>(
    context: &'a RequestContext,
    to: &'a ReplyTo,
    mut parameters: Vec<(&'static str, &'a str)>,
) -> Result<Response, Error> {
    let workspace = &context.workspace;
    parameters.extend(to.state.as_deref().map(|state| ("state", state)));
    parameters.push(("iss", workspace.url.as_str()));
    match to.response_mode {
        ResponseMode::Query => by_query(to, &parameters),
        ResponseMode::FormPost => Ok(by_form(context, workspace, to, &parameters)),
    }
}

/// Its own query is kept as it is.
fn by_query(to: &ReplyTo, parameters: &[(&'static str, &str)]) -> Result<Response, Error> {
    let location = with_parameters(&to.redirect_uri, parameters.iter().copied());
    let mut response = empty(StatusCode::SEE_OTHER);
    let mut location = HeaderValue::from_str(&location).map_err(|_| Error::Internal)?;
    location.set_sensitive(true);
    response.headers_mut().insert(LOCATION, location);
    Ok(response)
}

fn by_form(
    context: &RequestContext,
    workspace: &Workspace,
    to: &ReplyTo,
    parameters: &[(&'static str, &str)],
) -> Response {
    let frame = Frame::of(workspace, context.language());
    let host = url::Url::parse(&to.redirect_uri).ok();
    let host = host.as_ref().and_then(url::Url::host_str).unwrap_or(&to.redirect_uri);
    let view = FormPostPage { frame, target: &to.redirect_uri, host, parameters };
    let mut response = page(StatusCode::OK, &frame, &view);
    response.headers_mut().insert(CONTENT_SECURITY_POLICY, HeaderValue::from_static(CSP));
    response
}
