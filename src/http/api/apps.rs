//! Apps: listed, added, changed and deleted, their secrets, and which of their requests were refused.

use axum::Json;
use axum::body::Body;
use axum::extract::Path;
use axum::extract::rejection::PathRejection;
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::response::{IntoResponse, Response};

use super::caller::{AppsRead, AppsWrite, Caller};
use super::pagination::Listing;
use super::resources::{AddedApp, AddedSecret, AppObject, List, Refusals};
use crate::domain::oidc::app_change::AppBody;
use crate::flow::oidc::{app_changes, refusals as flow_refusals};
use crate::http::error::Error;
use crate::http::request::body::read_object;
use crate::store::APP_FIELDS;

/// How a path names an app. What cannot be decoded names none.
type ClientId = Result<Path<String>, PathRejection>;

const CLIENT_ID: &str = "The client id of the app.";

fn named(client_id: ClientId) -> Result<String, Error> {
    client_id.map(|Path(client_id)| client_id).map_err(|_| Error::AppNotFound)
}

/// List the apps
///
/// In the order of their client ids.
#[utoipa::path(
    get,
    path = "/api/apps",
    operation_id = "listApps",
    tag = "Apps",
    responses((status = 200, description = "A page of apps.", body = List<AppObject>)),
    security(("key" = ["apps:read"]))
)]
pub(in crate::http) async fn list(caller: Caller<AppsRead>, uri: Uri) -> Result<Response, Error> {
    let listing = Listing::begin(&caller, &uri, &APP_FIELDS).await?;
    let page = app_changes::list(&caller.app, &caller.workspace, &listing.permit, &listing.options).await?;
    listing.respond::<AppObject>(page).await
}

/// Add an app
///
/// Its secret is in this answer and nowhere else. The keys that sign its ID tokens are made with the first app of their algorithm, which
/// takes some hundred milliseconds.
#[utoipa::path(
    post,
    path = "/api/apps",
    operation_id = "addApp",
    tag = "Apps",
    request_body(content = ref("#/components/schemas/NewApp"), description = "The app."),
    responses((status = 201, description = "The app that was added.", body = AddedApp)),
    security(("key" = ["apps:write"]))
)]
pub(in crate::http) async fn add(
    caller: Caller<AppsWrite>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Error> {
    let body = read_object(&headers, body, AppBody::parse).await?;
    let new = body.into_new().map_err(Error::ValidationErrors)?;
    let (added, secret) = app_changes::add(&caller.app, &caller.workspace, &caller.act, &new).await?;
    let added = AddedApp::of(added, caller.workspace.url.as_str(), secret.as_ref());
    Ok((StatusCode::CREATED, Json(added)).into_response())
}

/// Get an app
#[utoipa::path(
    get,
    path = "/api/apps/{client_id}",
    operation_id = "getApp",
    tag = "Apps",
    params(("client_id" = String, Path, description = CLIENT_ID)),
    responses((status = 200, description = "The app.", body = AppObject)),
    security(("key" = ["apps:read"]))
)]
pub(in crate::http) async fn show(caller: Caller<AppsRead>, client_id: ClientId) -> Result<Response, Error> {
    let found = app_changes::show(&caller.app, &caller.workspace, &named(client_id)?).await?;
    Ok(Json(AppObject::from(found)).into_response())
}

/// Change an app
///
/// Changes the fields that are sent. Its client id and its type never change, and are passed over.
#[utoipa::path(
    put,
    path = "/api/apps/{client_id}",
    operation_id = "setApp",
    tag = "Apps",
    params(("client_id" = String, Path, description = CLIENT_ID)),
    request_body(content = ref("#/components/schemas/AppChange"), description = "The fields to change."),
    responses((status = 200, description = "The app as it is now.", body = AppObject)),
    security(("key" = ["apps:write"]))
)]
pub(in crate::http) async fn set(
    caller: Caller<AppsWrite>,
    client_id: ClientId,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Error> {
    let body = read_object(&headers, body, AppBody::parse).await?;
    let change = body.into_change().map_err(Error::ValidationErrors)?;
    let client_id = named(client_id)?;
    let changed =
        app_changes::set(&caller.app, &caller.workspace, &caller.act, (&client_id, &change)).await?;
    Ok(Json(AppObject::from(changed)).into_response())
}

/// Delete an app
///
/// Its codes, access tokens and secrets die with it.
#[utoipa::path(
    delete,
    path = "/api/apps/{client_id}",
    operation_id = "deleteApp",
    tag = "Apps",
    params(("client_id" = String, Path, description = CLIENT_ID)),
    responses((status = 204, description = "The app is gone.")),
    security(("key" = ["apps:write"]))
)]
pub(in crate::http) async fn delete(
    caller: Caller<AppsWrite>,
    client_id: ClientId,
) -> Result<StatusCode, Error> {
    app_changes::delete(&caller.app, &caller.workspace, &caller.act, &named(client_id)?).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Make another secret of an app
///
/// An app has two at most, so that one can take the place of the other without a pause. The secret is in this answer and nowhere else.
#[utoipa::path(
    post,
    path = "/api/apps/{client_id}/secrets",
    operation_id = "addAppSecret",
    tag = "Apps",
    params(("client_id" = String, Path, description = CLIENT_ID)),
    responses((status = 201, description = "The secret.", body = AddedSecret)),
    security(("key" = ["apps:write"]))
)]
pub(in crate::http) async fn add_secret(
    caller: Caller<AppsWrite>,
    client_id: ClientId,
) -> Result<Response, Error> {
    let (row, secret) =
        app_changes::add_secret(&caller.app, &caller.workspace, &caller.act, &named(client_id)?).await?;
    Ok((StatusCode::CREATED, Json(AddedSecret::of(&row, &secret))).into_response())
}

/// Remove a secret of an app
///
/// For good, within a second on every node. The last one stays.
#[utoipa::path(
    delete,
    path = "/api/apps/{client_id}/secrets/{id}",
    operation_id = "removeAppSecret",
    tag = "Apps",
    params(
        ("client_id" = String, Path, description = CLIENT_ID),
        ("id" = uuid::Uuid, Path, description = "The id of the secret.")
    ),
    responses((status = 204, description = "The secret is removed.")),
    security(("key" = ["apps:write"]))
)]
pub(in crate::http) async fn remove_secret(
    caller: Caller<AppsWrite>,
    names: Result<Path<(String, String)>, PathRejection>,
) -> Result<StatusCode, Error> {
    let Path((client_id, id)) = names.map_err(|_| Error::AppNotFound)?;
    app_changes::remove_secret(&caller.app, &caller.workspace, &caller.act, (&client_id, &id)).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// List the refused requests of an app
///
/// The last 50 that named it and were not what they must be, newest first. They are noted within some seconds, and some are left out
/// while there are very many.
#[utoipa::path(
    get,
    path = "/api/apps/{client_id}/refusals",
    operation_id = "listAppRefusals",
    tag = "Apps",
    params(("client_id" = String, Path, description = CLIENT_ID)),
    responses((status = 200, description = "The refusals.", body = Refusals)),
    security(("key" = ["apps:read"]))
)]
pub(in crate::http) async fn refusals(
    caller: Caller<AppsRead>,
    client_id: ClientId,
) -> Result<Response, Error> {
    let client_id = named(client_id)?;
    app_changes::show(&caller.app, &caller.workspace, &client_id).await?;
    let found = flow_refusals::list(&caller.app, caller.workspace.id, &client_id).await?;
    Ok(Json(Refusals::from(found)).into_response())
}
