//! The audit log.

use axum::Json;
use axum::extract::{OriginalUri, State};
use serde_json::Value;

use super::caller::{Caller, LogsRead};
use super::lists;
use crate::app::App;
use crate::flow;
use crate::http::error::Error;
use crate::store::ListedEntry;

/// `GET /api/logs`: what happened, newest first.
pub(in crate::http) async fn list(
    State(app): State<App>,
    caller: Caller<LogsRead>,
    OriginalUri(uri): OriginalUri,
) -> Result<Json<Value>, Error> {
    let wish = lists::wish_of(uri.query(), &ListedEntry::FIELDS)?;
    let page = flow::logs::list(&app, &caller.workspace, &wish).await?;
    Ok(lists::frame(&caller, (uri.path(), uri.query()), &wish, &page))
}
