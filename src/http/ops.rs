//! Health checks and metrics for operators, on a listener of their own.

use std::path::PathBuf;
use std::time::Duration;

use axum::Router;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;

use super::caught_mail;
use crate::app::App;
use crate::flow;

/// How long the readiness check may take: whoever asks is answered within two seconds.
const READY_TIMEOUT: Duration = Duration::from_millis(1_800);

/// The routes for operators.
pub(super) fn router(app: App, caught_mail: Option<PathBuf>) -> Router {
    let mails = caught_mail.map_or_else(Router::new, |folder| {
        Router::new().route("/mail", get(move || caught_mail::show(folder.clone())))
    });
    mails
        .route("/healthz", get(|| async { "ok\n" }))
        .route("/readyz", get(ready))
        .route("/metrics", get(metrics))
        .with_state(app)
}

/// `GET /readyz`: 200 if the store can be read and written, and keys and clock are right; else 503 within two seconds.
async fn ready(State(app): State<App>) -> Response {
    match tokio::time::timeout(READY_TIMEOUT, flow::operations::maintenance::ready(&app)).await {
        Ok(Ok(())) => "ready\n".into_response(),
        Ok(Err(error)) => {
            let because = std::error::Error::source(&error).map(ToString::to_string);
            tracing::warn!(%error, because, "not ready");
            (StatusCode::SERVICE_UNAVAILABLE, format!("{error}\n")).into_response()
        }
        Err(_) => (StatusCode::SERVICE_UNAVAILABLE, "the store does not answer\n").into_response(),
    }
}

/// `GET /metrics`: the counters in the Prometheus text format.
async fn metrics(State(app): State<App>) -> Response {
    let kind = "text/plain; version=0.0.4; charset=utf-8";
    ([(header::CONTENT_TYPE, kind)], app.metrics.text()).into_response()
}
