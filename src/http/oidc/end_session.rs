//! `/oidc/end_session`: an app signs a person out.

use std::sync::Arc;

use axum::Extension;
use axum::body::Body;
use axum::extract::{RawQuery, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;

use super::authorize::{repeat_at, signed_out};
use super::templates::{AskSignOutPage, SignedOutPage};
use crate::app::App;
use crate::flow;
use crate::flow::oidc::end_session::{PARAMETERS, SigningOut};
use crate::http::error::Error;
use crate::http::pages::frame::Frame;
use crate::http::pages::home::signed_in;
use crate::http::pages::response::page;
use crate::http::pages::sign_in::with_form;
use crate::http::request::body::read_lenient_form;
use crate::http::request::context::RequestContext;
use crate::http::request::cookies::CookieJar;
use crate::http::request::params::Params;
use crate::keys::FormClaim;

const SIGNED_OUT: &str = "/oidc/signed_out";

/// `GET /oidc/end_session`: signs out at once where the app shows that it knows who is signed in, else asks.
pub(in crate::http) async fn show(
    State(app): State<App>,
    Extension(context): Extension<Arc<RequestContext>>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Result<Response, Error> {
    let query = query.as_deref().unwrap_or_default();
    let query = Params::parse_named(query, &PARAMETERS).unwrap_or_default();
    let signed_in = signed_in(&app, &context, &headers).await?;
    let workspace = &context.workspace;
    match flow::oidc::end_session::judge(&app, workspace, &query.0, signed_in.as_deref()).await? {
        SigningOut::AtOnce(target) => {
            end_all(&app, &context, &headers).await?;
            signed_out(&context, target.as_deref().unwrap_or(SIGNED_OUT))
        }
        SigningOut::Ask => match signed_in {
            Some(signed_in) => {
                let frame = Frame::of(workspace, context.language());
                with_form(&headers, &CookieJar::of(&context), |browser| {
                    let proof = app.keys().form_mac(workspace.id, FormClaim::SignOut(browser));
                    let view = AskSignOutPage { frame, email: signed_in.email.as_str(), proof: &proof };
                    page(StatusCode::OK, &frame, &view)
                })
            }
            None => Ok(signed_out_page(&context)),
        },
    }
}

/// `POST /oidc/end_session`: 303 to itself, since a form from elsewhere brings no cookie.
pub(in crate::http) async fn repeat_as_get(
    RawQuery(query): RawQuery,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Error> {
    repeat_at("/oidc/end_session", query.as_deref(), &headers, body).await
}

/// `POST /oidc/end_session/confirm`: the button of the page that asks.
pub(in crate::http) async fn confirm(
    State(app): State<App>,
    Extension(context): Extension<Arc<RequestContext>>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Error> {
    let form = read_lenient_form(&headers, body).await?;
    let browser = CookieJar::of(&context).browser(&headers).ok_or(Error::CsrfMismatch)?;
    let claim = FormClaim::SignOut(&browser);
    if !app.keys().verify_form_mac(context.workspace.id, claim, form.value("proof")) {
        return Err(Error::CsrfMismatch);
    }
    end_all(&app, &context, &headers).await?;
    signed_out(&context, SIGNED_OUT)
}

/// `GET /oidc/signed_out`: nobody is signed in in this browser.
pub(in crate::http) async fn show_signed_out(Extension(context): Extension<Arc<RequestContext>>) -> Response {
    signed_out_page(&context)
}

fn signed_out_page(context: &RequestContext) -> Response {
    let frame = Frame::of(&context.workspace, context.language());
    page(StatusCode::OK, &frame, &SignedOutPage { frame })
}

/// Ends every session whose cookie was sent.
async fn end_all(app: &App, context: &RequestContext, headers: &HeaderMap) -> Result<(), Error> {
    for cookie in CookieJar::of(context).all_sessions(headers) {
        let act = context.anonymous_audit_context();
        flow::sessions::sign_out(app, &context.workspace, &act, &cookie).await?;
    }
    Ok(())
}
