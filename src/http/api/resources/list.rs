//! The frame around every list: `data`, `links`, `meta`.

use serde::Serialize;
use utoipa::ToSchema;

/// A page of a list.
#[derive(Serialize, ToSchema)]
pub(in crate::http) struct List<T> {
    /// The rows.
    pub(in crate::http) data: Vec<T>,
    /// Where other pages are.
    pub(in crate::http) links: Links,
    /// Which page this is.
    pub(in crate::http) meta: Meta,
}

/// Other pages, as absolute URLs with all other parameters kept.
#[derive(Serialize, ToSchema)]
pub(in crate::http) struct Links {
    /// The first page.
    #[schema(example = "https://example.spp.co/api/{resource}?page=1")]
    pub(in crate::http) first: String,
    /// The last page.
    #[schema(example = "https://example.spp.co/api/{resource}?page=3")]
    pub(in crate::http) last: String,
    /// The page before; null on the first.
    #[schema(required = true)]
    pub(in crate::http) prev: Option<String>,
    /// The page after; null on the last.
    #[schema(required = true, example = "https://example.spp.co/api/{resource}?page=2")]
    pub(in crate::http) next: Option<String>,
}

/// Which page this is.
#[derive(Serialize, ToSchema)]
pub(in crate::http) struct Meta {
    /// The page, from 1.
    pub(in crate::http) current_page: i64,
    /// The place of its first row in the whole list; null if it is empty.
    #[schema(required = true)]
    pub(in crate::http) from: Option<i64>,
    /// The place of its last row; null if it is empty.
    #[schema(required = true)]
    pub(in crate::http) to: Option<i64>,
    /// The last page.
    pub(in crate::http) last_page: i64,
    /// Rows on a page.
    pub(in crate::http) per_page: i64,
    /// Rows of the whole list.
    pub(in crate::http) total: i64,
    /// The URL of the list without parameters.
    pub(in crate::http) path: String,
}
