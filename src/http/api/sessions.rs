//! Sessions: listed and ended.

use axum::extract::Path;
use axum::extract::rejection::PathRejection;
use axum::http::{StatusCode, Uri};
use axum::response::Response;
use uuid::Uuid;

use super::caller::{Caller, SessionsRead, SessionsWrite};
use super::pagination::Listing;
use super::resources::{List, ListedSession};
use crate::flow;
use crate::http::error::Error;
use crate::store;

/// List the sessions
///
/// Who is signed in, newest first.
#[utoipa::path(
    get,
    path = "/api/sessions",
    operation_id = "listSessions",
    tag = "Sessions",
    responses((status = 200, description = "A page of sessions.", body = List<ListedSession>)),
    security(("key" = ["sessions:read"]))
)]
pub(in crate::http) async fn list(caller: Caller<SessionsRead>, uri: Uri) -> Result<Response, Error> {
    let listing = Listing::begin(&caller, &uri, &store::ListedSession::FIELDS).await?;
    let page =
        flow::sessions::list(&caller.app, &listing.permit, &caller.workspace, &listing.options).await?;
    listing.respond::<ListedSession>(page).await
}

/// End a session
///
/// Signs somebody out.
#[utoipa::path(
    delete,
    path = "/api/sessions/{id}",
    operation_id = "deleteSession",
    tag = "Sessions",
    params(("id" = Uuid, Path, description = "The id of the session.")),
    responses((status = 204, description = "The session has ended.")),
    security(("key" = ["sessions:write"]))
)]
pub(in crate::http) async fn revoke(
    caller: Caller<SessionsWrite>,
    id: Result<Path<String>, PathRejection>,
) -> Result<StatusCode, Error> {
    let id = id.ok().and_then(|Path(text)| Uuid::try_parse(&text).ok()).ok_or(Error::SessionNotFound)?;
    let was_there = flow::sessions::revoke(&caller.app, &caller.workspace, &caller.act, id).await?;
    if was_there { Ok(StatusCode::NO_CONTENT) } else { Err(Error::SessionNotFound) }
}
