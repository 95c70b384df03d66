//! The style sheet and the icon, embedded in the binary.

use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::response::IntoResponse;

/// `GET /login/style.css`.
pub(in crate::http) async fn style() -> impl IntoResponse {
    let style = include_str!("../../../assets/style.css");
    ([(CONTENT_TYPE, "text/css; charset=utf-8"), (CACHE_CONTROL, "public, max-age=3600")], style)
}

/// `GET /login/icon.svg`.
pub(in crate::http) async fn icon() -> impl IntoResponse {
    let icon = include_str!("../../../assets/icon.svg");
    ([(CONTENT_TYPE, "image/svg+xml"), (CACHE_CONTROL, "public, max-age=86400")], icon)
}
