//! Apps: found, and known by their secrets.

use std::sync::Arc;

use url::Url;

use crate::app::App;
use crate::domain::oidc::app::OidcApp;
use crate::domain::oidc::app_secret::{AppSecret, ClientSecret};
use crate::domain::oidc::client_id::parse_client_id;
use crate::domain::workspace::WorkspaceId;
use crate::store::{Outcome, StoreError};

/// An app, by its client id. An edited one is none.
pub async fn find(app: &App, workspace: WorkspaceId, client_id: &str) -> Result<Option<OidcApp>, StoreError> {
    // What has another form is no app's, and PostgreSQL takes no NUL.
    if parse_client_id(client_id).is_err() {
        return Ok(None);
    }
    let found = app.store.find_app(workspace, client_id).await?;
    Ok(found.filter(|found| app.keys().is_genuine_app(found)))
}

/// Whether a text is a live secret of an app. It rests on the active secret key from here on.
pub async fn check_secret(
    app: &App,
    workspace: WorkspaceId,
    client: &OidcApp,
    secret: &str,
) -> Result<bool, StoreError> {
    let Some(secret) = ClientSecret::parse(secret) else { return Ok(false) };
    let rows = app.store.list_usable_app_secrets(workspace, &client.client_id, app.clock.now()).await?;
    // Each is looked at, whichever it is.
    let is_one = |row: &AppSecret| app.keys().verify_app_secret(row, &secret);
    let fitting: Vec<_> = rows.into_iter().filter(is_one).collect();
    let Some(found) = fitting.first() else { return Ok(false) };
    if found.removed_at.is_none() && found.key != app.keys().active_id() {
        rekey_secret(app, found.clone(), &secret);
    }
    Ok(true)
}

/// Has a client secret use the active secret key from its next use on, and keeps nobody waiting for it.
///
/// One at a time: until a node has heard of another active key, each request would try to move what is where it belongs.
fn rekey_secret(app: &App, old: AppSecret, secret: &ClientSecret) {
    let Ok(turn) = Arc::clone(&app.lookup_cache.rekey_turn).try_acquire_owned() else { return };
    let moved = app.keys().seal_app_secret(old.clone(), secret);
    let app = app.clone();
    tokio::spawn(async move {
        let _turn = turn;
        match app.store.move_app_secret(&old, &moved).await {
            // Another request, or a removal, was first.
            Ok(Outcome::Applied | Outcome::Conflict) => {}
            Err(error) => tracing::warn!(%error, "a client secret still rests on an old secret key"),
        }
    });
}

/// Whether an origin, as a browser names it, is that of a redirect URI of a public app: its scripts may fetch tokens.
pub async fn is_origin_of_public_app(
    app: &App,
    workspace: WorkspaceId,
    origin: &str,
) -> Result<bool, StoreError> {
    let url = Url::parse(origin).ok().filter(|url| url.origin().ascii_serialization() == origin);
    let Some(url) = url else { return Ok(false) };
    let Some(host) = url.host_str() else { return Ok(false) };
    // There any port is registered (RFC 8252, section 7.3).
    let has_any_port = url.scheme() == "http" && matches!(host, "127.0.0.1" | "[::1]");
    let is_at_origin = |uri: &Url| {
        let is_same_port = has_any_port || uri.port_or_known_default() == url.port_or_known_default();
        uri.scheme() == url.scheme() && uri.host_str() == Some(host) && is_same_port
    };
    let is_one = |client: &OidcApp| {
        let mut uris = client.redirect_uris.iter().filter_map(|uri| Url::parse(uri).ok());
        app.keys().is_genuine_app(client) && uris.any(|uri| is_at_origin(&uri))
    };
    // A port that goes without saying may be written behind this.
    let begins = if has_any_port { format!("http://{host}") } else { origin.to_owned() };
    let mut after = String::new();
    loop {
        let some = app.store.list_public_apps_at(workspace, &begins, &after).await?;
        if some.iter().any(is_one) {
            return Ok(true);
        }
        match some.into_iter().last() {
            Some(last) => after = last.client_id,
            None => return Ok(false),
        }
    }
}
