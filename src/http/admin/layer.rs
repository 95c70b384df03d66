//! The layer around the admin pages: it gives a request its id and a deadline, looks up who is there, renders problems, sets headers,
//! and writes the log line.

use std::sync::Arc;
use std::time::Instant;

use axum::extract::{MatchedPath, Request, State};
use axum::http::{StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use uuid::Uuid;

use super::error::Problem;
use super::html::{SIGN_IN, see_other};
use super::plain::problem_page;
use super::settings::AdminSettings;
use super::visit::{Surface, look_up};
use crate::app::App;
use crate::domain::timestamp::Timestamp;
use crate::http::error::Error;
use crate::http::middleware::request_id::{REQUEST_ID, new_request_id};
use crate::http::middleware::{REQUEST_TIMEOUT, method_label, outcome_of};
use crate::http::pages::set_headers;
use crate::metrics::ResponseLabels;

/// What the layer needs, behind one reference.
pub(super) struct LayerState {
    pub(super) app: App,
    pub(super) settings: Arc<AdminSettings>,
    pub(super) surface: Surface,
}

/// Runs a request's handler and completes the response. Every log line on the way carries the request id.
pub(super) async fn handle(State(state): State<Arc<LayerState>>, request: Request, next: Next) -> Response {
    let request_id = new_request_id(state.app.clock.now());
    REQUEST_ID.scope(request_id, handle_with_id(state, request_id, request, next)).await
}

async fn handle_with_id(state: Arc<LayerState>, id: Uuid, request: Request, next: Next) -> Response {
    let started = Instant::now();
    let deadline = started + REQUEST_TIMEOUT;
    let LayerState { app, settings, surface } = &*state;
    let (mut parts, body) = request.into_parts();
    let path = parts.extensions.get::<MatchedPath>().map_or("none", |path| path.as_str());
    let route = format!("admin {path}");
    let method = method_label(&parts.method);
    let now = app.clock.now();

    let found = outcome_of(look_up(app, settings, (id, *surface), &parts), deadline).await;
    let response = match found.map_err(Problem::from).and_then(|found| found) {
        Ok(visit) => {
            parts.extensions.insert(Arc::new(visit));
            let ended = outcome_of(next.run(Request::from_parts(parts, body)), deadline).await;
            ended.unwrap_or_else(|error| Problem::from(error).into_response())
        }
        Err(problem) => problem.into_response(),
    };
    let mut response = render(response, id, now);
    set_headers(response.headers_mut());

    let status = response.status().as_u16();
    let took = started.elapsed();
    let microseconds = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
    tracing::info!(method, route, status, microseconds, "answered");
    app.metrics.latency.observe(took.as_secs_f64());
    app.metrics.responses.get_or_create(&ResponseLabels { route, status }).inc();
    response
}

/// The response with its problem rendered, if it carries one.
fn render(response: Response, id: Uuid, now: Timestamp) -> Response {
    let carried = response.extensions().get::<Problem>().cloned();
    let carried = carried.or_else(|| response.extensions().get::<Error>().cloned().map(Problem::Common));
    // Where the router knows the path but not the method, it responds by itself.
    let is_by_router = response.status() == StatusCode::METHOD_NOT_ALLOWED;
    let by_router = is_by_router.then_some(Problem::Common(Error::MethodNotAllowed));
    let Some(problem) = carried.or(by_router) else { return response };
    if matches!(problem, Problem::NotSignedIn) {
        return see_other(SIGN_IN);
    }
    let mut rendered = problem_page(&problem, id, now);
    if let Some(methods) = response.headers().get(header::ALLOW) {
        rendered.headers_mut().insert(header::ALLOW, methods.clone());
    }
    if let Problem::Common(error) = &problem {
        rendered.headers_mut().extend(error.retry_after());
    }
    rendered
}
