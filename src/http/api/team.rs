//! Staff, read-only: they are kept by the command line.

use axum::Json;
use axum::extract::rejection::PathRejection;
use axum::extract::{OriginalUri, Path, State};
use axum::response::{IntoResponse, Response};
use serde_json::Value;

use super::caller::{Caller, TeamRead};
use super::{lists, user_of};
use crate::app::App;
use crate::domain::page::Page;
use crate::domain::user::User;
use crate::flow;
use crate::http::error::Error;
use crate::store::USER_FIELDS;

/// `GET /api/team`: the staff, in the order of their numbers.
pub(in crate::http) async fn list(
    State(app): State<App>,
    caller: Caller<TeamRead>,
    OriginalUri(uri): OriginalUri,
) -> Result<Json<Value>, Error> {
    let wish = lists::wish_of(uri.query(), &USER_FIELDS)?;
    let Page { rows, total } = flow::users::list(&app, &caller.workspace, true, &wish).await?;
    let page = Page { rows: rows.iter().map(User::object).collect(), total };
    Ok(lists::frame(&caller, (uri.path(), uri.query()), &wish, &page))
}

/// `GET /api/team/{user}`: a member of staff.
pub(in crate::http) async fn show(
    State(app): State<App>,
    caller: Caller<TeamRead>,
    user: Result<Path<String>, PathRejection>,
) -> Result<Response, Error> {
    let user = flow::users::show_kind(&app, &caller.workspace, &user_of(user)?, true).await?;
    Ok(Json(user.object()).into_response())
}
