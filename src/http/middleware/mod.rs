//! The layer around each router: it gives a request its id and a deadline, looks up its workspace and credentials, renders
//! errors, sets headers, and writes the log line.

mod lookup;
pub(super) mod request_id;
pub(super) mod same_origin;

use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::extract::{MatchedPath, Request, State};
use axum::http::{HeaderMap, Method, header};
use axum::middleware::Next;
use axum::response::Response;
use futures_util::future::{FutureExt, OptionFuture};
use tokio::time::timeout_at;
use uuid::Uuid;

pub(super) use self::lookup::authority_of;
use self::lookup::{look_up, version_of};
use self::request_id::{REQUEST_ID, new_request_id};
use super::error::Error;
use super::request::context::RequestContext;
use super::request::credentials::Lookup;
use super::settings::Settings;
use crate::app::App;
use crate::domain::api_version::ApiVersion;
use crate::domain::language::Language;
use crate::domain::workspace::Workspace;
use crate::metrics::ResponseLabels;

/// How long a request may take in all: its body has 10 s to arrive, and each query of the store 5 s.
pub(super) const REQUEST_TIMEOUT: Duration = Duration::from_secs(15);

/// How the requests of one router are looked up and answered.
pub(super) struct Surface {
    /// What is looked up together with the workspace.
    pub(super) lookup: Lookup,
    /// Renders an error; without the workspace where none is known.
    pub(super) render_error: fn(&Error, Option<&Workspace>, Option<Language>) -> Response,
    /// The language that the request asks for, where responses are in the languages of people.
    pub(super) accepted_language: fn(&HeaderMap) -> Option<Language>,
    /// Sets the headers of every response.
    pub(super) set_headers: fn(&mut HeaderMap, Uuid, ApiVersion),
}

/// What the layer around a router needs. Each request clones its layer, so the state is behind one reference.
pub(super) struct LayerState {
    pub(super) app: App,
    pub(super) settings: Arc<Settings>,
    pub(super) surface: &'static Surface,
}

/// Runs a request's handler and completes the response. Every log line on the way carries the request id.
pub(super) async fn handle(State(state): State<Arc<LayerState>>, request: Request, next: Next) -> Response {
    let request_id = new_request_id(state.app.clock.now());
    REQUEST_ID.scope(request_id, handle_with_id(state, request_id, request, next)).await
}

async fn handle_with_id(
    state: Arc<LayerState>,
    request_id: Uuid,
    mut request: Request,
    next: Next,
) -> Response {
    let started = Instant::now();
    let deadline = started + REQUEST_TIMEOUT;
    let LayerState { app, settings, surface } = &*state;
    let version = version_of(request.headers());
    let route = request.extensions().get::<MatchedPath>().map_or("none", |path| path.as_str()).to_owned();
    let method = method_label(request.method());
    let accepted_language = (surface.accepted_language)(request.headers());

    let found = look_up(app, Arc::clone(settings), (request_id, version), surface.lookup, &mut request);
    let found = outcome_of(found, deadline).await.and_then(|found| found);
    let workspace = found.as_ref().ok().map(|context| Arc::clone(&context.workspace));
    let response = match found {
        Ok(context) => {
            let context = RequestContext { accepted_language, ..context };
            request.extensions_mut().insert(Arc::new(context));
            run_handler(next.run(request), deadline).await
        }
        Err(error) => {
            if let Error::WorkspaceNotFound(host) = &error {
                tracing::info!(%host, "no workspace has this host");
            }
            error.into_placeholder()
        }
    };
    let mut response = render_error(response, surface, workspace.as_deref(), accepted_language);
    (surface.set_headers)(response.headers_mut(), request_id, version.unwrap_or_default());

    let status = response.status().as_u16();
    let took = started.elapsed();
    let microseconds = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
    let workspace = workspace.map_or(0, |workspace| workspace.id.0);
    tracing::info!(method, route, status, workspace, microseconds, "answered");
    app.metrics.latency.observe(took.as_secs_f64());
    app.metrics.responses.get_or_create(&ResponseLabels { route, status }).inc();
    response
}

/// The response of a handler, if it comes before the deadline.
pub(super) fn run_handler(
    handler: impl Future<Output = Response>,
    deadline: Instant,
) -> impl Future<Output = Response> {
    outcome_of(handler, deadline).map(|ended| ended.unwrap_or_else(Error::into_placeholder))
}

/// The outcome of a part of a request, if it comes before the deadline. A panic in it affects this request alone.
pub(super) fn outcome_of<T>(
    part: impl Future<Output = T>,
    deadline: Instant,
) -> impl Future<Output = Result<T, Error>> {
    with_deadline(deadline, AssertUnwindSafe(part).catch_unwind())
        .map(|ended| ended.and_then(|ended| ended.map_err(|_| Error::Panicked)))
}

/// The output of a future, if it comes before the deadline. After the deadline the future is not polled at all.
///
/// Not `async`: an async function stores its arguments twice, and each request copies what is stored.
fn with_deadline<T>(
    deadline: Instant,
    future: impl Future<Output = T>,
) -> impl Future<Output = Result<T, Error>> {
    let started = (Instant::now() < deadline).then(|| timeout_at(deadline.into(), future));
    OptionFuture::from(started).map(|ended| {
        ended.and_then(Result::ok).ok_or_else(|| {
            tracing::warn!("a request was aborted: it took too long");
            Error::Unavailable
        })
    })
}

/// The name of a standard method, or `other`: clients can send any word of any length.
pub(super) fn method_label(method: &Method) -> &'static str {
    let standard = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "CONNECT"];
    standard.into_iter().find(|name| *name == method.as_str()).unwrap_or("other")
}

/// The response with its error rendered, if it carries one.
fn render_error(
    response: Response,
    surface: &Surface,
    workspace: Option<&Workspace>,
    accepted_language: Option<Language>,
) -> Response {
    let carried = response.extensions().get::<Error>().cloned();
    // Where the router knows the path but not the method, it responds by itself.
    let by_router =
        (response.status() == Error::MethodNotAllowed.status()).then_some(Error::MethodNotAllowed);
    let Some(error) = carried.or(by_router) else { return response };
    let mut rendered = (surface.render_error)(&error, workspace, accepted_language);
    if let Some(methods) = response.headers().get(header::ALLOW) {
        rendered.headers_mut().insert(header::ALLOW, methods.clone());
    }
    rendered
}

#[cfg(test)]
mod tests {
    use axum::Router;
    use axum::middleware::from_fn_with_state;
    use axum::routing::get;
    use tower::ServiceExt;

    use super::*;
    use crate::clock::Clock;
    use crate::domain::audit::AuditContext;
    use crate::domain::origin::Origin;
    use crate::flow;
    use crate::http::pages;
    use crate::store::DatabaseUrl;

    #[tokio::test]
    async fn a_handler_that_hangs_gets_503() {
        let folder = tempfile::tempdir().unwrap();
        let database = DatabaseUrl::Sqlite(folder.path().join("doorkey.db"));
        let key_file = folder.path().join("doorkey.key");
        let app = flow::operations::startup::open(&database, &key_file, true, Clock::System).await.unwrap();
        let url = Origin::parse("https://example.com").unwrap();
        let act = AuditContext::at_command_line();
        flow::workspaces::create(&app, &act, "Acme".to_owned(), url, Vec::new()).await.unwrap();
        let state = Arc::new(LayerState { app, settings: Arc::default(), surface: &pages::SURFACE });
        let layer = from_fn_with_state(state, handle);
        let routes = Router::new().route("/hang", get(std::future::pending::<()>)).layer(layer);
        let ask = Request::builder().uri("/hang").header("host", "example.com");

        // A paused clock moves on when every task waits.
        tokio::time::pause();
        let started = tokio::time::Instant::now();
        let response = routes.oneshot(ask.body(axum::body::Body::empty()).unwrap()).await.unwrap();

        assert_eq!(response.status(), 503);
        assert!(
            started.elapsed() < Duration::from_secs(20),
            "{:?} by the clock that was moved",
            started.elapsed()
        );
    }
}
