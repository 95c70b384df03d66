//! Login links: issued, listed, revoked.

use axum::Json;
use axum::extract::RawQuery;
use axum::http::{HeaderName, HeaderValue, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};

use super::caller::{Caller, LoginLinksRead, LoginLinksWrite};
use super::pagination::Listing;
use super::resources::{List, ListedLink, LoginLink};
use super::{USER_IN_PATH, UserInPath};
use crate::app::App;
use crate::domain::api_version::ApiVersion;
use crate::domain::destination::Destination;
use crate::domain::login_link::parse_min_ttl;
use crate::domain::user::Refusal;
use crate::domain::validation::ValidationErrors;
use crate::domain::workspace::Workspace;
use crate::flow;
use crate::flow::login_links::{IssueOptions, Issued};
use crate::http::error::Error;
use crate::http::request::params::Params;
use crate::store;

const EXPIRES_AT: HeaderName = HeaderName::from_static("x-login-link-expires-at");
const REUSED: HeaderName = HeaderName::from_static("x-login-link-reused");

/// Get a login link
///
/// Hands out the live login link of a client, or makes one. A live link is reused as long as at least `min_ttl`
/// seconds of it are left. The user must be a client, not staff, be active and have two-factor off.
#[utoipa::path(
    get,
    path = "/api/login_links/{user}",
    operation_id = "getLoginLink",
    tag = "Login links",
    params(
        ("user" = String, Path, description = USER_IN_PATH, example = "1"),
        (
            "min_ttl" = Option<u32>,
            Query,
            nullable = false,
            description = "For how many seconds the link must at least be good: up to the workspace's link lifetime."
        ),
        (
            "redirect" = Option<String>,
            Query,
            nullable = false,
            max_length = 2000,
            description = "Where the person lands: a path of the portal, such as /orders/12?tab=a, or an absolute URL \
                           of an allowed origin. Beside app: a path of the app's start URL, or an absolute URL on an \
                           origin of its start URL or its redirect URIs."
        ),
        (
            "app" = Option<String>,
            Query,
            nullable = false,
            min_length = 3,
            max_length = 64,
            pattern = "^[0-9A-Za-z-]+$",
            description = "The client_id of an app of the workspace that has a start_url: the person lands there."
        )
    ),
    responses((
        status = 200,
        description = "The link. Version 2026-12-01 adds expires_at and reused.",
        body = LoginLink,
        example = json!({ "link": "https://example.com/login?token=ewtGwgZ0b3IE1wq7a7vrjhONy0uVBPgT" })
    )),
    security(("key" = ["login_links:write"]))
)]
pub(in crate::http) async fn issue(
    caller: Caller<LoginLinksWrite>,
    RawQuery(query): RawQuery,
) -> Result<Response, Error> {
    let options = parse_issue_options(&caller.app, &caller.workspace, query.as_deref()).await?;
    // The user in the path was looked up together with the key.
    let subject = caller.context.subject.as_ref().ok_or(Error::Refused(Refusal::UserNotFound))?;
    let issued =
        flow::login_links::issue(&caller.app, &caller.workspace, &caller.act, subject, &options).await?;
    Ok(issue_response(&issued, caller.version))
}

/// List the live login links
///
/// Newest first. A token is never shown.
#[utoipa::path(
    get,
    path = "/api/login_links",
    operation_id = "listLoginLinks",
    tag = "Login links",
    responses((status = 200, description = "A page of live links.", body = List<ListedLink>)),
    security(("key" = ["login_links:read"]))
)]
pub(in crate::http) async fn list(caller: Caller<LoginLinksRead>, uri: Uri) -> Result<Response, Error> {
    let listing = Listing::begin(&caller, &uri, &store::ListedLink::FIELDS).await?;
    let page = flow::login_links::list(&caller.app, &listing.permit, &listing.options).await?;
    listing.respond::<ListedLink>(page).await
}

/// Kill a user's login links
///
/// It does no harm if there is none.
#[utoipa::path(
    delete,
    path = "/api/login_links/{user}",
    operation_id = "deleteLoginLinks",
    tag = "Login links",
    params(("user" = String, Path, description = USER_IN_PATH, example = "1")),
    responses((status = 204, description = "The user has no live link any more.")),
    security(("key" = ["login_links:write"]))
)]
pub(in crate::http) async fn revoke(
    caller: Caller<LoginLinksWrite>,
    UserInPath(user): UserInPath,
) -> Result<StatusCode, Error> {
    let is_known = flow::login_links::revoke(&caller.app, &caller.workspace, &caller.act, &user).await?;
    if is_known { Ok(StatusCode::NO_CONTENT) } else { Err(Error::Refused(Refusal::UserNotFound)) }
}

/// 405 for any other method, and for HEAD, for which the router would run the GET handler and issue a link.
pub(in crate::http) async fn only_get_generates() -> (StatusCode, [(HeaderName, &'static str); 1]) {
    (StatusCode::METHOD_NOT_ALLOWED, [(header::ALLOW, "GET, DELETE")])
}

async fn parse_issue_options(
    app: &App,
    workspace: &Workspace,
    query: Option<&str>,
) -> Result<IssueOptions, Error> {
    let query = Params::parse(query.unwrap_or_default())?;
    let min_ttl = match query.single("min_ttl").map_err(Error::ValidationErrors)? {
        Some(text) => parse_min_ttl(text, workspace)
            .map_err(|sentence| Error::ValidationErrors(ValidationErrors::field("min_ttl", sentence)))?,
        None => 0,
    };
    let one = |name: &str| query.single(name).map_err(Error::ValidationErrors);
    let (client_id, redirect) = (one("app")?.map(str::to_owned), one("redirect")?.map(str::to_owned));
    let destination = Destination { app: client_id, redirect };
    Ok(IssueOptions::validated(app, workspace, (min_ttl, destination)).await?)
}

fn issue_response(issued: &Issued, version: ApiVersion) -> Response {
    let says_more = version >= ApiVersion::V20261201;
    let link = LoginLink {
        link: issued.link.reveal(),
        expires_at: says_more.then_some(issued.expires_at),
        reused: says_more.then_some(issued.is_reused),
    };
    let mut response = Json(link).into_response();
    let reused = if issued.is_reused { "true" } else { "false" };
    response.headers_mut().insert(REUSED, HeaderValue::from_static(reused));
    // An RFC 3339 timestamp is always a header value.
    let expires_at = HeaderValue::from_str(&issued.expires_at.to_string());
    response.headers_mut().extend(expires_at.into_iter().map(|expires_at| (EXPIRES_AT, expires_at)));
    response
}
