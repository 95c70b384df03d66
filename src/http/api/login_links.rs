//! Login links: asked for, listed, revoked.

use axum::Json;
use axum::extract::rejection::PathRejection;
use axum::extract::{OriginalUri, Path, RawQuery, Request, State};
use axum::http::{HeaderName, HeaderValue, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use serde_json::Value;

use super::caller::{Caller, LoginLinksRead, LoginLinksWrite};
use super::{lists, user_of};
use crate::app::App;
use crate::domain::invalid::Invalid;
use crate::domain::login_link::parse_min_ttl;
use crate::domain::timestamp::Timestamp;
use crate::domain::user::Refusal;
use crate::domain::version::ApiVersion;
use crate::domain::workspace::Workspace;
use crate::flow;
use crate::flow::login_links::{Issued, Wish};
use crate::http::error::Error;
use crate::http::query::Pairs;
use crate::store::ListedLink;

const EXPIRES_AT: HeaderName = HeaderName::from_static("x-login-link-expires-at");
const REUSED: HeaderName = HeaderName::from_static("x-login-link-reused");

/// `GET /api/login_links/{user}`: the user's live link, or a new one.
pub(in crate::http) async fn issue(
    State(app): State<App>,
    caller: Caller<LoginLinksWrite>,
    user: Result<Path<String>, PathRejection>,
    RawQuery(query): RawQuery,
) -> Result<Response, Error> {
    let wish = wish_of(query.as_deref(), &caller.workspace)?;
    let user = user_of(user)?;
    let issued = flow::login_links::issue(&app, &caller.workspace, &caller.act, &user, &wish).await?;
    Ok(answer(&issued, caller.version))
}

/// `GET /api/login_links`: the live links, newest first.
pub(in crate::http) async fn list(
    State(app): State<App>,
    caller: Caller<LoginLinksRead>,
    OriginalUri(uri): OriginalUri,
) -> Result<Json<Value>, Error> {
    let wish = lists::wish_of(uri.query(), &ListedLink::FIELDS)?;
    let page = flow::login_links::list(&app, &caller.workspace, &wish).await?;
    Ok(lists::frame(&caller, (uri.path(), uri.query()), &wish, &page))
}

/// `DELETE /api/login_links/{user}`: kills the user's links.
pub(in crate::http) async fn revoke(
    State(app): State<App>,
    caller: Caller<LoginLinksWrite>,
    user: Result<Path<String>, PathRejection>,
) -> Result<StatusCode, Error> {
    let user = user_of(user)?;
    let is_known = flow::login_links::revoke(&app, &caller.workspace, &caller.act, &user).await?;
    if is_known { Ok(StatusCode::NO_CONTENT) } else { Err(Error::Refused(Refusal::UserNotFound)) }
}

/// HEAD must not make a link, so here it is no method at all, though the router would run the GET handler for it.
pub(in crate::http) async fn only_get_generates(request: Request, next: Next) -> Response {
    let mut response = match *request.method() {
        Method::HEAD => StatusCode::METHOD_NOT_ALLOWED.into_response(),
        _ => next.run(request).await,
    };
    if response.status() == StatusCode::METHOD_NOT_ALLOWED {
        response.headers_mut().insert(header::ALLOW, HeaderValue::from_static("GET, DELETE"));
    }
    response
}

fn wish_of(query: Option<&str>, workspace: &Workspace) -> Result<Wish, Error> {
    let query = Pairs::parse(query.unwrap_or_default())?;
    let min_ttl = match query.one("min_ttl").map_err(Error::Invalid)? {
        Some(text) => parse_min_ttl(text, workspace)
            .map_err(|sentence| Error::Invalid(Invalid::field("min_ttl", sentence)))?,
        None => 0,
    };
    let redirect = query.one("redirect").map_err(Error::Invalid)?;
    Wish::judged(min_ttl, redirect, workspace).map_err(|_| Error::InvalidRedirect)
}

#[derive(Serialize)]
struct Body<'a> {
    link: &'a str,
    #[serde(flatten)]
    more: Option<More>,
}

/// What version 2026-12-01 adds.
#[derive(Serialize)]
struct More {
    expires_at: Timestamp,
    reused: bool,
}

fn answer(issued: &Issued, version: ApiVersion) -> Response {
    let more = (version >= ApiVersion::V20261201)
        .then_some(More { expires_at: issued.expires_at, reused: issued.is_reused });
    let mut response = Json(Body { link: issued.link.reveal(), more }).into_response();
    let reused = if issued.is_reused { "true" } else { "false" };
    response.headers_mut().insert(REUSED, HeaderValue::from_static(reused));
    // A moment in RFC 3339 is always a header value.
    let expires_at = HeaderValue::from_str(&issued.expires_at.to_string());
    response.headers_mut().extend(expires_at.into_iter().map(|moment| (EXPIRES_AT, moment)));
    response
}
