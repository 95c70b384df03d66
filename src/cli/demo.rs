//! `doorkey demo`: a server to try, with sample users and a line to paste.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::path::Path;

use anyhow::{Context as _, Result, ensure};
use serde_json::json;
use tokio::net::TcpListener;

use super::admin::sign_in_url;
use super::output::Output;
use super::{Context, os_user, say, serve};
use crate::app::App;
use crate::config::{COMMON, ServeFlags};
use crate::domain::admin::{AdminGrant, AdminName, AdminReach, AdminRole};
use crate::domain::admin_access::LINK_LIFETIME;
use crate::domain::email::EmailAddress;
use crate::domain::host::HostName;
use crate::domain::origin::Origin;
use crate::domain::scope::Scopes;
use crate::domain::user::UserChange;
use crate::domain::user::UserId;
use crate::domain::workspace::Workspace;
use crate::flow::users::UserError;
use crate::flow::workspaces::WorkspaceError;
use crate::flow::{admin, api_keys, users, workspaces};
use crate::http::Listeners;
use crate::logging;
use crate::store::{DatabaseUrl, NewUser};

const FOLDER: &str = "doorkey-demo";
const WORKSPACE: &str = "Demo";
const KEY: &str = "demo";
/// Where the admin pages of the demo are, unless a setting says otherwise.
const ADMIN_LISTEN: &str = "127.0.0.1:8081";

const HOSTS: [&str; 3] = ["localhost", "127.0.0.1", "[::1]"];

/// Flags of the demo: those of a server, and the two common ones that mean something else here.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    pub(super) serve: ServeFlags,
    /// Where the demo's database is.
    #[arg(
        long,
        help = "Where the demo's database is; no variable and no file moves it [default: sqlite://doorkey-demo/doorkey.db]",
        help_heading = COMMON,
        value_name = "URL"
    )]
    database: Option<String>,
    /// The demo's file of secret keys.
    #[arg(
        long,
        help = "The demo's file of the secret keys; no variable and no file moves it [default: doorkey-demo/doorkey.key]",
        help_heading = COMMON,
        value_name = "FILE"
    )]
    secret_key_file: Option<String>,
}

impl Args {
    /// Its flags. Only a flag sends the demo's mail to people: without it each is caught in a folder.
    pub(super) fn flags(&self) -> ServeFlags {
        let mut flags = self.serve.clone();
        if flags.mail.smtp.is_none() {
            flags.mail.smtp = Some(format!("file:{FOLDER}/mail"));
            let from = flags.mail.mail_from.take();
            flags.mail.mail_from = from.or_else(|| Some("doorkey@localhost".to_owned()));
        }
        flags
    }
}

/// Serves the demo. Only flags move its database: a variable or file that names a real one does not count here.
pub(super) async fn run(context: &mut Context, args: &Args) -> Result<()> {
    let _log = logging::start(context.config.log);
    context.log_unknown();
    // The port first: where a demo runs already, nothing of it is touched.
    let public = serve::bind(&context.config.listen, "--listen").await?;
    let address = public.local_addr()?;
    ensure!(
        address.ip().is_unspecified()
            || [IpAddr::V4(Ipv4Addr::LOCALHOST), IpAddr::V6(Ipv6Addr::LOCALHOST)].contains(&address.ip()),
        "the demo is reached at localhost, which {address} does not answer: give --listen 127.0.0.1:{}",
        address.port()
    );
    let ops = match serve::bind(&context.config.ops_listen, "--ops-listen").await {
        Ok(listener) => Some(listener),
        Err(error) => {
            say(&format!("the demo runs without health and metrics: {error}"));
            None
        }
    };
    let admin = context.config.admin.listen.get_or_insert_with(|| ADMIN_LISTEN.to_owned()).clone();
    context.config.admin.check_proxies(&context.config.trusted_proxies)?;
    let admin = match serve::bind(&admin, "--admin-listen").await {
        Ok(listener) => Some(serve::with_settings(listener, &context.config)?),
        Err(error) => {
            tracing::warn!(%error, "the demo runs without admin pages");
            None
        }
    };
    if args.database.is_none() {
        context.config.database = DatabaseUrl::Sqlite(Path::new(FOLDER).join("doorkey.db"));
    }
    if args.secret_key_file.is_none() {
        context.config.secret_key_file = Path::new(FOLDER).join("doorkey.key");
    }
    if args.database.is_none() || args.secret_key_file.is_none() {
        make_folder().with_context(|| format!("the folder {FOLDER} cannot be made"))?;
    }
    context.check_mail()?;
    let app = context.open_or_make().await?;
    let url = format!("http://localhost:{}", address.port());
    let workspace = prepare_workspace(&app, &url).await?;
    add_sample_users(&app, &workspace).await?;
    let key = renew_key(&app, &workspace).await?;
    let console = context.config.has_docs.then(|| format!("{url}/docs"));
    // Mail that goes to a server is not caught.
    let caught_mail = args.serve.mail.smtp.is_none().then(|| Path::new(FOLDER).join("mail"));
    let ops_url = ops.as_ref().map(TcpListener::local_addr).transpose()?;
    let mail = ops_url.filter(|_| caught_mail.is_some()).map(|ops| format!("http://{ops}/mail"));
    let admin_link = match &admin {
        Some((_, settings)) => Some(make_admin_link(&app, &settings.url).await?),
        None => None,
    };
    let places = Places {
        url: &url,
        console: console.as_deref(),
        mail: mail.as_deref(),
        admin_link: admin_link.as_deref(),
    };
    print(&mut context.out, &key, &places)?;
    serve::serve(app, &context.config, Listeners { public, ops, admin }, caught_mail).await
}

/// The folder is for its owner alone, as are the files in it.
fn make_folder() -> io::Result<()> {
    use std::os::unix::fs::DirBuilderExt;
    std::fs::DirBuilder::new().recursive(true).mode(0o700).create(FOLDER)
}

/// The workspace, its URL on the port in use.
async fn prepare_workspace(app: &App, url: &str) -> Result<Workspace> {
    let act = os_user::act();
    match workspaces::show(app, WORKSPACE).await {
        Ok((workspace, _)) if workspace.url.as_str() == url => Ok(workspace),
        Ok(_) => {
            let change = [("url".to_owned(), url.to_owned())];
            Ok(workspaces::set(app, &act, WORKSPACE, &change).await?)
        }
        Err(WorkspaceError::NotFound(_)) => {
            let hosts = HOSTS.map(HostName::parse).into_iter().collect::<Result<_, _>>()?;
            Ok(workspaces::create(app, &act, WORKSPACE.to_owned(), Origin::parse(url)?, hosts).await?)
        }
        Err(error) => Err(error.into()),
    }
}

/// Users 1, 2 and 3, those of the documents; what was made of them since, deletion too, is left as it is.
async fn add_sample_users(app: &App, workspace: &Workspace) -> Result<()> {
    let samples = [
        ("Ada", "Lovelace", false, false),
        ("Grace", "Hopper", true, false),
        ("Alan", "Turing", false, true),
    ];
    for (id, (name_f, name_l, is_staff, has_two_factor)) in (1..).zip(samples) {
        let email = EmailAddress::parse(&format!("{}@example.org", name_f.to_ascii_lowercase()))?;
        let fields = UserChange {
            name_f: Some(name_f.to_owned()),
            name_l: Some(name_l.to_owned()),
            is_staff: Some(is_staff),
            has_two_factor: Some(has_two_factor),
            ..UserChange::default()
        };
        let user = NewUser { id: UserId::from_number(id), email, fields };
        match users::add(app, workspace, &os_user::act(), &user).await {
            // The user was added at an earlier start.
            Ok(_) | Err(UserError::ValidationErrors(_)) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(())
}

/// A fresh key; those of earlier starts are revoked.
async fn renew_key(app: &App, workspace: &Workspace) -> Result<String> {
    let act = os_user::act();
    for old in api_keys::list(app, workspace).await? {
        if old.name == KEY && old.revoked_at.is_none() {
            api_keys::revoke(app, workspace, &act, old.id).await?;
        }
    }
    let (_, secret) = api_keys::create(app, workspace, &act, (KEY, Scopes::usual(), None)).await?;
    Ok(secret.reveal().to_owned())
}

/// A link to the admin pages, for whoever runs the demo.
async fn make_admin_link(app: &App, url: &Origin) -> Result<String> {
    let name = AdminName::parse(os_user::name()).or_else(|_| AdminName::parse("demo"))?;
    let grant = AdminGrant { name, role: AdminRole::Operator, reach: AdminReach::All };
    let (_, token) = admin::make_link(app, &os_user::act(), grant, LINK_LIFETIME).await?;
    Ok(sign_in_url(url, &token))
}

/// Where a browser finds what.
struct Places<'a> {
    url: &'a str,
    admin_link: Option<&'a str>,
    console: Option<&'a str>,
    mail: Option<&'a str>,
}

fn print(out: &mut Output, key: &str, places: &Places<'_>) -> io::Result<()> {
    let Places { url, admin_link, console, mail } = *places;
    let curl = format!(
        "curl --request GET \\\n  --url {url}/api/login_links/1 \\\n  --header 'Accept: application/json' \\\n  \
         --header 'X-Api-Version: ' \\\n  --header 'Authorization: Bearer {key}'"
    );
    if out.is_json {
        out.json(&json!({
            "url": url, "workspace": WORKSPACE, "key": key, "curl": curl, "console": console, "mail": mail,
            "admin_link": admin_link,
        }))?;
        return out.flush();
    }
    out.line(&format!(
        "doorkey runs at {url} with sample users: 1 ada@example.org, a client; 2 grace@example.org, staff; \
         3 alan@example.org, a client with two-factor."
    ))?;
    if let Some(mail) = mail {
        out.line(&format!(
            "\nAsk for a link as ada@example.org at {url}/login, and open the mail, which is caught at {mail}"
        ))?;
    }
    out.line(&format!("\nAPI key of this run: {key}\n"))?;
    out.line("Or ask for the login link of user 1 as a back office does, then open it in a browser:\n")?;
    out.line(&curl)?;
    if let Some(console) = console {
        out.line(&format!("\nOr try the whole API in a browser: {console}"))?;
    }
    if let Some(link) = admin_link {
        out.line(&format!(
            "\nLook after it in a browser, as an admin; the link works once, for ten minutes: {link}"
        ))?;
    }
    out.line("\nCtrl-C stops it.")?;
    out.flush()
}
