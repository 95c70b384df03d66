//! HTTP: every route in one table, and the server that answers it.

mod api;
mod error;
mod forward_auth;
mod middleware;
mod ops;
mod pages;
mod request;
mod server;

use std::net::IpAddr;
use std::sync::Arc;

use axum::Router;
use axum::middleware::{from_fn, from_fn_with_state};
use axum::routing::{delete, get, post};
use ipnet::IpNet;

use self::error::Error;
use crate::app::App;

pub use self::middleware::request_id::current_request_id;
pub use self::request::context::Peer;
pub use self::server::{Listeners, serve};

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
        .layer(from_fn(middleware::same_origin::require_same_origin));
    let docs = Router::new()
        .route("/docs", get(pages::console::show))
        .route("/docs/console.js", get(pages::console::script))
        .route("/docs/console.css", get(pages::console::style))
        .route("/docs/swagger-ui.js", get(pages::console::swagger_ui_script))
        .route("/docs/swagger-ui.css", get(pages::console::swagger_ui_style));
    let docs = if settings.has_docs { docs } else { Router::new() };
    let only_get = api::login_links::only_get_generates;
    let login_link = get(api::login_links::issue).head(only_get).delete(api::login_links::revoke);
    Router::new()
        .merge(forms)
        .merge(docs)
        .route("/", get(pages::home::show))
        .route("/login/go", get(pages::redirect::show))
        .route("/login/style.css", get(pages::assets::style))
        .route("/login/icon.svg", get(pages::assets::icon))
        .route("/auth/verify", get(forward_auth::verify))
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
        .route("/api/openapi.json", get(api::openapi::show))
        .fallback(|| async { Error::NotFound })
        .layer(from_fn_with_state((app.clone(), Arc::new(settings)), middleware::handle))
        .with_state(app)
}
