//! `/login` without a link: who is signed in, or how to get a link.

use axum::http::header::SET_COOKIE;
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;

use super::frame::Frame;
use super::home::signed_in;
use super::mail_sign_in::ask_page;
use super::response::page;
use super::sign_in::{destination, remember};
use super::templates::{Reason, SignInHelpPage, SignedInPage};
use crate::app::App;
use crate::domain::destination::Destination;
use crate::domain::email::EmailAddress;
use crate::domain::oidc::request::AuthorizeRequest;
use crate::domain::redirect::RedirectTarget;
use crate::flow;
use crate::http::error::Error;
use crate::http::request::context::RequestContext;
use crate::http::request::cookies::CookieJar;
use crate::http::request::fetch_metadata::is_navigation;

/// Who is signed in, with a way on; else how to get a link, and a redirect that is allowed is remembered until then.
pub(super) async fn show(
    app: &App,
    context: &RequestContext,
    redirect: Option<RedirectTarget>,
    headers: &HeaderMap,
) -> Result<Response, Error> {
    let (workspace, jar, frame) =
        (&context.workspace, CookieJar::of(context), Frame::of(&context.workspace, context.language()));
    let act = context.anonymous_audit_context();
    let cookie = jar.session(headers);
    if let Some(signed_in) = flow::sessions::current(app, workspace, &act, cookie.as_ref()).await? {
        let way_on = redirect.unwrap_or_else(|| destination(workspace, Some(&signed_in.session.landing)));
        let view = SignedInPage { frame, email: signed_in.email.as_str(), way_on: way_on.as_str() };
        return Ok(page(StatusCode::OK, &frame, &view));
    }
    let mut response = how_to_sign_in(app, context, headers, Reason::default())?;
    if let Some(target) = redirect.filter(|_| is_navigation(headers)) {
        let wish = Destination { app: None, redirect: Some(target.as_str().to_owned()) };
        remember(&jar, headers, (&wish, &mut response));
    }
    Ok(response)
}

/// How to get a link, for an app that asks for a sign-in, whoever is signed in here. The browser goes on with the app's request after the
/// next sign-in that has no destination of its own.
pub(super) async fn sign_in_for_app(
    app: &App,
    context: &RequestContext,
    (sealed, request): (&str, &AuthorizeRequest),
    headers: &HeaderMap,
) -> Result<Response, Error> {
    let jar = CookieJar::of(context);
    let client = flow::oidc::apps::find(app, context.workspace.id, &request.client_id).await?;
    let signed_in = signed_in(app, context, headers).await?;
    let means_somebody_else = match &signed_in {
        Some(signed_in) => {
            let visitor = (signed_in.session.user, &signed_in.email);
            flow::oidc::authorize::means_somebody_else(app, &context.workspace, request, visitor).await?
        }
        None => false,
    };
    let reason = Reason {
        app: client.as_ref().map(|client| client.name.as_str()),
        signed_in_as: signed_in.as_ref().map(|signed_in| signed_in.email.as_str()),
        means_somebody_else,
        email: request.login_hint.as_deref().filter(|hint| EmailAddress::parse(hint).is_ok()),
    };
    let mut response = how_to_sign_in(app, context, headers, reason)?;
    if is_navigation(headers) {
        for cookie in jar.set_app_request(sealed).into_iter().chain([jar.clear_wish()]) {
            response.headers_mut().append(SET_COOKIE, cookie);
        }
    }
    Ok(response)
}

/// The page that asks for an address, where a link can be mailed; else how to get one.
fn how_to_sign_in(
    app: &App,
    context: &RequestContext,
    headers: &HeaderMap,
    reason: Reason<'_>,
) -> Result<Response, Error> {
    if flow::self_service::is_open(app, &context.workspace) {
        return ask_page(app, context, headers, reason);
    }
    let frame = Frame::of(&context.workspace, context.language());
    Ok(page(StatusCode::OK, &frame, &SignInHelpPage { frame, reason }))
}
