//! Staff, read-only: the command line adds and changes them.

use axum::Json;
use axum::http::Uri;
use axum::response::{IntoResponse, Response};

use super::caller::{Caller, TeamRead};
use super::pagination::Listing;
use super::resources::{List, ListedUser, UserObject};
use super::{USER_IN_PATH, UserInPath};
use crate::domain::user::fields::LISTED;
use crate::flow;
use crate::http::error::Error;

/// List the staff
///
/// In the order of their numbers.
#[utoipa::path(
    get,
    path = "/api/team",
    operation_id = "listTeam",
    tag = "Team",
    responses((status = 200, description = "A page of staff.", body = List<UserObject<'static>>)),
    security(("key" = ["team:read"]))
)]
pub(in crate::http) async fn list(caller: Caller<TeamRead>, uri: Uri) -> Result<Response, Error> {
    let listing = Listing::begin(&caller, &uri, &LISTED).await?;
    let page = flow::users::list(&caller.app, &listing.permit, true, &listing.options).await?;
    listing.respond::<ListedUser>(page).await
}

/// Get a member of staff
#[utoipa::path(
    get,
    path = "/api/team/{user}",
    operation_id = "getTeamMember",
    tag = "Team",
    params(("user" = String, Path, description = USER_IN_PATH, example = "2")),
    responses((status = 200, description = "The member of staff.", body = UserObject<'static>)),
    security(("key" = ["team:read"]))
)]
pub(in crate::http) async fn show(
    caller: Caller<TeamRead>,
    UserInPath(user): UserInPath,
) -> Result<Response, Error> {
    let user = flow::users::show_kind(&caller.app, &caller.workspace, &user, true).await?;
    Ok(Json(UserObject::from(&user)).into_response())
}
