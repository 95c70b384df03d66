//! Apps are told that a session has ended (OpenID Connect Back-Channel Logout 1.0).

use std::collections::HashMap;
use std::time::Duration;

use serde::Serialize;
use serde_json::json;
use uuid::Uuid;

use super::signing_keys::SigningError;
use super::{apps, signing_keys};
use crate::app::App;
use crate::domain::audit::{Actor, AuditContext, AuditEvent};
use crate::domain::oidc::app::OidcApp;
use crate::domain::oidc::sign_out::{
    LEASE, SignOutAnswer, TIME_LIMIT, TOKEN_LIFETIME, WAIT_FOR_TURN, next_attempt,
};
use crate::domain::outbound::OutboundUrl;
use crate::domain::workspace::{Workspace, WorkspaceId};
use crate::flow::operations::nodes;
use crate::flow::operations::nodes::EndError;
use crate::flow::sessions;
use crate::outbound::http::{Failure, MAX_CALLS, MAX_OF_HOST};
use crate::store::{DueSignOut, EndedAppSession, OutboxItem, StoreError};

/// The event of a logout token (section 2.4).
const EVENT: &str = "http://schemas.openid.net/event/backchannel-logout";

/// An app, among those of all workspaces.
pub type AppKey = (WorkspaceId, String);

/// Sign-outs of one workspace that a node tells at once: half of the calls that there may be.
const MAX_OF_WORKSPACE: usize = MAX_CALLS / 2;

/// How many sign-outs a node tells each app at the moment: no more than there may be calls to one receiver, and of one workspace no more
/// than its share.
#[derive(Clone, Debug, Default)]
pub struct Telling(HashMap<AppKey, usize>);

impl Telling {
    /// Counts one more of an app; false, if that or its workspace has its share already.
    pub fn begin(&mut self, app: AppKey) -> bool {
        let of_workspace = self.0.iter().filter(|((workspace, _), _)| *workspace == app.0);
        let of_workspace: usize = of_workspace.map(|(_, told)| told).sum();
        let told = self.0.entry(app).or_default();
        let has_room = *told < MAX_OF_HOST && of_workspace < MAX_OF_WORKSPACE;
        *told += usize::from(has_room);
        has_room
    }

    /// One of an app is done.
    pub fn end(&mut self, app: &AppKey) {
        if let Some(told) = self.0.get_mut(app) {
            *told -= 1;
        }
        self.0.retain(|_, told| *told > 0);
    }

    fn full(&self) -> Vec<AppKey> {
        let full = self.0.iter().filter(|(_, told)| **told >= MAX_OF_HOST);
        full.map(|(app, _)| app.clone()).collect()
    }
}

/// Takes up to `room` sign-outs that are due off the outbox: no other node tells them before this one is done, or gone.
///
/// What is beyond an app's share waits there as it is, so that one that does not answer holds up no other.
pub async fn take_due(app: &App, room: usize, telling: &Telling) -> Result<Vec<DueSignOut>, StoreError> {
    if nodes::is_fit(app).is_err() {
        return Ok(Vec::new());
    }
    let now = app.clock.now();
    let mut due = app.store.find_due_sign_outs(room, now, &telling.full()).await?;
    let mut telling = telling.clone();
    due.retain(|due| telling.begin(due.app()));
    app.store.take_sign_outs(&due, now.plus_seconds(LEASE)).await
}

/// Tells an app, and writes down what came of it.
pub async fn deliver(app: &App, item: OutboxItem) -> Result<(), StoreError> {
    let ended = app.store.find_ended_app_session(&item).await?;
    let workspace = app.store.find_workspace_by_id(item.workspace).await?;
    let (Some(ended), Some(workspace)) = (ended, workspace) else {
        return app.store.remove_from_outbox(&item).await;
    };
    let client = apps::find(app, workspace.id, &ended.client_id).await?;
    let uri = client.as_ref().and_then(|client| client.backchannel_logout_uri.clone());
    let (Some(client), Some(uri)) = (client, uri) else {
        return app.store.finish_sign_out(&item, None, None, app.clock.now()).await;
    };
    let (answer, reason) = tell(app, &workspace, (&client, &uri), &ended).await;
    let now = app.clock.now();
    let answered = (client.client_id.as_str(), answer);
    let Some(reason) = reason else {
        return app.store.finish_sign_out(&item, Some(answered), None, now).await;
    };
    tracing::info!(client_id = %client.client_id, %reason, attempts = item.attempts, "an app did not hear of a sign-out");
    if answer == SignOutAnswer::NoTurn {
        let untried = OutboxItem { attempts: item.attempts - 1, ..item };
        let next = now.plus_seconds(WAIT_FOR_TURN);
        return app.store.postpone_sign_out(&untried, answered, (now, next)).await;
    }
    if let Some(next) = next_attempt(item.attempts, now) {
        return app.store.postpone_sign_out(&item, answered, (now, next)).await;
    }
    let act = AuditContext { actor: Actor::Doorkey, request: now.new_id() };
    let entry = act.entry(AuditEvent::AppLogoutFailed).about(ended.user);
    let entry = entry.with("client_id", client.client_id.clone());
    let entry = entry.with("session", ended.session.to_string()).with("error", reason);
    app.store.finish_sign_out(&item, Some(answered), Some(&entry), now).await
}

/// One attempt: what came of it, and a sentence for the operator if the app did not hear.
async fn tell(
    app: &App,
    workspace: &Workspace,
    (client, uri): (&OidcApp, &str),
    ended: &EndedAppSession,
) -> (SignOutAnswer, Option<String>) {
    let url = match OutboundUrl::parse(uri) {
        Ok(url) => url,
        Err(error) => return (SignOutAnswer::NotCalled, Some(error.to_string())),
    };
    let token = match logout_token(app, workspace, client, ended).await {
        Ok(token) => token,
        Err(error) => return (SignOutAnswer::NotSigned, Some(error.to_string())),
    };
    let headers = [("Content-Type", "application/x-www-form-urlencoded")];
    let sent = app
        .outbound
        .post(&url, &headers, format!("logout_token={token}"), Duration::from_secs(TIME_LIMIT))
        .await;
    let failure = match sent {
        Ok(response) => return (SignOutAnswer::Status(response.status), response.complaint()),
        Err(failure) => failure,
    };
    let answer = match failure {
        Failure::Refused(_) => SignOutAnswer::NotCalled,
        Failure::Busy { .. } => SignOutAnswer::NoTurn,
        Failure::Broken(_) => SignOutAnswer::Unanswered,
    };
    (answer, Some(failure.to_string()))
}

/// The claims of a logout token. It has no nonce, so that it cannot be taken for an ID token.
#[derive(Serialize)]
struct LogoutToken<'a> {
    iss: &'a str,
    aud: &'a str,
    iat: i64,
    exp: i64,
    jti: Uuid,
    sub: &'a str,
    sid: Uuid,
    events: serde_json::Value,
}

async fn logout_token(
    app: &App,
    workspace: &Workspace,
    client: &OidcApp,
    ended: &EndedAppSession,
) -> Result<String, SigningError> {
    let iat = app.clock.now().millis().div_euclid(1_000);
    let claims = LogoutToken {
        iss: workspace.url.as_str(),
        aud: &client.client_id,
        iat,
        exp: iat + TOKEN_LIFETIME,
        jti: Uuid::new_v4(),
        sub: &ended.subject,
        sid: ended.session,
        events: json!({ EVENT: {} }),
    };
    signing_keys::sign(app, workspace, client.algorithm, "logout+jwt", &claims).await
}

/// Ends the sessions in which apps exchanged codes and whose time is over: else nobody might look at them for days, and the apps would go on.
///
/// A node that may take nothing away leaves them to others.
pub async fn end_over(app: &App) -> Result<(), StoreError> {
    if nodes::is_fit(app).is_err() {
        return Ok(());
    }
    let act = AuditContext { actor: Actor::Doorkey, request: app.clock.now().new_id() };
    for workspace in app.store.list_workspaces().await? {
        loop {
            match end_some_over(app, &workspace, &act).await {
                Ok(0) => break,
                Ok(_) => {}
                Err(EndError::NodeUnhealthy(_)) => return Ok(()),
                Err(EndError::Store(error)) => return Err(error),
            }
        }
    }
    Ok(())
}

/// Ends those that one look finds in a workspace: how many.
async fn end_some_over(app: &App, workspace: &Workspace, act: &AuditContext) -> Result<usize, EndError> {
    let (id, now, mut ended) = (workspace.id, app.clock.now(), 0);
    for session in app.store.list_over_app_sessions(workspace, now).await? {
        if let Some(found) = app.store.find_session(id, session).await? {
            if found.session.is_live(&found.standing, workspace, now) {
                continue;
            }
            sessions::end_expired(app, workspace, act, &found).await?;
        }
        app.store.queue_sign_outs(id, session, now).await?;
        ended += 1;
    }
    Ok(ended)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_app_has_its_share_and_all_apps_of_a_workspace_leave_room_for_others() {
        let mut telling = Telling::default();
        let app = |workspace, number: usize| (WorkspaceId(workspace), format!("app-{number}"));
        let begun = (0..100).filter(|number| telling.begin(app(1, number / 10))).count();
        assert_eq!(begun, MAX_OF_WORKSPACE);
        assert_eq!(telling.full().len(), MAX_OF_WORKSPACE / MAX_OF_HOST);
        assert!((0..4).all(|_| telling.begin(app(2, 0))) && !telling.begin(app(2, 0)));
        telling.end(&app(1, 0));
        assert!(telling.begin(app(1, 9)) && !telling.begin(app(1, 9)));
    }
}
