//! Clients: the back office keeps them in step with its own.

use axum::Json;
use axum::body::Body;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use serde_json::{Map, Value};

use super::caller::{Caller, ClientsRead, ClientsWrite};
use super::lists::{List, Listing};
use super::{USER_IN_PATH, user_of};
use crate::app::App;
use crate::domain::invalid::Invalid;
use crate::domain::page::Page;
use crate::domain::user::{UserId, UserRef};
use crate::domain::user_change::UserChange;
use crate::domain::user_object::{ListedUser, UserObject};
use crate::flow;
use crate::http::error::Error;
use crate::http::query::read_object;
use crate::store::{NewUser, USER_FIELDS};

/// List the clients
///
/// In the order of their numbers.
#[utoipa::path(
    get,
    path = "/api/clients",
    operation_id = "listClients",
    tag = "Clients",
    responses((status = 200, description = "A page of clients.", body = List<UserObject<'static>>)),
    security(("key" = ["clients:read"]))
)]
pub(in crate::http) async fn list(
    State(app): State<App>,
    caller: Caller<ClientsRead>,
    uri: Uri,
) -> Result<Response, Error> {
    let listing = Listing::begin(&app, &caller, &uri, &USER_FIELDS).await?;
    let Page { rows, total } = flow::users::list(&app, &listing.permit, false, &listing.wish).await?;
    listing.answer(Page { rows: rows.into_iter().map(ListedUser).collect(), total }).await
}

/// Add a client
///
/// A free id may be given, so that the ids of another system can be kept; without one, one is drawn.
#[utoipa::path(
    post,
    path = "/api/clients",
    operation_id = "addClient",
    tag = "Clients",
    request_body(content = ref("#/components/schemas/NewClient"), description = "The client."),
    responses((status = 201, description = "The client that was added.", body = UserObject<'static>)),
    security(("key" = ["clients:write"]))
)]
pub(in crate::http) async fn add(
    State(app): State<App>,
    caller: Caller<ClientsWrite>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Error> {
    let client = new_client(&read_object(&headers, body).await?).map_err(Error::Invalid)?;
    let id = flow::users::add(&app, &caller.workspace, &caller.act, &client).await?;
    let added = flow::users::show(&app, &caller.workspace, &UserRef::Id(id)).await?;
    Ok((StatusCode::CREATED, Json(added.object())).into_response())
}

/// Get a client
#[utoipa::path(
    get,
    path = "/api/clients/{client}",
    operation_id = "getClient",
    tag = "Clients",
    params(("client" = String, Path, description = USER_IN_PATH, example = "1")),
    responses((status = 200, description = "The client.", body = UserObject<'static>)),
    security(("key" = ["clients:read"]))
)]
pub(in crate::http) async fn show(
    State(app): State<App>,
    caller: Caller<ClientsRead>,
    client: Result<Path<String>, PathRejection>,
) -> Result<Response, Error> {
    let client = flow::users::show_kind(&app, &caller.workspace, &user_of(client)?, false).await?;
    Ok(Json(client.object()).into_response())
}

/// Change a client
///
/// Changes the fields that are sent; read-only ones are passed over.
#[utoipa::path(
    put,
    path = "/api/clients/{client}",
    operation_id = "setClient",
    tag = "Clients",
    params(("client" = String, Path, description = USER_IN_PATH, example = "1")),
    request_body(content = ref("#/components/schemas/ClientChange"), description = "The fields to change."),
    responses((status = 200, description = "The client as it is now.", body = UserObject<'static>)),
    security(("key" = ["clients:write"]))
)]
pub(in crate::http) async fn set(
    State(app): State<App>,
    caller: Caller<ClientsWrite>,
    client: Result<Path<String>, PathRejection>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Error> {
    let change = UserChange::from_json(&read_object(&headers, body).await?).map_err(Error::Invalid)?;
    let client = flow::users::show_kind(&app, &caller.workspace, &user_of(client)?, false).await?;
    let client = UserRef::Id(client.id);
    let changed = flow::users::set(&app, &caller.workspace, &caller.act, &client, &change).await?;
    Ok(Json(changed.object()).into_response())
}

/// Delete a client
///
/// Links die and sessions end with it.
#[utoipa::path(
    delete,
    path = "/api/clients/{client}",
    operation_id = "deleteClient",
    tag = "Clients",
    params(("client" = String, Path, description = USER_IN_PATH, example = "1")),
    responses((status = 204, description = "The client is gone.")),
    security(("key" = ["clients:write"]))
)]
pub(in crate::http) async fn delete(
    State(app): State<App>,
    caller: Caller<ClientsWrite>,
    client: Result<Path<String>, PathRejection>,
) -> Result<StatusCode, Error> {
    let client = flow::users::show_kind(&app, &caller.workspace, &user_of(client)?, false).await?;
    flow::users::delete(&app, &caller.workspace, &caller.act, &UserRef::Id(client.id)).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Reads a client to be added: `email`, `name_f` and `name_l` are needed, a free `id` may be given.
fn new_client(object: &Map<String, Value>) -> Result<NewUser, Invalid> {
    let mut invalid = Invalid::default();
    let change = UserChange::from_json(object).unwrap_or_else(|wrong| {
        invalid = wrong;
        UserChange::default()
    });
    for field in ["email", "name_f", "name_l"] {
        if !object.contains_key(field) {
            invalid.add(field, "is needed");
        }
    }
    let id = match object.get("id") {
        None => Ok(None),
        Some(id) => id
            .as_i64()
            .and_then(UserId::from_number)
            .map(Some)
            .ok_or("must be a whole number from 1 to 2^53-1"),
    };
    let id = invalid.take("id", id).flatten();
    match change.email.clone() {
        Some(email) if invalid.is_empty() => Ok(NewUser { id, email, fields: change }),
        _ => Err(invalid),
    }
}
