//! Staff, read-only: the command line adds and changes them.

use axum::Json;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use axum::http::Uri;
use axum::response::{IntoResponse, Response};

use super::caller::{Caller, TeamRead};
use super::pagination::Listing;
use super::resources::{List, ListedUser, UserObject};
use super::{USER_IN_PATH, user_of};
use crate::app::App;
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
pub(in crate::http) async fn list(
    State(app): State<App>,
    caller: Caller<TeamRead>,
    uri: Uri,
) -> Result<Response, Error> {
    let listing = Listing::begin(&app, &caller, &uri, &LISTED).await?;
    let page = flow::users::list(&app, &listing.permit, true, &listing.options).await?;
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
    State(app): State<App>,
    caller: Caller<TeamRead>,
    user: Result<Path<String>, PathRejection>,
) -> Result<Response, Error> {
    let user = flow::users::show_kind(&app, &caller.workspace, &user_of(user)?, true).await?;
    Ok(Json(UserObject::from(&user)).into_response())
}
