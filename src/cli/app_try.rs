//! `doorkey app try`: does signing in to an app work, and if not, where does it stop?

use anyhow::{Result, bail};
use serde_json::{Value, json};

use super::{Context, os_user, user_ref};
use crate::domain::user::UserRef;
use crate::flow::oidc::trial;
use crate::flow::oidc::trial::{TrialReport, TrialStep};
use crate::outbound::http::ServerAddress;

pub(super) const ABOUT: &str = "Sign a user in to an app at a running server, step by step, as the app itself would.

The link and the secret of the trial are its own and end with it: no other link is used up, nothing is mailed, and nothing \
is sent to the app. What the app would learn of the user is printed at the end; no secret is.";

#[derive(clap::Args, Debug)]
pub(super) struct Try {
    /// The app, by its client id
    #[arg(value_name = "APP")]
    client_id: String,
    /// The workspace
    #[arg(long)]
    workspace: String,
    /// Who is signed in, by id or e-mail address
    #[arg(long, value_parser = user_ref)]
    user: UserRef,
    /// Where the server listens [default: http:// and the address of --listen of the settings]
    #[arg(long, value_name = "URL", value_parser = ServerAddress::parse)]
    server: Option<ServerAddress>,
}

pub(super) async fn run(context: &mut Context, command: Try) -> Result<()> {
    let server = command.server.unwrap_or_else(|| ServerAddress::of_listener(&context.config.listen));
    let (app, workspace) = context.write_workspace(&command.workspace).await?;
    let of = (command.client_id.as_str(), &command.user);
    let report = trial::run(&app, &workspace, &os_user::act(), of, &server).await?;
    print(context, &report)?;
    match report.steps.iter().find_map(|step| Some((step.name, step.outcome.as_ref().err()?))) {
        Some(("discovery", why)) => {
            bail!("discovery failed at {server}, where --server says or --listen: {why}")
        }
        Some((name, why)) => bail!("{name} failed: {why}"),
        None => Ok(()),
    }
}

fn print(context: &mut Context, report: &TrialReport) -> Result<()> {
    let out = &mut context.out;
    if out.is_json {
        let steps: Vec<_> = report.steps.iter().map(as_json).collect();
        let object = json!({ "ok": report.is_ok(), "steps": steps, "claims": report.claims });
        return Ok(out.json(&object)?);
    }
    let mut facts: Vec<_> = report.steps.iter().map(|step| (step.name, in_words(step))).collect();
    for (name, value) in report.claims.as_ref().and_then(Value::as_object).into_iter().flatten() {
        let value = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        facts.push((name, value));
    }
    Ok(out.facts(&facts)?)
}

fn as_json(step: &TrialStep) -> Value {
    let (Ok(message) | Err(message)) = &step.outcome;
    json!({ "name": step.name, "ok": step.outcome.is_ok(), "message": message })
}

fn in_words(step: &TrialStep) -> String {
    match &step.outcome {
        Ok(message) => format!("ok: {message}"),
        Err(message) => format!("failed: {message}"),
    }
}
