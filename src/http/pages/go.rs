//! The page on the way to another origin.
//!
//! Browsers hold `form-action 'self'` against the redirects that follow a form, so the way to another origin leads
//! over a page of this host that sends the person on without a script.

use axum::Extension;
use axum::extract::{RawQuery, State};
use axum::http::{HeaderName, HeaderValue, StatusCode};
use axum::response::Response;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

use super::view::GoPage;
use super::{page, see_other};
use crate::app::App;
use crate::domain::canonical::Canonical;
use crate::domain::redirect::Target;
use crate::domain::workspace::Workspace;
use crate::http::error::Error;
use crate::http::query::Pairs;
use crate::http::visit::Visit;

const REFRESH: HeaderName = HeaderName::from_static("refresh");

/// The address of this page for a target.
pub(super) fn address(app: &App, visit: &Visit, target: &str) -> String {
    let proof = app.keys().proof(&message(&visit.workspace, target));
    format!("/login/go?to={}&proof={proof}", utf8_percent_encode(target, NON_ALPHANUMERIC))
}

/// `GET /login/go`: sends the person on to a target that carries our MAC; to `/` without one.
pub(in crate::http) async fn show(
    State(app): State<App>,
    Extension(visit): Extension<Visit>,
    RawQuery(query): RawQuery,
) -> Result<Response, Error> {
    let Some(Target::Elsewhere(url)) = proven(&app, &visit, query.as_deref().unwrap_or_default()) else {
        return see_other(&app, &visit, Target::Path("/".to_owned()));
    };
    let host = url.host_str().unwrap_or_default();
    let view = GoPage { workspace: &visit.workspace.name, target: url.as_str(), host };
    let mut response = page(StatusCode::OK, &view);
    let refresh = HeaderValue::from_str(&format!("0; url={url}")).map_err(|_| Error::Internal)?;
    response.headers_mut().insert(REFRESH, refresh);
    Ok(response)
}

/// The target, if its MAC is ours and the workspace still sends people there.
fn proven(app: &App, visit: &Visit, query: &str) -> Option<Target> {
    let query = Pairs::parse(query).ok()?;
    let (to, proof) = (query.one("to").ok()??, query.one("proof").ok()??);
    let is_ours = app.keys().is_proof(&message(&visit.workspace, to), proof);
    is_ours.then(|| Target::parse(to, &visit.workspace).ok()).flatten()
}

fn message(workspace: &Workspace, target: &str) -> Canonical {
    Canonical::of("go").number(workspace.id.0).bytes(target.as_bytes())
}
