//! The command line: each command parses its words, calls one flow, prints what came of it.

mod admin;
mod app;
mod app_try;
mod backup;
mod check;
mod demo;
mod import;
mod key;
mod link;
mod log;
mod mail;
mod messages;
mod migrate;
mod os_user;
mod outbound;
mod output;
mod secret;
mod serve;
mod session;
mod signing_key;
mod stats;
mod story;
mod user;
mod words;
mod workspace;

use anyhow::{Context as _, Result, anyhow};
use clap::{Parser, Subcommand};

use self::messages::say;
use self::output::Output;
use crate::app::App;
use crate::clock::Clock;
use crate::config;
use crate::config::{CommonFlags, Config, ServeFlags};
use crate::domain::user::UserRef;
use crate::domain::workspace::Workspace;
use crate::flow;
use crate::flow::operations::startup::StartError;
use crate::outbound::mail_server::MailServer;
use crate::store::OpenError;

pub use self::messages::{explain, explain_usage};

/// A self-hosted magic-link login service.
#[derive(Debug, Parser)]
#[command(name = "doorkey", version)]
pub struct Cli {
    #[command(flatten)]
    common: CommonFlags,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Try it: a server on localhost with sample users, a fresh API key and the curl line to paste
    Demo(demo::Args),
    /// Serve the API, the pages and, on a listener of their own, health and metrics
    Serve(ServeFlags),
    /// Make, list, add, use and retire secret keys
    #[command(subcommand)]
    Secret(secret::Command),
    /// Make, list, show, change and delete workspaces
    #[command(subcommand)]
    Workspace(workspace::Command),
    /// Make, list and revoke API keys
    #[command(subcommand)]
    Key(key::Command),
    /// Add, change, show, delete, list and import users
    #[command(subcommand)]
    User(user::Command),
    /// Print or mail a user's login link, the live one or a new one; or revoke all of them
    Link(link::Args),
    /// List who is signed in, and sign somebody out
    #[command(subcommand)]
    Session(session::Command),
    /// Read the audit log, newest first, or follow it
    Log(log::Args),
    /// What became of a link: who had it made, opened and pressed it, and why it did not work
    Story(story::Args),
    /// How many links were issued, what became of them, and what their lifetime costs
    Stats(stats::Args),
    /// See whether mail goes out, and what became of the mails to users
    #[command(subcommand)]
    Mail(mail::Command),
    /// Manage the applications that people are signed in to by OpenID Connect
    #[command(subcommand)]
    App(app::Command),
    /// List and rotate the keys that sign ID tokens
    #[command(subcommand)]
    SigningKey(signing_key::Command),
    /// Let admins in to the admin pages, list them, and end what lets them in
    #[command(subcommand)]
    Admin(admin::Command),
    /// Write the embedded database as it is now into a file, beside a running server
    Backup(backup::BackupArgs),
    /// Put a backup in place of the embedded database
    #[command(long_about = backup::ABOUT_RESTORE)]
    Restore(backup::RestoreArgs),
    /// Move everything from an embedded database to PostgreSQL
    #[command(long_about = migrate::ABOUT)]
    Migrate(migrate::Args),
    /// Read the configuration, open the store, compare key, schema, clock and hosts, and say what is wrong
    Check,
}

/// What every command is given.
struct Context {
    config: Config,
    out: Output,
    /// Variables that look like settings, but are none.
    unknown: Vec<String>,
}

impl Context {
    /// Says in a server's log what was set in vain.
    fn log_unknown(&self) {
        if !self.unknown.is_empty() {
            tracing::warn!(variables = self.unknown.join(", "), "variables that no setting has");
        }
    }

    /// Reads what mail takes, so that a wrong password file is found now and not by the first mail.
    fn check_mail(&self) -> Result<()> {
        if let Some(mail) = &self.config.mail {
            MailServer::new(mail)?;
            tracing::info!(to = %mail.route, "mail is set up");
        }
        Ok(())
    }

    /// Opens the database that is there: a command that only reads makes none.
    async fn open(&self) -> Result<App> {
        self.open_or(false).await
    }

    /// Opens the database, and makes it with its key file where neither is there: for every command that writes.
    async fn open_or_make(&self) -> Result<App> {
        self.open_or(true).await
    }

    /// Opens the database, if there is one.
    async fn open_if_there(&self) -> Result<Option<App>> {
        let Config { database, secret_key_file, .. } = &self.config;
        match flow::operations::startup::open(database, secret_key_file, false, Clock::System).await {
            Err(
                StartError::Open(OpenError::Missing(_) | OpenError::Empty(_))
                | StartError::LostDatabase { .. },
            ) => Ok(None),
            opened => Ok(Some(opened?)),
        }
    }

    /// A workspace to read from.
    async fn read_workspace(&self, name: &str) -> Result<(App, Workspace)> {
        let app = self.open().await?;
        let (workspace, _) = flow::workspaces::show(&app, name).await?;
        Ok((app, workspace))
    }

    /// A workspace to write to.
    async fn write_workspace(&self, name: &str) -> Result<(App, Workspace)> {
        let app = self.open_or_make().await?;
        let (workspace, _) = flow::workspaces::show(&app, name).await?;
        Ok((app, workspace))
    }

    async fn open_or(&self, may_create: bool) -> Result<App> {
        let Config { database, secret_key_file, .. } = &self.config;
        let app =
            flow::operations::startup::open(database, secret_key_file, may_create, Clock::System).await?;
        Ok(app.calling(outbound::client(&self.config).await))
    }
}

/// Runs a command to its end.
pub fn run(cli: Cli) -> Result<()> {
    let runtime = tokio::runtime::Runtime::new().context("no threads can be started")?;
    let done = runtime.block_on(dispatch(cli));
    // A long read that nobody waits for any more must not hold up the end.
    runtime.shutdown_background();
    done
}

impl Command {
    /// The settings of a server that were given as flags of the command.
    fn serve_flags(&self) -> ServeFlags {
        match self {
            Self::Serve(flags) => flags.clone(),
            Self::Demo(args) => args.flags(),
            Self::Mail(command) => ServeFlags { mail: command.flags(), ..ServeFlags::default() },
            Self::App(command) => command.flags(),
            Self::Admin(command) => ServeFlags { admin: command.flags(), ..ServeFlags::default() },
            Self::Link(args) => ServeFlags { mail: args.flags.clone(), ..ServeFlags::default() },
            Self::Secret(_)
            | Self::Workspace(_)
            | Self::Key(_)
            | Self::User(_)
            | Self::Session(_)
            | Self::Log(_)
            | Self::Story(_)
            | Self::Stats(_)
            | Self::SigningKey(_)
            | Self::Backup(_)
            | Self::Restore(_)
            | Self::Migrate(_)
            | Self::Check => ServeFlags::default(),
        }
    }
}

async fn dispatch(cli: Cli) -> Result<()> {
    let Cli { mut common, command } = cli;
    let serve = command.serve_flags();
    // The target is where the database is from now on.
    if let Command::Migrate(migrate::Args { to: Some(to), .. }) = &command {
        common.database = Some(to.clone());
    }
    let config = Config::load(&common, &serve, |name: &str| std::env::var_os(name));
    let unknown = config::unknown_variables(std::env::vars_os());
    let serves = matches!(&command, Command::Serve(_) | Command::Demo(_)) && config.is_ok();
    // A server says it in its log.
    if !unknown.is_empty() && !serves {
        say(&format!("warning: no setting is called {}", unknown.join(", ")));
    }
    let mut out = Output::to_stdout(common.json);
    let (config, command) = match (config, command) {
        (config, Command::Check) => {
            let checked = check::run(config, &mut out).await;
            out.flush()?;
            return checked;
        }
        (config, command) => (config?, command),
    };
    let mut context = Context { config, out, unknown };
    let done = match command {
        Command::Demo(args) => demo::run(&mut context, &args).await,
        Command::Serve(_) => serve::run(&context).await,
        Command::Secret(command) => secret::run(&mut context, command).await,
        Command::Workspace(command) => workspace::run(&mut context, command).await,
        Command::Key(command) => key::run(&mut context, command).await,
        Command::User(command) => user::run(&mut context, command).await,
        Command::Link(args) => link::run(&mut context, args).await,
        Command::Session(command) => session::run(&mut context, command).await,
        Command::Log(args) => log::run(&mut context, &args).await,
        Command::Story(args) => story::run(&mut context, &args).await,
        Command::Stats(args) => stats::run(&mut context, &args).await,
        Command::Mail(command) => mail::run(&mut context, command).await,
        Command::App(command) => app::run(&mut context, command).await,
        Command::SigningKey(command) => signing_key::run(&mut context, command).await,
        Command::Admin(command) => admin::run(&mut context, command).await,
        Command::Backup(args) => backup::back_up(&mut context, &args).await,
        Command::Restore(args) => backup::restore(&mut context, &args).await,
        Command::Migrate(args) => migrate::run(&mut context, &args).await,
        Command::Check => Ok(()),
    };
    // What was printed before something failed is not lost.
    context.out.flush()?;
    done
}

/// Takes a user as a word of the command line.
fn user_ref(text: &str) -> Result<UserRef, &'static str> {
    UserRef::parse(text).ok_or("a user is named by the id (a number from 1) or the e-mail address")
}

/// Takes `name=value` pairs.
fn pairs(words: &[String]) -> Result<Vec<(String, String)>> {
    let pair = |word: &String| {
        let parts = word.split_once('=').map(|(name, value)| (name.to_owned(), value.to_owned()));
        parts.ok_or_else(|| anyhow!("{word:?} is no change: write it as name=value"))
    };
    words.iter().map(pair).collect()
}
