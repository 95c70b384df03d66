//! `doorkey link`: the rule of the product, at the command line.

use anyhow::{Result, bail, ensure};
use serde_json::json;

use super::{Context, os_user, user_ref};
use crate::app::App;
use crate::config::MailFlags;
use crate::domain::destination::Destination;
use crate::domain::user::UserRef;
use crate::domain::workspace::Workspace;
use crate::flow::login_links;
use crate::flow::login_links::{IssueOptions, RequestedUser};
use crate::flow::mail;
use crate::flow::mail::MailOptions;
use crate::flow::operations::{maintenance, nodes};
use crate::http;

#[derive(Debug, clap::Args)]
#[command(args_conflicts_with_subcommands = true, subcommand_negates_reqs = true)]
pub(super) struct Args {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    issue: Option<Issue>,
    #[command(flatten)]
    pub(super) flags: MailFlags,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// Revoke all links of a user, for good
    Revoke {
        /// The id or the e-mail address
        #[arg(value_parser = user_ref)]
        user: UserRef,
        /// The workspace
        #[arg(long)]
        workspace: String,
    },
}

#[derive(Debug, clap::Args)]
struct Issue {
    /// The id or the e-mail address
    #[arg(value_parser = user_ref)]
    user: UserRef,
    /// The workspace
    #[arg(long)]
    workspace: String,
    /// Seconds that the link must have left at least
    #[arg(long, value_name = "SECONDS", default_value_t = 0)]
    min_ttl: i64,
    /// The client id of an app in which the person lands after signing in
    #[arg(long, value_name = "CLIENT_ID")]
    app: Option<String>,
    /// Where the person lands after signing in, in the app if one is named
    #[arg(long, value_name = "PATH or URL")]
    redirect: Option<String>,
    /// Have it mailed to the user by a server, instead of printing it
    #[arg(long)]
    mail: bool,
}

pub(super) async fn run(context: &mut Context, args: Args) -> Result<()> {
    match (args.command, args.issue) {
        (Some(Command::Revoke { user, workspace }), _) => revoke(context, &workspace, &user).await,
        (None, Some(args)) => issue(context, args).await,
        // The parser lets nobody through who names neither.
        (None, None) => bail!("name a user, or `revoke` and a user"),
    }
}

async fn revoke(context: &mut Context, workspace: &str, user: &UserRef) -> Result<()> {
    let (app, workspace) = context.write_workspace(workspace).await?;
    nodes::check_health(&app).await??;
    let was_there = login_links::revoke(&app, &workspace, &os_user::act(), user).await?;
    ensure!(was_there, "there is no such user in this workspace: `doorkey user list` shows who is there");
    if context.out.is_json {
        return Ok(context.out.json(&json!({ "revoked": true }))?);
    }
    Ok(context.out.line("All links of this user are revoked.")?)
}

async fn issue(context: &mut Context, args: Issue) -> Result<()> {
    let (app, workspace) = context.write_workspace(&args.workspace).await?;
    let longest = workspace.link_lifetime;
    ensure!(
        (0..=longest).contains(&args.min_ttl),
        "--min-ttl must be from 0 to {longest}, the seconds that a link of this workspace lives"
    );
    let destination = Destination { app: args.app, redirect: args.redirect };
    let options = IssueOptions::validated(&app, &workspace, (args.min_ttl, destination)).await?;
    ensure!(
        !args.mail || context.config.mail.is_some(),
        "mail is not set up: give --smtp URL and --mail-from ADDRESS as the server has them, or put smtp and mail_from into \
         the file of --config"
    );
    nodes::check_health(&app).await??;
    let subject = RequestedUser::find(&app, &workspace, args.user).await?;
    let done = if args.mail {
        queue(context, (&app, &workspace), &subject, options).await
    } else {
        print(context, (&app, &workspace), &subject, &options).await
    };
    // The process ends here, and with it what was counted in memory: a refusal too.
    let counted = maintenance::flush_counters(&app).await;
    done?;
    Ok(counted?)
}

async fn queue(
    context: &mut Context,
    (app, workspace): (&App, &Workspace),
    subject: &RequestedUser,
    link: IssueOptions,
) -> Result<()> {
    let options = MailOptions { link, language: None, request: None };
    let mail = mail::queue_link(app, workspace, &os_user::act(), subject, &options).await?;
    if context.out.is_json {
        return Ok(context.out.json(&http::QueuedMailFacts::from(&mail))?);
    }
    let sentence = format!("The link is on its way to {}: a server with --smtp sends it.", mail.to);
    Ok(context.out.line(&sentence)?)
}

async fn print(
    context: &mut Context,
    (app, workspace): (&App, &Workspace),
    subject: &RequestedUser,
    options: &IssueOptions,
) -> Result<()> {
    let issued = login_links::issue(app, workspace, &os_user::act(), subject, options).await?;
    if context.out.is_json {
        let (link, expires_at) = (issued.link.reveal(), issued.expires_at);
        let object = json!({ "link": link, "expires_at": expires_at, "reused": issued.is_reused });
        return Ok(context.out.json(&object)?);
    }
    Ok(context.out.line(issued.link.reveal())?)
}
