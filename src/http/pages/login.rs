//! `/login`: shows what a link opens, and confirms it with one button.

use std::sync::Arc;

use super::frame::Frame;
use super::response::{page, see_other};
use super::sign_in::{Landing, landing_of, signed_in_response, visitor, with_form};
use super::templates::{AgainForm, ConfirmPage, InvalidLinkPage};
use super::without_link;
use crate::app::App;
use crate::domain::destination::Destination;
use crate::domain::login_link::LinkKind;
use crate::domain::opening::Visit;
use crate::domain::redirect::RedirectTarget;
use crate::domain::token::Token;
use crate::flow;
use crate::flow::sign_in::{Client, Confirmation, Confirmed, Opened, RedeemedBy};
use crate::http::error::Error;
use crate::http::request::context::RequestContext;
use crate::http::request::cookies::CookieJar;
use crate::http::request::fetch_metadata::is_person_going_there;
use crate::http::request::opening::visit_of;
use crate::http::request::params::Params;
use crate::http::request::protected_form::{ConfirmForm, ProtectedForm, destination_of};
use crate::keys;
use crate::keys::FormClaim;
use axum::Extension;
use axum::extract::{RawQuery, State};
use axum::http::header::SET_COOKIE;
use axum::http::{HeaderMap, Method, StatusCode};
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
            return without_link::sign_in_for_app(&app, &context, (waiting, &request.request), &headers)
                .await;
        }
        return without_link::show(&app, &context, redirect, &headers).await;
    }
    let token = query.single("token").ok().flatten().and_then(Token::parse_from_link);
    let own = own_destination(&app, &context, &query, token.as_ref()).await?;
    // It is noted once the token is known to be one.
    let visit = token.as_ref().and_then(|_| visit_of(&app, &context, (&method, &headers)));
    if let Some(token) = &token
        && method == Method::GET
        && let Some(signed_in) = one_click(&app, &context, (token, &own, &visit), &headers).await?
    {
        return Ok(signed_in);
    }
    show(&app, &context, (token, &own, visit), &headers).await
}

/// Where a link leads by itself: what it says, or what the mail that it names says.
async fn own_destination(
    app: &App,
    context: &RequestContext,
    query: &Params,
    token: Option<&Token>,
) -> Result<Destination, Error> {
    let said = destination_of(query);
    if !said.is_nothing() || !query.has("to") {
        return Ok(said);
    }
    let found = flow::mail::destination_of(app, &context.workspace, token, query.value("to")).await?;
    Ok(found.filter(|found| !found.is_nothing()).unwrap_or_else(Destination::not_allowed))
}

/// Whether the link of this request was mailed because its person asked for it.
fn is_asked_for(context: &RequestContext) -> bool {
    context.link.as_ref().is_some_and(|found| found.link.draft.kind != LinkKind::Api)
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
        ConfirmForm::Mismatched { token, destination } => {
            return show(&app, &context, (Token::parse(&token), &destination, None), &headers).await;
        }
    };
    let own = form.destination(&app, workspace);
    let Some(token) = Token::parse(&form.token) else {
        return invalid_link(&app, &context, (None, &own), &headers);
    };
    let landing = Landing::of(&app, &context, (&form.jar, &headers), (&own, is_asked_for(&context))).await?;
    let Landing { path: landing, client, forget, .. } = landing;
    let visitor = visitor(&context, &form.jar, &headers);
    let ProtectedForm { browser, jar, .. } = form;
    let client_id = client.map(|client| client.client_id);
    let confirm = Confirmation { token, browser, visitor, landing, client_id, by: RedeemedBy::Link };
    match flow::sign_in::confirm(&app, workspace, &context.anonymous_audit_context(), &confirm).await? {
        Confirmed::SignedIn { cookie, landing } => {
            signed_in_response(&app, &context, &jar, (&cookie, &landing, forget))
        }
        Confirmed::Dead => invalid_link(&app, &context, (Some(&confirm.token), &own), &headers),
    }
}

/// Signs in at once, where the workspace wants that, in the browser that asked for this very link, if a person goes there.
async fn one_click(
    app: &App,
    context: &RequestContext,
    (token, own, visit): (&Token, &Destination, &Option<Visit>),
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
    let landing = Landing::of(app, context, (&jar, headers), (own, true)).await?;
    let Landing { path: landing, client, forget, .. } = landing;
    let confirm = Confirmation {
        token: token.clone(),
        browser,
        visitor: Client { visit: visit.clone(), ..visitor(context, &jar, headers) },
        landing,
        client_id: client.map(|client| client.client_id),
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

/// The page of a token, with what stands beside it.
async fn show(
    app: &App,
    context: &RequestContext,
    (token, own, visit): (Option<Token>, &Destination, Option<Visit>),
    headers: &HeaderMap,
) -> Result<Response, Error> {
    let workspace = &context.workspace;
    let jar = CookieJar::of(context);
    let visitor = Client { visit, ..visitor(context, &jar, headers) };
    let act = context.anonymous_audit_context();
    match flow::sign_in::open(app, workspace, &act, token.as_ref(), &visitor).await? {
        Opened::Live { account, signed_in_as, locale } => {
            let Some(token) = token else { return invalid_link(app, context, (None, own), headers) };
            let landing = Landing::of(app, context, (&jar, headers), (own, is_asked_for(context))).await?;
            let app_means_somebody_else = match (&landing.request, &context.link) {
                (Some(request), Some(found)) => {
                    let opener = (found.link.draft.user, &found.email);
                    flow::oidc::authorize::means_somebody_else(app, workspace, request, opener).await?
                }
                _ => false,
            };
            let form = Form { token, landing, account, signed_in_as, locale, app_means_somebody_else };
            form.page(app, context, &jar, headers)
        }
        Opened::AlreadySignedIn(landing) => {
            let judged = flow::oidc::landing::judge(app, workspace, own).await?;
            see_other(app, context, landing_of(workspace, judged, &landing))
        }
        Opened::Dead => invalid_link(app, context, (token.as_ref(), own), headers),
    }
}

/// The same page for every token that is not valid, with a button that asks for a fresh link, where that can be mailed. Only the values
/// of its hidden fields differ.
fn invalid_link(
    app: &App,
    context: &RequestContext,
    (token, own): (Option<&Token>, &Destination),
    headers: &HeaderMap,
) -> Result<Response, Error> {
    let workspace = &context.workspace;
    let frame = Frame::of(workspace, context.language());
    if !flow::self_service::is_open(app, workspace) {
        return Ok(page(StatusCode::GONE, &frame, &InvalidLinkPage { frame, again: None }));
    }
    let token = token.map(Token::reveal).unwrap_or_default();
    // Both are judged when the form comes back.
    let carried =
        |text: &Option<String>| text.clone().filter(|text| text.len() <= MAX_CARRIED).unwrap_or_default();
    let (client_id, redirect) = (carried(&own.app), carried(&own.redirect));
    with_form(headers, &CookieJar::of(context), |browser| {
        let proof = app.keys().form_mac(workspace.id, FormClaim::Again(token, browser));
        let again = AgainForm { token, app: &client_id, redirect: &redirect, proof: &proof };
        page(StatusCode::GONE, &frame, &InvalidLinkPage { frame, again: Some(again) })
    })
}

/// The longest redirect or client id that a form carries on, in bytes.
const MAX_CARRIED: usize = 2_000;

/// The form that confirms a live link.
struct Form {
    token: Token,
    landing: Landing,
    account: String,
    signed_in_as: Option<String>,
    locale: String,
    app_means_somebody_else: bool,
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
        let destination = &self.landing.own;
        let frame = Frame::of(workspace, context.language_of(&self.locale));
        with_form(headers, jar, |browser| {
            let mac = |claim| app.keys().form_mac(workspace.id, claim);
            let destination_proof = mac(FormClaim::Destination(token, browser, destination));
            let view = ConfirmPage {
                frame,
                account: &self.account,
                signed_in_as: self.signed_in_as.as_deref(),
                token,
                proof: &mac(FormClaim::Confirm(token, browser)),
                app: self.landing.client.as_ref().map(|client| client.name.as_str()),
                app_means_somebody_else: self.app_means_somebody_else,
                destination,
                destination_proof: &destination_proof,
            };
            page(StatusCode::OK, &frame, &view)
        })
    }
}
