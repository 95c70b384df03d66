//! Somebody else's web site: an application that people are sent on to, or a page that means harm.

use std::net::Ipv4Addr;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::extract::Request;
use axum::http::{StatusCode, header};
use axum::response::{Html, IntoResponse, Response};
use tokio::net::TcpListener;

/// A site at `http://127.0.0.1:PORT` that shows the same page under every path but `/silent`, and notes who came.
pub struct ThirdPartySite {
    pub port: u16,
    visits: Arc<Mutex<Vec<Visit>>>,
}

/// One request that arrived.
#[derive(Clone, Debug)]
pub struct Visit {
    pub path: String,
    pub referer: Option<String>,
}

impl ThirdPartySite {
    pub async fn showing(page: String) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let visits = Arc::new(Mutex::new(Vec::new()));
        let notes = Arc::clone(&visits);
        let router = Router::new().fallback(async move |request: Request| answer(&request, &notes, page));
        tokio::spawn(async move { axum::serve(listener, router).await });
        Self { port, visits }
    }

    /// A site that sends everybody on to this address.
    pub async fn leading_to(address: String) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let router = Router::new().fallback(async move || (StatusCode::FOUND, [(header::LOCATION, address)]));
        tokio::spawn(async move { axum::serve(listener, router).await });
        Self { port, visits: Arc::default() }
    }

    pub fn url(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}{path}", self.port)
    }

    pub fn visits(&self) -> Vec<Visit> {
        self.visits.lock().unwrap().clone()
    }
}

/// `/silent` has nothing to show, so a browser that is sent there stays on the page that sent it.
fn answer(request: &Request, notes: &Mutex<Vec<Visit>>, page: String) -> Response {
    let path = request.uri().to_string();
    let referer = request.headers().get(header::REFERER).map(|value| value.to_str().unwrap().to_owned());
    notes.lock().unwrap().push(Visit { path: path.clone(), referer });
    if path == "/silent" { StatusCode::NO_CONTENT.into_response() } else { Html(page).into_response() }
}
