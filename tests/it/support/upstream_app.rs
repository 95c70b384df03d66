//! An application that stands behind a proxy: it answers with what reached it.

use std::net::{Ipv4Addr, TcpListener};
use std::sync::{Arc, Mutex};
use std::thread;

use axum::body::to_bytes;
use axum::extract::Request;
use axum::{Json, Router};
use serde::{Deserialize, Serialize};

/// A request as the application got it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Reached {
    pub method: String,
    pub uri: String,
    /// Every header in the order of its name, in lower case.
    pub headers: Vec<(String, String)>,
    pub body: String,
}

/// The application on a port of its own.
pub struct UpstreamApp {
    pub port: u16,
    visits: Arc<Mutex<Vec<Reached>>>,
}

impl UpstreamApp {
    pub fn start() -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        listener.set_nonblocking(true).unwrap();
        let port = listener.local_addr().unwrap().port();
        let visits = Arc::new(Mutex::new(Vec::new()));
        let notes = Arc::clone(&visits);
        let router = Router::new().fallback(async move |request: Request| {
            let reached = note(request).await;
            notes.lock().unwrap().push(reached.clone());
            Json(reached)
        });
        // A thread of its own, so that it answers while a test waits.
        thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async {
                let listener = tokio::net::TcpListener::from_std(listener).unwrap();
                axum::serve(listener, router).await.unwrap();
            });
        });
        Self { port, visits }
    }

    /// What has reached it since the last time.
    pub fn visits(&self) -> Vec<Reached> {
        std::mem::take(&mut *self.visits.lock().unwrap())
    }
}

impl Reached {
    /// Who the application takes this for: every header that it could read as `Remote-…`, with a value.
    ///
    /// To CGI and WSGI `_` and `-` in a header's name are one.
    pub fn identity(&self) -> Vec<(String, String)> {
        let reads_as_remote = |name: &str| name.replace('_', "-").starts_with("remote-");
        let found = self.headers.iter().filter(|(name, value)| reads_as_remote(name) && !value.is_empty());
        let mut identity: Vec<_> = found.cloned().collect();
        identity.sort();
        identity
    }
}

async fn note(request: Request) -> Reached {
    let (parts, body) = request.into_parts();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let mut headers: Vec<_> =
        parts.headers.iter().map(|(name, value)| (name.to_string(), text(value.as_bytes()))).collect();
    headers.sort();
    let body = to_bytes(body, 1_000_000).await.unwrap();
    Reached { method: parts.method.to_string(), uri: parts.uri.to_string(), headers, body: text(&body) }
}
