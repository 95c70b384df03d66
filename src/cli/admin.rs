//! `doorkey admin`: who is let in to the admin pages.

use anyhow::{Context as _, Result};
use clap::Subcommand;
use serde_json::{Value, json};
use uuid::Uuid;

use super::output::{List, Output};
use super::{Context, os_user, say};
use crate::app::App;
use crate::config::{AdminFlags, parse_duration};
use crate::domain::admin::{AdminGrant, AdminName, AdminReach, AdminRole};
use crate::domain::admin_access::{AdminSecret, LINK_LIFETIMES};
use crate::domain::origin::Origin;
use crate::domain::workspace::Workspace;
use crate::flow;
use crate::flow::admin;
use crate::flow::admin::OpenDoor;

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Print a link that signs an admin in, once
    Link(LinkArgs),
    /// Let a name in that a proxy brings in the header of --admin-proxy-header
    Allow {
        /// The name, to the letter
        #[arg(value_parser = AdminName::parse)]
        name: AdminName,
        /// What it may see and do: viewer, support or operator
        #[arg(long, value_parser = AdminRole::parse)]
        role: AdminRole,
        /// A workspace that it may look after; may be given again. All, if not given
        #[arg(long)]
        workspace: Vec<String>,
    },
    /// Let it in no more
    Disallow {
        /// The name, to the letter
        #[arg(value_parser = AdminName::parse)]
        name: AdminName,
    },
    /// List the names that are allowed, and the links and sessions that are open
    List,
    /// End a link or a session
    End {
        /// The id, as `admin list` prints it
        #[arg(value_parser = door_id)]
        id: Uuid,
    },
}

#[derive(Debug, clap::Args)]
pub(super) struct LinkArgs {
    /// A workspace to look after; may be given again. All, if not given
    #[arg(long)]
    workspace: Vec<String>,
    /// What the admin may see and do: viewer, support or operator
    #[arg(long, default_value = "operator", value_parser = AdminRole::parse)]
    role: AdminRole,
    /// Who that is, for the audit log [default: the user of the operating system]
    #[arg(long, value_parser = AdminName::parse)]
    name: Option<AdminName>,
    /// How long the link works, 1m to 24h
    #[arg(long, value_name = "DURATION", default_value = "10m", value_parser = link_lifetime)]
    lifetime: i64,
    #[command(flatten)]
    flags: AdminFlags,
}

impl Command {
    /// Its flags that are settings.
    pub(super) fn flags(&self) -> AdminFlags {
        match self {
            Self::Link(args) => args.flags.clone(),
            Self::Allow { .. } | Self::Disallow { .. } | Self::List | Self::End { .. } => {
                AdminFlags::default()
            }
        }
    }
}

pub(super) async fn run(context: &mut Context, command: Command) -> Result<()> {
    match command {
        Command::Link(args) => link(context, args).await,
        Command::Allow { name, role, workspace } => allow(context, (name, role), &workspace).await,
        Command::Disallow { name } => disallow(context, &name).await,
        Command::List => list(context).await,
        Command::End { id } => end(context, id).await,
    }
}

fn door_id(text: &str) -> Result<Uuid, &'static str> {
    Uuid::try_parse(text)
        .map_err(|_| "a link or session is named by its id, a UUID: `doorkey admin list` shows it")
}

fn link_lifetime(text: &str) -> Result<i64, String> {
    let seconds = parse_duration(text)?;
    if LINK_LIFETIMES.contains(&seconds) {
        return Ok(seconds);
    }
    Err("an admin link lives 1m to 24h".to_owned())
}

/// The address of the page of an admin link.
pub(super) fn sign_in_url(url: &Origin, token: &AdminSecret) -> String {
    format!("{url}/sign-in?token={}", token.reveal())
}

async fn link(context: &mut Context, args: LinkArgs) -> Result<()> {
    let url = context.config.admin.origin().context(
        "nothing says where the admin pages are: give --admin-url, or --admin-listen as the server has it, here, in a variable or \
         in the file of --config",
    )?;
    let name = match args.name {
        Some(name) => name,
        None => AdminName::parse(os_user::name()).context("give a name with --name")?,
    };
    let app = context.open_or_make().await?;
    let reach = reach(&app, &args.workspace).await?;
    let grant = AdminGrant { name, role: args.role, reach };
    let (link, token) = admin::make_link(&app, &os_user::act(), grant, args.lifetime).await?;
    let address = sign_in_url(&url, &token);
    if context.out.is_json {
        return Ok(context.out.json(&json!({ "url": address, "expires_at": link.expires_at }))?);
    }
    // The link alone goes to the output, for scripts.
    say(&format!(
        "the admin link of {} as {} is shown this once, works once, and ends at {}:",
        link.grant.name,
        link.grant.role.name(),
        link.expires_at
    ));
    Ok(context.out.line(&address)?)
}

async fn allow(context: &mut Context, (name, role): (AdminName, AdminRole), names: &[String]) -> Result<()> {
    let app = context.open_or_make().await?;
    let grant = AdminGrant { name, role, reach: reach(&app, names).await? };
    let allowed = admin::allow(&app, &os_user::act(), grant).await?;
    if context.out.is_json {
        let names = if names.is_empty() { Value::Null } else { json!(names) };
        return Ok(context.out.json(&json!({
            "id": allowed.id, "name": allowed.grant.name.as_str(), "role": role.name(), "workspaces": names,
            "created_at": allowed.created_at,
        }))?);
    }
    Ok(context.out.line(&format!("{} is allowed as {}.", allowed.grant.name, role.name()))?)
}

async fn disallow(context: &mut Context, name: &AdminName) -> Result<()> {
    let app = context.open_or_make().await?;
    admin::disallow(&app, &os_user::act(), name).await?;
    if context.out.is_json {
        return Ok(context.out.json(&json!({ "disallowed": name.as_str() }))?);
    }
    Ok(context.out.line(&format!("{name} is not allowed any more."))?)
}

async fn list(context: &mut Context) -> Result<()> {
    let app = context.open().await?;
    let open = admin::list(&app).await?;
    let workspaces = admin::workspaces(&app, &AdminReach::All).await?;
    let out = &mut context.out;
    let json = |out: &mut Output, door: &OpenDoor| out.json_part(&object(door, &workspaces));
    let mut rows = List::of(["KIND", "ID", "NAME", "ROLE", "WORKSPACES", "SINCE", "LAST SEEN", "ENDS"]);
    rows.piece(out, &open, json, |door| row(door, &workspaces))?;
    Ok(rows.end(out, "Nobody is let in: `doorkey admin link` makes a link.")?)
}

async fn end(context: &mut Context, id: Uuid) -> Result<()> {
    let app = context.open_or_make().await?;
    let kind = admin::end(&app, &os_user::act(), id).await?;
    if context.out.is_json {
        return Ok(context.out.json(&json!({ "ended": id }))?);
    }
    Ok(context.out.line(&format!("The {} {id} has ended.", kind.name()))?)
}

/// The workspaces that are named; all, if none is.
async fn reach(app: &App, names: &[String]) -> Result<AdminReach> {
    let mut ids = Vec::new();
    for name in names {
        ids.push(flow::workspaces::show(app, name).await?.0.id);
    }
    Ok(AdminReach::of(ids))
}

/// The names of the workspaces that are reached; `None` if all are.
fn reached(door: &OpenDoor, workspaces: &[Workspace]) -> Option<Vec<String>> {
    let reach = &door.grant.reach;
    let names = workspaces.iter().filter(|workspace| reach.has(workspace.id));
    (*reach != AdminReach::All).then(|| names.map(|workspace| workspace.name.clone()).collect())
}

fn object(door: &OpenDoor, workspaces: &[Workspace]) -> Value {
    json!({
        "kind": door.kind.name(),
        "id": door.id,
        "name": door.grant.name.as_str(),
        "role": door.grant.role.name(),
        "workspaces": reached(door, workspaces),
        "created_at": door.created_at,
        "last_seen_at": door.last_seen_at,
        "expires_at": door.expires_at,
    })
}

fn row(door: &OpenDoor, workspaces: &[Workspace]) -> [String; 8] {
    let names = reached(door, workspaces).map_or_else(|| "all".to_owned(), |names| names.join(", "));
    [
        door.kind.name().to_owned(),
        door.id.to_string(),
        door.grant.name.to_string(),
        door.grant.role.name().to_owned(),
        names,
        door.created_at.to_string(),
        door.last_seen_at.map_or_else(|| "never".to_owned(), |seen| seen.to_string()),
        door.expires_at.map_or_else(|| "never".to_owned(), |end| end.to_string()),
    ]
}
