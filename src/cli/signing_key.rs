//! `doorkey signing-key`: what ID tokens are signed with.

use anyhow::Result;
use clap::Subcommand;
use serde_json::{Value, json};

use super::output::{List, Output};
use super::{Context, os_user};
use crate::domain::oidc::signing_key::SigningKey;
use crate::domain::timestamp::Timestamp;
use crate::flow::oidc::signing_keys;

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// List the signing keys that apps are told of
    List {
        /// The workspace
        #[arg(long)]
        workspace: String,
    },
    /// Have the next key of each algorithm sign from now on, and publish another next one
    Rotate {
        /// The workspace
        #[arg(long)]
        workspace: String,
        /// Rotate although the last rotation is less than an hour ago: some tokens may fail for up to an hour
        #[arg(long)]
        force: bool,
    },
}

pub(super) async fn run(context: &mut Context, command: Command) -> Result<()> {
    let keys = match command {
        Command::List { workspace } => {
            let (app, workspace) = context.read_workspace(&workspace).await?;
            signing_keys::list(&app, workspace.id).await?
        }
        Command::Rotate { workspace, force } => {
            let (app, workspace) = context.write_workspace(&workspace).await?;
            signing_keys::rotate(&app, workspace.id, &os_user::act(), force).await?
        }
    };
    let (out, mut rows) =
        (&mut context.out, List::of(["KID", "ALG", "STATE", "CREATED", "SIGNS SINCE", "RETIRED"]));
    rows.piece(out, &keys, |out: &mut Output, key| out.json_part(&object(key)), row)?;
    Ok(rows.end(out, "This workspace has no signing keys: they are made with its first app.")?)
}

fn object(key: &SigningKey) -> Value {
    json!({
        "kid": key.kid,
        "alg": key.algorithm.name(),
        "state": key.state.name(),
        "created_at": key.created_at,
        "activated_at": key.activated_at,
        "retired_at": key.retired_at,
    })
}

fn row(key: &SigningKey) -> [String; 6] {
    let moment = |moment: Option<Timestamp>| moment.map_or_else(String::new, |moment| moment.to_string());
    let (alg, state) = (key.algorithm.name().to_owned(), key.state.name().to_owned());
    [
        key.kid.clone(),
        alg,
        state,
        key.created_at.to_string(),
        moment(key.activated_at),
        moment(key.retired_at),
    ]
}
