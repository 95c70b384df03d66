//! Which scripts of other origins may read what `/oidc/token` and `/oidc/userinfo` answer: those of public apps (Fetch, CORS protocol).

use std::sync::Arc;

use axum::Extension;
use axum::extract::State;
use axum::http::header::{
    ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN, ORIGIN, VARY,
};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::Response;

use crate::app::App;
use crate::flow;
use crate::http::error::Error;
use crate::http::request::context::{RequestContext, empty};

/// The response, readable by the origin that asked if that is one of a public app.
pub(super) async fn allow(
    app: &App,
    context: &RequestContext,
    headers: &HeaderMap,
    mut response: Response,
) -> Result<Response, Error> {
    response.headers_mut().append(VARY, HeaderValue::from_static("Origin"));
    let mut origins = headers.get_all(ORIGIN).iter();
    if let (Some(origin), None) = (origins.next(), origins.next())
        && let Ok(text) = origin.to_str()
        && flow::oidc::apps::is_origin_of_public_app(app, context.workspace.id, text).await?
    {
        response.headers_mut().insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin.clone());
    }
    Ok(response)
}

/// `OPTIONS`: what a browser asks before a script's request.
pub(in crate::http) async fn preflight(
    State(app): State<App>,
    Extension(context): Extension<Arc<RequestContext>>,
    headers: HeaderMap,
) -> Result<Response, Error> {
    let mut response = allow(&app, &context, &headers, empty(StatusCode::NO_CONTENT)).await?;
    let headers = response.headers_mut();
    if headers.contains_key(ACCESS_CONTROL_ALLOW_ORIGIN) {
        headers.insert(ACCESS_CONTROL_ALLOW_METHODS, HeaderValue::from_static("GET, POST"));
        headers.insert(ACCESS_CONTROL_ALLOW_HEADERS, HeaderValue::from_static("Authorization, Content-Type"));
    }
    Ok(response)
}
