//! `/sign-in`: how to get in, and the page of an admin link with its one button.

use std::sync::Arc;

use axum::Extension;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, StatusCode, Uri, header};
use axum::response::Response;

use super::desk::fields_of;
use super::error::Problem;
use super::html::{html, see_other};
use super::plain::{AskPage, SignInPage};
use super::visit::Visit;
use crate::app::App;
use crate::domain::admin::AdminReach;
use crate::domain::admin_access::AdminSecret;
use crate::domain::audit::INSTALLATION;
use crate::domain::session::CsrfCookie;
use crate::flow;
use crate::http::error::Error;
use crate::http::request::params::Params;
use crate::keys;
use crate::keys::FormClaim;

/// `GET /sign-in`: how to sign in; with `?token=`, the page of that link. It changes nothing.
pub(in crate::http) async fn show(
    State(app): State<App>,
    Extension(visit): Extension<Arc<Visit>>,
    uri: Uri,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    if visit.is_by_proxy {
        // A proxy vouches for whoever comes this way, and no link counts beside that.
        return Ok(see_other("/"));
    }
    let query = Params::parse(uri.query().unwrap_or_default()).map_err(Error::from)?;
    if !query.has("token") {
        let signed_in_as = visit.admin.as_ref().map(|admin| admin.grant.name.as_str().to_owned());
        return Ok(html(StatusCode::OK, &AskPage { signed_in_as }));
    }
    let token = AdminSecret::parse(query.value("token")).ok_or(Problem::DeadLink)?;
    page(&app, &visit, &token, &headers).await
}

/// `POST /sign-in`, the button: uses the link up and begins a session.
pub(in crate::http) async fn sign_in(
    State(app): State<App>,
    Extension(visit): Extension<Arc<Visit>>,
    request: Request,
) -> Result<Response, Problem> {
    if visit.is_by_proxy {
        return Ok(see_other("/"));
    }
    let (parts, body) = request.into_parts();
    let browser = visit.cookies.browser(&parts.headers).ok_or(Problem::Forged)?;
    let fields = fields_of(&parts, body).await?;
    let token = AdminSecret::parse(fields.value("token"));
    if !fields.has("token") || !fields.has("proof") {
        return Err(Problem::Forged);
    }
    let token = token.ok_or(Problem::DeadLink)?;
    let claim = FormClaim::AdminSignIn(token.reveal(), &browser);
    let is_valid = app.keys().verify_form_mac(INSTALLATION, claim, fields.value("proof"));
    if !is_valid {
        // It comes from here: another tab has got a cookie since.
        return page(&app, &visit, &token, &parts.headers).await;
    }
    let replaced = visit.admin.as_ref().and_then(|admin| admin.session.as_ref());
    let signed_in = flow::admin::doors::sign_in(&app, visit.request, &token, replaced).await?;
    let (_, cookie) = signed_in.ok_or(Problem::DeadLink)?;
    let mut response = see_other("/");
    response.headers_mut().append(header::SET_COOKIE, visit.cookies.set_session(&cookie));
    Ok(response)
}

/// The page of a link, with its form for this browser.
async fn page(
    app: &App,
    visit: &Visit,
    token: &AdminSecret,
    headers: &HeaderMap,
) -> Result<Response, Problem> {
    let link = flow::admin::doors::open_link(app, token).await?.ok_or(Problem::DeadLink)?;
    let workspaces = match &link.grant.reach {
        AdminReach::All => None,
        reach @ AdminReach::Only(_) => {
            let found = flow::admin::workspaces(app, reach).await?;
            Some(found.into_iter().map(|workspace| workspace.name).collect())
        }
    };
    let (browser, set) = match visit.cookies.browser(headers) {
        Some(browser) => (browser, None),
        None => new_browser(visit)?,
    };
    let proof = app.keys().form_mac(INSTALLATION, FormClaim::AdminSignIn(token.reveal(), &browser));
    let view = SignInPage {
        workspaces,
        name: link.grant.name.as_str(),
        role: link.grant.role.name(),
        token: token.reveal(),
        proof: &proof,
    };
    let mut response = html(StatusCode::OK, &view);
    if let Some(cookie) = set {
        response.headers_mut().append(header::SET_COOKIE, cookie);
    }
    Ok(response)
}

fn new_browser(visit: &Visit) -> Result<(CsrfCookie, Option<axum::http::HeaderValue>), Problem> {
    let browser = keys::random_browser_cookie()?;
    let set = visit.cookies.set_browser(&browser);
    Ok((browser, Some(set)))
}
