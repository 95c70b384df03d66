//! `doorkey app`: the applications that people are signed in to by OpenID Connect.

use anyhow::{Result, bail};
use clap::{Args, Subcommand};
use serde_json::{Value, json};
use uuid::Uuid;

use super::output::{List, Output};
use super::{Context, app_try, os_user, say};
use crate::config::{OutboundFlags, ServeFlags};
use crate::domain::oidc::app::OidcApp;
use crate::domain::oidc::app_change::{AppChange, CHANGEABLE, NewApp};
use crate::domain::oidc::client_id::parse_client_id;
use crate::domain::oidc::refusal::AppRefusal;
use crate::domain::validation::ValidationErrors;
use crate::domain::workspace::Workspace;
use crate::flow::oidc::app_changes::{self, AppError, AppWithSecrets, type_name};
use crate::flow::oidc::refusals;
use crate::http::AppObject;

/// Apps that are read at once.
const PIECE: i64 = 500;

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Add an app, and print its secret, this once
    Create(Box<Create>),
    /// List the apps of a workspace
    List {
        /// The workspace
        #[arg(long)]
        workspace: String,
    },
    /// Show an app
    Show(Named),
    /// Change an app: its name, its addresses, how it proves itself and what it gets
    Set {
        #[command(flatten)]
        named: Named,
        #[arg(required = true, value_name = "KEY=VALUE", help = format!("What is to be: lists by spaces, nothing after = empties: {CHANGEABLE}"))]
        settings: Vec<String>,
        #[command(flatten)]
        outbound: OutboundFlags,
    },
    /// Delete an app; its codes and tokens are dead with it
    Delete(Named),
    /// Make a secret of an app, or remove one
    #[command(subcommand)]
    Secret(SecretCommand),
    /// Say why requests of an app were refused
    Refusals(Named),
    #[command(about = "Sign a user in to an app at a running server, step by step, as the app itself would",
        long_about = app_try::ABOUT)]
    Try(app_try::Try),
}

#[derive(Debug, Subcommand)]
pub(super) enum SecretCommand {
    /// Make another secret and print it, this once; an app has two at most
    Add(Named),
    /// Remove a secret, for good; it binds within a second
    Remove {
        #[command(flatten)]
        named: Named,
        /// The id of the secret, as `app show` prints it
        id: Uuid,
    },
}

#[derive(Args, Debug)]
pub(super) struct Named {
    /// The app, by its client id
    #[arg(value_name = "APP")]
    client_id: String,
    /// The workspace
    #[arg(long)]
    workspace: String,
}

#[derive(Args, Debug)]
pub(super) struct Create {
    /// What people call it
    name: String,
    /// The workspace
    #[arg(long)]
    workspace: String,
    /// Where codes may be sent; may be given again
    #[arg(long, required = true, value_name = "URI")]
    redirect_uri: Vec<String>,
    #[arg(
        long,
        value_name = "URL",
        help = "Where a person arrives who comes by a link; {iss}, {login_hint} and {target} are filled in"
    )]
    start_url: Option<String>,
    /// Where a person may be sent after signing out; may be given again
    #[arg(long, value_name = "URI")]
    post_logout_redirect_uri: Vec<String>,
    /// Where it hears that a session has ended
    #[arg(long, value_name = "URI")]
    backchannel_logout_uri: Option<String>,
    /// It can keep no secret: an app in a browser, or on a phone
    #[arg(long)]
    public: bool,
    /// What it is called in requests; drawn, if not given
    #[arg(long, value_name = "ID")]
    client_id: Option<String>,
    /// Whether it must send a code challenge: required or optional
    #[arg(long, default_value = "required")]
    pkce: String,
    /// What its ID tokens are signed with: RS256 or ES256
    #[arg(long, default_value = "RS256")]
    alg: String,
    /// Claims of scopes are left to userinfo
    #[arg(long)]
    slim_id_token: bool,
    #[command(flatten)]
    outbound: OutboundFlags,
}

impl Command {
    /// The settings of a server that were given as flags of the command.
    pub(super) fn flags(&self) -> ServeFlags {
        let outbound = match self {
            Self::Create(create) => create.outbound.clone(),
            Self::Set { outbound, .. } => outbound.clone(),
            Self::List { .. }
            | Self::Show(_)
            | Self::Delete(_)
            | Self::Secret(_)
            | Self::Refusals(_)
            | Self::Try(_) => OutboundFlags::default(),
        };
        ServeFlags { outbound, ..ServeFlags::default() }
    }
}

pub(super) async fn run(context: &mut Context, command: Command) -> Result<()> {
    match command {
        Command::Create(create) => add(context, *create).await,
        Command::List { workspace } => list(context, &workspace).await,
        Command::Show(named) => show(context, &named).await,
        Command::Set { named, settings, .. } => set(context, &named, &settings).await,
        Command::Delete(named) => delete(context, &named).await,
        Command::Secret(SecretCommand::Add(named)) => add_secret(context, &named).await,
        Command::Secret(SecretCommand::Remove { named, id }) => remove_secret(context, &named, id).await,
        Command::Refusals(named) => list_refusals(context, &named).await,
        Command::Try(command) => app_try::run(context, command).await,
    }
}

impl Create {
    fn read(self) -> Result<NewApp, ValidationErrors> {
        let mut wrong = ValidationErrors::default();
        let client_id = self.client_id.map(|id| parse_client_id(&id)).transpose();
        let client_id = wrong.take("client_id", client_id).flatten();
        let mut fields = AppChange {
            name: Some(self.name),
            redirect_uris: Some(self.redirect_uri),
            start_url: Some(self.start_url),
            post_logout_redirect_uris: Some(self.post_logout_redirect_uri),
            backchannel_logout_uri: Some(self.backchannel_logout_uri),
            is_id_token_slim: Some(self.slim_id_token),
            ..AppChange::default()
        };
        for (name, word) in [("pkce", &self.pkce), ("alg", &self.alg)] {
            wrong.take(name, fields.set(name, word));
        }
        let new = NewApp { client_id, is_public: self.public, fields };
        if wrong.is_empty() { Ok(new) } else { Err(wrong) }
    }
}

async fn add(context: &mut Context, create: Create) -> Result<()> {
    let (app, workspace) = context.write_workspace(&create.workspace).await?;
    let new = create.read().map_err(AppError::ValidationErrors)?;
    let (added, secret) = app_changes::add(&app, &workspace, &os_user::act(), &new).await?;
    let issuer = workspace.url.as_str();
    let discovery = format!("{issuer}/.well-known/openid-configuration");
    if context.out.is_json {
        let mut object = json!({
            "issuer": issuer,
            "client_id": added.app.client_id,
            "discovery_url": discovery,
        });
        if let Some(secret) = &secret {
            object["client_secret"] = secret.reveal().into();
        }
        return Ok(context.out.json(&object)?);
    }
    let mut facts =
        vec![("issuer", issuer.to_owned()), ("client_id", added.app.client_id), ("discovery_url", discovery)];
    if let Some(secret) = &secret {
        say("the client secret is shown this once, so keep it");
        facts.push(("client_secret", secret.reveal().to_owned()));
    }
    Ok(context.out.facts(&facts)?)
}

async fn list(context: &mut Context, workspace: &str) -> Result<()> {
    let (app, workspace) = context.read_workspace(workspace).await?;
    let out = &mut context.out;
    let mut rows = List::of(["CLIENT ID", "NAME", "TYPE", "PKCE", "ALG", "REDIRECT URIS"]);
    let mut after = String::new();
    loop {
        let mut piece = app_changes::list_after(&app, &workspace, &after, PIECE).await?;
        let Some(last) = piece.last() else { break };
        after.clone_from(&last.client_id);
        // An edited row is no app; `doorkey check` names it.
        piece.retain(|client| app.keys().is_genuine_app(client));
        let as_json = |out: &mut Output, client: &OidcApp| out.json_part(&plain(client));
        rows.piece(out, &piece, as_json, row)?;
    }
    Ok(rows.end(out, "This workspace has no app: `doorkey app create` makes one.")?)
}

/// An app without its secrets.
fn plain(client: &OidcApp) -> Value {
    let shown = AppWithSecrets { app: client.clone(), secrets: Vec::new() };
    let mut object = json!(AppObject::from(shown));
    if let Some(object) = object.as_object_mut() {
        object.remove("secrets");
    }
    object
}

fn row(client: &OidcApp) -> [String; 6] {
    let pkce = if client.is_pkce_optional { "optional" } else { "required" };
    [
        client.client_id.clone(),
        client.name.clone(),
        type_name(client.is_public).to_owned(),
        pkce.to_owned(),
        client.algorithm.name().to_owned(),
        client.redirect_uris.join(" "),
    ]
}

async fn show(context: &mut Context, named: &Named) -> Result<()> {
    let (app, workspace) = context.read_workspace(&named.workspace).await?;
    let shown = app_changes::show(&app, &workspace, &named.client_id).await?;
    print(context, &workspace, shown)
}

fn print(context: &mut Context, workspace: &Workspace, shown: AppWithSecrets) -> Result<()> {
    let object = json!(AppObject::from(shown));
    if context.out.is_json {
        return Ok(context.out.json(&object)?);
    }
    let mut facts = vec![("issuer", workspace.url.as_str().to_owned())];
    for (name, value) in object.as_object().into_iter().flatten() {
        facts.push((name, in_words(value)));
    }
    Ok(context.out.facts(&facts)?)
}

/// A value of an app as people read it: lists by spaces, secrets by their ids.
fn in_words(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Null => String::new(),
        Value::Array(items) => {
            let words =
                items.iter().map(|item| item.as_str().or_else(|| item["id"].as_str()).unwrap_or_default());
            words.collect::<Vec<_>>().join(" ")
        }
        other @ (Value::Bool(_) | Value::Number(_) | Value::Object(_)) => other.to_string(),
    }
}

async fn set(context: &mut Context, named: &Named, settings: &[String]) -> Result<()> {
    let (app, workspace) = context.write_workspace(&named.workspace).await?;
    let (mut change, mut wrong) = (AppChange::default(), ValidationErrors::default());
    for setting in settings {
        let Some((name, value)) = setting.split_once('=') else {
            bail!("{setting:?} is no setting: give KEY=VALUE, such as name=Wiki");
        };
        wrong.take(name, change.set(name, value));
    }
    if !wrong.is_empty() {
        return Err(AppError::ValidationErrors(wrong).into());
    }
    let act = os_user::act();
    let changed = app_changes::set(&app, &workspace, &act, (&named.client_id, &change)).await?;
    print(context, &workspace, changed)
}

async fn delete(context: &mut Context, named: &Named) -> Result<()> {
    let (app, workspace) = context.write_workspace(&named.workspace).await?;
    app_changes::delete(&app, &workspace, &os_user::act(), &named.client_id).await?;
    if context.out.is_json {
        return Ok(context.out.json(&json!({ "deleted": named.client_id }))?);
    }
    Ok(context.out.line(&format!("App {} is deleted.", named.client_id))?)
}

async fn add_secret(context: &mut Context, named: &Named) -> Result<()> {
    let (app, workspace) = context.write_workspace(&named.workspace).await?;
    let (row, secret) = app_changes::add_secret(&app, &workspace, &os_user::act(), &named.client_id).await?;
    if context.out.is_json {
        let object = json!({ "id": row.id, "secret": secret.reveal(), "created_at": row.created_at });
        return Ok(context.out.json(&object)?);
    }
    say(&format!("secret {} is shown this once, so keep it:", row.id));
    Ok(context.out.line(secret.reveal())?)
}

async fn remove_secret(context: &mut Context, named: &Named, id: Uuid) -> Result<()> {
    let (app, workspace) = context.write_workspace(&named.workspace).await?;
    app_changes::remove_secret(&app, &workspace, &os_user::act(), (&named.client_id, &id.to_string()))
        .await?;
    if context.out.is_json {
        return Ok(context.out.json(&json!({ "removed": id }))?);
    }
    Ok(context.out.line(&format!("Secret {id} is removed."))?)
}

async fn list_refusals(context: &mut Context, named: &Named) -> Result<()> {
    let (app, workspace) = context.read_workspace(&named.workspace).await?;
    let shown = app_changes::show(&app, &workspace, &named.client_id).await?;
    let refusals = refusals::list(&app, workspace.id, &shown.app.client_id).await?;
    let out = &mut context.out;
    let as_json = |out: &mut Output, refusal: &AppRefusal| {
        out.json_part(&json!({
            "time": refusal.time,
            "error": refusal.error,
            "message": refusal.message,
            "request_id": refusal.request,
        }))
    };
    let mut rows = List::of(["TIME", "ERROR", "MESSAGE", "REQUEST"]);
    rows.piece(out, &refusals, as_json, |refusal| {
        let (time, request) = (refusal.time.to_string(), refusal.request.to_string());
        [time, refusal.error.clone(), refusal.message.clone(), request]
    })?;
    Ok(rows.end(out, "No request of this app was refused.")?)
}
