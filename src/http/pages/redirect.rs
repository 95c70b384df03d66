//! The page on the way to another origin.
//!
//! Browsers apply `form-action 'self'` to the redirects after a form too, so a redirect to another origin goes by way of a
//! page of this host, which sends the browser on without a script.

use std::sync::Arc;

use axum::Extension;
use axum::extract::{RawQuery, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use axum::response::Response;

use super::frame::Frame;
use super::home::signed_in;
use super::response::{page, see_other};
use super::templates::LeavingPage;
use crate::app::App;
use crate::domain::redirect::RedirectTarget;
use crate::http::error::Error;
use crate::http::request::context::RequestContext;
use crate::http::request::params::Params;
use crate::keys::FormClaim;

const REFRESH: HeaderName = HeaderName::from_static("refresh");

/// `GET /login/go`: sends the browser on to a target with a valid MAC; without one to `/`.
pub(in crate::http) async fn show(
    State(app): State<App>,
    Extension(context): Extension<Arc<RequestContext>>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Result<Response, Error> {
    let Some(RedirectTarget::Absolute(url)) = verified(&app, &context, query.as_deref().unwrap_or_default())
    else {
        return see_other(&app, &context, RedirectTarget::Path("/".to_owned()));
    };
    let host = url.host_str().unwrap_or_default();
    let locale = signed_in(&app, &context, &headers).await?.map(|signed_in| signed_in.locale.clone());
    let frame = Frame::of(&context.workspace, context.language_of(locale.as_deref().unwrap_or_default()));
    let mut response = page(StatusCode::OK, &frame, &LeavingPage { frame, target: url.as_str(), host });
    let refresh = HeaderValue::from_str(&format!("0; url={url}")).map_err(|_| Error::Internal)?;
    response.headers_mut().insert(REFRESH, refresh);
    Ok(response)
}

/// The target, if its MAC is valid and the workspace still allows it.
fn verified(app: &App, context: &RequestContext, query: &str) -> Option<RedirectTarget> {
    let query = Params::parse(query).ok()?;
    let (to, proof) = (query.single("to").ok()??, query.single("proof").ok()??);
    if !app.keys().verify_form_mac(context.workspace.id, FormClaim::Leave(to), proof) {
        return None;
    }
    RedirectTarget::parse(to, &context.workspace.redirect_policy()).ok()
}
