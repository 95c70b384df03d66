//! The baseline of `bench/run`: the HTTP stack of doorkey, answering one constant.
//!
//! What doorkey takes beyond this is doorkey's own. It listens on the address it is given, as `doorkey serve` does:
//! hyper's HTTP/1.1 with an axum router on tokio's threads, and `TCP_NODELAY`.

use anyhow::{Context, Result};
use axum::Router;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::routing::get;
use hyper::server::conn::http1;
use hyper_util::rt::TokioIo;
use hyper_util::service::TowerToHyperService;
use tokio::net::TcpListener;

/// As long as the answer of `GET /api/login_links/{user}`.
const ANSWER: &str = r#"{"link":"https://example.com/login?token=ewtGwgZ0b3IE1wq7a7vrjhONy0uVBPgT"}"#;

#[tokio::main]
async fn main() -> Result<()> {
    let address = std::env::args().nth(1).context("give the address to listen on")?;
    let listener = TcpListener::bind(address).await?;
    let routes = Router::new().route("/api/login_links/{user}", get(constant));
    loop {
        let (stream, _) = listener.accept().await?;
        stream.set_nodelay(true)?;
        let service = TowerToHyperService::new(routes.clone());
        tokio::spawn(http1::Builder::new().serve_connection(TokioIo::new(stream), service));
    }
}

async fn constant() -> ([(axum::http::HeaderName, &'static str); 2], &'static str) {
    ([(CONTENT_TYPE, "application/json"), (CACHE_CONTROL, "no-store")], ANSWER)
}
