//! An app is tried out: all that the app, and a browser of one of its people, would ask of a running server.
//!
//! The link and the secret of a trial are its own: no one else's is used up or shown, nothing is mailed, and the app hears of nothing.

mod belongings;
mod relying_party;
mod report;

use self::belongings::Belongings;
use self::relying_party::RelyingParty;
use super::app_changes;
use crate::app::App;
use crate::domain::audit::AuditContext;
use crate::domain::user::UserRef;
use crate::domain::workspace::Workspace;
use crate::flow::operations::nodes;
use crate::outbound::http::{ServerAddress, Visitor};

pub use self::belongings::TrialError;
pub use self::report::{TrialReport, TrialStep};

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
    let belongings = Belongings::prepare(app, workspace, act, (&client, user)).await?;
    let secret = belongings.secret.as_ref().map(|(_, secret)| secret);
    let visitor = Visitor::new(server.clone(), workspace.url.authority().to_owned());
    let party = RelyingParty::new((workspace, &client), secret, visitor)?;
    let report = tokio::select! {
        report = party.sign_in_and_out((app, &belongings)) => report,
        // What the trial has goes with it.
        _ = tokio::signal::ctrl_c() => TrialReport {
            steps: vec![TrialStep { name: "interrupted", outcome: Err("it was broken off".to_owned()) }],
            claims: None,
        },
    };
    belongings.clean_up(app, workspace, act).await?;
    Ok(report)
}
