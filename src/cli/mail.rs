//! `doorkey mail`: does mail go out, and if not, why?

use anyhow::{Result, anyhow, bail};
use serde_json::json;
use uuid::Uuid;

use super::Context;
use super::output::{List, Output};
use crate::clock::Clock;
use crate::config::{MailConfig, MailFlags};
use crate::domain::email::EmailAddress;
use crate::domain::mail::{Mail, Message};
use crate::domain::timestamp::Timestamp;
use crate::flow::mail;
use crate::http;
use crate::outbound::mail_server::{MailServer, Step, Trial};

/// What the mail is called where no workspace sends it.
const NAME: &str = "doorkey";

#[derive(Debug, clap::Subcommand)]
pub(super) enum Command {
    /// Send one mail now, and show what was said: no secret is in it
    Test(Test),
    /// List the mails to users and what became of them, newest first
    List {
        /// The workspace
        #[arg(long)]
        workspace: String,
    },
}

#[derive(Debug, clap::Args)]
pub(super) struct Test {
    /// Who gets the mail
    #[arg(value_name = "ADDRESS", value_parser = EmailAddress::parse)]
    to: EmailAddress,
    /// The workspace that sends it; without one --mail-from does
    #[arg(long)]
    workspace: Option<String>,
    #[command(flatten)]
    pub(super) mail: MailFlags,
}

impl Command {
    /// The flags of mail.
    pub(super) fn flags(&self) -> MailFlags {
        match self {
            Self::Test(test) => test.mail.clone(),
            Self::List { .. } => MailFlags::default(),
        }
    }
}

pub(super) async fn run(context: &mut Context, command: Command) -> Result<()> {
    match command {
        Command::Test(test) => try_out(context, test).await,
        Command::List { workspace } => list(context, &workspace).await,
    }
}

/// Mails that are read from the store at once: a list of any length takes this much memory.
const PAGE: i64 = 500;

async fn list(context: &mut Context, workspace: &str) -> Result<()> {
    let (app, workspace) = context.read_workspace(workspace).await?;
    let out = &mut context.out;
    let mut rows = List::of(["ID", "USER", "KIND", "TO", "STATE", "TRIES", "QUEUED", "SENT", "LAST REPLY"]);
    let mut last: Option<Mail> = None;
    loop {
        let page = mail::list_before(&app, &workspace, last.as_ref(), PAGE).await?;
        rows.piece(out, &page, print, row)?;
        match page.last() {
            Some(mail) => last = Some(mail.clone()),
            None => break,
        }
    }
    Ok(rows.end(out, "No mail was sent to a user in the last 30 days.")?)
}

fn print(out: &mut Output, mail: &Mail) -> std::io::Result<()> {
    out.json_part(&http::ListedMail::from(mail.clone()))
}

fn row(mail: &Mail) -> [String; 9] {
    [
        mail.id.to_string(),
        mail.user_id.number().to_string(),
        mail.kind.name().to_owned(),
        mail.to.clone(),
        mail.state.name().to_owned(),
        mail.attempts.to_string(),
        mail.created_at.to_string(),
        mail.sent_at.map(|at| at.to_string()).unwrap_or_default(),
        mail.smtp_reply.clone().unwrap_or_default(),
    ]
}

/// Who sends a mail.
struct Sender {
    address: EmailAddress,
    name: String,
    reply_to: Option<EmailAddress>,
}

async fn try_out(context: &mut Context, test: Test) -> Result<()> {
    let Some(config) = context.config.mail.clone() else {
        bail!(
            "mail is not set up: give --smtp URL and --mail-from ADDRESS, or put smtp and mail_from into the file of --config"
        );
    };
    let sender = sender(context, &config, test.workspace.as_deref()).await?;
    let server = MailServer::new(&config)?;
    let trial = server.test(&test_mail(sender, test.to, Clock::System.now())).await;
    tell(context, &trial)
}

/// The sender of a workspace, or the one that the settings name.
async fn sender(context: &Context, config: &MailConfig, workspace: Option<&str>) -> Result<Sender> {
    let Some(name) = workspace else {
        return Ok(Sender { address: config.from.clone(), name: NAME.to_owned(), reply_to: None });
    };
    let (_, workspace) = context.read_workspace(name).await?;
    let address = workspace.mail.from.clone().unwrap_or_else(|| config.from.clone());
    Ok(Sender { address, name: workspace.sender_name().to_owned(), reply_to: workspace.mail.reply_to })
}

fn test_mail(sender: Sender, to: EmailAddress, now: Timestamp) -> Message {
    let Sender { address, name, reply_to } = sender;
    let sentence = format!(
        "This mail shows that mail goes out. It was sent by `doorkey mail test` at {now}. There is nothing to do."
    );
    Message {
        id: Uuid::now_v7(),
        from: address,
        from_name: name,
        reply_to,
        to,
        date: now,
        language: "en".to_owned(),
        subject: "A test mail".to_owned(),
        html: format!(
            "<!doctype html>\n<html lang=\"en\">\n<title>A test mail</title>\n<p>{sentence}</p>\n</html>\n"
        ),
        text: format!("{sentence}\n"),
    }
}

fn tell(context: &mut Context, trial: &Trial) -> Result<()> {
    let out = &mut context.out;
    let message = match &trial.outcome {
        Ok(sent) => format!("The mail was taken: {}.", sent.reply.trim_end_matches('.')),
        Err(why) => why.clone(),
    };
    if out.is_json {
        let (is_ok, steps) = (trial.outcome.is_ok(), &trial.steps);
        out.json(&json!({ "ok": is_ok, "steps": steps, "message": message }))?;
    } else {
        let facts: Vec<_> = trial.steps.iter().map(|step| (step.step, shown(step))).collect();
        out.facts(&facts)?;
    }
    match &trial.outcome {
        Ok(_) if out.is_json => Ok(()),
        Ok(_) => Ok(out.line(&message)?),
        Err(_) => Err(anyhow!(message)),
    }
}

/// What was sent and what came, on one line.
fn shown(step: &Step) -> String {
    match &step.sent {
        Some(sent) => format!("{sent} → {}", step.received),
        None => step.received.clone(),
    }
}
