//! An app is tried out: all that the app, and a browser of one of its people, would ask of a running server.
//!
//! The link and the secret of a trial are its own: no one else's is used up or shown, nothing is mailed, and the app hears of nothing.

mod relying_party;

use serde_json::Value;

use self::relying_party::RelyingParty;
use super::app_changes;
use super::app_changes::AppError;
use crate::app::App;
use crate::domain::audit::{AuditContext, AuditEvent};
use crate::domain::login_link::{LinkClaims, LinkKind, LoginLink};
use crate::domain::node::NodeUnhealthy;
use crate::domain::oidc::app::OidcApp;
use crate::domain::oidc::app_secret::{AppSecret, ClientSecret};
use crate::domain::token::Token;
use crate::domain::user::{Refusal, UserRef};
use crate::domain::workspace::Workspace;
use crate::flow::operations::nodes;
use crate::flow::operations::nodes::EndError;
use crate::flow::sessions;
use crate::keys;
use crate::keys::NoRandomness;
use crate::outbound::http::{ServerAddress, Visitor};
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

/// One step of a trial.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct TrialStep {
    /// What it is called.
    pub name: &'static str,
    /// What came of it, as a sentence; no secret is in it.
    pub outcome: Result<String, String>,
}

/// What a trial found.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct TrialReport {
    /// The steps up to the first that failed.
    pub steps: Vec<TrialStep>,
    /// What the app learns of the person, as far as it came.
    pub claims: Option<Value>,
}

impl TrialReport {
    /// Whether every step went well.
    pub fn is_ok(&self) -> bool {
        self.steps.iter().all(|step| step.outcome.is_ok())
    }
}

/// What a trial has of its own.
struct Belongings {
    link: LoginLink,
    token: Token,
    secret: Option<(AppSecret, ClientSecret)>,
}

/// Goes through the whole flow of an app, as a user, at a server.
///
/// # Errors
/// `TrialError` if it could not begin, or what it left could not be taken away. What the server does wrong is in the report.
pub async fn run(
    app: &App,
    workspace: &Workspace,
    act: &AuditContext,
    (client_id, user): (&str, &UserRef),
    server: &ServerAddress,
) -> Result<TrialReport, TrialError> {
    nodes::check_health(app).await??;
    let client = app_changes::show(app, workspace, client_id).await?.app;
    let belongings = prepare(app, workspace, act, (&client, user)).await?;
    let secret = belongings.secret.as_ref().map(|(_, secret)| secret);
    let visitor = Visitor::new(server.clone(), workspace.url.authority().to_owned());
    let party = RelyingParty::new((workspace, &client), secret, visitor)?;
    let trial = Trial { app, workspace, belongings: &belongings };
    let report = tokio::select! {
        report = party.sign_in_and_out(&trial) => report,
        // What the trial has goes with it.
        _ = tokio::signal::ctrl_c() => TrialReport {
            steps: vec![TrialStep { name: "interrupted", outcome: Err("it was broken off".to_owned()) }],
            claims: None,
        },
    };
    clean_up(app, workspace, act, &belongings).await?;
    Ok(report)
}

/// What the steps of a trial need of the store.
struct Trial<'a> {
    app: &'a App,
    workspace: &'a Workspace,
    belongings: &'a Belongings,
}

impl Trial<'_> {
    /// Has the app hear nothing when the session of the trial ends.
    async fn hush(&self) -> Result<(), StoreError> {
        let link = self.app.store.find_login_link(self.workspace.id, &[self.belongings.link.hash]).await?;
        let Some(session) = link.and_then(|found| found.session) else { return Ok(()) };
        self.app.store.forget_app_sessions(self.workspace.id, session).await
    }
}

async fn prepare(
    app: &App,
    workspace: &Workspace,
    act: &AuditContext,
    (client, user): (&OidcApp, &UserRef),
) -> Result<Belongings, TrialError> {
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
    let claims = LinkClaims::for_user(seen.user, seen.standing.link_epoch, workspace, now, keys::random()?);
    let (link, token) = app.keys().issue_token(claims.asked_for(LinkKind::SelfService, until));
    let entry = act.entry(AuditEvent::LinkIssued).about(seen.user).with("link", link.id.to_string());
    let entry = entry.with("expires_at", until.to_string()).with("kind", LinkKind::SelfService.name());
    let added = app.store.add_trial_link((&link, workspace.stories.is_recording), &entry).await?;
    expect_applied(added)?;
    Ok(Belongings { link, token, secret })
}

fn expect_applied(outcome: Outcome) -> Result<(), StoreError> {
    if outcome == Outcome::Applied {
        return Ok(());
    }
    Err(StoreError::Contended("the user, or the secret keys, were changed at the same moment: try again"))
}

/// Takes away what a trial had of its own, whatever came of it.
async fn clean_up(
    app: &App,
    workspace: &Workspace,
    act: &AuditContext,
    belongings: &Belongings,
) -> Result<(), TrialError> {
    if let Some((row, _)) = &belongings.secret {
        app.store.remove_trial_secret(row).await?;
    }
    let link = app.store.find_login_link(workspace.id, &[belongings.link.hash]).await?;
    let Some(found) = link else { return Ok(()) };
    if let Some(session) = found.session {
        app.store.forget_app_sessions(workspace.id, session).await?;
        sessions::revoke(app, workspace, act, session).await?;
    } else {
        // It may have ended meanwhile.
        let _ = app.store.end_login_link(&app.keys().seal_link(found.link.expired(app.clock.now()))).await?;
    }
    Ok(())
}
