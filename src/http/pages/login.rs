//! `/login`: shows what a link opens, and confirms it with one button.

use std::sync::Arc;

use super::frame::Frame;
use super::home::signed_in;
use super::mail_sign_in::ask_page;
use super::response::{page, see_other};
use super::sign_in::{Landing, destination, signed_in_response, visitor, with_form};
use super::templates::{AgainForm, ConfirmPage, InvalidLinkPage, Reason, SignInHelpPage, SignedInPage};
use crate::app::App;
use crate::domain::email::EmailAddress;
use crate::domain::oidc::request::AuthorizeRequest;
use crate::domain::opening::Opening;
use crate::domain::redirect::RedirectTarget;
use crate::domain::token::Token;
use crate::flow;
use crate::flow::sign_in::{Client, Confirmation, Confirmed, Opened, RedeemedBy};
use crate::http::error::Error;
use crate::http::request::context::RequestContext;
use crate::http::request::cookies::CookieJar;
use crate::http::request::opening::{EARLY, opening_of};
use crate::http::request::params::Params;
use crate::http::request::protected_form::{ConfirmForm, ProtectedForm};
use crate::keys;
use crate::keys::FormClaim;
use axum::Extension;
use axum::extract::{RawQuery, State};
use axum::http::header::SET_COOKIE;
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode};
use axum::response::Response;

/// `GET /login`: the page of a token; without one who is signed in, or how to get a link. It changes nothing.
pub(in crate::http) async fn open(
    State(app): State<App>,
    Extension(context): Extension<Arc<RequestContext>>,
    RawQuery(query): RawQuery,
    method: Method,
    headers: HeaderMap,
) -> Result<Response, Error> {
    let query = Params::parse_leniently(query.as_deref().unwrap_or_default(), "token");
    // A query that cannot be parsed may hold a token that was cut or rewritten: it gets the page of an invalid link.
    let has_token = query.as_ref().map_or(true, |query| query.means("token"));
    let query = query.unwrap_or_default();
    if !has_token {
        let policy = context.workspace.redirect_policy();
        let redirect = RedirectTarget::parse(query.value("redirect"), &policy).ok();
        let waiting = query.value("return");
        if let Some(request) = flow::oidc::waiting::open(&app, &context.workspace, waiting) {
            return sign_in_for_app(&app, &context, (waiting, &request.request), &headers).await;
        }
        return without_token(&app, &context, redirect, &headers).await;
    }
    let token = query.single("token").ok().flatten().and_then(Token::parse_from_link);
    let redirect = wished_redirect(&app, &context, &query, token.as_ref()).await?;
    // It is noted once the token is known to be one.
    let opening = token.as_ref().and_then(|_| opening_of(&app, &context, (&method, &headers)));
    if let Some(token) = &token
        && method == Method::GET
        && let Some(signed_in) =
            one_click(&app, &context, (token, redirect.as_deref(), &opening), &headers).await?
    {
        return Ok(signed_in);
    }
    show(&app, &context, (token, redirect.as_deref(), opening), &headers).await
}

/// Where a link leads by itself: what it says, or what the mail that it names says.
async fn wished_redirect(
    app: &App,
    context: &RequestContext,
    query: &Params,
    token: Option<&Token>,
) -> Result<Option<String>, Error> {
    if query.has("redirect") || !query.has("to") {
        return Ok(query.has("redirect").then(|| query.value("redirect").to_owned()));
    }
    let found = flow::mail::redirect_of(app, &context.workspace, token, query.value("to")).await?;
    Ok(Some(found.unwrap_or_default()))
}

/// `POST /login`: redeems the link and starts a session.
pub(in crate::http) async fn confirm(
    State(app): State<App>,
    Extension(context): Extension<Arc<RequestContext>>,
    form: ConfirmForm,
    headers: HeaderMap,
) -> Result<Response, Error> {
    let workspace = &context.workspace;
    let form = match form {
        ConfirmForm::Protected(form) => form,
        ConfirmForm::Mismatched { token, redirect } => {
            return show(&app, &context, (Token::parse(&token), redirect.as_deref(), None), &headers).await;
        }
    };
    let own = form.redirect(&app, workspace).map(str::to_owned);
    let Some(token) = Token::parse(&form.token) else {
        return invalid_link(&app, &context, (None, own.as_deref()), &headers);
    };
    let Landing { path: landing, forget } =
        Landing::of(&app, &context, (&form.jar, &headers), own.as_deref());
    let visitor = visitor(&context, &form.jar, &headers);
    let ProtectedForm { browser, jar, .. } = form;
    let confirm = Confirmation { token, browser, visitor, landing, by: RedeemedBy::Link };
    match flow::sign_in::confirm(&app, workspace, &context.anonymous_audit_context(), &confirm).await? {
        Confirmed::SignedIn { cookie, landing } => {
            signed_in_response(&app, &context, &jar, (&cookie, &landing, forget))
        }
        Confirmed::Dead => invalid_link(&app, &context, (Some(&confirm.token), own.as_deref()), &headers),
    }
}

/// Signs in at once, where the workspace wants that, in the browser that asked for this very link, if a person goes there.
async fn one_click(
    app: &App,
    context: &RequestContext,
    (token, redirect, opening): (&Token, Option<&str>, &Option<Opening>),
    headers: &HeaderMap,
) -> Result<Option<Response>, Error> {
    let workspace = &context.workspace;
    if !workspace.mail.is_one_click || !is_person_going_there(headers) {
        return Ok(None);
    }
    let jar = CookieJar::of(context);
    let Some(ask) = flow::self_service::find_live(app, workspace, jar.ask(headers).as_ref()).await? else {
        return Ok(None);
    };
    let links = app.keys().link_hashes(workspace.id, token);
    if !ask.link.is_some_and(|link| links.contains(&link)) {
        return Ok(None);
    }
    let browser = jar.browser(headers).map_or_else(keys::random_browser_cookie, Ok)?;
    let Landing { path: landing, forget } = Landing::of(app, context, (&jar, headers), redirect);
    let confirm = Confirmation {
        token: token.clone(),
        browser,
        visitor: Client { opening: opening.clone(), ..visitor(context, &jar, headers) },
        landing,
        by: RedeemedBy::OneClick,
    };
    match flow::sign_in::confirm(app, workspace, &context.anonymous_audit_context(), &confirm).await? {
        Confirmed::SignedIn { cookie, landing } => {
            let mut response = signed_in_response(app, context, &jar, (&cookie, &landing, forget))?;
            // The same link, opened once more in the next minutes, gives the same session.
            response.headers_mut().append(SET_COOKIE, jar.set_browser(&confirm.browser));
            Ok(Some(response))
        }
        Confirmed::Dead => Ok(None),
    }
}

/// Whether the browser says that a person goes to this page, and that it does not only fetch it for later (W3C Fetch Metadata).
fn is_person_going_there(headers: &HeaderMap) -> bool {
    let is_early = EARLY.iter().any(|name| headers.contains_key(*name));
    let said = |name: &str| headers.get(name).map(HeaderValue::as_bytes);
    !is_early && said("sec-fetch-mode") == Some(b"navigate") && said("sec-fetch-dest") == Some(b"document")
}

/// The page of a token, with the redirect that stands beside it.
async fn show(
    app: &App,
    context: &RequestContext,
    (token, redirect, opening): (Option<Token>, Option<&str>, Option<Opening>),
    headers: &HeaderMap,
) -> Result<Response, Error> {
    let workspace = &context.workspace;
    let target = redirect.and_then(|text| RedirectTarget::parse(text, &workspace.redirect_policy()).ok());
    let jar = CookieJar::of(context);
    let visitor = Client { opening, ..visitor(context, &jar, headers) };
    let act = context.anonymous_audit_context();
    match flow::sign_in::open(app, workspace, &act, token.as_ref(), &visitor).await? {
        Opened::Live { account, signed_in_as, locale } => {
            let Some(token) = token else { return invalid_link(app, context, (None, redirect), headers) };
            // A redirect that is not allowed is carried as an empty one: it still replaces the remembered one.
            let redirect =
                redirect.map(|_| target.map_or_else(String::new, |target| target.as_str().to_owned()));
            let form = Form { token, redirect, account, signed_in_as, locale };
            form.page(app, context, &jar, headers)
        }
        Opened::AlreadySignedIn(landing) => {
            see_other(app, context, target.unwrap_or_else(|| destination(workspace, Some(&landing))))
        }
        Opened::Dead => invalid_link(app, context, (token.as_ref(), redirect), headers),
    }
}

/// Who is signed in, with a way on; else how to get a link, and a redirect that is allowed is remembered until then.
async fn without_token(
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
        // The last wish counts.
        for cookie in [jar.set_redirect(&target)].into_iter().chain(jar.clear_app_request(headers)) {
            response.headers_mut().append(SET_COOKIE, cookie);
        }
    }
    Ok(response)
}

/// How to get a link, for an app that asks for a sign-in, whoever is signed in here. The browser goes on with the app's request after the
/// next sign-in that has no destination of its own.
async fn sign_in_for_app(
    app: &App,
    context: &RequestContext,
    (sealed, request): (&str, &AuthorizeRequest),
    headers: &HeaderMap,
) -> Result<Response, Error> {
    let jar = CookieJar::of(context);
    let client = flow::oidc::apps::find(app, context.workspace.id, &request.client_id).await?;
    let signed_in = signed_in(app, context, headers).await?;
    let reason = Reason {
        app: client.as_ref().map(|client| client.name.as_str()),
        signed_in_as: signed_in.as_ref().map(|signed_in| signed_in.email.as_str()),
        email: request.login_hint.as_deref().filter(|hint| EmailAddress::parse(hint).is_ok()),
    };
    let mut response = how_to_sign_in(app, context, headers, reason)?;
    if is_navigation(headers) {
        for cookie in jar.set_app_request(sealed).into_iter().chain([jar.clear_redirect()]) {
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

/// Whether a person went to this page, and not a script, image or frame of another one (W3C Fetch Metadata, sections 2.1 and 2.2).
/// Old browsers do not say.
fn is_navigation(headers: &HeaderMap) -> bool {
    let said = |name: &str| headers.get(name).map(HeaderValue::as_bytes);
    match (said("sec-fetch-mode"), said("sec-fetch-dest")) {
        (None, None) => true,
        (mode, destination) => mode == Some(b"navigate") && destination == Some(b"document"),
    }
}

/// The same page for every token that is not valid, with a button that asks for a fresh link, where that can be mailed. Only the values
/// of its hidden fields differ.
fn invalid_link(
    app: &App,
    context: &RequestContext,
    (token, redirect): (Option<&Token>, Option<&str>),
    headers: &HeaderMap,
) -> Result<Response, Error> {
    let workspace = &context.workspace;
    let frame = Frame::of(workspace, context.language());
    if !flow::self_service::is_open(app, workspace) {
        return Ok(page(StatusCode::GONE, &frame, &InvalidLinkPage { frame, again: None }));
    }
    let token = token.map(Token::reveal).unwrap_or_default();
    // It is judged when the form comes back.
    let redirect = redirect.filter(|redirect| redirect.len() <= MAX_REDIRECT).unwrap_or_default();
    with_form(headers, &CookieJar::of(context), |browser| {
        let proof = app.keys().form_mac(workspace.id, FormClaim::Again(token, browser));
        let again = AgainForm { token, redirect, proof: &proof };
        page(StatusCode::GONE, &frame, &InvalidLinkPage { frame, again: Some(again) })
    })
}

/// The longest redirect that a form carries on, in bytes.
const MAX_REDIRECT: usize = 2_000;

/// The form that confirms a live link.
struct Form {
    token: Token,
    redirect: Option<String>,
    account: String,
    signed_in_as: Option<String>,
    locale: String,
}

impl Form {
    /// The page with the form, tied to this browser by a cookie.
    fn page(
        self,
        app: &App,
        context: &RequestContext,
        jar: &CookieJar,
        headers: &HeaderMap,
    ) -> Result<Response, Error> {
        let workspace = &context.workspace;
        let token = self.token.reveal();
        let redirect = self.redirect.as_deref();
        let frame = Frame::of(workspace, context.language_of(&self.locale));
        with_form(headers, jar, |browser| {
            let mac = |claim| app.keys().form_mac(workspace.id, claim);
            let redirect_proof = redirect.map(|target| mac(FormClaim::Redirect(token, browser, target)));
            let view = ConfirmPage {
                frame,
                account: &self.account,
                signed_in_as: self.signed_in_as.as_deref(),
                token,
                proof: &mac(FormClaim::Confirm(token, browser)),
                redirect,
                redirect_proof: redirect_proof.as_deref().unwrap_or_default(),
            };
            page(StatusCode::OK, &frame, &view)
        })
    }
}
