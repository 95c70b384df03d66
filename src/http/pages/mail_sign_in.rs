//! Asking for a link by mail: the form, the code, and a fresh link in place of a dead one.
//!
//! Whoever is named, the same is answered: nothing here knows who is known.

use std::sync::Arc;

use axum::Extension;
use axum::extract::{Request, State};
use axum::http::header::SET_COOKIE;
use axum::http::{HeaderMap, StatusCode};
use axum::middleware::Next;
use axum::response::Response;

use super::frame::Frame;
use super::response::{page, see_other};
use super::sign_in::{Landing, signed_in_response, visitor, with_form};
use super::templates::{AskMailPage, CodeEndedPage, CodePage, Reason, SentPage};
use crate::app::App;
use crate::domain::ask::{Ask, AskCookie};
use crate::domain::destination::Destination;
use crate::domain::redirect::RedirectTarget;
use crate::domain::token::Token;
use crate::flow;
use crate::flow::self_service::AskOptions;
use crate::flow::self_service::code::{Redeemed, TypedCode};
use crate::http::error::Error;
use crate::http::request::context::RequestContext;
use crate::http::request::cookies::CookieJar;
use crate::http::request::protected_form::MailForm;
use crate::keys::FormClaim;

/// The page that asks for an address.
pub(super) fn ask_page(
    app: &App,
    context: &RequestContext,
    headers: &HeaderMap,
    reason: Reason<'_>,
) -> Result<Response, Error> {
    let (workspace, jar) = (&context.workspace, CookieJar::of(context));
    let frame = Frame::of(workspace, context.language());
    with_form(headers, &jar, |browser| {
        let proof = app.keys().form_mac(workspace.id, FormClaim::Ask(browser));
        page(StatusCode::OK, &frame, &AskMailPage { frame, proof: &proof, reason })
    })
}

/// The layer around these routes: where mail is not set up, or the workspace does not want it, there is nothing at their paths, whatever
/// the method.
pub(in crate::http) async fn require_open(State(app): State<App>, request: Request, next: Next) -> Response {
    let context = request.extensions().get::<Arc<RequestContext>>();
    let is_open = context.is_some_and(|context| flow::self_service::is_open(&app, &context.workspace));
    if is_open { next.run(request).await } else { Error::NotFound.into_placeholder() }
}

/// `POST /login/mail`: an address is asked for a mail, or the mail of an ask is to come once more.
pub(in crate::http) async fn ask(
    State(app): State<App>,
    Extension(context): Extension<Arc<RequestContext>>,
    headers: HeaderMap,
    form: MailForm,
) -> Result<Response, Error> {
    let workspace = &context.workspace;
    let before = form.jar.ask(&headers);
    let wish = remembered(&app, &context, (&form.jar, &headers)).await?;
    let options = options(&context, &headers, before.as_ref(), wish);
    if form.fields.single("again") == Ok(Some("1")) {
        form.verify(&app, workspace, FormClaim::AskOnceMore(&form.browser))?;
        flow::self_service::repeat(&app, workspace, options).await?;
        return see_other(&app, &context, RedirectTarget::Path("/login/code".to_owned()));
    }
    form.verify(&app, workspace, FormClaim::Ask(&form.browser))?;
    // Two addresses name nobody, like none.
    let typed = form.fields.single("email").ok().flatten().unwrap_or_default();
    let cookie = flow::self_service::ask(&app, workspace, typed, options).await?;
    let mut response = see_other(&app, &context, RedirectTarget::Path("/login/code".to_owned()))?;
    let cookie = form.jar.set_ask(&cookie, workspace.mail.self_service_lifetime);
    response.headers_mut().append(SET_COOKIE, cookie);
    Ok(response)
}

/// `GET /login/code`: the page on which the code is typed.
pub(in crate::http) async fn show_code(
    State(app): State<App>,
    Extension(context): Extension<Arc<RequestContext>>,
    headers: HeaderMap,
) -> Result<Response, Error> {
    flow::operations::nodes::is_fit(&app)?;
    let jar = CookieJar::of(&context);
    match flow::self_service::find_live(&app, &context.workspace, jar.ask(&headers).as_ref()).await? {
        Some(ask) => code_page(&app, &context, &headers, (&ask, false)),
        None => see_other(&app, &context, RedirectTarget::Path("/login".to_owned())),
    }
}

/// `POST /login/code`: the code is typed.
pub(in crate::http) async fn redeem_code(
    State(app): State<App>,
    Extension(context): Extension<Arc<RequestContext>>,
    headers: HeaderMap,
    form: MailForm,
) -> Result<Response, Error> {
    let workspace = &context.workspace;
    form.verify(&app, workspace, FormClaim::Code(&form.browser))?;
    // By a wrong clock no ask is over.
    flow::operations::nodes::is_fit(&app)?;
    let ask = flow::self_service::find_live(&app, workspace, form.jar.ask(&headers).as_ref()).await?;
    let Some(ask) = ask else { return Ok(ask_over(&context)) };
    let landing = Landing::of(&app, &context, (&form.jar, &headers), (&ask.destination, true)).await?;
    let Landing { path: landing, client, mut forget, .. } = landing;
    let typed = TypedCode {
        ask: &ask,
        typed: form.fields.single("code").ok().flatten().unwrap_or_default(),
        client: visitor(&context, &form.jar, &headers),
        landing,
        client_id: client.map(|client| client.client_id),
        browser: form.browser,
    };
    let act = context.anonymous_audit_context();
    match flow::self_service::code::redeem(&app, workspace, &act, typed).await? {
        Redeemed::SignedIn { cookie, landing } => {
            forget.push(form.jar.clear_wish());
            signed_in_response(&app, &context, &form.jar, (&cookie, &landing, forget))
        }
        Redeemed::Wrong => code_page(&app, &context, &headers, (&ask, true)),
        Redeemed::Over => Ok(ask_over(&context)),
    }
}

/// `POST /login/again`: a fresh link is asked for by a dead one.
pub(in crate::http) async fn ask_again(
    State(app): State<App>,
    Extension(context): Extension<Arc<RequestContext>>,
    headers: HeaderMap,
    form: MailForm,
) -> Result<Response, Error> {
    let workspace = &context.workspace;
    let token = form.fields.single("token").ok().flatten().unwrap_or_default();
    form.verify(&app, workspace, FormClaim::Again(token, &form.browser))?;
    let said = |name| Some(form.fields.value(name).to_owned()).filter(|value| !value.is_empty());
    let destination = Destination { app: said("app"), redirect: said("redirect") };
    let judged = flow::oidc::landing::judge(&app, workspace, &destination).await?;
    let options = options(&context, &headers, None, judged.into_destination());
    let token = Token::parse_from_link(token);
    flow::self_service::ask_for_fresh_link(&app, workspace, token.as_ref(), options).await?;
    see_other(&app, &context, RedirectTarget::Path("/login/sent".to_owned()))
}

/// `GET /login/sent`: the page after that, the same for all.
pub(in crate::http) async fn sent(Extension(context): Extension<Arc<RequestContext>>) -> Response {
    let frame = Frame::of(&context.workspace, context.language());
    page(StatusCode::OK, &frame, &SentPage { frame })
}

fn code_page(
    app: &App,
    context: &RequestContext,
    headers: &HeaderMap,
    (ask, is_wrong): (&Ask, bool),
) -> Result<Response, Error> {
    let workspace = &context.workspace;
    let frame = Frame::of(workspace, context.language());
    let status = if is_wrong { StatusCode::FORBIDDEN } else { StatusCode::OK };
    with_form(headers, &CookieJar::of(context), |browser| {
        let mac = |claim| app.keys().form_mac(workspace.id, claim);
        let view = CodePage {
            frame,
            address: &ask.email,
            is_wrong,
            proof: &mac(FormClaim::Code(browser)),
            again_proof: &mac(FormClaim::AskOnceMore(browser)),
        };
        page(status, &frame, &view)
    })
}

fn ask_over(context: &RequestContext) -> Response {
    let frame = Frame::of(&context.workspace, context.language());
    page(StatusCode::GONE, &frame, &CodeEndedPage { frame })
}

/// Where this browser is to go, as it remembers, if that is allowed: to an app whose request waits there, or where it wished.
async fn remembered(
    app: &App,
    context: &RequestContext,
    (jar, headers): (&CookieJar, &HeaderMap),
) -> Result<Destination, Error> {
    let workspace = &context.workspace;
    let waiting = jar.app_request(headers);
    if let Some(waiting) = waiting.and_then(|sealed| flow::oidc::waiting::open(app, workspace, &sealed)) {
        return Ok(Destination { app: Some(waiting.request.client_id), redirect: None });
    }
    let wish = jar.wish(headers).unwrap_or_default();
    Ok(flow::oidc::landing::judge(app, workspace, &wish).await?.into_destination())
}

fn options<'a>(
    context: &RequestContext,
    headers: &HeaderMap,
    before: Option<&'a AskCookie>,
    destination: Destination,
) -> AskOptions<'a> {
    AskOptions {
        source: context.client_network(headers),
        language: context.accepted_language,
        destination,
        before,
        request_id: context.request,
    }
}
