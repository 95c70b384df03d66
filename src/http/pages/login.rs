//! A link is opened, and confirmed with one press.

use std::sync::Arc;

use axum::Extension;
use axum::extract::{RawQuery, State};
use axum::http::header::{REFERRER_POLICY, SET_COOKIE};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::Response;
use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};

use super::templates::{ConfirmPage, InvalidLinkPage, SignInHelpPage};
use super::{page, see_other};
use crate::app::App;
use crate::domain::mac_input::MacInput;
use crate::domain::redirect::RedirectTarget;
use crate::domain::session::CsrfCookie;
use crate::domain::token::Token;
use crate::domain::workspace::Workspace;
use crate::flow;
use crate::flow::sign_in::{Client, Confirmation, Confirmed, Opened};
use crate::http::error::Error;
use crate::http::request::context::RequestContext;
use crate::http::request::cookies::CookieJar;
use crate::http::request::credentials::ParsedForm;
use crate::http::request::params::Params;
use crate::keys;

/// What a cookie's value cannot hold (RFC 6265, section 4.1.1), and what marks that something was encoded.
const NOT_IN_COOKIES: &AsciiSet =
    &CONTROLS.add(b' ').add(b'"').add(b',').add(b';').add(b'\\').add(b'%').add(b'+');

/// `GET /login`: what is behind a token, or how to get one. It changes nothing.
pub(in crate::http) async fn open(
    State(app): State<App>,
    Extension(context): Extension<Arc<RequestContext>>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Result<Response, Error> {
    let workspace = &context.workspace;
    let query = Params::parse(query.as_deref().unwrap_or_default());
    // A query that cannot be read may hold a token that was cut or rewritten: it opens nothing.
    let is_to_open = query.as_ref().map_or(true, names_a_token);
    let query = query.unwrap_or_default();
    let wished = query.has("redirect");
    let redirect = query
        .single("redirect")
        .ok()
        .flatten()
        .and_then(|text| RedirectTarget::parse(text, &workspace.redirect_policy()).ok());
    if !is_to_open {
        return Ok(ask(&context, redirect.as_ref()));
    }
    let jar = CookieJar::of(&context);
    let token = query.single("token").ok().flatten().and_then(Token::parse);
    let visitor = visitor(&context, &jar, &headers);
    match flow::sign_in::open(&app, workspace, &context.anonymous_audit_context(), token.as_ref(), &visitor)
        .await?
    {
        Opened::Live { account, signed_in_as } => {
            let Some(token) = token else { return Ok(invalid_link(workspace)) };
            // A bad wish is carried as an empty one: it counts, and leads to the default.
            let redirect =
                wished.then(|| redirect.map_or_else(String::new, |target| target.as_str().to_owned()));
            let form = Form { token, redirect, account, signed_in_as };
            form.page(&app, &context, &jar, jar.browser(&headers))
        }
        Opened::AlreadySignedIn(landing) => {
            let landing =
                redirect.or_else(|| RedirectTarget::parse(&landing, &workspace.redirect_policy()).ok());
            see_other(&app, &context, landing.unwrap_or_else(|| workspace.landing()))
        }
        Opened::Dead => Ok(invalid_link(workspace)),
    }
}

/// `POST /login`: uses the link up and begins a session.
pub(in crate::http) async fn confirm(
    State(app): State<App>,
    Extension(context): Extension<Arc<RequestContext>>,
    RawQuery(query): RawQuery,
    Extension(ParsedForm(form)): Extension<ParsedForm>,
    headers: HeaderMap,
) -> Result<Response, Error> {
    let workspace = &context.workspace;
    let form = form?;
    let query = Params::parse(query.as_deref().unwrap_or_default())?;
    let text = form.single("token").map_err(|_| Error::ConflictingTokens)?.unwrap_or_default();
    if names_a_token(&query) && query.single("token") != Ok(Some(text)) {
        return Err(Error::ConflictingTokens);
    }
    let jar = CookieJar::of(&context);
    let browser = jar.browser(&headers).ok_or(Error::CsrfMismatch)?;
    let proof = form.single("proof").ok().flatten().unwrap_or_default();
    if !app.keys().verify_form_mac(&form_message(workspace, text, &browser), proof) {
        return Err(Error::CsrfMismatch);
    }
    let Some(token) = Token::parse(text) else { return Ok(invalid_link(workspace)) };
    let landing = destination(&app, &context, (&form, &browser), jar.redirect(&headers).as_deref());
    let visitor = visitor(&context, &jar, &headers);
    let confirm = Confirmation { token, browser, visitor, landing: landing.as_str().to_owned() };
    match flow::sign_in::confirm(&app, workspace, &context.anonymous_audit_context(), &confirm).await? {
        Confirmed::SignedIn { cookie, landing } => {
            let landing = RedirectTarget::parse(&landing, &workspace.redirect_policy())
                .unwrap_or_else(|_| workspace.landing());
            let mut response = see_other(&app, &context, landing)?;
            response.headers_mut().append(SET_COOKIE, jar.set_session(&cookie));
            if jar.redirect(&headers).is_some() {
                response.headers_mut().append(SET_COOKIE, jar.clear_redirect());
            }
            Ok(response)
        }
        Confirmed::Dead => Ok(invalid_link(workspace)),
    }
}

fn visitor(context: &RequestContext, jar: &CookieJar, headers: &HeaderMap) -> Client {
    Client {
        source: context.client_network(headers),
        session: jar.session(headers),
        link: context.link.clone(),
        read_point: context.read_point,
    }
}

/// Whether a query means to name a token, well or badly: `Token` or `token[]` get the dead page, not the welcome.
fn names_a_token(query: &Params) -> bool {
    query.0.iter().any(|(name, _)| name.split('[').next().unwrap_or_default().eq_ignore_ascii_case("token"))
}

/// The same page for every token that opens nothing.
fn invalid_link(workspace: &Workspace) -> Response {
    page(StatusCode::GONE, &InvalidLinkPage { workspace: &workspace.name })
}

/// How to get a link; a good redirect is remembered until there is one.
fn ask(context: &RequestContext, redirect: Option<&RedirectTarget>) -> Response {
    let mut response = page(StatusCode::OK, &SignInHelpPage { workspace: &context.workspace.name });
    if let Some(target) = redirect {
        let encoded = utf8_percent_encode(target.as_str(), NOT_IN_COOKIES).to_string();
        response.headers_mut().append(SET_COOKIE, CookieJar::of(context).set_redirect(&encoded));
    }
    response
}

/// The form of a live link.
struct Form {
    token: Token,
    redirect: Option<String>,
    account: String,
    signed_in_as: Option<String>,
}

impl Form {
    /// The page with the one button, tied to this browser by a cookie.
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
        let redirect_proof =
            redirect.map(|text| app.keys().form_mac(&redirect_message(workspace, (token, text), &browser)));
        let view = ConfirmPage {
            workspace: &workspace.name,
            account: &self.account,
            signed_in_as: self.signed_in_as.as_deref(),
            token,
            proof: &app.keys().form_mac(&form_message(workspace, token, &browser)),
            redirect,
            redirect_proof: redirect_proof.as_deref().unwrap_or_default(),
        };
        let mut response = page(StatusCode::OK, &view);
        let headers = response.headers_mut();
        headers.append(SET_COOKIE, jar.set_browser(&browser));
        // `no-referrer` would make browsers send the form with `Origin: null`; this tells no path either.
        headers.insert(REFERRER_POLICY, HeaderValue::from_static("strict-origin"));
        Ok(response)
    }
}

/// Where a confirm leads: the form's redirect if its MAC holds, else the remembered one, else the workspace's.
fn destination(
    app: &App,
    context: &RequestContext,
    (form, browser): (&Params, &CsrfCookie),
    remembered: Option<&str>,
) -> RedirectTarget {
    let workspace = &context.workspace;
    let field = |name| form.single(name).ok().flatten().unwrap_or_default();
    let parse = |text: &str| RedirectTarget::parse(text, &workspace.redirect_policy()).ok();
    if form.has("redirect") {
        let message = redirect_message(workspace, (field("token"), field("redirect")), browser);
        let is_ours = app.keys().verify_form_mac(&message, field("redirect_proof"));
        return is_ours.then(|| parse(field("redirect"))).flatten().unwrap_or_else(|| workspace.landing());
    }
    remembered.and_then(parse).unwrap_or_else(|| workspace.landing())
}

fn form_message(workspace: &Workspace, token: &str, browser: &CsrfCookie) -> MacInput {
    let message = MacInput::of("confirm").number(workspace.id.0).bytes(token.as_bytes());
    message.bytes(browser.reveal().as_bytes())
}

fn redirect_message(
    workspace: &Workspace,
    (token, redirect): (&str, &str),
    browser: &CsrfCookie,
) -> MacInput {
    let message = MacInput::of("redirect").number(workspace.id.0).bytes(token.as_bytes());
    message.bytes(browser.reveal().as_bytes()).bytes(redirect.as_bytes())
}
