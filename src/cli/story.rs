//! `doorkey story`: what became of a link.

use std::io::{self, BufRead, IsTerminal, Read, Write};

use anyhow::{Context as _, Result, bail};
use uuid::Uuid;

use super::Context;
use super::output::{List, Output};
use crate::domain::opening::Sign;
use crate::domain::story::{Story, StoryEvent};
use crate::domain::story_body::MAX_LINK;
use crate::domain::timestamp::Timestamp;
use crate::flow::stories;
use crate::http;

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The workspace
    #[arg(long)]
    workspace: String,
    /// The id of the link, as the log has it; without it the link itself is read from the terminal or standard input
    #[arg(long, value_name = "ID")]
    link_id: Option<Uuid>,
}

pub(super) async fn run(context: &mut Context, args: &Args) -> Result<()> {
    let (app, workspace) = context.read_workspace(&args.workspace).await?;
    let story = match args.link_id {
        Some(id) => stories::show(&app, &workspace, id).await?,
        None => stories::show_of(&app, &workspace, &read_link()?).await?,
    };
    let Some(story) = story else {
        bail!(
            "no link of this workspace is meant by that, or its story is over: `doorkey log --event login_link.issued` has the ids \
             of links"
        );
    };
    let out = &mut context.out;
    if out.is_json { Ok(out.json(&http::Story::from(&story))?) } else { print(out, &story) }
}

/// The link, which is as secret as what it opens: never an argument, which others on the machine could see.
fn read_link() -> Result<String> {
    let stdin = io::stdin();
    if stdin.is_terminal() {
        let mut terminal = io::stderr();
        write!(terminal, "Paste the link, or its token: ")?;
        terminal.flush()?;
    }
    let mut line = String::new();
    let most = u64::try_from(MAX_LINK).unwrap_or(u64::MAX);
    stdin.lock().take(most).read_line(&mut line).context("the link cannot be read")?;
    if line.trim().is_empty() {
        bail!("no link was given: paste it, pass it on standard input, or name its id with --link-id");
    }
    Ok(line)
}

fn print(out: &mut Output, story: &Story) -> Result<()> {
    out.facts(&[
        ("link", story.link.to_string()),
        ("user", story.user.number().to_string()),
        ("kind", story.kind.clone()),
        ("created_at", story.created_at.to_string()),
        ("expires_at", story.expires_at.to_string()),
        ("state", story.state.name().to_owned()),
    ])?;
    out.line("")?;
    let mut rows = List::of(["TIME", "EVENT", "WHAT"]);
    rows.piece(out, &story.events, |_, _| Ok(()), row)?;
    Ok(rows.end(out, "Nothing is known of it.")?)
}

fn row((time, event): &(Timestamp, StoryEvent)) -> [String; 3] {
    [time.to_string(), event.name().to_owned(), in_words(event)]
}

/// What is worth knowing of an event.
fn in_words(event: &StoryEvent) -> String {
    match event {
        StoryEvent::Issued { actor, request_id } => {
            let actor = actor.as_deref().map(|actor| format!("by {actor}"));
            let request = request_id.map(|request| format!("in the request {request}"));
            actor.into_iter().chain(request).collect::<Vec<_>>().join(" ")
        }
        StoryEvent::HandedOut { times } => format!("{times} times, the last one at this time"),
        StoryEvent::Mailed { mail, state } => format!("{}, in the mail {mail}", state.name()),
        StoryEvent::Opened { network, browser, is_machine, signs } => {
            let looks = if *is_machine { "a machine" } else { "a person" };
            let signs = signs.each().map(Sign::name).collect::<Vec<_>>().join(", ");
            let signs = if signs.is_empty() { signs } else { format!(" ({signs})") };
            format!("from {network} with {}, it looks like {looks}{signs}", browser.name())
        }
        StoryEvent::Refused(refusal) => refusal.sentence().to_owned(),
        StoryEvent::SignedIn { session, by_code, client_id } => {
            let by = if *by_code { "code" } else { "link" };
            let session = session.map_or_else(String::new, |session| format!(", the session {session}"));
            let app =
                client_id.as_ref().map_or_else(String::new, |app| format!(", on the way to the app {app}"));
            format!("by the {by}{session}{app}")
        }
        StoryEvent::Killed { reason } => reason.clone(),
        StoryEvent::Pressed | StoryEvent::Expired => String::new(),
    }
}
