//! `/login`: shows what a link opens, and confirms it with one button.

use std::sync::Arc;

use axum::Extension;
use axum::extract::{RawQuery, State};
use axum::http::header::{REFERRER_POLICY, SET_COOKIE};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::Response;
use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};

use super::response::{page, see_other};
use super::templates::{ConfirmPage, InvalidLinkPage, SignInHelpPage};
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
use crate::http::request::protected_form::ProtectedForm;
use crate::keys;
use crate::keys::FormClaim;

/// What a cookie's value cannot hold (RFC 6265, section 4.1.1), and the characters of the encoding itself.
const NOT_IN_COOKIES: &AsciiSet =
    &CONTROLS.add(b' ').add(b'"').add(b',').add(b';').add(b'\\').add(b'%').add(b'+');

/// `GET /login`: the page of a token, or how to get a link. It changes nothing.
pub(in crate::http) async fn open(
    State(app): State<App>,
    Extension(context): Extension<Arc<RequestContext>>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Result<Response, Error> {
    let workspace = &context.workspace;
    let query = Params::parse(query.as_deref().unwrap_or_default());
    // A query that cannot be parsed may hold a token that was cut or rewritten: it gets the page of an invalid link.
    let has_token = query.as_ref().map_or(true, |query| query.means("token"));
    let query = query.unwrap_or_default();
    let has_redirect = query.has("redirect");
    let redirect = RedirectTarget::parse(query.value("redirect"), &workspace.redirect_policy()).ok();
    if !has_token {
        return Ok(sign_in_help(&context, redirect.as_ref()));
    }
    let jar = CookieJar::of(&context);
    let token = query.single("token").ok().flatten().and_then(Token::parse);
    let visitor = visitor(&context, &jar, &headers);
    match flow::sign_in::open(&app, workspace, &context.anonymous_audit_context(), token.as_ref(), &visitor)
        .await?
    {
        Opened::Live { account, signed_in_as } => {
            let Some(token) = token else { return Ok(invalid_link(workspace)) };
            // A redirect that is not allowed is carried as an empty one: it still replaces the remembered one.
            let redirect =
                has_redirect.then(|| redirect.map_or_else(String::new, |target| target.as_str().to_owned()));
            let form = Form { token, redirect, account, signed_in_as };
            form.page(&app, &context, &jar, jar.browser(&headers))
        }
        Opened::AlreadySignedIn(landing) => {
            let target = redirect.unwrap_or_else(|| destination(workspace, Some(&landing)));
            see_other(&app, &context, target)
        }
        Opened::Dead => Ok(invalid_link(workspace)),
    }
}

/// `POST /login`: redeems the link and starts a session.
pub(in crate::http) async fn confirm(
    State(app): State<App>,
    Extension(context): Extension<Arc<RequestContext>>,
    form: ProtectedForm,
    headers: HeaderMap,
) -> Result<Response, Error> {
    let workspace = &context.workspace;
    let Some(token) = Token::parse(&form.token) else { return Ok(invalid_link(workspace)) };
    let remembered = form.jar.redirect(&headers);
    let landing = destination(workspace, form.redirect(&app, workspace).or(remembered.as_deref()));
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
        Confirmed::Dead => Ok(invalid_link(workspace)),
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
fn invalid_link(workspace: &Workspace) -> Response {
    page(StatusCode::GONE, &InvalidLinkPage { workspace: &workspace.name })
}

/// How to get a link; a redirect that is allowed is remembered until then.
fn sign_in_help(context: &RequestContext, redirect: Option<&RedirectTarget>) -> Response {
    let mut response = page(StatusCode::OK, &SignInHelpPage { workspace: &context.workspace.name });
    if let Some(target) = redirect {
        let encoded = utf8_percent_encode(target.as_str(), NOT_IN_COOKIES).to_string();
        response.headers_mut().append(SET_COOKIE, CookieJar::of(context).set_redirect(&encoded));
    }
    response
}

/// The form that confirms a live link.
struct Form {
    token: Token,
    redirect: Option<String>,
    account: String,
    signed_in_as: Option<String>,
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
        let view = ConfirmPage {
            workspace: &workspace.name,
            account: &self.account,
            signed_in_as: self.signed_in_as.as_deref(),
            token,
            proof: &mac(FormClaim::Confirm(token, &browser)),
            redirect,
            redirect_proof: redirect_proof.as_deref().unwrap_or_default(),
        };
        let mut response = page(StatusCode::OK, &view);
        let headers = response.headers_mut();
        headers.append(SET_COOKIE, jar.set_browser(&browser));
        // With `no-referrer` browsers would send the form with `Origin: null`; this policy hides the path as well.
        headers.insert(REFERRER_POLICY, HeaderValue::from_static("strict-origin"));
        Ok(response)
    }
}
