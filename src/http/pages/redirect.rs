//! The page on the way to another origin.
//!
//! Browsers apply `form-action 'self'` to the redirects after a form too, so a redirect to another origin goes by way of a
//! page of this host, which sends the browser on without a script.

use std::sync::Arc;

use axum::Extension;
use axum::extract::{RawQuery, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use axum::response::Response;
use url::Url;

use super::frame::Frame;
use super::home::signed_in;
use super::response::{page, see_other};
use super::sign_in::remember;
use super::templates::LeavingPage;
use crate::app::App;
use crate::domain::redirect::RedirectTarget;
use crate::flow;
use crate::flow::oidc::landing;
use crate::flow::oidc::landing::{AppTarget, Judged};
use crate::http::error::Error;
use crate::http::request::context::RequestContext;
use crate::http::request::cookies::CookieJar;
use crate::http::request::fetch_metadata::is_navigation;
use crate::http::request::params::Params;
use crate::http::request::protected_form::destination_of;
use crate::keys::FormClaim;

const REFRESH: HeaderName = HeaderName::from_static("refresh");

/// `GET /login/go`: sends the browser on to an app, or to a target with a valid MAC; without one to `/`.
pub(in crate::http) async fn show(
    State(app): State<App>,
    Extension(context): Extension<Arc<RequestContext>>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Result<Response, Error> {
    let query = Params::parse(query.as_deref().unwrap_or_default()).unwrap_or_default();
    let signed_in = signed_in(&app, &context, &headers).await?;
    let target = if query.has("app") {
        let wish = destination_of(&query);
        let judged = landing::judge(&app, &context.workspace, &wish).await?;
        match (judged, &signed_in) {
            (Judged::App(target), Some(signed_in)) => {
                let user = signed_in.session.user;
                let address = landing::address(&app, &context.workspace, &target, user).await?;
                address.map(|address| (address, target.client.name))
            }
            (Judged::App(target), None) => return sign_in_first(&app, &context, *target, &headers),
            (Judged::Nothing | Judged::Redirect(_) | Judged::NotAllowed, _) => None,
        }
    } else if query.has("return") {
        resumed(&app, &context, query.value("return")).await?
    } else {
        target_of(&app, &context, &query)
    };
    let Some((target, name)) = target else {
        return see_other(&app, &context, RedirectTarget::Path("/".to_owned()));
    };
    let locale = signed_in.as_ref().map_or("", |signed_in| &signed_in.locale);
    let frame = Frame::of(&context.workspace, context.language_of(locale));
    let mut response = page(StatusCode::OK, &frame, &LeavingPage { frame, target: &target, name: &name });
    let refresh = HeaderValue::from_str(&format!("0; url={target}")).map_err(|_| Error::Internal)?;
    response.headers_mut().insert(REFRESH, refresh);
    Ok(response)
}

/// Who is to arrive in an app is asked to sign in, and comes back here then.
fn sign_in_first(
    app: &App,
    context: &RequestContext,
    target: AppTarget,
    headers: &HeaderMap,
) -> Result<Response, Error> {
    let mut response = see_other(app, context, RedirectTarget::Path("/login".to_owned()))?;
    if is_navigation(headers) {
        let wish = Judged::App(Box::new(target)).into_destination();
        remember(&CookieJar::of(context), headers, (&wish, &mut response));
    }
    Ok(response)
}

/// Where an app's request that has waited goes on, and the name of the app.
async fn resumed(
    app: &App,
    context: &RequestContext,
    sealed: &str,
) -> Result<Option<(String, String)>, Error> {
    let Some(waiting) = flow::oidc::waiting::open(app, &context.workspace, sealed) else { return Ok(None) };
    let client = flow::oidc::apps::find(app, context.workspace.id, &waiting.request.client_id).await?;
    Ok(client.map(|client| (format!("/oidc/authorize?resume={sealed}"), client.name)))
}

/// Where the page leads, and the host that the person sees: a target with a MAC.
fn target_of(app: &App, context: &RequestContext, query: &Params) -> Option<(String, String)> {
    let Some(RedirectTarget::Absolute(url)) = verified(app, context, query) else { return None };
    Some((url.as_str().to_owned(), host_of(url.as_str())))
}

fn host_of(url: &str) -> String {
    let url = Url::parse(url).ok();
    url.as_ref().and_then(Url::host_str).unwrap_or_default().to_owned()
}

/// The target, if its MAC is valid and the workspace still allows it.
fn verified(app: &App, context: &RequestContext, query: &Params) -> Option<RedirectTarget> {
    let (to, proof) = (query.single("to").ok()??, query.single("proof").ok()??);
    if !app.keys().verify_form_mac(context.workspace.id, FormClaim::Leave(to), proof) {
        return None;
    }
    RedirectTarget::parse(to, &context.workspace.redirect_policy()).ok()
}
