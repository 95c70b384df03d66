//! HTTP: every route in one table, and the server that answers it.

use std::future::Future;

use axum::Router;
use ipnet::IpNet;
use tokio::net::TcpListener;

use crate::app::App;

/// What an operator sets of the public listener.
#[derive(Clone, Debug, Default)]
pub struct Settings {
    /// Proxies whose `X-Forwarded-*` headers count.
    pub trusted_proxies: Vec<IpNet>,
}

/// Where the server listens.
#[derive(Debug)]
pub struct Listeners {
    /// For people and back offices.
    pub public: TcpListener,
    /// For operators: health and metrics.
    pub ops: Option<TcpListener>,
}

/// The public routes.
pub fn router(_app: App, _settings: Settings) -> Router {
    Router::new()
}

/// Serves until `stop` is done, then finishes what runs (10 s at most).
pub async fn serve(_app: App, _settings: Settings, _listeners: Listeners, stop: impl Future<Output = ()>) {
    stop.await;
}
