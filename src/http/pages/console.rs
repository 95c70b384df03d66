//! The API console at `/docs`: Swagger UI in a page of doorkey. It is the one page with a script.

use std::sync::Arc;

use axum::Extension;
use axum::body::Bytes;
use axum::http::header::{CACHE_CONTROL, CONTENT_ENCODING, CONTENT_SECURITY_POLICY, CONTENT_TYPE};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};

use super::response::render;
use super::templates::DocsPage;
use crate::http::request::context::RequestContext;

/// Scripts and requests of this host alone. Swagger UI's style has `data:` images; it needs no inline style, no inline script
/// and no `eval`.
const CSP: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; \
                      connect-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'";

const SCRIPT: &str = "text/javascript; charset=utf-8";
const STYLE: &str = "text/css; charset=utf-8";

/// `dist/swagger-ui-bundle.js` of Swagger UI 5.32.6, as gzip. With another release, both files are replaced.
const SWAGGER_UI_SCRIPT: &[u8] = include_bytes!("../../../assets/swagger-ui.js.gz");

/// `dist/swagger-ui.css` of the same release, as gzip.
const SWAGGER_UI_STYLE: &[u8] = include_bytes!("../../../assets/swagger-ui.css.gz");

/// `GET /docs`: the console.
pub(in crate::http) async fn show(Extension(context): Extension<Arc<RequestContext>>) -> Response {
    let view = DocsPage {
        workspace: context.workspace.shown_name(),
        origin: &context.origin(),
        release: env!("CARGO_PKG_VERSION"),
    };
    let mut response = render(StatusCode::OK, &view);
    response.headers_mut().insert(CONTENT_SECURITY_POLICY, HeaderValue::from_static(CSP));
    response
}

/// `GET /docs/console.js`.
pub(in crate::http) async fn script() -> impl IntoResponse {
    asset(SCRIPT, include_str!("../../../assets/console.js"))
}

/// `GET /docs/console.css`.
pub(in crate::http) async fn style() -> impl IntoResponse {
    asset(STYLE, include_str!("../../../assets/console.css"))
}

/// `GET /docs/swagger-ui.js`: always compressed, since every browser with scripts reads gzip.
pub(in crate::http) async fn swagger_ui_script() -> impl IntoResponse {
    ([(CONTENT_ENCODING, "gzip")], asset(SCRIPT, SWAGGER_UI_SCRIPT))
}

/// `GET /docs/swagger-ui.css`: always compressed.
pub(in crate::http) async fn swagger_ui_style() -> impl IntoResponse {
    ([(CONTENT_ENCODING, "gzip")], asset(STYLE, SWAGGER_UI_STYLE))
}

/// Browsers cache them for a day; their URLs carry the release, so that a new release gets new files.
fn asset(kind: &'static str, body: impl Into<Bytes>) -> impl IntoResponse {
    ([(CONTENT_TYPE, kind), (CACHE_CONTROL, "public, max-age=86400")], body.into())
}
