//! `/`: who is signed in; `/logout`: signing out.

use std::sync::Arc;

use axum::Extension;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::Response;

use super::frame::Frame;
use super::response::{page, see_other};
use super::templates::{HomePage, SignOutPage};
use crate::app::App;
use crate::domain::redirect::RedirectTarget;
use crate::domain::session::SessionWithUser;
use crate::flow;
use crate::http::error::Error;
use crate::http::request::context::RequestContext;
use crate::http::request::cookies::CookieJar;

/// `GET /`: who is signed in, since when and until when; without a session, 303 to the login page.
pub(in crate::http) async fn show(
    State(app): State<App>,
    Extension(context): Extension<Arc<RequestContext>>,
    headers: HeaderMap,
) -> Result<Response, Error> {
    let Some(signed_in) = signed_in(&app, &context, &headers).await? else {
        return see_other(&app, &context, RedirectTarget::Path("/login".to_owned()));
    };
    let frame = Frame::of(&context.workspace, context.language_of(&signed_in.locale));
    let view = HomePage {
        frame,
        name: &signed_in.name,
        email: signed_in.email.as_str(),
        since: frame.words.time(signed_in.session.created_at),
        until: frame.words.time(signed_in.session.ends_at(&context.workspace)),
        landing: context.workspace.landing_url.as_deref(),
    };
    Ok(page(StatusCode::OK, &frame, &view))
}

/// `GET /logout`: the button, for links of applications; for who is signed in no more, that it is so.
pub(in crate::http) async fn ask_to_sign_out(
    State(app): State<App>,
    Extension(context): Extension<Arc<RequestContext>>,
    headers: HeaderMap,
) -> Result<Response, Error> {
    let current = signed_in(&app, &context, &headers).await?;
    let email = current.as_ref().map(|signed_in| signed_in.email.as_str());
    let frame = Frame::of(&context.workspace, context.language());
    Ok(page(StatusCode::OK, &frame, &SignOutPage { frame, email }))
}

/// `POST /logout`: ends every session whose cookie was sent, and clears the cookie.
pub(in crate::http) async fn sign_out(
    State(app): State<App>,
    Extension(context): Extension<Arc<RequestContext>>,
    headers: HeaderMap,
) -> Result<Response, Error> {
    let jar = CookieJar::of(&context);
    for cookie in jar.all_sessions(&headers) {
        let act = context.anonymous_audit_context();
        flow::sessions::sign_out(&app, &context.workspace, &act, &cookie).await?;
    }
    let mut response = see_other(&app, &context, RedirectTarget::Path("/logout".to_owned()))?;
    response.headers_mut().append(header::SET_COOKIE, jar.clear_session());
    Ok(response)
}

/// Who is signed in.
pub(in crate::http) async fn signed_in(
    app: &App,
    context: &RequestContext,
    headers: &HeaderMap,
) -> Result<Option<Arc<SessionWithUser>>, Error> {
    let cookie = CookieJar::of(context).session(headers);
    let act = context.anonymous_audit_context();
    Ok(flow::sessions::current(app, &context.workspace, &act, cookie.as_ref()).await?)
}
