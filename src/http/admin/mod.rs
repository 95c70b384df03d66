//! The admin pages: a router of their own, on a listener of their own.

mod apps;
mod assets;
mod charts;
mod client;
mod client_acts;
mod clients;
mod cookies;
mod desk;
mod end_page;
mod error;
mod find;
mod find_words;
mod form_field;
mod frame;
mod home;
mod html;
mod keys;
mod layer;
mod lifetime_figures;
mod link_words;
mod log_csv;
mod log_filter;
mod log_words;
mod logs;
mod mails;
mod numbers;
mod overview;
mod pager;
mod plain;
mod sessions;
mod settings;
mod sign_in;
mod story;
mod times;
mod visit;
mod workspace_fields;
mod workspace_settings;

use std::sync::Arc;

use axum::Router;
use axum::middleware::from_fn_with_state;
use axum::routing::{get, post};

use self::error::Problem;
use self::layer::LayerState;
use self::visit::Surface;
use super::error::Error;
use crate::app::App;

pub use self::settings::AdminSettings;

/// The routes of the admin pages. A page of a workspace is below `/w/{w}`, and its handler takes a [`Desk`](desk::Desk) that names what it needs.
pub fn router(app: App, settings: AdminSettings) -> Router {
    let settings = Arc::new(settings);
    let layer = |surface: Surface| {
        let state = Arc::new(LayerState { app: app.clone(), settings: Arc::clone(&settings), surface });
        from_fn_with_state(state, layer::handle)
    };
    let assets = Router::new().route("/admin.css", get(assets::style)).route("/icon.svg", get(assets::icon));
    Router::new()
        .merge(assets.layer(layer(Surface::Assets)))
        .merge(pages().layer(layer(Surface::Pages)))
        .with_state(app)
}

fn pages() -> Router<App> {
    Router::new()
        .route("/", get(home::show))
        .route("/sign-in", get(sign_in::show).post(sign_in::sign_in))
        .route("/sign-out", post(home::sign_out))
        .route("/w/{w}/", get(overview::show))
        .route("/w/{w}/links/{id}", get(story::show))
        .route("/w/{w}/find", get(find::show).post(find::find))
        .route("/w/{w}/clients", get(clients::list))
        .route("/w/{w}/clients/{id}", get(client::show))
        .route("/w/{w}/clients/{id}/link", post(client_acts::make_link))
        .route("/w/{w}/clients/{id}/mail", post(client_acts::mail_link))
        .route("/w/{w}/clients/{id}/kill", get(client_acts::ask_to_kill).post(client_acts::kill))
        .route("/w/{w}/clients/{id}/sign-out", get(client_acts::ask_to_sign_out).post(client_acts::sign_out))
        .route("/w/{w}/logs", get(logs::list))
        .route("/w/{w}/logs.csv", get(log_csv::download))
        .route("/w/{w}/mails", get(mails::list))
        .route("/w/{w}/sessions", get(sessions::list))
        .route("/w/{w}/sessions/{id}/end", get(sessions::ask_to_end).post(sessions::end))
        .route("/w/{w}/apps", get(apps::list))
        .route("/w/{w}/new-app", get(apps::add::show).post(apps::add::add))
        .route("/w/{w}/apps/{id}", get(apps::one::show))
        .route("/w/{w}/apps/{id}/change", get(apps::change::show).post(apps::change::save))
        .route("/w/{w}/apps/{id}/secrets", post(apps::ends::add_secret))
        .route(
            "/w/{w}/apps/{id}/secrets/{secret}/remove",
            get(apps::ends::ask_to_remove).post(apps::ends::remove_secret),
        )
        .route("/w/{w}/apps/{id}/delete", get(apps::ends::ask_to_delete).post(apps::ends::delete))
        .route("/w/{w}/keys", get(keys::list).post(keys::make))
        .route("/w/{w}/keys/{id}/revoke", get(keys::ask_to_revoke).post(keys::revoke))
        .route("/w/{w}/settings", get(workspace_settings::show).post(workspace_settings::save))
        .fallback(|| async { Problem::Common(Error::NotFound) })
}
