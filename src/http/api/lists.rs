//! The frame around every list: `data`, `links`, `meta`.

use axum::Json;
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use utoipa::ToSchema;

use super::caller::Caller;
use crate::domain::page::{Field, Page, PageWish};
use crate::http::error::Error;
use crate::http::query::{Pairs, decode};

/// A page of a list.
#[derive(Serialize, ToSchema)]
pub(in crate::http) struct List<T> {
    /// The rows.
    data: Vec<T>,
    /// Where other pages are.
    links: Links,
    /// Which page this is.
    meta: Meta,
}

/// Other pages, as absolute URLs with all other parameters kept.
#[derive(Serialize, ToSchema)]
struct Links {
    /// The first page.
    #[schema(example = "https://example.spp.co/api/{resource}?page=1")]
    first: String,
    /// The last page.
    #[schema(example = "https://example.spp.co/api/{resource}?page=3")]
    last: String,
    /// The page before; null on the first.
    #[schema(required = true)]
    prev: Option<String>,
    /// The page after; null on the last.
    #[schema(required = true, example = "https://example.spp.co/api/{resource}?page=2")]
    next: Option<String>,
}

/// Which page this is.
#[derive(Serialize, ToSchema)]
struct Meta {
    /// The page, from 1.
    current_page: i64,
    /// The place of its first row in the whole list; null if it is empty.
    #[schema(required = true)]
    from: Option<i64>,
    /// The place of its last row; null if it is empty.
    #[schema(required = true)]
    to: Option<i64>,
    /// The last page.
    last_page: i64,
    /// Rows on a page.
    per_page: i64,
    /// Rows of the whole list.
    total: i64,
    /// The URL of the list without parameters.
    path: String,
}

/// Reads which part of a list is asked for.
pub(super) fn wish_of(query: Option<&str>, fields: &[Field]) -> Result<PageWish, Error> {
    let pairs = Pairs::parse(query.unwrap_or_default())?;
    PageWish::parse(&pairs.0, fields).map_err(Error::Invalid)
}

/// A page in its frame. The links are absolute: the scheme of the workspace's URL, the host and port that were asked.
pub(super) fn frame<S, T: Serialize>(
    caller: &Caller<S>,
    (path, query): (&str, Option<&str>),
    wish: &PageWish,
    page: &Page<T>,
) -> Response {
    let (current, total) = (wish.page, page.total);
    let last = ((total + wish.limit - 1) / wish.limit).max(1);
    let path = format!("{}://{}{path}", caller.workspace.url.scheme(), caller.authority);
    let kept = kept_of(query.unwrap_or_default());
    let link = |number: i64| format!("{path}?{kept}page={number}");
    let rows = i64::try_from(page.rows.len()).unwrap_or(0);
    let from = (rows > 0).then(|| wish.offset() + 1);
    let links = Links {
        first: link(1),
        last: link(last),
        prev: (current > 1).then(|| link(current - 1)),
        next: (current < last).then(|| link(current + 1)),
    };
    let meta = Meta {
        current_page: current,
        from,
        to: from.map(|from| from + rows - 1),
        last_page: last,
        per_page: wish.limit,
        total,
        path,
    };
    Json(List { data: page.rows.iter().collect(), links, meta }).into_response()
}

/// The other parameters, as they were sent.
fn kept_of(query: &str) -> String {
    let is_page =
        |pair: &&str| decode(pair.split('=').next().unwrap_or_default()).is_some_and(|name| name == "page");
    let others = query.split('&').filter(|pair| !pair.is_empty() && !is_page(pair));
    others.fold(String::new(), |kept, pair| kept + pair + "&")
}
