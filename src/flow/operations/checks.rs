//! Is anything wrong? What an operator asks before a start and after a change.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use super::startup::StartError;
use super::{app_notes, nodes, startup};
use crate::app::App;
use crate::clock::Clock;
use crate::domain::node::{Node, NodeUnhealthy};
use crate::domain::timestamp::Timestamp;
use crate::flow::workspaces;
use crate::flow::workspaces::WorkspaceError;
use crate::keys;
use crate::keys::LiveKeyring;
use crate::store::{DatabaseUrl, Store, StoreError};

/// 2025-01-01: a clock that says less was never set.
const EARLIEST: Timestamp = Timestamp::from_millis(1_735_689_600_000);

/// One thing that was looked at.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Check {
    /// What was looked at, as one word.
    pub name: &'static str,
    /// Whether nothing is wrong with it.
    pub is_ok: bool,
    /// What was found; if it is wrong, what to do.
    pub message: String,
}

impl Check {
    /// Nothing is wrong with it.
    pub const fn passed(name: &'static str, message: String) -> Self {
        Self { name, is_ok: true, message }
    }

    /// Something is wrong with it.
    pub const fn failed(name: &'static str, message: String) -> Self {
        Self { name, is_ok: false, message }
    }

    fn of(name: &'static str, found: Result<String, String>) -> Self {
        match found {
            Ok(message) => Self::passed(name, message),
            Err(message) => Self::failed(name, message),
        }
    }
}

/// What is wrong with a database that was opened with its keys, as [`run`] finds it, where that is to be mended before a server
/// runs. A wrong clock and a server that lacks a key come right by themselves or while it runs, and a workspace may be made
/// beside it.
///
/// # Errors
/// The sentences, in one.
pub async fn must_be_right(app: &App, url: &DatabaseUrl) -> Result<(), String> {
    let permissions = url.path().map(permissions).transpose();
    let wrong: Vec<_> = [permissions.err(), portal_hosts(app).await.err()].into_iter().flatten().collect();
    if wrong.is_empty() { Ok(()) } else { Err(wrong.join("; ")) }
}

/// Looks at key file, database, permissions, and what they say of each other, clock and hosts; makes nothing.
pub async fn run(url: &DatabaseUrl, key_file: &Path, clock: Clock) -> Vec<Check> {
    let keys = keys::load(key_file);
    let store = Store::open(url, false).await;
    let file = key_file.display();
    let key_found = keys
        .as_ref()
        .map(|keys| format!("The key file {file} holds {} key(s) and is private.", keys.all().count()));
    let store_found = store
        .as_ref()
        .map(|_| format!("The database {url} can be opened, and its schema is this version's."));
    let lost = url.path().and_then(|path| startup::lost_database(path, key_file));
    let store_found = match lost {
        Some(lost) => Err(lost.to_string()),
        None => store_found.map_err(ToString::to_string),
    };
    let mut checks = vec![
        Check::of("key_file", key_found.map_err(ToString::to_string)),
        Check::of("database", store_found),
    ];
    if let (Ok(keys), Ok(store)) = (keys, store) {
        let known = store.list_known_keys().await.map_err(StartError::from);
        let agreed = known.and_then(|known| startup::agree(&known, &keys, key_file));
        let agreed = agreed.map(|()| "Database and key file belong together.".to_owned());
        let app = App::new(store, clock, LiveKeyring::new(key_file, keys));
        checks.extend(url.path().map(|path| Check::of("permissions", permissions(path))));
        checks.push(Check::of("keys", agreed.map_err(|error| error.to_string())));
        checks.push(Check::of("clock", time(&app).await));
        checks.push(Check::of("nodes", servers(&app).await));
        checks.push(Check::of("hosts", hosts(&app).await));
        checks.push(Check::of("apps", app_notes::look(&app).await.map_err(|error| error.to_string())));
    }
    checks
}

/// The database holds addresses: nobody but its owner has business with it.
fn permissions(path: &Path) -> Result<String, String> {
    let shown = path.display();
    let found = fs::metadata(path).map_err(|error| format!("{shown} cannot be looked at: {error}"))?;
    if found.permissions().mode() & 0o077 != 0 {
        return Err(format!("the database {shown} can be read by others: run `chmod 600 {shown}`"));
    }
    Ok(format!("{shown} can be read by its owner alone."))
}

async fn time(app: &App) -> Result<String, String> {
    match nodes::check_health(app).await {
        Ok(Err(unfit @ (NodeUnhealthy::ClockIsOff(_) | NodeUnhealthy::ClockMoved(_)))) => {
            return Err(unfit.to_string());
        }
        // What is wrong with the keys was said before.
        Ok(Ok(()) | Err(NodeUnhealthy::LacksKey | NodeUnhealthy::NotAsked)) => {}
        Err(error) => return Err(error.to_string()),
    }
    let newest = newest_entry(app).await.map_err(|error| error.to_string())?;
    // Asked for last, so that what a running server writes meanwhile is not from the future.
    let now = app.clock.now();
    match newest {
        _ if now < EARLIEST => Err(format!("the clock says {now}, which is long past: set it")),
        Some(newest) if now < newest => Err(format!(
            "the clock says {now}, but the newest entry of the audit log is from {newest}: set the clock"
        )),
        Some(newest) => {
            Ok(format!("The clock says {now}, after the newest entry of the audit log ({newest})."))
        }
        None => Ok(format!("The clock says {now}; there is no entry of an audit log to compare it with.")),
    }
}

/// Servers on this database that lack one of its keys.
async fn servers(app: &App) -> Result<String, String> {
    let nodes = nodes::list(app).await.map_err(|error| error.to_string())?;
    let lacks = |node: &&Node| !app.held.in_file().all().all(|key| node.keys.contains(&key.id));
    match (nodes.len(), nodes.iter().filter(lacks).count()) {
        (0, _) => Ok("No server runs on this database.".to_owned()),
        (count, 0) => Ok(format!("{count} server(s) run on this database, with every key of this key file.")),
        (count, lacking) => {
            Err(format!("{lacking} of {count} server(s) lack a key of this key file: copy it there"))
        }
    }
}

async fn newest_entry(app: &App) -> Result<Option<Timestamp>, StoreError> {
    let mut newest = None;
    for workspace in workspaces::list(app).await? {
        newest = newest.max(app.store.find_newest_audit_time(workspace.id).await?);
    }
    Ok(newest)
}

async fn hosts(app: &App) -> Result<String, String> {
    match portal_hosts(app).await? {
        0 => Err("there is no workspace, so that nobody can be served: make one with `doorkey workspace create`, or \
                  check --database if there should be one"
            .to_owned()),
        1 => Ok("The one workspace has the host of its URL.".to_owned()),
        count => Ok(format!("Each of the {count} workspaces has the host of its URL.")),
    }
}

/// How many workspaces there are, each of which has the host of its URL.
async fn portal_hosts(app: &App) -> Result<usize, String> {
    let all = workspaces::list(app).await.map_err(|error| error.to_string())?;
    for workspace in &all {
        let name = &workspace.name;
        let hosts = match workspaces::show(app, name).await {
            Ok((_, hosts)) => hosts,
            // It was deleted meanwhile.
            Err(WorkspaceError::NotFound(_)) => continue,
            Err(error) => return Err(error.to_string()),
        };
        if workspace.portal_host().is_none_or(|host| !hosts.contains(&host)) {
            return Err(format!(
                "the workspace {name:?} does not have the host of its URL: run `doorkey workspace set {name:?} url={}`",
                workspace.url
            ));
        }
    }
    Ok(all.len())
}
