//! `/oidc/authorize`: an app asks who is there.

use std::sync::Arc;

use axum::Extension;
use axum::body::Body;
use axum::extract::{RawQuery, State};
use axum::http::header::{LOCATION, SET_COOKIE};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::Response;

use super::reply;
use super::templates::{ContinuePage, NotAnswerablePage};
use crate::app::App;
use crate::domain::oidc::request::PARAMETERS;
use crate::domain::session::SessionWithUser;
use crate::flow;
use crate::flow::oidc::authorize::{Authorized, Read, Visitor};
use crate::http::error::Error;
use crate::http::pages::frame::Frame;
use crate::http::pages::home::signed_in;
use crate::http::pages::response::page;
use crate::http::pages::sign_in::with_form;
use crate::http::request::body::{read_lenient_form, read_raw_form};
use crate::http::request::context::{RequestContext, empty};
use crate::http::request::cookies::CookieJar;
use crate::http::request::params::Params;
use crate::keys::FormClaim;

/// The largest request that is taken as a form, in bytes.
pub(super) const MAX_FORM: usize = 8_192;

/// The one parameter by which a request that has waited comes back. Beside an app's own it is as any other.
const RESUME: &str = "resume";

/// `GET /oidc/authorize`: a code for the app, an error for it, or a page first.
pub(in crate::http) async fn show(
    State(app): State<App>,
    Extension(context): Extension<Arc<RequestContext>>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Result<Response, Error> {
    let Ok(query) = Params::parse_named(query.as_deref().unwrap_or_default(), &PARAMETERS) else {
        return Ok(not_answerable(&context));
    };
    let has_waited = query.has(RESUME) && !query.has("client_id");
    let read = if has_waited {
        flow::oidc::authorize::resume(&app, &context.workspace, query.value(RESUME)).await?
    } else {
        flow::oidc::authorize::read(&app, &context.workspace, &query.0, context.request).await?
    };
    let signed_in = signed_in(&app, &context, &headers).await?;
    match read {
        // It is too old to go on with, or its app is not what it was: the browser is not left without a way on.
        Read::NotAnswerable if has_waited => see_other("/"),
        Read::NotAnswerable => Ok(not_answerable(&context)),
        Read::Wrong(to, error) => reply::wrong(&context, &to, &error),
        Read::Request(request) => {
            let (client, waiting) = *request;
            let visitor = Visitor { signed_in: signed_in.clone(), has_waited };
            let workspace = &context.workspace;
            let authorized =
                flow::oidc::authorize::proceed(&app, workspace, (&client, waiting), &visitor).await?;
            answer(&app, &context, &headers, (authorized, signed_in.as_deref()))
        }
    }
}

fn answer(
    app: &App,
    context: &RequestContext,
    headers: &HeaderMap,
    (authorized, signed_in): (Authorized, Option<&SessionWithUser>),
) -> Result<Response, Error> {
    match authorized {
        Authorized::Code(to, code) => reply::code(context, &to, code.reveal()),
        Authorized::Wrong(to, error) => reply::wrong(context, &to, &error),
        Authorized::SignIn(waiting) => see_other(&format!("/login?return={waiting}")),
        Authorized::AskAccount { app_name, account, locale, waiting } => {
            let workspace = &context.workspace;
            let session = signed_in.ok_or(Error::Internal)?.session.id;
            let frame = Frame::of(workspace, context.language_of(&locale));
            with_form(headers, &CookieJar::of(context), |browser| {
                let claim = FormClaim::ContinueToApp(&waiting, browser, session);
                let proof = app.keys().form_mac(workspace.id, claim);
                let view = ContinuePage {
                    frame,
                    app: &app_name,
                    account: &account,
                    waiting: &waiting,
                    proof: &proof,
                };
                page(StatusCode::OK, &frame, &view)
            })
        }
    }
}

/// `POST /oidc/authorize`: 303 to itself, since a form from elsewhere brings no cookie.
pub(in crate::http) async fn repeat_as_get(
    RawQuery(query): RawQuery,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Error> {
    repeat_at("/oidc/authorize", query.as_deref(), &headers, body).await
}

/// 303 to a path with the parameters of a form in its query.
pub(super) async fn repeat_at(
    path: &str,
    query: Option<&str>,
    headers: &HeaderMap,
    body: Body,
) -> Result<Response, Error> {
    let form = read_raw_form(headers, body, MAX_FORM).await?;
    let form = String::from_utf8(form).ok().filter(|form| form.bytes().all(|byte| byte.is_ascii_graphic()));
    let Some(form) = form else {
        return Err(Error::Malformed("The form is not urlencoded.".to_owned()));
    };
    let form = form.replace('#', "%23");
    let parts = [query.unwrap_or_default(), &form].into_iter().filter(|part| !part.is_empty());
    see_other(&format!("{path}?{}", parts.collect::<Vec<_>>().join("&")))
}

/// `POST /oidc/continue`: the person goes on with the account that is signed in here.
pub(in crate::http) async fn go_on(
    State(app): State<App>,
    Extension(context): Extension<Arc<RequestContext>>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Error> {
    let form = read_lenient_form(&headers, body).await?;
    let (workspace, waiting) = (&context.workspace, form.value("return"));
    let browser = CookieJar::of(&context).browser(&headers).ok_or(Error::CsrfMismatch)?;
    let Some(signed_in) = signed_in(&app, &context, &headers).await? else {
        // The session has ended since the page was shown.
        let is_genuine = flow::oidc::waiting::open(&app, workspace, waiting).is_some();
        return see_other(&if is_genuine { format!("/login?return={waiting}") } else { "/login".to_owned() });
    };
    let claim = FormClaim::ContinueToApp(waiting, &browser, signed_in.session.id);
    if !app.keys().verify_form_mac(workspace.id, claim, form.value("proof")) {
        // Another tab has got a cookie since, or signed somebody else in.
        let asked = flow::oidc::authorize::ask_again(&app, workspace, waiting, &signed_in).await?;
        let asked = asked.ok_or(Error::CsrfMismatch)?;
        return answer(&app, &context, &headers, (asked, Some(&*signed_in)));
    }
    match flow::oidc::authorize::confirm(&app, workspace, waiting, &signed_in) {
        Some(confirmed) => see_other(&format!("/login/go?return={confirmed}")),
        None => see_other("/"),
    }
}

/// 303 to a path of this host.
fn see_other(path: &str) -> Result<Response, Error> {
    let mut response = empty(StatusCode::SEE_OTHER);
    let location = HeaderValue::from_str(path).map_err(|_| Error::Internal)?;
    response.headers_mut().insert(LOCATION, location);
    Ok(response)
}

/// 303 to the page that says that nobody is signed in; the cookie of who was is cleared.
pub(super) fn signed_out(context: &RequestContext, target: &str) -> Result<Response, Error> {
    let mut response = see_other(target)?;
    response.headers_mut().append(SET_COOKIE, CookieJar::of(context).clear_session());
    Ok(response)
}

/// The page of a request that is answered to no app.
fn not_answerable(context: &Arc<RequestContext>) -> Response {
    let frame = Frame::of(&context.workspace, context.language());
    let view = NotAnswerablePage { frame, request_id: &context.request.to_string() };
    page(StatusCode::BAD_REQUEST, &frame, &view)
}
