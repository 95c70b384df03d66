//! A link is opened, and confirmed with one press.

use axum::Extension;
use axum::extract::{RawQuery, State};
use axum::http::header::{REFERRER_POLICY, SET_COOKIE};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::Response;
use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};

use super::view::{AskPage, ConfirmPage, DeadPage};
use super::{page, see_other};
use crate::app::App;
use crate::domain::canonical::Canonical;
use crate::domain::redirect::Target;
use crate::domain::session::BrowserCookie;
use crate::domain::token::Token;
use crate::domain::workspace::Workspace;
use crate::flow;
use crate::flow::sign_in::{Confirm, Confirmed, Opened, Visitor};
use crate::http::cookies::Jar;
use crate::http::error::Error;
use crate::http::query::Pairs;
use crate::http::shown::SentForm;
use crate::http::visit::Visit;
use crate::keys;

/// What a cookie's value cannot hold (RFC 6265, section 4.1.1), and what marks that something was encoded.
const NOT_IN_COOKIES: &AsciiSet =
    &CONTROLS.add(b' ').add(b'"').add(b',').add(b';').add(b'\\').add(b'%').add(b'+');

/// `GET /login`: what is behind a token, or how to get one. It changes nothing.
pub(in crate::http) async fn open(
    State(app): State<App>,
    Extension(visit): Extension<Visit>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Result<Response, Error> {
    let workspace = &visit.workspace;
    let query = Pairs::parse(query.as_deref().unwrap_or_default());
    // A query that cannot be read may hold a token that was cut or rewritten: it opens nothing.
    let is_to_open = query.as_ref().map_or(true, names_a_token);
    let query = query.unwrap_or_default();
    let wished = query.has("redirect");
    let redirect = query.one("redirect").ok().flatten().and_then(|text| Target::parse(text, workspace).ok());
    if !is_to_open {
        return Ok(ask(&visit, redirect.as_ref()));
    }
    let jar = Jar::of(&visit);
    let token = query.one("token").ok().flatten().and_then(Token::parse);
    let visitor = visitor(&visit, &jar, &headers);
    match flow::sign_in::open(&app, workspace, &visit.visitors_act(), token.as_ref(), &visitor).await? {
        Opened::Live { account, signed_in_as } => {
            let Some(token) = token else { return Ok(dead(workspace)) };
            // A bad wish is carried as an empty one: it counts, and leads to the default.
            let redirect =
                wished.then(|| redirect.map_or_else(String::new, |target| target.as_str().to_owned()));
            let form = Form { token, redirect, account, signed_in_as };
            form.page(&app, &visit, &jar, jar.browser(&headers))
        }
        Opened::UsedHere(landing) => {
            let landing = redirect.or_else(|| Target::parse(&landing, workspace).ok());
            see_other(&app, &visit, landing.unwrap_or_else(|| workspace.landing()))
        }
        Opened::Dead => Ok(dead(workspace)),
    }
}

/// `POST /login`: uses the link up and begins a session.
pub(in crate::http) async fn confirm(
    State(app): State<App>,
    Extension(visit): Extension<Visit>,
    RawQuery(query): RawQuery,
    Extension(SentForm(form)): Extension<SentForm>,
    headers: HeaderMap,
) -> Result<Response, Error> {
    let workspace = &visit.workspace;
    let form = form?;
    let query = Pairs::parse(query.as_deref().unwrap_or_default())?;
    let text = form.one("token").map_err(|_| Error::TwoTokens)?.unwrap_or_default();
    if names_a_token(&query) && query.one("token") != Ok(Some(text)) {
        return Err(Error::TwoTokens);
    }
    let jar = Jar::of(&visit);
    let browser = jar.browser(&headers).ok_or(Error::ForeignForm)?;
    let proof = form.one("proof").ok().flatten().unwrap_or_default();
    if !app.keys().is_proof(&form_message(workspace, text, &browser), proof) {
        return Err(Error::ForeignForm);
    }
    let Some(token) = Token::parse(text) else { return Ok(dead(workspace)) };
    let landing = landing_of(&app, &visit, (&form, &browser), jar.redirect(&headers).as_deref());
    let visitor = visitor(&visit, &jar, &headers);
    let confirm = Confirm { token, browser, visitor, landing: landing.as_str().to_owned() };
    match flow::sign_in::confirm(&app, workspace, &visit.visitors_act(), &confirm).await? {
        Confirmed::SignedIn { cookie, landing } => {
            let landing = Target::parse(&landing, workspace).unwrap_or_else(|_| workspace.landing());
            let mut response = see_other(&app, &visit, landing)?;
            response.headers_mut().append(SET_COOKIE, jar.set_session(&cookie));
            if jar.redirect(&headers).is_some() {
                response.headers_mut().append(SET_COOKIE, jar.clear_redirect());
            }
            Ok(response)
        }
        Confirmed::Dead => Ok(dead(workspace)),
    }
}

fn visitor(visit: &Visit, jar: &Jar, headers: &HeaderMap) -> Visitor {
    Visitor {
        source: visit.source(headers),
        session: jar.session(headers),
        link: visit.link.clone(),
        read_point: visit.read_point,
    }
}

/// Whether a query means to name a token, well or badly: `Token` or `token[]` get the dead page, not the welcome.
fn names_a_token(query: &Pairs) -> bool {
    query.0.iter().any(|(name, _)| name.split('[').next().unwrap_or_default().eq_ignore_ascii_case("token"))
}

/// The same page for every token that opens nothing.
fn dead(workspace: &Workspace) -> Response {
    page(StatusCode::GONE, &DeadPage { workspace: &workspace.name })
}

/// How to get a link; a good redirect is remembered until there is one.
fn ask(visit: &Visit, redirect: Option<&Target>) -> Response {
    let mut response = page(StatusCode::OK, &AskPage { workspace: &visit.workspace.name });
    if let Some(target) = redirect {
        let encoded = utf8_percent_encode(target.as_str(), NOT_IN_COOKIES).to_string();
        response.headers_mut().append(SET_COOKIE, Jar::of(visit).set_redirect(&encoded));
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
        visit: &Visit,
        jar: &Jar,
        browser: Option<BrowserCookie>,
    ) -> Result<Response, Error> {
        let browser = browser.map_or_else(keys::random_browser_cookie, Ok)?;
        let workspace = &visit.workspace;
        let token = self.token.reveal();
        let redirect = self.redirect.as_deref();
        let redirect_proof =
            redirect.map(|text| app.keys().proof(&redirect_message(workspace, (token, text), &browser)));
        let view = ConfirmPage {
            workspace: &workspace.name,
            account: &self.account,
            signed_in_as: self.signed_in_as.as_deref(),
            token,
            proof: &app.keys().proof(&form_message(workspace, token, &browser)),
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
fn landing_of(
    app: &App,
    visit: &Visit,
    (form, browser): (&Pairs, &BrowserCookie),
    remembered: Option<&str>,
) -> Target {
    let workspace = &visit.workspace;
    let field = |name| form.one(name).ok().flatten().unwrap_or_default();
    let parse = |text: &str| Target::parse(text, workspace).ok();
    if form.has("redirect") {
        let message = redirect_message(workspace, (field("token"), field("redirect")), browser);
        let is_ours = app.keys().is_proof(&message, field("redirect_proof"));
        return is_ours.then(|| parse(field("redirect"))).flatten().unwrap_or_else(|| workspace.landing());
    }
    remembered.and_then(parse).unwrap_or_else(|| workspace.landing())
}

fn form_message(workspace: &Workspace, token: &str, browser: &BrowserCookie) -> Canonical {
    let message = Canonical::of("confirm").number(workspace.id.0).bytes(token.as_bytes());
    message.bytes(browser.reveal().as_bytes())
}

fn redirect_message(
    workspace: &Workspace,
    (token, redirect): (&str, &str),
    browser: &BrowserCookie,
) -> Canonical {
    let message = Canonical::of("redirect").number(workspace.id.0).bytes(token.as_bytes());
    message.bytes(browser.reveal().as_bytes()).bytes(redirect.as_bytes())
}
