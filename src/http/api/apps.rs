//! Apps: the applications that people are signed in to by OpenID Connect.

use axum::Json;
use axum::body::Body;
use axum::extract::Path;
use axum::extract::rejection::PathRejection;
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use uuid::Uuid;

use super::caller::{AppsRead, AppsWrite, Caller};
use super::pagination::Listing;
use super::resources::{AddedApp, AddedSecret, AppObject, List, Refusals};
use crate::domain::oidc::app_body::AppBody;
use crate::flow::oidc::{app_admin, refusals};
use crate::http::error::Error;
use crate::http::request::body::read_object;
use crate::store::APP_FIELDS;

/// How a path names an app.
const APP_IN_PATH: &str = "The client id of the app.";

type InPath<T> = Result<Path<T>, PathRejection>;

/// The client id of a path. What cannot be one is no app's.
fn client_id(path: InPath<String>) -> Result<String, Error> {
    path.map(|Path(client_id)| client_id).map_err(|_| Error::AppNotFound)
}

/// List the apps
///
/// Newest first.
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
    let page = app_admin::list(&caller.app, &listing.permit, &caller.workspace, &listing.options).await?;
    listing.respond::<AppObject>(page).await
}

/// Add an app
///
/// A confidential app gets a secret, which this response alone has.
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
    let (added, secret) = app_admin::create(&caller.app, &caller.workspace, &caller.act, new).await?;
    let issuer = caller.workspace.url.as_str().to_owned();
    let secret = secret.map(|secret| secret.reveal().to_owned());
    let added = AddedApp { app: added.into(), issuer, client_secret: secret };
    Ok((StatusCode::CREATED, Json(added)).into_response())
}

/// Get an app
#[utoipa::path(
    get,
    path = "/api/apps/{client_id}",
    operation_id = "getApp",
    tag = "Apps",
    params(("client_id" = String, Path, description = APP_IN_PATH)),
    responses((status = 200, description = "The app.", body = AppObject)),
    security(("key" = ["apps:read"]))
)]
pub(in crate::http) async fn show(caller: Caller<AppsRead>, path: InPath<String>) -> Result<Response, Error> {
    let shown = app_admin::show(&caller.app, &caller.workspace, &client_id(path)?).await?;
    Ok(Json(AppObject::from(shown)).into_response())
}

/// Change an app
///
/// Changes the fields that are sent; client id, type and read-only ones are passed over.
#[utoipa::path(
    put,
    path = "/api/apps/{client_id}",
    operation_id = "setApp",
    tag = "Apps",
    params(("client_id" = String, Path, description = APP_IN_PATH)),
    request_body(content = ref("#/components/schemas/AppChange"), description = "The fields to change."),
    responses((status = 200, description = "The app as it is now.", body = AppObject)),
    security(("key" = ["apps:write"]))
)]
pub(in crate::http) async fn set(
    caller: Caller<AppsWrite>,
    path: InPath<String>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Error> {
    let body = read_object(&headers, body, AppBody::parse).await?;
    let change = body.into_change().map_err(Error::ValidationErrors)?;
    let client_id = client_id(path)?;
    let changed = app_admin::set(&caller.app, &caller.workspace, &caller.act, (&client_id, &change)).await?;
    Ok(Json(AppObject::from(changed)).into_response())
}

/// Delete an app
///
/// Its codes and access tokens are dead with it.
#[utoipa::path(
    delete,
    path = "/api/apps/{client_id}",
    operation_id = "deleteApp",
    tag = "Apps",
    params(("client_id" = String, Path, description = APP_IN_PATH)),
    responses((status = 204, description = "The app is gone.")),
    security(("key" = ["apps:write"]))
)]
pub(in crate::http) async fn delete(
    caller: Caller<AppsWrite>,
    path: InPath<String>,
) -> Result<StatusCode, Error> {
    app_admin::delete(&caller.app, &caller.workspace, &caller.act, &client_id(path)?).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Make a secret of an app
///
/// An app has two at most, so that one can take the place of the other while both are good. This response alone has it.
#[utoipa::path(
    post,
    path = "/api/apps/{client_id}/secrets",
    operation_id = "addAppSecret",
    tag = "Apps",
    params(("client_id" = String, Path, description = APP_IN_PATH)),
    responses((status = 201, description = "The secret that was made.", body = AddedSecret)),
    security(("key" = ["apps:write"]))
)]
pub(in crate::http) async fn add_secret(
    caller: Caller<AppsWrite>,
    path: InPath<String>,
) -> Result<Response, Error> {
    let client_id = client_id(path)?;
    let (row, secret) =
        app_admin::add_secret(&caller.app, &caller.workspace, &caller.act, &client_id).await?;
    let added = AddedSecret { id: row.id, secret: secret.reveal().to_owned(), created_at: row.created_at };
    Ok((StatusCode::CREATED, Json(added)).into_response())
}

/// Remove a secret of an app
///
/// It binds within a second. The last one stays.
#[utoipa::path(
    delete,
    path = "/api/apps/{client_id}/secrets/{id}",
    operation_id = "deleteAppSecret",
    tag = "Apps",
    params(
        ("client_id" = String, Path, description = APP_IN_PATH),
        ("id" = Uuid, Path, description = "The id of the secret."),
    ),
    responses((status = 204, description = "The secret is removed.")),
    security(("key" = ["apps:write"]))
)]
pub(in crate::http) async fn remove_secret(
    caller: Caller<AppsWrite>,
    path: InPath<(String, String)>,
) -> Result<StatusCode, Error> {
    let Path((client_id, id)) = path.map_err(|_| Error::AppNotFound)?;
    let id = Uuid::try_parse(&id).map_err(|_| Error::AppNotFound)?;
    app_admin::remove_secret(&caller.app, &caller.workspace, &caller.act, (&client_id, id)).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Why requests of an app were refused
///
/// The last 50 that named it, newest first, as its operator reads them.
#[utoipa::path(
    get,
    path = "/api/apps/{client_id}/refusals",
    operation_id = "getAppRefusals",
    tag = "Apps",
    params(("client_id" = String, Path, description = APP_IN_PATH)),
    responses((status = 200, description = "The refusals.", body = Refusals)),
    security(("key" = ["apps:read"]))
)]
pub(in crate::http) async fn list_refusals(
    caller: Caller<AppsRead>,
    path: InPath<String>,
) -> Result<Response, Error> {
    let shown = app_admin::show(&caller.app, &caller.workspace, &client_id(path)?).await?;
    let refusals = refusals::list(&caller.app, caller.workspace.id, &shown.app.client_id).await?;
    Ok(Json(Refusals::from(refusals)).into_response())
}
