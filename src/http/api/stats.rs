//! Figures of links.

use axum::Json;
use axum::http::Uri;
use axum::response::{IntoResponse, Response};

use super::caller::{Caller, LogsRead};
use super::resources::LinkStats;
use crate::domain::link_stats::StatsQuery;
use crate::flow;
use crate::http::error::Error;
use crate::http::request::params::Params;

/// Get figures of login links
///
/// How many links were issued in a time, and what became of them as it is known now. `from` is moved back and `to` forth to a whole
/// hour; without them it is the last 30 days.
#[utoipa::path(
    get,
    path = "/api/stats/login_links",
    operation_id = "getLoginLinkStats",
    tag = "Stories",
    params(
        ("from" = Option<String>, Query, description = "From this moment on (RFC 3339).", example = "2026-11-01T00:00:00Z"),
        ("to" = Option<String>, Query, description = "Up to this moment; else now.", example = "2026-12-01T00:00:00Z"),
        ("by" = Option<String>, Query, description = "The length of a bucket: `hour`, for 31 days at most, or `day`, for 366 days at most.", pattern = "^(hour|day)$"),
        ("kind" = Option<String>, Query, description = "Which links: those that the back office asked for (`api`), that people asked for by an address (`self_service`), by a dead link (`again`), or `all`.", pattern = "^(api|self_service|again|all)$")
    ),
    responses((status = 200, description = "The figures.", body = LinkStats)),
    security(("key" = ["logs:read"]))
)]
pub(in crate::http) async fn login_links(caller: Caller<LogsRead>, uri: Uri) -> Result<Response, Error> {
    let params = Params::parse(uri.query().unwrap_or_default())?;
    let query = StatsQuery::parse(&params.0, caller.app.clock.now()).map_err(Error::ValidationErrors)?;
    let permit = flow::lists::permit(&caller.app, &caller.workspace).await?;
    let stats = flow::stories::stats::link_stats(&caller.app, (&caller.workspace, &permit), query).await?;
    Ok(Json(LinkStats::from(&stats)).into_response())
}
