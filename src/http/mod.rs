//! HTTP: every route in one table, and the server that answers it.

mod api;
mod connection;
mod connection_limiter;
mod connection_state;
mod connection_stream;
mod cookies;
mod error;
mod gate;
mod large_bodies;
mod memory;
mod number;
mod openapi;
mod ops;
mod pages;
mod process_limits;
mod query;
mod read_budget;
mod same_origin;
mod server;
mod shown;
mod tracked_body;
mod unread_request;
mod verify;
mod visit;

use std::net::IpAddr;
use std::sync::Arc;

use axum::Router;
use axum::middleware::{from_fn, from_fn_with_state};
use axum::routing::{delete, get, post};
use ipnet::IpNet;

use crate::app::App;
use error::Error;

pub use number::current_request_id;
pub use server::{Listeners, serve};
pub use visit::Peer;

/// What an operator sets of the public listener.
#[derive(Clone, Debug, Default)]
pub struct Settings {
    /// Proxies whose `X-Forwarded-*` headers count.
    pub trusted_proxies: Vec<IpNet>,
    /// Whether the console stands at `/docs`.
    pub has_docs: bool,
}

impl Settings {
    /// Whether an address is that of a trusted proxy.
    fn trusts(&self, address: IpAddr) -> bool {
        self.trusted_proxies.iter().any(|network| network.contains(&address))
    }
}

/// The public routes.
pub fn router(app: App, settings: Settings) -> Router {
    let forms = Router::new()
        .route("/login", post(pages::login::confirm).get(pages::login::open))
        .route("/logout", post(pages::home::sign_out))
        .layer(from_fn(same_origin::require_same_origin));
    let docs = Router::new()
        .route("/docs", get(pages::docs::show))
        .route("/docs/console.js", get(pages::docs::script))
        .route("/docs/console.css", get(pages::docs::style))
        .route("/docs/swagger-ui.js", get(pages::docs::swagger_ui_script))
        .route("/docs/swagger-ui.css", get(pages::docs::swagger_ui_style));
    let docs = if settings.has_docs { docs } else { Router::new() };
    let only_get = api::login_links::only_get_generates;
    let login_link = get(api::login_links::issue).head(only_get).delete(api::login_links::revoke);
    Router::new()
        .merge(forms)
        .merge(docs)
        .route("/", get(pages::home::show))
        .route("/login/go", get(pages::go::show))
        .route("/login/style.css", get(pages::assets::style))
        .route("/login/icon.svg", get(pages::assets::icon))
        .route("/auth/verify", get(verify::verify))
        .route("/api/login_links", get(api::login_links::list))
        .route("/api/login_links/{user}", login_link.fallback(only_get))
        .route("/api/clients", get(api::clients::list).post(api::clients::add))
        .route(
            "/api/clients/{client}",
            get(api::clients::show).put(api::clients::set).delete(api::clients::delete),
        )
        .route("/api/team", get(api::team::list))
        .route("/api/team/{user}", get(api::team::show))
        .route("/api/logs", get(api::logs::list))
        .route("/api/sessions", get(api::sessions::list))
        .route("/api/sessions/{id}", delete(api::sessions::revoke))
        .route("/api/openapi.json", get(openapi::show))
        .fallback(|| async { Error::NotFound })
        .layer(from_fn_with_state((app.clone(), Arc::new(settings)), gate::handle))
        .with_state(app)
}
