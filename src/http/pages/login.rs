//! `/login`: shows what a link opens, and confirms it with one button.

use std::sync::Arc;

use super::frame::Frame;
use super::response::{page, see_other};
use super::templates::{ConfirmPage, InvalidLinkPage, SignInHelpPage, SignedInPage};
use crate::app::App;
use crate::domain::redirect::RedirectTarget;
use crate::domain::session::CsrfCookie;
use crate::domain::token::Token;
use crate::domain::workspace::Workspace;
use crate::flow;
use crate::flow::sign_in::{Client, Confirmation, Confirmed, Opened};
use crate::http::error::Error;
use crate::http::request::context::RequestContext;
use crate::http::request::cookies::CookieJar;
use crate::http::request::params::Params;
use crate::http::request::protected_form::{ConfirmForm, ProtectedForm};
use crate::keys;
use crate::keys::FormClaim;
use axum::Extension;
use axum::extract::{RawQuery, State};
use axum::http::header::{REFERRER_POLICY, SET_COOKIE};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::Response;

/// `GET /login`: the page of a token; without one who is signed in, or how to get a link. It changes nothing.
pub(in crate::http) async fn open(
    State(app): State<App>,
    Extension(context): Extension<Arc<RequestContext>>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Result<Response, Error> {
    let query = Params::parse_leniently(query.as_deref().unwrap_or_default(), "token");
    // A query that cannot be parsed may hold a token that was cut or rewritten: it gets the page of an invalid link.
    let has_token = query.as_ref().map_or(true, |query| query.means("token"));
    let query = query.unwrap_or_default();
    if !has_token {
        let policy = context.workspace.redirect_policy();
        let redirect = RedirectTarget::parse(query.value("redirect"), &policy).ok();
        return without_token(&app, &context, redirect, &headers).await;
    }
    let token = query.single("token").ok().flatten().and_then(Token::parse_from_link);
    let redirect = query.has("redirect").then(|| query.value("redirect"));
    show(&app, &context, (token, redirect), &headers).await
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
            return show(&app, &context, (Token::parse(&token), redirect.as_deref()), &headers).await;
        }
    };
    let Some(token) = Token::parse(&form.token) else { return Ok(invalid_link(&context)) };
    let own = form.redirect(&app, workspace);
    let remembered = form.jar.redirect(&headers).filter(|_| own.is_none());
    let landing = destination(workspace, own.or(remembered.as_deref()));
    let visitor = visitor(&context, &form.jar, &headers);
    let ProtectedForm { browser, jar, .. } = form;
    let confirm = Confirmation { token, browser, visitor, landing: landing.as_str().to_owned() };
    match flow::sign_in::confirm(&app, workspace, &context.anonymous_audit_context(), &confirm).await? {
        Confirmed::SignedIn { cookie, landing } => {
            let mut response = see_other(&app, &context, destination(workspace, Some(&landing)))?;
            response.headers_mut().append(SET_COOKIE, jar.set_session(&cookie));
            if remembered.is_some() {
                response.headers_mut().append(SET_COOKIE, jar.clear_redirect());
            }
            Ok(response)
        }
        Confirmed::Dead => Ok(invalid_link(&context)),
    }
}

/// The page of a token, with the redirect that stands beside it.
async fn show(
    app: &App,
    context: &RequestContext,
    (token, redirect): (Option<Token>, Option<&str>),
    headers: &HeaderMap,
) -> Result<Response, Error> {
    let workspace = &context.workspace;
    let target = redirect.and_then(|text| RedirectTarget::parse(text, &workspace.redirect_policy()).ok());
    let jar = CookieJar::of(context);
    let visitor = visitor(context, &jar, headers);
    let act = context.anonymous_audit_context();
    match flow::sign_in::open(app, workspace, &act, token.as_ref(), &visitor).await? {
        Opened::Live { account, signed_in_as, locale } => {
            let Some(token) = token else { return Ok(invalid_link(context)) };
            // A redirect that is not allowed is carried as an empty one: it still replaces the remembered one.
            let redirect =
                redirect.map(|_| target.map_or_else(String::new, |target| target.as_str().to_owned()));
            let form = Form { token, redirect, account, signed_in_as, locale };
            form.page(app, context, &jar, jar.browser(headers))
        }
        Opened::AlreadySignedIn(landing) => {
            see_other(app, context, target.unwrap_or_else(|| destination(workspace, Some(&landing))))
        }
        Opened::Dead => Ok(invalid_link(context)),
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
    let mut response = page(StatusCode::OK, &frame, &SignInHelpPage { frame });
    if let Some(target) = redirect.filter(|_| is_navigation(headers)) {
        response.headers_mut().append(SET_COOKIE, jar.set_redirect(&target));
    }
    Ok(response)
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

/// The wished target if the workspace allows it, else the workspace's own.
fn destination(workspace: &Workspace, wish: Option<&str>) -> RedirectTarget {
    let target = wish.and_then(|text| RedirectTarget::parse(text, &workspace.redirect_policy()).ok());
    target.unwrap_or_else(|| workspace.landing())
}

fn visitor(context: &RequestContext, jar: &CookieJar, headers: &HeaderMap) -> Client {
    Client {
        source: context.client_network(headers),
        session: jar.session(headers),
        link: context.link.clone(),
        read_point: context.read_point,
    }
}

/// The same page for every token that is not valid.
fn invalid_link(context: &RequestContext) -> Response {
    let frame = Frame::of(&context.workspace, context.language());
    page(StatusCode::GONE, &frame, &InvalidLinkPage { frame, again: None })
}

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
        browser: Option<CsrfCookie>,
    ) -> Result<Response, Error> {
        let browser = browser.map_or_else(keys::random_browser_cookie, Ok)?;
        let workspace = &context.workspace;
        let token = self.token.reveal();
        let redirect = self.redirect.as_deref();
        let mac = |claim| app.keys().form_mac(workspace.id, claim);
        let redirect_proof = redirect.map(|target| mac(FormClaim::Redirect(token, &browser, target)));
        let frame = Frame::of(workspace, context.language_of(&self.locale));
        let view = ConfirmPage {
            frame,
            account: &self.account,
            signed_in_as: self.signed_in_as.as_deref(),
            token,
            proof: &mac(FormClaim::Confirm(token, &browser)),
            redirect,
            redirect_proof: redirect_proof.as_deref().unwrap_or_default(),
        };
        let mut response = page(StatusCode::OK, &frame, &view);
        let headers = response.headers_mut();
        headers.append(SET_COOKIE, jar.set_browser(&browser));
        // With `no-referrer` browsers would send the form with `Origin: null`; this policy hides the path as well.
        headers.insert(REFERRER_POLICY, HeaderValue::from_static("strict-origin"));
        Ok(response)
    }
}
