//! The server: connections in, answers out, a graceful stop.

mod connection;
mod connection_limit;
mod connection_state;
mod connection_stream;
mod large_bodies;
mod memory;
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
use super::{Settings, ops, router};
use crate::app::App;
use crate::domain::client_network::ClientNetwork;

/// The largest head of a request, address and headers together, in bytes: so much a connection may make us keep.
const MAX_HEAD: usize = 64 << 10;

/// Under which bodies may be larger than a form: they are read only of who has shown an API key.
const API: &str = "/api/";

/// How long what runs may go on after a stop (contract, section 5).
const SHUTDOWN_TIMEOUT: Duration = Duration::from_secs(10);

/// How long to wait when no connection can be taken: out of file descriptors, most often.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// How long an answer is kept back at least that says that there were too many: who asks on without a pause all the same
/// is held to ten requests a second on each connection, and takes next to nothing from others.
const RATE_LIMIT_DELAY: Duration = Duration::from_millis(100);

/// Where the server listens.
#[derive(Debug)]
pub struct Listeners {
    /// For people and back offices.
    pub public: TcpListener,
    /// For operators: health and metrics.
    pub ops: Option<TcpListener>,
}

/// What the connections of a listener have in common.
#[derive(Clone)]
struct Shared {
    limiter: Arc<ConnectionLimiter>,
    budget: Arc<ReadBudget>,
    large_bodies: Arc<LargeBodies>,
    settings: Settings,
}

/// Serves until `stop` is done, then finishes what runs (10 s at most).
pub async fn serve(app: App, settings: Settings, listeners: Listeners, stop: impl Future<Output = ()>) {
    let graceful = GracefulShutdown::new();
    let limits = ProcessLimits::read();
    let (limiter, for_operators) = ConnectionLimiter::of_both_listeners(limits);
    let budget = ReadBudget::of(limits);
    let large_bodies = LargeBodies::within(&budget);
    let shared = Shared { limiter, budget, large_bodies, settings: settings.clone() };
    let operators = listeners.ops.map(|listener| {
        let routes = ops::router(app.clone());
        let shared = Shared { limiter: for_operators, ..shared.clone() };
        tokio::spawn(async move { accept(&listener, &routes, (&GracefulShutdown::new(), &shared)).await })
    });
    let routes = router(app, settings);
    tokio::select! {
        () = accept(&listeners.public, &routes, (&graceful, &shared)) => {}
        () = memory::give_back_after_crowds(&shared.limiter) => {}
        () = stop => {}
    }
    drop(listeners.public);
    tracing::info!("stopping: what runs is finished");
    shared.limiter.close_those_that_never_spoke();
    if tokio::time::timeout(SHUTDOWN_TIMEOUT, graceful.shutdown()).await.is_err() {
        tracing::warn!("some requests did not finish in 10 s and were broken off");
    }
    if let Some(operators) = operators {
        operators.abort();
    }
}

/// Takes connections for ever.
async fn accept(listener: &TcpListener, routes: &Router, (graceful, shared): (&GracefulShutdown, &Shared)) {
    loop {
        match listener.accept().await {
            Ok((stream, peer)) => {
                // Answers are small and go out at once.
                let _ = stream.set_nodelay(true);
                let permit = shared.limiter.acquire().await;
                let address = peer.ip().to_canonical();
                let source = (!shared.settings.trusts(address)).then(|| ClientNetwork::of(address));
                let budget = (&shared.budget, &shared.large_bodies);
                let connection = Connection::with(permit, budget, source);
                connect(stream, Peer(peer), routes.clone(), (graceful, connection));
            }
            Err(error) => {
                tracing::warn!(%error, "a connection could not be taken");
                tokio::time::sleep(ACCEPT_PAUSE).await;
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
    let asked = Arc::clone(&connection);
    let service = service_fn(move |mut request: Request<Incoming>| {
        request.extensions_mut().insert(peer);
        let may_be_large = request.uri().path().starts_with(API);
        asked.mark_busy(!request.body().is_end_stream());
        let connection = Arc::clone(&asked);
        let request = request.map(|body| Body::new(TrackedBody::of(body, connection, may_be_large)));
        run_request(Arc::clone(&asked), routes.clone().oneshot(request))
    });
    let mut builder = hyper::server::conn::http1::Builder::new();
    // How long a head may take is judged by the connection: idle is something else.
    builder.timer(TokioTimer::new()).header_read_timeout(None).max_header_size(MAX_HEAD);
    builder.max_buf_size(MAX_HEAD);
    let watcher = graceful.watcher();
    tokio::spawn(async move {
        // Who says nothing gets no buffers.
        let mut first = [0];
        let speaks = tokio::select! {
            biased;
            speaks = stream.peek(&mut first) => speaks.is_ok(),
            () = connection.is_over() => false,
        };
        if !speaks {
            return;
        }
        let stream = TokioIo::new(ConnectionStream::over(stream, Arc::clone(&connection)));
        let served = watcher.watch(builder.serve_connection(stream, service));
        let ended = tokio::select! {
            ended = served => ended,
            () = connection.is_over() => return,
        };
        // A client that goes away, or speaks no HTTP, is nobody's fault here.
        if let Err(error) = ended {
            tracing::debug!(%error, "a connection ended early");
        }
    });
}

/// An answer to a request that has come. While one is kept back its connection is no better than a silent one: it gives way.
async fn run_request<E>(
    connection: Arc<Connection>,
    answer: impl Future<Output = Result<Response, E>>,
) -> Result<Response, E> {
    let answer = answer.await;
    connection.mark_idle();
    if answer.as_ref().is_ok_and(|answer| answer.status() == StatusCode::TOO_MANY_REQUESTS) {
        // For each connection a little longer or shorter, or a crowd would come back all at once, again and again.
        tokio::time::sleep(RATE_LIMIT_DELAY + Duration::from_millis(connection.number() % 64)).await;
    }
    answer
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

    async fn answered_with(connection: &Arc<Connection>, status: u16) {
        let answer = StatusCode::from_u16(status).unwrap().into_response();
        let Ok(answer) = run_request(Arc::clone(connection), ready(Ok::<_, Infallible>(answer))).await;
        assert_eq!(answer.status(), status);
    }

    /// The clock stands still unless somebody waits for it.
    #[tokio::test(start_paused = true)]
    async fn who_asks_too_often_waits_for_the_answer_and_nobody_else_does() {
        let connection = connection_of(ConnectionLimiter::with(1).acquire().await);
        let mut waited = Vec::new();

        for status in [200, 204, 303, 400, 401, 403, 404, 410, 429, 500, 503] {
            let asked_at = Instant::now();
            answered_with(&connection, status).await;
            if asked_at.elapsed() > Duration::ZERO {
                waited.push(status);
            }
        }

        assert_eq!(waited, [429]);
    }

    #[tokio::test(start_paused = true)]
    async fn who_waits_for_having_asked_too_often_gives_way_to_others() {
        let limiter = ConnectionLimiter::with(1);
        let connection = connection_of(limiter.acquire().await);
        let other = tokio::spawn(async move { limiter.acquire().await });

        tokio::select! {
            () = answered_with(&connection, 429) => panic!("it kept its place"),
            () = connection.is_over() => {}
        }

        drop(connection);
        other.await.unwrap();
    }
}
