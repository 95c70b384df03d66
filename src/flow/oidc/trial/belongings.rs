//! What a trial has of its own: a link and a secret, and no trace once it is over.

use crate::app::App;
use crate::domain::audit::{AuditContext, AuditEvent};
use crate::domain::login_link::{LinkClaims, LinkKind, LoginLink};
use crate::domain::node::NodeUnhealthy;
use crate::domain::oidc::app::OidcApp;
use crate::domain::oidc::app_secret::{AppSecret, ClientSecret};
use crate::domain::token::Token;
use crate::domain::user::{Refusal, UserRef};
use crate::domain::workspace::Workspace;
use crate::flow::oidc::app_changes;
use crate::flow::oidc::app_changes::AppError;
use crate::flow::operations::nodes::EndError;
use crate::flow::sessions;
use crate::keys;
use crate::keys::NoRandomness;
use crate::store::{Outcome, StoreError};

/// How long what a trial has of its own lasts at most, in seconds, should it not come to its end.
const LIFETIME: i64 = 300;

/// Why nothing could be tried.
#[derive(Debug, thiserror::Error)]
pub enum TrialError {
    /// There is no such app, or its row cannot be used.
    #[error(transparent)]
    App(#[from] AppError),
    /// The rule refuses the user a link.
    #[error("{}", .0.sentence())]
    Refused(Refusal),
    /// This machine's clock or keys are not those of the servers.
    #[error(transparent)]
    NodeUnhealthy(#[from] NodeUnhealthy),
    /// The store did not do what it was asked.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// What the trial left could not be taken away; it is over of age soon.
    #[error("what the trial left could not be taken away: {0}")]
    Left(#[from] EndError),
    /// No secret could be drawn.
    #[error(transparent)]
    NoRandomness(#[from] NoRandomness),
}

/// What a trial has of its own.
pub(super) struct Belongings {
    link: LoginLink,
    pub(super) token: Token,
    pub(super) secret: Option<(AppSecret, ClientSecret)>,
}

impl Belongings {
    /// Makes them, if the rule allows the user a link.
    pub(super) async fn prepare(
        app: &App,
        workspace: &Workspace,
        act: &AuditContext,
        (client, user): (&OidcApp, &UserRef),
    ) -> Result<Self, TrialError> {
        let seen = app.store.find_issue_state(workspace.id, user).await?;
        let seen = seen.ok_or(TrialError::Refused(Refusal::UserNotFound))?;
        if let Some(refusal) = seen.standing.refusal() {
            return Err(TrialError::Refused(refusal));
        }
        let now = app.clock.now();
        let until = now.plus_seconds(LIFETIME);
        let secret = if client.is_public {
            None
        } else {
            let secret = keys::random_client_secret()?;
            let row = app_changes::new_secret(app, client, &secret);
            let row = AppSecret { removed_at: Some(row.created_at), trial_until: Some(until), ..row };
            let row = app.keys().seal_app_secret(row, &secret);
            expect_applied(app.store.add_trial_secret(&row).await?)?;
            Some((row, secret))
        };
        let claims =
            LinkClaims::for_user(seen.user, seen.standing.link_epoch, workspace, now, keys::random()?);
        let (link, token) = app.keys().issue_token(claims.asked_for(LinkKind::SelfService, until));
        let entry = act.entry(AuditEvent::LinkIssued).about(seen.user).with("link", link.id.to_string());
        let entry = entry.with("expires_at", until.to_string()).with("kind", LinkKind::SelfService.name());
        let added = app.store.add_trial_link((&link, workspace.stories.is_recording), &entry).await?;
        expect_applied(added)?;
        Ok(Self { link, token, secret })
    }

    /// Has the app hear nothing when the session of the trial ends.
    pub(super) async fn hush(&self, app: &App, workspace: &Workspace) -> Result<(), StoreError> {
        let link = app.store.find_login_link(workspace.id, &[self.link.hash]).await?;
        let Some(session) = link.and_then(|found| found.session) else { return Ok(()) };
        app.store.forget_app_sessions(workspace.id, session).await
    }

    /// Takes away what a trial had of its own, whatever came of it.
    pub(super) async fn clean_up(
        &self,
        app: &App,
        workspace: &Workspace,
        act: &AuditContext,
    ) -> Result<(), TrialError> {
        if let Some((row, _)) = &self.secret {
            app.store.remove_trial_secret(row).await?;
        }
        let link = app.store.find_login_link(workspace.id, &[self.link.hash]).await?;
        let Some(found) = link else { return Ok(()) };
        if let Some(session) = found.session {
            app.store.forget_app_sessions(workspace.id, session).await?;
            sessions::revoke(app, workspace, act, session).await?;
        } else {
            // It may have ended meanwhile.
            let _ =
                app.store.end_login_link(&app.keys().seal_link(found.link.expired(app.clock.now()))).await?;
        }
        Ok(())
    }
}

fn expect_applied(outcome: Outcome) -> Result<(), StoreError> {
    if outcome == Outcome::Applied {
        return Ok(());
    }
    Err(StoreError::Contended("the user, or the secret keys, were changed at the same moment: try again"))
}
