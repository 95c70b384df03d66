//! An app asks, by its access token, about a person (OpenID Connect Core 1.0, section 5.3).

use serde::Serialize;

use super::apps;
use crate::app::App;
use crate::domain::oidc::claims::{Claims, Person};
use crate::domain::oidc::code::{AppCode, AppToken};
use crate::domain::session::SessionWithUser;
use crate::domain::timestamp::Timestamp;
use crate::domain::workspace::Workspace;
use crate::store::StoreError;

/// What is said of a person.
#[derive(Debug, Serialize)]
pub struct UserInfo {
    sub: String,
    #[serde(flatten)]
    claims: Claims,
}

/// What an access token grants; `None` if it is dead: it is unknown or over, its session or app is, or the person may not use links.
pub async fn show(app: &App, workspace: &Workspace, token: &str) -> Result<Option<UserInfo>, StoreError> {
    let Some(token) = AppToken::parse(token) else { return Ok(None) };
    let hashes = app.keys().access_token_hashes(workspace.id, &token);
    let found = app.store.find_app_code_by_token(workspace.id, &hashes).await?;
    let Some(code) = found.filter(|code| app.keys().is_genuine_app_code(code)) else { return Ok(None) };
    let now = app.clock.now();
    if !code.has_live_token(now) || apps::find(app, workspace.id, &code.client_id).await?.is_none() {
        return Ok(None);
    }
    let Some((_, person)) = find_person(app, workspace, &code, now).await? else { return Ok(None) };
    let claims = Claims::of(&person, code.scopes, workspace.vouches_for_addresses());
    Ok(Some(UserInfo { sub: person.subject, claims }))
}

/// Whose code or token it is, while the session holds in which it was made and the person may use links, as ever since.
pub(super) async fn find_person(
    app: &App,
    workspace: &Workspace,
    code: &AppCode,
    now: Timestamp,
) -> Result<Option<(SessionWithUser, Person)>, StoreError> {
    let Some(signed_in) = app.store.find_session(workspace.id, code.session).await? else { return Ok(None) };
    let (session, standing) = (&signed_in.session, &signed_in.standing);
    let holds = app.keys().is_genuine_session(session)
        && session.is_live(standing, workspace, now)
        && session.user == code.user
        && standing.link_epoch == code.link_epoch
        && standing.refusal().is_none();
    if !holds {
        return Ok(None);
    }
    let person = app.store.find_person(workspace.id, code.user).await?;
    Ok(person.map(|person| (signed_in, person)))
}
