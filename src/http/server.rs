//! The server: connections in, answers out, a graceful stop.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::http::StatusCode;
use axum::response::Response;
use hyper::Request;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use tokio::net::{TcpListener, TcpStream};
use tower::ServiceExt;

use super::arriving::Arriving;
use super::patient::Patient;
use super::seats::{Seat, Seats};
use super::visit::Peer;
use super::{Settings, ops, router};
use crate::app::App;

/// How long a client may take over the head of a request, and a connection may idle between two.
const HEAD_PATIENCE: Duration = Duration::from_secs(30);

/// The largest head of a request, address and headers together, in bytes: so much a connection may make us keep.
const LARGEST_HEAD: usize = 64 << 10;

/// How long what runs may go on after a stop (contract, section 5).
const STOP_PATIENCE: Duration = Duration::from_secs(10);

/// How long to wait when no connection can be taken: out of file descriptors, most often.
const BREATH: Duration = Duration::from_millis(100);

/// How long an answer is kept back at least that says that there were too many: who asks on without a pause all the same
/// is held to ten requests a second on each connection, and takes next to nothing from others.
const COOLING: Duration = Duration::from_millis(100);

/// Where the server listens.
#[derive(Debug)]
pub struct Listeners {
    /// For people and back offices.
    pub public: TcpListener,
    /// For operators: health and metrics.
    pub ops: Option<TcpListener>,
}

/// Serves until `stop` is done, then finishes what runs (10 s at most).
pub async fn serve(app: App, settings: Settings, listeners: Listeners, stop: impl Future<Output = ()>) {
    let graceful = GracefulShutdown::new();
    let operators = listeners.ops.map(|listener| {
        let routes = ops::router(app.clone());
        let seats = Seats::for_this_process();
        tokio::spawn(async move { accept(&listener, &routes, (&GracefulShutdown::new(), &seats)).await })
    });
    let routes = router(app, settings);
    let seats = Seats::for_this_process();
    tokio::select! {
        () = accept(&listeners.public, &routes, (&graceful, &seats)) => {}
        () = stop => {}
    }
    drop(listeners.public);
    tracing::info!("stopping: what runs is finished");
    seats.send_the_silent_home();
    if tokio::time::timeout(STOP_PATIENCE, graceful.shutdown()).await.is_err() {
        tracing::warn!("some requests did not finish in 10 s and were broken off");
    }
    if let Some(operators) = operators {
        operators.abort();
    }
}

/// Takes connections for ever.
async fn accept(
    listener: &TcpListener,
    routes: &Router,
    (graceful, seats): (&GracefulShutdown, &Arc<Seats>),
) {
    loop {
        match listener.accept().await {
            Ok((stream, peer)) => {
                // Answers are small and go out at once.
                let _ = stream.set_nodelay(true);
                connect(stream, Peer(peer), routes.clone(), (graceful, seats.take().await));
            }
            Err(error) => {
                tracing::warn!(%error, "a connection could not be taken");
                tokio::time::sleep(BREATH).await;
            }
        }
    }
}

fn connect(stream: TcpStream, peer: Peer, routes: Router, (graceful, seat): (&GracefulShutdown, Seat)) {
    let seat = Arc::new(seat);
    let asked = Arc::clone(&seat);
    let service = service_fn(move |mut request: Request<Incoming>| {
        request.extensions_mut().insert(peer);
        let seat = Arc::clone(&asked);
        let request = request.map(|body| Body::new(Arriving { body, seat }));
        answered(Arc::clone(&asked), routes.clone().oneshot(request))
    });
    let mut builder = hyper::server::conn::http1::Builder::new();
    builder.timer(TokioTimer::new()).header_read_timeout(HEAD_PATIENCE).max_header_size(LARGEST_HEAD);
    builder.max_buf_size(LARGEST_HEAD);
    let watcher = graceful.watcher();
    tokio::spawn(async move {
        // Who says nothing gets no buffers.
        let mut first = [0];
        let speaks = tokio::select! {
            biased;
            speaks = tokio::time::timeout(HEAD_PATIENCE, stream.peek(&mut first)) => speaks.is_ok(),
            () = seat.told_to_go() => false,
        };
        if !speaks {
            return;
        }
        seat.has_spoken();
        let stream = TokioIo::new(Patient::over(stream));
        let connection = watcher.watch(builder.serve_connection(stream, service));
        let ended = tokio::select! {
            ended = connection => ended,
            () = seat.told_to_go() => return,
        };
        // A client that goes away, or speaks no HTTP, is nobody's fault here.
        if let Err(error) = ended {
            tracing::debug!(%error, "a connection ended early");
        }
    });
}

/// An answer to whoever has the seat. While one is kept back its connection is no better than a silent one: it gives way.
async fn answered<E>(
    seat: Arc<Seat>,
    answer: impl Future<Output = Result<Response, E>>,
) -> Result<Response, E> {
    seat.is_asked();
    let answer = answer.await;
    seat.has_answered();
    if answer.as_ref().is_ok_and(|answer| answer.status() == StatusCode::TOO_MANY_REQUESTS) {
        // For each connection a little longer or shorter, or a crowd would come back all at once, again and again.
        tokio::time::sleep(COOLING + Duration::from_millis(seat.number() % 64)).await;
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

    async fn answered_with(seat: &Arc<Seat>, status: u16) {
        let answer = StatusCode::from_u16(status).unwrap().into_response();
        let Ok(answer) = answered(Arc::clone(seat), ready(Ok::<_, Infallible>(answer))).await;
        assert_eq!(answer.status(), status);
    }

    /// The clock stands still unless somebody waits for it.
    #[tokio::test(start_paused = true)]
    async fn who_asks_too_often_waits_for_the_answer_and_nobody_else_does() {
        let seat = Arc::new(Seats::with(1).take().await);
        let mut waited = Vec::new();

        for status in [200, 204, 303, 400, 401, 403, 404, 410, 429, 500, 503] {
            let asked_at = Instant::now();
            answered_with(&seat, status).await;
            if asked_at.elapsed() > Duration::ZERO {
                waited.push(status);
            }
        }

        assert_eq!(waited, [429]);
    }

    #[tokio::test(start_paused = true)]
    async fn who_waits_for_having_asked_too_often_gives_way_to_others() {
        let seats = Seats::with(1);
        let seat = Arc::new(seats.take().await);
        let other = tokio::spawn(async move { seats.take().await });

        tokio::select! {
            () = answered_with(&seat, 429) => panic!("it kept its seat"),
            () = seat.told_to_go() => {}
        }

        drop(seat);
        other.await.unwrap();
    }
}
