//! `doorkey session`: who is signed in, and signing somebody out.

use anyhow::{Result, ensure};
use clap::Subcommand;
use serde_json::json;
use uuid::Uuid;

use super::output::{List, Output};
use super::{Context, os_user};
use crate::flow::operations::nodes;
use crate::flow::sessions;
use crate::http;
use crate::store::ListedSession;

/// Sessions that are read from the store at once: a list of any length takes this much memory.
const PAGE: i64 = 500;

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// List who is signed in, newest first
    List {
        /// The workspace
        #[arg(long)]
        workspace: String,
    },
    /// End a session: that person is signed out
    End {
        /// The id of the session, as `session list` prints it
        #[arg(value_parser = session_id)]
        id: Uuid,
        /// The workspace
        #[arg(long)]
        workspace: String,
    },
}

pub(super) async fn run(context: &mut Context, command: Command) -> Result<()> {
    match command {
        Command::List { workspace } => list(context, &workspace).await,
        Command::End { id, workspace } => end(context, &workspace, id).await,
    }
}

fn session_id(text: &str) -> Result<Uuid, &'static str> {
    Uuid::try_parse(text)
        .map_err(|_| "a session is named by its id, a UUID: `doorkey session list --workspace W` shows it")
}

async fn list(context: &mut Context, workspace: &str) -> Result<()> {
    let (app, workspace) = context.read_workspace(workspace).await?;
    let out = &mut context.out;
    let mut rows = List::of(["ID", "USER", "SINCE", "LAST SEEN", "ENDS"]);
    let mut last: Option<ListedSession> = None;
    loop {
        let page = sessions::list_before(&app, &workspace, last.as_ref(), PAGE).await?;
        rows.piece(out, &page, print, row)?;
        match page.last() {
            Some(session) => last = Some(session.clone()),
            None => break,
        }
    }
    Ok(rows.end(out, "Nobody is signed in.")?)
}

fn print(out: &mut Output, session: &ListedSession) -> std::io::Result<()> {
    out.json_part(&http::ListedSession::from(session.clone()))
}

fn row(session: &ListedSession) -> [String; 5] {
    [
        session.id.to_string(),
        session.user_id.number().to_string(),
        session.created_at.to_string(),
        session.last_seen_at.to_string(),
        session.expires_at.to_string(),
    ]
}

async fn end(context: &mut Context, workspace: &str, id: Uuid) -> Result<()> {
    let (app, workspace) = context.write_workspace(workspace).await?;
    nodes::check_health(&app).await??;
    let was_there = sessions::revoke(&app, &workspace, &os_user::act(), id).await?;
    ensure!(
        was_there,
        "there is no session {id}, or it has ended: `doorkey session list --workspace {}` shows those there are",
        workspace.name
    );
    if context.out.is_json {
        return Ok(context.out.json(&json!({ "ended": id }))?);
    }
    Ok(context.out.line(&format!("Session {id} has ended."))?)
}
