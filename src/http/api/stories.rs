//! The stories of links.

use axum::Json;
use axum::body::Body;
use axum::extract::Path;
use axum::extract::rejection::PathRejection;
use axum::http::HeaderMap;
use axum::response::{IntoResponse, Response};
use uuid::Uuid;

use super::caller::{Caller, LogsRead};
use super::resources::Story;
use crate::domain::story_body::StoryBody;
use crate::flow;
use crate::http::error::Error;
use crate::http::request::body::read_object;

/// Get the story of a link
///
/// What became of the link of this id, oldest first. Whether a person or a machine opened it is a guess by signs. A story is known for
/// as long as the workspace keeps stories (`story_retention`) after the link's time is over.
#[utoipa::path(
    get,
    path = "/api/stories/{link_id}",
    operation_id = "getStory",
    tag = "Stories",
    params(("link_id" = Uuid, Path, description = "The id of the link, as in the list of links and in the log.")),
    responses((status = 200, description = "The story.", body = Story)),
    security(("key" = ["logs:read"]))
)]
pub(in crate::http) async fn show(
    caller: Caller<LogsRead>,
    id: Result<Path<String>, PathRejection>,
) -> Result<Response, Error> {
    let id = id.ok().and_then(|Path(text)| Uuid::try_parse(&text).ok()).ok_or(Error::StoryNotFound)?;
    let story = flow::stories::show(&caller.app, &caller.workspace, id).await?;
    Ok(Json(Story::from(&story.ok_or(Error::StoryNotFound)?)).into_response())
}

/// Find the story of a link
///
/// By the link itself, or its token, good or dead. What is sent is kept nowhere.
#[utoipa::path(
    post,
    path = "/api/stories",
    operation_id = "findStory",
    tag = "Stories",
    request_body(content = ref("#/components/schemas/StoryWish"), description = "The link, or its token."),
    responses((status = 200, description = "The story.", body = Story)),
    security(("key" = ["logs:read"]))
)]
pub(in crate::http) async fn find(
    caller: Caller<LogsRead>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Error> {
    let body = read_object(&headers, body, StoryBody::parse).await?;
    let link = body.into_link().map_err(Error::ValidationErrors)?;
    let story = flow::stories::show_of(&caller.app, &caller.workspace, &link).await?;
    Ok(Json(Story::from(&story.ok_or(Error::StoryNotFound)?)).into_response())
}
