//! `doorkey secret`: the key file.

use anyhow::Result;
use clap::Subcommand;
use serde_json::json;

use super::Context;
use super::out::Table;
use crate::keys;

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Make the key file with its first key; one that is there is left as it is
    Create,
    /// List the ids of the keys and what they are for, never the keys themselves
    List,
}

pub(super) fn run(context: &mut Context, command: &Command) -> Result<()> {
    match command {
        Command::Create => create(context),
        Command::List => list(context),
    }
}

fn create(Context { config, out }: &mut Context) -> Result<()> {
    let keyring = keys::create(&config.secret_key_file)?;
    let path = config.secret_key_file.display().to_string();
    let id = keyring.all().map(|key| key.id.to_string()).collect::<String>();
    if out.is_json {
        return Ok(out.json(&json!({ "id": id, "path": path }))?);
    }
    Ok(out.line(&format!(
        "Made the secret key {id} in {path}. Keep a copy of the file, apart from the database."
    ))?)
}

fn list(Context { config, out }: &mut Context) -> Result<()> {
    let keyring = keys::load(&config.secret_key_file)?;
    // The active key stands first; those after it only prove what is old.
    let roles = std::iter::once("active").chain(std::iter::repeat("accepted"));
    let listed: Vec<_> = keyring.all().map(|key| key.id.to_string()).zip(roles).collect();
    if out.is_json {
        let objects: Vec<_> = listed.iter().map(|(id, role)| json!({ "id": id, "role": role })).collect();
        return Ok(out.json(&objects)?);
    }
    let rows: Vec<_> = listed.into_iter().map(|(id, role)| [id, role.to_owned()]).collect();
    Ok(Table::of(["ID", "ROLE"]).page(out, &rows)?)
}
