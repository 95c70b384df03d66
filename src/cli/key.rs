//! `doorkey key`: API keys.

use anyhow::{Result, ensure};
use clap::Subcommand;
use serde_json::{Value, json};

use super::output::{List, Output};
use super::{Context, os_user, say};
use crate::config::parse_duration;
use crate::domain::api_key::ApiKey;
use crate::domain::scope::Scopes;
use crate::domain::timestamp::Timestamp;
use crate::domain::workspace::parse_name;
use crate::flow::api_keys;
use crate::flow::workspaces::WorkspaceError;

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Make an API key and print it, this once
    Create {
        /// The workspace
        #[arg(long)]
        workspace: String,
        /// What to call it
        #[arg(long)]
        name: String,
        /// Something it may do; may be given again. All but clients:unlock, if not given
        #[arg(long, help = format!("What it may do; all but clients:unlock if not given; may be given again: {}", Scopes::all()))]
        scope: Vec<String>,
        /// After how long it stops working, such as 90d; never, if not given
        #[arg(long, value_name = "DURATION", value_parser = parse_duration)]
        expires: Option<i64>,
    },
    /// List the API keys of a workspace, without the secrets
    List {
        /// The workspace
        #[arg(long)]
        workspace: String,
    },
    /// Revoke an API key, for good
    Revoke {
        /// The id of the key, as `key list` prints it
        #[arg(value_parser = key_id)]
        id: i64,
        /// The workspace
        #[arg(long)]
        workspace: String,
    },
}

pub(super) async fn run(context: &mut Context, command: Command) -> Result<()> {
    match command {
        Command::Create { workspace, name, scope, expires } => {
            let scopes = if scope.is_empty() { Scopes::usual() } else { Scopes::parse(&scope.join(","))? };
            ensure!(scopes != Scopes::default(), "--scope must name a scope; there are {}", Scopes::all());
            let name = parse_name(&name).map_err(WorkspaceError::ValidationErrors)?;
            create(context, &workspace, (&name, scopes, expires)).await
        }
        Command::List { workspace } => list(context, &workspace).await,
        Command::Revoke { id, workspace } => revoke(context, &workspace, id).await,
    }
}

async fn create(context: &mut Context, workspace: &str, options: (&str, Scopes, Option<i64>)) -> Result<()> {
    let (app, workspace) = context.write_workspace(workspace).await?;
    let (key, secret) = api_keys::create(&app, &workspace, &os_user::act(), options).await?;
    if context.out.is_json {
        let mut object = object(&key);
        object["key"] = secret.reveal().into();
        return Ok(context.out.json(&object)?);
    }
    // The key alone goes to the output, for scripts.
    say(&format!("API key {} ({}) is shown this once, so keep it:", key.id, key.name));
    Ok(context.out.line(secret.reveal())?)
}

async fn list(context: &mut Context, workspace: &str) -> Result<()> {
    let (app, workspace) = context.read_workspace(workspace).await?;
    let keys = api_keys::list(&app, &workspace).await?;
    let out = &mut context.out;
    let with_end = |out: &mut Output, key: &ApiKey| {
        let mut object = object(key);
        object["revoked_at"] = json!(key.revoked_at);
        out.json_part(&object)
    };
    let now = app.clock.now();
    let mut rows = List::of(["ID", "NAME", "STATE", "CREATED", "EXPIRES", "SCOPES"]);
    rows.piece(out, &keys, with_end, |key| row(key, now))?;
    Ok(rows.end(out, "This workspace has no API key: `doorkey key create` makes one.")?)
}

async fn revoke(context: &mut Context, workspace: &str, id: i64) -> Result<()> {
    let (app, workspace) = context.write_workspace(workspace).await?;
    api_keys::revoke(&app, &workspace, &os_user::act(), id).await?;
    if context.out.is_json {
        return Ok(context.out.json(&json!({ "revoked": id }))?);
    }
    Ok(context.out.line(&format!("API key {id} is revoked."))?)
}

fn key_id(text: &str) -> Result<i64, &'static str> {
    text.parse().map_err(|_| "an API key is named by its id, a number: `doorkey key list` shows it")
}

fn object(key: &ApiKey) -> Value {
    let scopes = key.scopes.to_string();
    json!({
        "id": key.id,
        "name": key.name,
        "scopes": scopes.split_whitespace().collect::<Vec<_>>(),
        "created_at": key.created_at,
        "expires_at": key.expires_at,
    })
}

fn row(key: &ApiKey, now: Timestamp) -> [String; 6] {
    let state = match key.revoked_at {
        Some(_) => "revoked",
        None if key.expires_at.is_none_or(|end| now < end) => "live",
        None => "expired",
    };
    let scopes = match key.scopes {
        scopes if scopes == Scopes::all() => "all".to_owned(),
        scopes if scopes == Scopes::usual() => "all but clients:unlock".to_owned(),
        scopes => scopes.to_string(),
    };
    let expires = key.expires_at.map_or_else(|| "never".to_owned(), |end| end.to_string());
    [key.id.to_string(), key.name.clone(), state.to_owned(), key.created_at.to_string(), expires, scopes]
}
