//! HTTP: every route in one table, and the server that answers it.

mod admin;
mod api;
mod caught_mail;
mod error;
mod forward_auth;
mod middleware;
mod oidc;
mod ops;
mod pages;
mod request;
mod server;
mod settings;

use std::sync::Arc;

use axum::Router;
use axum::middleware::{from_fn, from_fn_with_state, map_request};
use axum::routing::{any, delete, get, post};

use self::error::Error;
use self::middleware::{LayerState, Surface};
use crate::app::App;

pub use self::admin::{AdminSettings, router as admin_router};
pub use self::api::resources::{
    AppObject, LinkStats, ListedEntry, ListedMail, ListedSession, QueuedMailFacts, Story, UserObject,
};
pub use self::middleware::request_id::current_request_id;
pub use self::request::context::Peer;
pub use self::server::{Listeners, serve};
pub use self::settings::Settings;

/// The public routes: a router for each surface, with a layer of its own around it.
///
/// Paths stand here in full, as log lines and metrics show them, so that no request has to be rewritten.
pub fn router(app: App, settings: Settings) -> Router {
    let docs = if settings.has_docs { docs() } else { Router::new() };
    let settings = Arc::new(settings);
    let layer = |surface: &'static Surface| {
        let state = Arc::new(LayerState { app: app.clone(), settings: Arc::clone(&settings), surface });
        from_fn_with_state(state, middleware::handle)
    };
    let login = || post(pages::login::confirm).get(pages::login::open);
    let login = Router::new().route("/login", login()).route("/login/", login());
    let sign_out =
        Router::new().route("/logout", post(pages::home::sign_out).get(pages::home::ask_to_sign_out));
    let mail = Router::new()
        .route("/login/mail", post(pages::mail_sign_in::ask))
        .route("/login/code", post(pages::mail_sign_in::redeem_code).get(pages::mail_sign_in::show_code))
        .route("/login/again", post(pages::mail_sign_in::ask_again))
        .route("/login/sent", get(pages::mail_sign_in::sent));
    let same_origin = from_fn_with_state(app.clone(), middleware::same_origin::require_same_origin);
    let open = from_fn_with_state(app.clone(), pages::mail_sign_in::require_open);
    Router::new()
        .merge(api().layer(layer(&api::SURFACE)))
        .merge(login_link().layer(layer(&api::LOGIN_LINK)))
        .merge(api::unknown().layer(layer(&api::SURFACE)).layer(map_request(api::without_route)))
        .merge(
            Router::new()
                .route("/auth/verify", get(forward_auth::verify))
                .layer(layer(&forward_auth::SURFACE)),
        )
        .merge(oidc_documents().layer(from_fn(oidc::require_issuer)).layer(layer(&oidc::DOCUMENTS)))
        .merge(oidc_calls().layer(from_fn(oidc::require_issuer)).layer(layer(&oidc::CALLS)))
        .merge(oidc_unknown().layer(layer(&oidc::PAGES)).layer(map_request(api::without_route)))
        .merge(
            oidc_forms()
                .layer(same_origin.clone())
                .merge(oidc_pages())
                .layer(from_fn(oidc::require_issuer))
                .layer(layer(&oidc::PAGES)),
        )
        .merge(login.layer(same_origin.clone()).layer(layer(&pages::LOGIN)))
        .merge(
            sign_out
                .layer(same_origin.clone())
                .merge(mail.layer(same_origin).layer(open))
                .merge(pages())
                .merge(docs)
                .layer(layer(&pages::SURFACE)),
        )
        .with_state(app)
}

fn api() -> Router<App> {
    Router::new()
        .route("/api/login_links", get(api::login_links::list))
        .route("/api/clients", get(api::clients::list).post(api::clients::add))
        .route(
            "/api/clients/{client}",
            get(api::clients::show).put(api::clients::set).delete(api::clients::delete),
        )
        .route("/api/team", get(api::team::list))
        .route("/api/team/{user}", get(api::team::show))
        .route("/api/login_links/{user}/mail", post(api::mails::send))
        .route("/api/mails", get(api::mails::list))
        .route("/api/mails/{id}", get(api::mails::show))
        .route("/api/apps", get(api::apps::list).post(api::apps::add))
        .route("/api/apps/{client_id}", get(api::apps::show).put(api::apps::set).delete(api::apps::delete))
        .route("/api/apps/{client_id}/secrets", post(api::apps::add_secret))
        .route("/api/apps/{client_id}/secrets/{id}", delete(api::apps::remove_secret))
        .route("/api/apps/{client_id}/refusals", get(api::apps::refusals))
        .route("/api/logs", get(api::logs::list))
        .route("/api/sessions", get(api::sessions::list))
        .route("/api/sessions/{id}", delete(api::sessions::revoke))
        .route("/api/stories", post(api::stories::find))
        .route("/api/stories/{link_id}", get(api::stories::show))
        .route("/api/stats/login_links", get(api::stats::login_links))
        .route("/api/openapi.json", get(api::openapi::show))
}

fn login_link() -> Router<App> {
    let only_get = api::login_links::only_get_generates;
    let methods = get(api::login_links::issue).head(only_get).delete(api::login_links::revoke);
    Router::new().route("/api/login_links/{user}", methods.fallback(only_get))
}

/// What anybody may read about the provider.
fn oidc_documents() -> Router<App> {
    Router::new()
        .route("/.well-known/openid-configuration", get(oidc::discovery::configuration))
        .route("/.well-known/oauth-authorization-server", get(oidc::discovery::configuration))
        .route("/oidc/jwks", get(oidc::discovery::jwks))
}

/// What apps ask for by themselves.
fn oidc_calls() -> Router<App> {
    let token = post(oidc::token::exchange).options(oidc::cors::preflight);
    let userinfo = get(oidc::userinfo::show).post(oidc::userinfo::show).options(oidc::cors::preflight);
    Router::new()
        .route("/oidc/token", token)
        .route("/oidc/userinfo", oidc::without_head(userinfo, "GET, POST, OPTIONS"))
}

/// What people see on their way to an app and back.
fn oidc_pages() -> Router<App> {
    use oidc::{authorize, end_session, without_head};
    let authorize_methods = get(authorize::show).post(authorize::repeat_as_get);
    let end_session_methods = get(end_session::show).post(end_session::repeat_as_get);
    Router::new()
        .route("/oidc/authorize", without_head(authorize_methods, "GET, POST"))
        .route("/oidc/end_session", without_head(end_session_methods, "GET, POST"))
        .route("/oidc/signed_out", without_head(get(end_session::show_signed_out), "GET"))
}

/// The paths beside these that have no route.
fn oidc_unknown() -> Router<App> {
    let not_found = any(|| async { Error::NotFound });
    Router::new()
        .route("/oidc", not_found.clone())
        .route("/oidc/", not_found.clone())
        .route("/oidc/{*rest}", not_found)
}

/// The forms of these pages.
fn oidc_forms() -> Router<App> {
    Router::new()
        .route("/oidc/continue", post(oidc::authorize::go_on))
        .route("/oidc/end_session/confirm", post(oidc::end_session::confirm))
}

/// The pages without a form, and every path that has no route.
fn pages() -> Router<App> {
    Router::new()
        .route("/", get(pages::home::show))
        .route("/login/go", get(pages::redirect::show))
        .route("/login/style.css", get(pages::assets::style))
        .route("/login/icon.svg", get(pages::assets::icon))
        .route("/login/logo", get(pages::assets::logo))
        .fallback(|| async { Error::NotFound })
}

fn docs() -> Router<App> {
    Router::new()
        .route("/docs", get(pages::console::show))
        .route("/docs/console.js", get(pages::console::script))
        .route("/docs/console.css", get(pages::console::style))
        .route("/docs/swagger-ui.js", get(pages::console::swagger_ui_script))
        .route("/docs/swagger-ui.css", get(pages::console::swagger_ui_style))
}
