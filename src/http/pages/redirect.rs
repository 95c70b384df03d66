//! The page on the way to another origin.
//!
//! Browsers hold `form-action 'self'` against the redirects that follow a form, so the way to another origin leads
//! over a page of this host that sends the person on without a script.

use std::sync::Arc;

use axum::Extension;
use axum::extract::{RawQuery, State};
use axum::http::{HeaderName, HeaderValue, StatusCode};
use axum::response::Response;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

use super::templates::LeavingPage;
use super::{page, see_other};
use crate::app::App;
use crate::domain::mac_input::MacInput;
use crate::domain::redirect::RedirectTarget;
use crate::domain::workspace::Workspace;
use crate::http::error::Error;
use crate::http::request::context::RequestContext;
use crate::http::request::params::Params;

const REFRESH: HeaderName = HeaderName::from_static("refresh");

/// The address of this page for a target.
pub(super) fn address(app: &App, context: &RequestContext, target: &str) -> String {
    let proof = app.keys().form_mac(&message(&context.workspace, target));
    format!("/login/go?to={}&proof={proof}", utf8_percent_encode(target, NON_ALPHANUMERIC))
}

/// `GET /login/go`: sends the person on to a target that carries our MAC; to `/` without one.
pub(in crate::http) async fn show(
    State(app): State<App>,
    Extension(context): Extension<Arc<RequestContext>>,
    RawQuery(query): RawQuery,
) -> Result<Response, Error> {
    let Some(RedirectTarget::Absolute(url)) = proven(&app, &context, query.as_deref().unwrap_or_default())
    else {
        return see_other(&app, &context, RedirectTarget::Path("/".to_owned()));
    };
    let host = url.host_str().unwrap_or_default();
    let view = LeavingPage { workspace: &context.workspace.name, target: url.as_str(), host };
    let mut response = page(StatusCode::OK, &view);
    let refresh = HeaderValue::from_str(&format!("0; url={url}")).map_err(|_| Error::Internal)?;
    response.headers_mut().insert(REFRESH, refresh);
    Ok(response)
}

/// The target, if its MAC is ours and the workspace still sends people there.
fn proven(app: &App, context: &RequestContext, query: &str) -> Option<RedirectTarget> {
    let query = Params::parse(query).ok()?;
    let (to, proof) = (query.single("to").ok()??, query.single("proof").ok()??);
    let is_ours = app.keys().verify_form_mac(&message(&context.workspace, to), proof);
    is_ours.then(|| RedirectTarget::parse(to, &context.workspace.redirect_policy()).ok()).flatten()
}

fn message(workspace: &Workspace, target: &str) -> MacInput {
    MacInput::of("go").number(workspace.id.0).bytes(target.as_bytes())
}
