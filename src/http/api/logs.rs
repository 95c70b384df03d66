//! The audit log.

use axum::extract::State;
use axum::http::Uri;
use axum::response::Response;

use super::caller::{Caller, LogsRead};
use super::lists::{self, List};
use crate::app::App;
use crate::flow;
use crate::http::error::Error;
use crate::store::ListedEntry;

/// Read the audit log
///
/// Newest first.
#[utoipa::path(
    get,
    path = "/api/logs",
    operation_id = "listLogs",
    tag = "Logs",
    responses((status = 200, description = "A page of the log.", body = List<ListedEntry>)),
    security(("key" = ["logs:read"]))
)]
pub(in crate::http) async fn list(
    State(app): State<App>,
    caller: Caller<LogsRead>,
    uri: Uri,
) -> Result<Response, Error> {
    let wish = lists::wish_of(uri.query(), &ListedEntry::FIELDS)?;
    let page = flow::logs::list(&app, &caller.workspace, &wish).await?;
    Ok(lists::frame(&caller, (uri.path(), uri.query()), &wish, &page))
}
