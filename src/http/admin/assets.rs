//! The style sheet and the icon of the admin pages, embedded in the binary.

use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::response::IntoResponse;

/// `GET /admin.css`.
pub(in crate::http) async fn style() -> impl IntoResponse {
    let style = include_str!("../../../assets/admin.css");
    ([(CONTENT_TYPE, "text/css; charset=utf-8"), (CACHE_CONTROL, "public, max-age=300")], style)
}

/// `GET /icon.svg`.
pub(in crate::http) async fn icon() -> impl IntoResponse {
    let icon = include_str!("../../../assets/icon.svg");
    ([(CONTENT_TYPE, "image/svg+xml"), (CACHE_CONTROL, "public, max-age=86400")], icon)
}
