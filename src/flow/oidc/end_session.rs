//! An app signs a person out (OpenID Connect RP-Initiated Logout 1.0).

use super::authorize::subject_of;
use super::{apps, signing_keys};
use crate::app::App;
use crate::domain::oidc::app_uri::with_parameters;
use crate::domain::oidc::request::{Pairs, single};
use crate::domain::session::SessionWithUser;
use crate::domain::workspace::Workspace;
use crate::store::StoreError;

/// The parameters that count.
pub const PARAMETERS: [&str; 5] =
    ["id_token_hint", "client_id", "post_logout_redirect_uri", "state", "logout_hint"];

/// What a request to sign out leads to.
#[derive(Debug, PartialEq, Eq)]
pub enum SigningOut {
    /// The session of this browser ends, if there is one, and the person goes there; nowhere if the app named no place.
    AtOnce(Option<String>),
    /// The person is asked first, and goes nowhere.
    Ask,
}

/// Judges a request. It changes nothing.
pub async fn judge(
    app: &App,
    workspace: &Workspace,
    pairs: &Pairs,
    signed_in: Option<&SessionWithUser>,
) -> Result<SigningOut, StoreError> {
    if PARAMETERS.iter().any(|name| single(pairs, name).is_err()) {
        return Ok(SigningOut::Ask);
    }
    let value = |name: &str| single(pairs, name).ok().flatten();
    let Some(hint) = value("id_token_hint") else { return Ok(SigningOut::Ask) };
    let Some(claims) = signing_keys::verify_own(app, workspace, hint).await? else {
        return Ok(SigningOut::Ask);
    };
    if value("client_id").is_some_and(|client_id| client_id != claims.aud) {
        return Ok(SigningOut::Ask);
    }
    if let Some(signed_in) = signed_in
        && subject_of(app, workspace, signed_in.session.user).await?.as_ref() != Some(&claims.sub)
    {
        return Ok(SigningOut::Ask);
    }
    let Some(uri) = value("post_logout_redirect_uri") else { return Ok(SigningOut::AtOnce(None)) };
    let client = apps::find(app, workspace.id, &claims.aud).await?;
    if !client.is_some_and(|client| client.post_logout_redirect_uris.iter().any(|one| one == uri)) {
        return Ok(SigningOut::Ask);
    }
    let state = value("state").map(|state| ("state", state));
    Ok(SigningOut::AtOnce(Some(with_parameters(uri, state))))
}
