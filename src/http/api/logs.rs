//! The audit log.

use axum::http::Uri;
use axum::response::Response;

use super::caller::{Caller, LogsRead};
use super::pagination::Listing;
use super::resources::{List, ListedEntry};
use crate::flow;
use crate::http::error::Error;
use crate::store;

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
pub(in crate::http) async fn list(caller: Caller<LogsRead>, uri: Uri) -> Result<Response, Error> {
    let listing = Listing::begin(&caller, &uri, &store::ListedEntry::FIELDS).await?;
    let page = flow::audit_log::list(&caller.app, &listing.permit, &listing.options).await?;
    listing.respond::<ListedEntry>(page).await
}
