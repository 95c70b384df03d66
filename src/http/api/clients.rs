//! Clients: listed, added, changed and deleted by the back office.

use axum::Json;
use axum::body::Body;
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::response::{IntoResponse, Response};

use super::caller::{Caller, ClientsRead, ClientsWrite};
use super::idempotency::{IDEMPOTENCY, repeatable_request};
use super::pagination::Listing;
use super::resources::{List, ListedUser, UserObject};
use super::{USER_IN_PATH, UserInPath};
use crate::domain::client_body::{ClientBody, NewClient};
use crate::domain::idempotency;
use crate::domain::reach::Reach;
use crate::domain::user::UserRef;
use crate::domain::user::fields::LISTED;
use crate::flow;
use crate::http::error::Error;
use crate::http::request::body::read_object;
use crate::store::NewUser;

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
pub(in crate::http) async fn list(caller: Caller<ClientsRead>, uri: Uri) -> Result<Response, Error> {
    let listing = Listing::begin(&caller, &uri, &LISTED).await?;
    let page = flow::users::list(&caller.app, &listing.permit, false, &listing.options).await?;
    listing.respond::<ListedUser>(page).await
}

/// Add a client
///
/// A free id may be given, so that the ids of another system can be kept; without one, one is drawn. With an
/// `Idempotency-Key` the call may be sent again: the same key and body within 24 hours get the first answer again.
#[utoipa::path(
    post,
    path = "/api/clients",
    operation_id = "addClient",
    tag = "Clients",
    params(("Idempotency-Key" = Option<String>, Header, description = IDEMPOTENCY, min_length = 1, max_length = 255, pattern = "^[!-~]+$")),
    request_body(content = ref("#/components/schemas/NewClient"), description = "The client."),
    responses((status = 201, description = "The client that was added.", body = UserObject<'static>)),
    security(("key" = ["clients:write"]))
)]
pub(in crate::http) async fn add(
    caller: Caller<ClientsWrite>,
    uri: Uri,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Error> {
    let (body, hash) =
        read_object(&headers, body, |bytes| Ok((ClientBody::parse(bytes)?, idempotency::hash_of(bytes))))
            .await?;
    let NewClient { id, email, fields } = body.into_new().map_err(Error::ValidationErrors)?;
    let client = NewUser { id, email, fields };
    let added = if let Some(request) = repeatable_request(&caller, &headers, (uri.path(), &hash))? {
        flow::users::add_once(&caller.app, &caller.workspace, &caller.act, (client, &request)).await?
    } else {
        let id = flow::users::add(&caller.app, &caller.workspace, &caller.act, &client).await?;
        flow::users::show(&caller.app, &caller.workspace, &UserRef::Id(id)).await?
    };
    Ok((StatusCode::CREATED, Json(UserObject::from(&added))).into_response())
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
    caller: Caller<ClientsRead>,
    UserInPath(client): UserInPath,
) -> Result<Response, Error> {
    let client = flow::users::show_kind(&caller.app, &caller.workspace, &client, false).await?;
    Ok(Json(UserObject::from(&client)).into_response())
}

/// Change a client
///
/// Changes the fields that are sent; read-only ones are passed over. To switch two-factor off, or a disabled client on
/// again, the key needs the scope clients:unlock as well.
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
    caller: Caller<ClientsWrite>,
    client: Result<UserInPath, Error>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Error> {
    let body = read_object(&headers, body, ClientBody::parse).await?;
    let change = body.into_change().map_err(Error::ValidationErrors)?;
    let (UserInPath(client), reach) = (client?, Reach::of_key(caller.scopes));
    let (changed, _) =
        flow::users::set_within(&caller.app, &caller.workspace, &caller.act, &client, (&change, reach))
            .await?;
    Ok(Json(UserObject::from(&changed)).into_response())
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
    caller: Caller<ClientsWrite>,
    UserInPath(client): UserInPath,
) -> Result<StatusCode, Error> {
    let client = (&client, Reach::of_key(caller.scopes));
    flow::users::delete(&caller.app, &caller.workspace, &caller.act, client).await?;
    Ok(StatusCode::NO_CONTENT)
}
