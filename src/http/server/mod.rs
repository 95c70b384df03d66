//! The server: accepts connections, serves requests, and shuts down gracefully.

mod connection;
mod connection_limit;
mod connection_state;
mod connection_stream;
mod large_bodies;
mod process_limits;
mod read_budget;
mod request_body;
mod unread_request;

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::http::StatusCode;
use axum::response::Response;
use hyper::Request;
use hyper::body::{Body as _, Incoming};
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use tokio::net::{TcpListener, TcpStream};
use tower::ServiceExt;

use self::connection::Connection;
use self::connection_limit::ConnectionLimiter;
use self::connection_stream::ConnectionStream;
use self::large_bodies::LargeBodies;
use self::process_limits::ProcessLimits;
use self::read_budget::ReadBudget;
use self::request_body::TrackedBody;
use super::request::context::Peer;
use super::settings::Settings;
use super::{AdminSettings, admin_router, ops, router};
use crate::app::App;
use crate::domain::client_network::ClientNetwork;
use crate::jobs::memory;

/// The largest head of a request, URL and headers together, in bytes: a connection may hold this much memory.
const MAX_HEAD: usize = 64 << 10;

/// Bodies larger than a form are read only under this path, and only of requests with a valid API key.
const API_PREFIX: &str = "/api/";

/// How long running requests may go on after a stop: with what else is to be done, the process is gone within 10 s.
const SHUTDOWN_TIMEOUT: Duration = Duration::from_secs(9);

/// How long to wait when accepting fails: most often for lack of file descriptors.
const ACCEPT_BACKOFF: Duration = Duration::from_millis(100);

/// By how much a 429 response is delayed at least: a client that ignores it is held to ten requests a second on each connection,
/// and takes hardly any capacity from others.
const RATE_LIMIT_DELAY: Duration = Duration::from_millis(100);

/// Where the server listens.
#[derive(Debug)]
pub struct Listeners {
    /// For people and back offices.
    pub public: TcpListener,
    /// For operators: health and metrics.
    pub ops: Option<TcpListener>,
    /// For admins, with what is set of it.
    pub admin: Option<(TcpListener, AdminSettings)>,
}

/// What the connections of a listener share.
#[derive(Clone)]
struct Shared {
    limiter: Arc<ConnectionLimiter>,
    budget: Arc<ReadBudget>,
    large_bodies: Arc<LargeBodies>,
    settings: Settings,
}

/// Serves until `stop` is done, then finishes the running requests (10 s at most).
pub async fn serve(app: App, settings: Settings, listeners: Listeners, stop: impl Future<Output = ()>) {
    let graceful = GracefulShutdown::new();
    let limits = ProcessLimits::read();
    let [limiter, ops_limiter, admin_limiter] =
        ConnectionLimiter::of_all_listeners(limits, listeners.admin.is_some());
    let budget = ReadBudget::of(limits);
    let large_bodies = LargeBodies::within(&budget);
    let shared = Shared { limiter, budget, large_bodies, settings: settings.clone() };
    let operators = listeners.ops.map(|listener| {
        let routes = ops::router(app.clone(), shared.settings.caught_mail.clone());
        let shared = Shared { limiter: ops_limiter, ..shared.clone() };
        tokio::spawn(async move { accept(&listener, &routes, (&GracefulShutdown::new(), &shared)).await })
    });
    let for_admins = async {
        let Some((listener, settings)) = &listeners.admin else { return std::future::pending().await };
        let routes = admin_router(app.clone(), settings.clone());
        let shared = Shared { limiter: Arc::clone(&admin_limiter), ..shared.clone() };
        accept(listener, &routes, (&graceful, &shared)).await;
    };
    let routes = router(app.clone(), settings);
    tokio::select! {
        () = accept(&listeners.public, &routes, (&graceful, &shared)) => {}
        () = for_admins => {}
        () = memory::return_after_floods(|| shared.limiter.count()) => {}
        () = stop => {}
    }
    drop((listeners.public, listeners.admin));
    tracing::info!("stopping: finishing the running requests");
    shared.limiter.close_unused();
    admin_limiter.close_unused();
    if tokio::time::timeout(SHUTDOWN_TIMEOUT, graceful.shutdown()).await.is_err() {
        tracing::warn!("some requests did not finish in 9 s and were aborted");
    }
    if let Some(operators) = operators {
        operators.abort();
    }
}

/// Accepts connections; never ends.
async fn accept(listener: &TcpListener, routes: &Router, (graceful, shared): (&GracefulShutdown, &Shared)) {
    loop {
        match listener.accept().await {
            Ok((stream, peer)) => {
                // Responses are small and are sent at once.
                let _ = stream.set_nodelay(true);
                let permit = shared.limiter.acquire().await;
                let address = peer.ip().to_canonical();
                let client = (!shared.settings.trusts(address)).then(|| ClientNetwork::of(address));
                let budget = (&shared.budget, &shared.large_bodies);
                let connection = Connection::with(permit, budget, client);
                connect(stream, Peer(peer), routes.clone(), (graceful, connection));
            }
            Err(error) => {
                tracing::warn!(%error, "a connection could not be accepted");
                tokio::time::sleep(ACCEPT_BACKOFF).await;
            }
        }
    }
}

fn connect(
    stream: TcpStream,
    peer: Peer,
    routes: Router,
    (graceful, connection): (&GracefulShutdown, Arc<Connection>),
) {
    let served = Arc::clone(&connection);
    let service = service_fn(move |mut request: Request<Incoming>| {
        request.extensions_mut().insert(peer);
        let may_be_large = request.uri().path().starts_with(API_PREFIX);
        served.mark_busy(!request.body().is_end_stream());
        let connection = Arc::clone(&served);
        let request = request.map(|body| Body::new(TrackedBody::of(body, connection, may_be_large)));
        run_request(Arc::clone(&served), routes.clone().oneshot(request))
    });
    let mut builder = hyper::server::conn::http1::Builder::new();
    // The connection has its own timeout for heads, which leaves out the idle time before them.
    builder.timer(TokioTimer::new()).header_read_timeout(None).max_header_size(MAX_HEAD);
    builder.max_buf_size(MAX_HEAD);
    let watcher = graceful.watcher();
    tokio::spawn(async move {
        // A connection gets its buffers with its first byte.
        let mut first = [0];
        let has_started = tokio::select! {
            biased;
            peeked = stream.peek(&mut first) => peeked.is_ok(),
            () = connection.must_close() => false,
        };
        if !has_started {
            return;
        }
        let stream = TokioIo::new(ConnectionStream::over(stream, Arc::clone(&connection)));
        let served = watcher.watch(builder.serve_connection(stream, service));
        let ended = tokio::select! {
            ended = served => ended,
            () = connection.must_close() => return,
        };
        // A client that disconnects, or does not speak HTTP, is no fault of the server.
        if let Err(error) = ended {
            tracing::debug!(%error, "a connection ended early");
        }
    });
}

/// Answers a request. While a response is delayed, its connection counts as idle and may be evicted.
async fn run_request<E>(
    connection: Arc<Connection>,
    response: impl Future<Output = Result<Response, E>>,
) -> Result<Response, E> {
    let response = response.await;
    connection.mark_idle();
    if response.as_ref().is_ok_and(|response| response.status() == StatusCode::TOO_MANY_REQUESTS) {
        // Slightly different for each connection, or all clients would retry at the same moment.
        tokio::time::sleep(RATE_LIMIT_DELAY + Duration::from_millis(connection.id() % 64)).await;
    }
    response
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;
    use std::future::ready;

    use axum::response::IntoResponse;
    use tokio::time::Instant;

    use super::*;
    use crate::http::server::connection_limit::ConnectionPermit;

    fn connection_of(permit: ConnectionPermit) -> Arc<Connection> {
        let budget = ReadBudget::with(1 << 20, 1 << 20);
        let connection = Connection::with(permit, (&budget, &LargeBodies::within(&budget)), None);
        connection.mark_busy(false);
        connection
    }

    async fn respond_with(connection: &Arc<Connection>, status: u16) {
        let response = StatusCode::from_u16(status).unwrap().into_response();
        let Ok(response) = run_request(Arc::clone(connection), ready(Ok::<_, Infallible>(response))).await;
        assert_eq!(response.status(), status);
    }

    /// Tokio's paused clock moves only when every task waits.
    #[tokio::test(start_paused = true)]
    async fn who_asks_too_often_waits_for_the_answer_and_nobody_else_does() {
        let connection = connection_of(ConnectionLimiter::with(1).acquire().await);
        let mut waited = Vec::new();

        for status in [200, 204, 303, 400, 401, 403, 404, 410, 429, 500, 503] {
            let asked_at = Instant::now();
            respond_with(&connection, status).await;
            if asked_at.elapsed() > Duration::ZERO {
                waited.push(status);
            }
        }

        assert_eq!(waited, [429]);
    }

    #[tokio::test(start_paused = true)]
    async fn a_connection_whose_response_is_delayed_may_be_evicted() {
        let limiter = ConnectionLimiter::with(1);
        let connection = connection_of(limiter.acquire().await);
        let other = tokio::spawn(async move { limiter.acquire().await });

        tokio::select! {
            () = respond_with(&connection, 429) => panic!("it was not evicted"),
            () = connection.must_close() => {}
        }

        drop(connection);
        other.await.unwrap();
    }
}
