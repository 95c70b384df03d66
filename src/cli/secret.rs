//! `doorkey secret`: the key file, and which of its keys derives.

use anyhow::Result;
use clap::Subcommand;
use serde_json::json;

use super::output::Table;
use super::{Context, os_user};
use crate::domain::login_link::KeyId;
use crate::flow::operations::secret_keys;

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Make the key file with its first key; one that is there is left as it is
    Create,
    /// List the ids of the keys and what they are for, never the keys themselves
    List,
    /// Add a key to the key file; it derives nothing until it is used
    Add,
    /// Make a key the one that derives what is new, on every node; the others still prove what is old
    Use {
        /// The id, as `secret list` shows it
        #[arg(value_parser = key_id)]
        id: KeyId,
    },
    /// Take a key away for good, once no live link, session, API key or admin uses it
    Retire {
        /// The id, as `secret list` shows it
        #[arg(value_parser = key_id)]
        id: KeyId,
        /// End what uses it: its links and sessions die, its API keys are revoked, its admins are kept out
        #[arg(long)]
        force: bool,
    },
}

pub(super) async fn run(context: &mut Context, command: Command) -> Result<()> {
    match command {
        Command::Create => create(context),
        Command::List => list(context),
        Command::Add => add(context).await,
        Command::Use { id } => make_active(context, id).await,
        Command::Retire { id, force } => retire(context, id, force).await,
    }
}

fn create(Context { config, out, .. }: &mut Context) -> Result<()> {
    let id = secret_keys::create(&config.secret_key_file)?.to_string();
    let path = config.secret_key_file.display().to_string();
    if out.is_json {
        return Ok(out.json(&json!({ "id": id, "path": path }))?);
    }
    Ok(out.line(&format!(
        "Made the secret key {id} in {path}. Keep a copy of the file, apart from the database."
    ))?)
}

fn list(Context { config, out, .. }: &mut Context) -> Result<()> {
    // The active key stands first; those after it only prove what is old.
    let roles = std::iter::once("active").chain(std::iter::repeat("accepted"));
    let listed = secret_keys::list(&config.secret_key_file)?;
    let listed: Vec<_> = listed.iter().map(KeyId::to_string).zip(roles).collect();
    if out.is_json {
        let objects: Vec<_> = listed.iter().map(|(id, role)| json!({ "id": id, "role": role })).collect();
        return Ok(out.json(&objects)?);
    }
    let rows: Vec<_> = listed.into_iter().map(|(id, role)| [id, role.to_owned()]).collect();
    Ok(Table::of(["ID", "ROLE"]).page(out, &rows)?)
}

async fn add(context: &mut Context) -> Result<()> {
    // Where there is no database yet, there is no log either.
    let app = context.open_if_there().await?;
    let Context { config, out, .. } = context;
    let id = secret_keys::add(app.as_ref(), &os_user::act(), &config.secret_key_file).await?.to_string();
    let path = config.secret_key_file.display().to_string();
    if out.is_json {
        return Ok(out.json(&json!({ "id": id, "path": path }))?);
    }
    Ok(out.line(&format!(
        "Added the secret key {id} to {path}. Copy the file to every node, then run `doorkey secret use {id}`."
    ))?)
}

async fn make_active(context: &mut Context, id: KeyId) -> Result<()> {
    let app = context.open().await?;
    secret_keys::make_active(&app, &os_user::act(), id).await?;
    let path = context.config.secret_key_file.display().to_string();
    let out = &mut context.out;
    if out.is_json {
        return Ok(out.json(&json!({ "id": id.to_string(), "path": path }))?);
    }
    Ok(out.line(&format!(
        "The secret key {id} derives what is new from here on. Copy {path} to every other node; once nothing rests on the \
         old key any more, take it away with `doorkey secret retire`."
    ))?)
}

async fn retire(context: &mut Context, id: KeyId, is_forced: bool) -> Result<()> {
    let app = context.open().await?;
    let ended = secret_keys::retire(&app, &os_user::act(), id, is_forced).await?;
    let path = context.config.secret_key_file.display().to_string();
    let out = &mut context.out;
    if out.is_json {
        let ended = json!({
            "login_links": ended.login_links, "sessions": ended.sessions, "api_keys": ended.api_keys,
            "admins": ended.admins, "client_secrets": ended.client_secrets, "edited": ended.edited
        });
        return Ok(out.json(&json!({ "id": id.to_string(), "path": path, "ended": ended }))?);
    }
    if is_forced {
        out.line(&format!(
            "Ended {} login link(s), {} session(s) and {} admin(s), revoked {} API key(s), removed {} client secret(s), and \
             deleted {} edited app(s) and signing key(s).",
            ended.login_links, ended.sessions, ended.admins, ended.api_keys, ended.client_secrets, ended.edited
        ))?;
    }
    Ok(out.line(&format!(
        "Retired the secret key {id}, and took it out of {path}. Copy the file to every other node."
    ))?)
}

fn key_id(text: &str) -> Result<KeyId, &'static str> {
    let is_plain = text.len() == 8 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    let id = u32::from_str_radix(text, 16).ok().filter(|_| is_plain);
    id.map(KeyId)
        .ok_or("a secret key is named by its id, eight hexadecimal digits: `doorkey secret list` shows it")
}
