//! `doorkey workspace`: one tenant each.

use std::fs::File;
use std::io::{self, BufRead, IsTerminal, Read, Write};
use std::path::Path;

use anyhow::{Context as _, Result, anyhow, ensure};
use clap::Subcommand;
use clap::error::ErrorKind;
use serde::Serialize;
use serde_json::json;

use super::output::{List, Output};
use super::{Context, os_user, pairs, say};
use crate::app::App;
use crate::config;
use crate::domain::branding::{Logo, MAX_LOGO, SupportContact};
use crate::domain::email::EmailAddress;
use crate::domain::host::HostName;
use crate::domain::origin::Origin;
use crate::domain::timestamp::Timestamp;
use crate::domain::validation::ValidationErrors;
use crate::domain::workspace::{LogoChange, SETTINGS, Workspace, WorkspaceId, parse_name};
use crate::flow::workspaces;
use crate::flow::workspaces::WorkspaceError;

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Make a workspace
    Create {
        /// What people see it called
        name: String,
        /// The portal, where login links lead, an origin
        #[arg(long, help = "The portal, where login links lead: https://example.com")]
        url: String,
        /// A further host of the workspace, such as example.spp.co; may be given again
        #[arg(long)]
        host: Vec<String>,
    },
    /// List the workspaces
    List,
    /// Show a workspace and all its settings
    Show {
        /// The workspace
        name: String,
    },
    /// Change settings, all of them or none
    #[command(about = format!("Change settings: {SETTINGS}"))]
    Set {
        /// The workspace
        name: String,
        /// Settings and their new values
        #[arg(required = true, value_name = "KEY=VALUE")]
        settings: Vec<String>,
    },
    /// Give a workspace another name
    Rename {
        /// The workspace
        name: String,
        /// The new name
        new: String,
    },
    /// Delete a workspace with all its users, keys, links, sessions and audit entries
    Delete {
        /// The workspace, by its name to the letter
        name: String,
        /// Do not ask
        #[arg(long)]
        yes: bool,
    },
}

/// A workspace as `--json` shows it. Lifetimes are in seconds.
#[derive(Serialize)]
#[expect(clippy::struct_excessive_bools, reason = "each is a setting of its own")]
struct Shown<'a> {
    id: WorkspaceId,
    name: &'a str,
    url: &'a str,
    /// As `set` names it.
    host: Vec<&'a str>,
    hosts: Vec<&'a str>,
    link_lifetime: i64,
    single_use: bool,
    landing_url: Option<&'a str>,
    allowed_redirect_origins: Vec<&'a str>,
    session_lifetime: i64,
    session_idle: i64,
    cookie_domain: Option<&'a str>,
    mail_from: Option<&'a str>,
    mail_name: Option<&'a str>,
    mail_reply_to: Option<&'a str>,
    self_service: bool,
    self_service_lifetime: i64,
    one_click: bool,
    mail_budget: i64,
    addresses: &'static str,
    default_app: Option<&'a str>,
    record_openings: bool,
    story_retention: i64,
    locale: &'static str,
    brand_color: Option<String>,
    logo: Option<ShownLogo>,
    support_contact: Option<&'a str>,
    page_name: Option<&'a str>,
    created_at: Timestamp,
}

#[derive(Serialize)]
struct ShownLogo {
    #[serde(rename = "type")]
    media_type: &'static str,
    bytes: i64,
}

impl<'a> Shown<'a> {
    fn of(workspace: &'a Workspace, hosts: &'a [HostName]) -> Self {
        let (branding, mail) = (&workspace.branding, &workspace.mail);
        Self {
            id: workspace.id,
            name: &workspace.name,
            url: workspace.url.as_str(),
            host: hosts.iter().map(HostName::as_str).collect(),
            hosts: hosts.iter().map(HostName::as_str).collect(),
            link_lifetime: workspace.link_lifetime,
            single_use: workspace.is_single_use,
            landing_url: workspace.landing_url.as_deref(),
            allowed_redirect_origins: workspace.allowed_redirect_origins.iter().map(Origin::as_str).collect(),
            session_lifetime: workspace.session_lifetime,
            session_idle: workspace.session_idle,
            cookie_domain: workspace.cookie_domain.as_deref(),
            mail_from: mail.from.as_ref().map(EmailAddress::as_str),
            mail_name: mail.name.as_deref(),
            mail_reply_to: mail.reply_to.as_ref().map(EmailAddress::as_str),
            self_service: mail.has_self_service,
            self_service_lifetime: mail.self_service_lifetime,
            one_click: mail.is_one_click,
            mail_budget: mail.budget,
            addresses: workspace.apps.addresses.name(),
            default_app: workspace.apps.default_app.as_deref(),
            record_openings: workspace.stories.is_recording,
            story_retention: workspace.stories.retention,
            locale: branding.locale.tag(),
            brand_color: branding.color.map(|color| color.to_string()),
            logo: branding
                .logo
                .map(|logo| ShownLogo { media_type: logo.kind.media_type(), bytes: logo.length }),
            support_contact: branding.support_contact.as_ref().map(SupportContact::as_str),
            page_name: branding.page_name.as_deref(),
            created_at: workspace.created_at,
        }
    }

    fn print(&self, out: &mut Output) -> Result<()> {
        if out.is_json {
            return Ok(out.json(self)?);
        }
        Ok(out.facts(&[
            ("name", self.name.to_owned()),
            ("url", self.url.to_owned()),
            ("host", self.hosts.join(",")),
            ("link_lifetime", self.link_lifetime.to_string()),
            ("single_use", self.single_use.to_string()),
            ("landing_url", self.landing_url.unwrap_or_default().to_owned()),
            ("allowed_redirect_origins", self.allowed_redirect_origins.join(",")),
            ("session_lifetime", self.session_lifetime.to_string()),
            ("session_idle", self.session_idle.to_string()),
            ("cookie_domain", self.cookie_domain.unwrap_or_default().to_owned()),
            ("mail_from", self.mail_from.unwrap_or_default().to_owned()),
            ("mail_name", self.mail_name.unwrap_or_default().to_owned()),
            ("mail_reply_to", self.mail_reply_to.unwrap_or_default().to_owned()),
            ("self_service", self.self_service.to_string()),
            ("self_service_lifetime", self.self_service_lifetime.to_string()),
            ("one_click", self.one_click.to_string()),
            ("mail_budget", self.mail_budget.to_string()),
            ("addresses", self.addresses.to_owned()),
            ("default_app", self.default_app.unwrap_or_default().to_owned()),
            ("record_openings", self.record_openings.to_string()),
            ("story_retention", self.story_retention.to_string()),
            ("locale", self.locale.to_owned()),
            ("brand_color", self.brand_color.clone().unwrap_or_default()),
            ("logo", self.logo.as_ref().map_or_else(String::new, ShownLogo::in_words)),
            ("support_contact", self.support_contact.unwrap_or_default().to_owned()),
            ("page_name", self.page_name.unwrap_or_default().to_owned()),
            ("created_at", self.created_at.to_string()),
        ])?)
    }
}

impl ShownLogo {
    fn in_words(&self) -> String {
        format!("{}, {} bytes", self.media_type, self.bytes)
    }
}

pub(super) async fn run(context: &mut Context, command: Command) -> Result<()> {
    match command {
        Command::Create { name, url, host } => create(context, &name, &url, &host).await,
        Command::List => list(context).await,
        Command::Show { name } => {
            let app = context.open().await?;
            show(context, &app, &name).await
        }
        Command::Set { name, settings } => {
            let mut settings = pairs(&settings)?;
            let logo = take_logo(&mut settings)?;
            let app = context.open_or_make().await?;
            let (before, _) = workspaces::show(&app, &name).await?;
            let changed = workspaces::set_with_logo(&app, &os_user::act(), &name, &settings, &logo).await?;
            if changed.url != before.url && workspaces::has_apps(&app, &changed).await? {
                say(&format!(
                    "the issuer that apps know is {} from here on: change it in each app's own settings, which refuse to sign in \
                     by another one; `doorkey app list` shows them",
                    changed.url
                ));
            }
            show(context, &app, &name).await
        }
        Command::Rename { name, new } => {
            let new = parse_name(&new).map_err(WorkspaceError::ValidationErrors)?;
            let app = context.open_or_make().await?;
            let renamed = workspaces::rename(&app, &os_user::act(), &name, &new).await?;
            show(context, &app, &renamed.name).await
        }
        Command::Delete { name, yes } => delete(context, &name, yes).await,
    }
}

async fn create(context: &mut Context, name: &str, url: &str, hosts: &[String]) -> Result<()> {
    let parsed_url = Origin::parse(url).map_err(|error| ValidationErrors::field("--url", error));
    let parsed_hosts =
        hosts.iter().map(|host| HostName::parse_international(host)).collect::<Result<Vec<_>, _>>();
    let parsed_hosts = parsed_hosts.map_err(|error| ValidationErrors::field("--host", error));
    let name = parse_name(name).map_err(WorkspaceError::ValidationErrors)?;
    let url = parsed_url.map_err(WorkspaceError::ValidationErrors)?;
    let hosts = parsed_hosts.map_err(WorkspaceError::ValidationErrors)?;
    let app = context.open_or_make().await?;
    let made = workspaces::create(&app, &os_user::act(), name, url, hosts).await?;
    show(context, &app, &made.name).await
}

/// Takes the logo out of the settings, and reads its file; the last one counts.
fn take_logo(settings: &mut Vec<(String, String)>) -> Result<LogoChange> {
    let Some((_, path)) = settings.iter().rfind(|(name, _)| name == "logo").cloned() else {
        return Ok(LogoChange::Keep);
    };
    settings.retain(|(name, _)| name != "logo");
    if path.is_empty() {
        return Ok(LogoChange::Remove);
    }
    config::plain(&path).map_err(|why| anyhow!("logo: {why}"))?;
    let content = read_logo(Path::new(&path)).with_context(|| format!("logo: {path:?} cannot be read"))?;
    let logo = Logo::parse(content).map_err(|error| anyhow!("logo: {path:?} {error}"))?;
    Ok(LogoChange::Replace(logo))
}

/// Reads a file up to one byte more than a logo has, and nothing that never ends.
fn read_logo(path: &Path) -> io::Result<Vec<u8>> {
    if !path.metadata()?.is_file() {
        return Err(io::Error::other("it is no file"));
    }
    let mut content = Vec::new();
    File::open(path)?.take(MAX_LOGO as u64 + 1).read_to_end(&mut content)?;
    Ok(content)
}

async fn show(context: &mut Context, app: &App, name: &str) -> Result<()> {
    let (workspace, hosts) = workspaces::show(app, name).await?;
    Shown::of(&workspace, &hosts).print(&mut context.out)
}

async fn list(context: &mut Context) -> Result<()> {
    let app = context.open().await?;
    let mut found = Vec::new();
    for workspace in workspaces::list(&app).await? {
        match workspaces::show(&app, &workspace.name).await {
            Ok(both) => found.push(both),
            // It was deleted meanwhile.
            Err(WorkspaceError::NotFound(_)) => {}
            Err(error) => return Err(error.into()),
        }
    }
    let shown: Vec<_> = found.iter().map(|(workspace, hosts)| Shown::of(workspace, hosts)).collect();
    let (out, mut rows) = (&mut context.out, List::of(["NAME", "URL", "HOSTS"]));
    let row = |one: &Shown| [one.name.to_owned(), one.url.to_owned(), one.hosts.join(",")];
    rows.piece(out, &shown, Output::json_part, row)?;
    Ok(rows.end(out, "There is no workspace: `doorkey workspace create` makes one.")?)
}

async fn delete(context: &mut Context, name: &str, is_sure: bool) -> Result<()> {
    if !is_sure && !io::stdin().is_terminal() {
        let why = "nobody is there to be asked whether the workspace is to go: give --yes";
        return Err(clap::Error::raw(ErrorKind::MissingRequiredArgument, why).into());
    }
    let app = context.open_or_make().await?;
    // Who mistakes the name hears of that first.
    workspaces::show(&app, name).await?;
    if !is_sure {
        ask(&format!("Delete the workspace {name:?} with all that belongs to it? Type yes: "))?;
    }
    let belongings = workspaces::delete(&app, &os_user::act(), name).await?;
    if context.out.is_json {
        let mut object = json!({ "deleted": name });
        for (noun, count) in belongings {
            object[noun] = count.into();
        }
        return Ok(context.out.json(&object)?);
    }
    let [(_, users), (_, api_keys), (_, login_links), (_, sessions), (_, entries)] = belongings;
    Ok(context.out.line(&format!(
        "Deleted the workspace {name:?} with {users} user(s), {api_keys} live API key(s), {login_links} link(s), \
         {sessions} session(s) and {entries} audit entries."
    ))?)
}

/// Asks on the terminal, beside what is printed; anything but yes ends the command.
fn ask(question: &str) -> Result<()> {
    let mut terminal = io::stderr();
    write!(terminal, "{question}")?;
    terminal.flush()?;
    let mut response = String::new();
    io::stdin().lock().read_line(&mut response)?;
    ensure!(response.trim() == "yes", "nothing was deleted");
    Ok(())
}
