//! The server: connections in, answers out, a graceful stop.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use hyper::Request;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use tokio::net::{TcpListener, TcpStream};
use tower::ServiceExt;

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
        asked.is_asked();
        let (seat, answer) = (Arc::clone(&asked), routes.clone().oneshot(request.map(Body::new)));
        async move {
            let answered = answer.await;
            seat.has_answered();
            answered
        }
    });
    let mut builder = hyper::server::conn::http1::Builder::new();
    builder.timer(TokioTimer::new()).header_read_timeout(HEAD_PATIENCE).max_header_size(LARGEST_HEAD);
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
