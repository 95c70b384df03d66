//! Workspaces are made, found by host, set, deleted.

use super::oidc;
use crate::app::App;
use crate::domain::app_settings::NO_APP;
use crate::domain::audit::{AuditContext, AuditEvent};
use crate::domain::branding::Logo;
use crate::domain::host::HostName;
use crate::domain::origin::Origin;
use crate::domain::validation::ValidationErrors;
use crate::domain::workspace::{LogoChange, Workspace, WorkspaceId};
use crate::keys;
use crate::keys::NoRandomness;
use crate::store::{Outcome, StoreError, WorkspaceChange};

/// How often a change starts again when others keep changing the same workspace.
const MAX_ATTEMPTS: usize = 64;

const CONTENDED: StoreError = StoreError::Contended("others kept changing the same workspace");

/// Why a workspace was not made, found or changed.
#[derive(Debug, thiserror::Error)]
pub enum WorkspaceError {
    /// There is none of that name.
    #[error("there is no workspace {0:?}: `doorkey workspace list` shows those there are")]
    NotFound(String),
    /// What was given does not pass.
    #[error("{}", .0.in_one_sentence())]
    ValidationErrors(ValidationErrors),
    /// The store did not do what it was asked.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// No part of a cookie's name could be drawn.
    #[error(transparent)]
    NoRandomness(#[from] NoRandomness),
}

/// A workspace and its hosts.
pub async fn show(app: &App, name: &str) -> Result<(Workspace, Vec<HostName>), WorkspaceError> {
    let found = app.store.find_workspace(name).await?;
    found.ok_or_else(|| WorkspaceError::NotFound(name.to_owned()))
}

/// Every workspace, by name.
pub async fn list(app: &App) -> Result<Vec<Workspace>, StoreError> {
    app.store.list_workspaces().await
}

/// Makes a workspace; the portal's host is one of its hosts, named or not.
pub async fn create(
    app: &App,
    act: &AuditContext,
    name: String,
    url: Origin,
    hosts: Vec<HostName>,
) -> Result<Workspace, WorkspaceError> {
    let mut workspace = Workspace::fresh(name, url, app.clock.now());
    workspace.cookie_tag = keys::random_cookie_tag()?;
    let hosts = with_portal(&workspace, hosts);
    match app.store.add_workspace(&workspace, &hosts, &act.entry(AuditEvent::WorkspaceAdded)).await? {
        Outcome::Applied => Ok(show(app, &workspace.name).await?.0),
        Outcome::Conflict => {
            let mut taken = taken_hosts(app, &hosts, workspace.id).await?;
            if taken.is_empty() {
                taken.add("name", self::taken(&workspace.name));
            }
            Err(WorkspaceError::ValidationErrors(taken))
        }
    }
}

/// Changes settings, given as names and values; all of them or none.
pub async fn set(
    app: &App,
    act: &AuditContext,
    name: &str,
    settings: &[(String, String)],
) -> Result<Workspace, WorkspaceError> {
    set_with_logo(app, act, name, settings, &LogoChange::Keep).await
}

/// The same, and the logo.
pub async fn set_with_logo(
    app: &App,
    act: &AuditContext,
    name: &str,
    settings: &[(String, String)],
    logo: &LogoChange,
) -> Result<Workspace, WorkspaceError> {
    for _ in 0..MAX_ATTEMPTS {
        let (mut workspace, old_hosts) = show(app, name).await?;
        let (mut hosts, old_domain) = (old_hosts.clone(), workspace.cookie_domain.clone());
        let was_recording = workspace.stories.is_recording;
        for (setting, value) in settings {
            if setting == "host" {
                hosts = parse_hosts(value).map_err(WorkspaceError::ValidationErrors)?;
            } else {
                workspace.set(setting, value).map_err(WorkspaceError::ValidationErrors)?;
            }
        }
        workspace.validate().map_err(WorkspaceError::ValidationErrors)?;
        check_default_app(app, &workspace).await?.map_err(WorkspaceError::ValidationErrors)?;
        if workspace.cookie_domain != old_domain {
            workspace.cookie_tag = keys::random_cookie_tag()?;
        }
        workspace.branding.logo = logo.facts(workspace.branding.logo);
        let hosts = with_portal(&workspace, hosts);
        let mut names: Vec<_> = settings.iter().map(|(name, _)| name.as_str()).collect();
        if *logo != LogoChange::Keep {
            names.push("logo");
        }
        let entry = act.entry(AuditEvent::WorkspaceChanged).with("settings", names);
        let given = (hosts != old_hosts).then_some(&*hosts);
        let change = WorkspaceChange {
            hosts: given,
            logo,
            stops_recording: was_recording && !workspace.stories.is_recording,
        };
        if app.store.set_workspace(&workspace, &change, &entry, app.clock.now()).await? == Outcome::Applied {
            return Ok(show(app, name).await?.0);
        }
        let taken = taken_hosts(app, &hosts, workspace.id).await?;
        if !taken.is_empty() {
            return Err(WorkspaceError::ValidationErrors(taken));
        }
    }
    Err(CONTENDED.into())
}

/// Whether people can land in the default app, if there is one.
async fn check_default_app(
    app: &App,
    workspace: &Workspace,
) -> Result<Result<(), ValidationErrors>, StoreError> {
    let Some(client_id) = &workspace.apps.default_app else { return Ok(Ok(())) };
    let found = oidc::apps::find(app, workspace.id, client_id).await?;
    let is_fine = found.is_some_and(|found| found.start_url.is_some());
    Ok(if is_fine { Ok(()) } else { Err(ValidationErrors::field("default_app", NO_APP)) })
}

/// Whether a workspace has apps, which hold to its URL.
pub async fn has_apps(app: &App, workspace: &Workspace) -> Result<bool, StoreError> {
    app.store.has_app(workspace.id).await
}

/// Why settings were not saved.
#[derive(Debug, thiserror::Error)]
pub enum SaveError {
    /// Somebody else has changed the workspace since it was read.
    #[error("somebody else has changed the workspace meanwhile")]
    ChangedMeanwhile,
    /// What was given does not pass.
    #[error("{}", .0.in_one_sentence())]
    ValidationErrors(ValidationErrors),
    /// The store did not do what it was asked.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Saves settings that were read at a revision, all of them or none, unless somebody else has changed the workspace since. Every
/// field that does not pass is named.
pub async fn save(
    app: &App,
    act: &AuditContext,
    workspace: &Workspace,
    (revision, settings): (i64, &[(String, String)]),
) -> Result<(), SaveError> {
    let mut changed = Workspace { revision, ..workspace.clone() };
    let (mut invalid, mut names) = (ValidationErrors::default(), Vec::new());
    for (setting, value) in settings {
        let before = changed.clone();
        if let Err(errors) = changed.set(setting, value) {
            invalid.extend(errors);
        }
        if changed != before {
            names.push(setting.as_str());
        }
    }
    if revision != workspace.revision {
        return Err(SaveError::ChangedMeanwhile);
    }
    for judged in [changed.validate(), check_default_app(app, &changed).await?] {
        if let Err(errors) = judged {
            invalid.extend(errors);
        }
    }
    if !invalid.is_empty() {
        return Err(SaveError::ValidationErrors(invalid));
    }
    if names.is_empty() {
        return Ok(());
    }
    let entry = act.entry(AuditEvent::WorkspaceChanged).with("settings", names);
    let stops_recording = workspace.stories.is_recording && !changed.stories.is_recording;
    let change = WorkspaceChange { hosts: None, logo: &LogoChange::Keep, stops_recording };
    match app.store.set_workspace(&changed, &change, &entry, app.clock.now()).await? {
        Outcome::Applied => Ok(()),
        Outcome::Conflict => Err(SaveError::ChangedMeanwhile),
    }
}

/// The logo of a workspace.
pub async fn logo(app: &App, workspace: &Workspace) -> Result<Option<Logo>, StoreError> {
    match workspace.branding.logo {
        Some(_) => app.store.find_logo(workspace.id).await,
        None => Ok(None),
    }
}

/// Gives a workspace another name.
pub async fn rename(
    app: &App,
    act: &AuditContext,
    name: &str,
    new: &str,
) -> Result<Workspace, WorkspaceError> {
    for _ in 0..MAX_ATTEMPTS {
        let (workspace, _) = show(app, name).await?;
        let entry = act.entry(AuditEvent::WorkspaceChanged).with("settings", ["name"].as_slice());
        if app.store.rename_workspace(&workspace, new, &entry, app.clock.now()).await? == Outcome::Applied {
            return Ok(show(app, new).await?.0);
        }
        if app.store.is_workspace_name_taken(new, workspace.id).await? {
            return Err(WorkspaceError::ValidationErrors(ValidationErrors::field("name", taken(new))));
        }
    }
    Err(CONTENDED.into())
}

/// What is said of a name that somebody has.
fn taken(name: &str) -> String {
    format!("{name:?} is taken, in whatever case: choose another")
}

/// Deletes a workspace with all its users, keys, links, sessions and entries, and gives how many there were of each. The
/// name counts to the letter.
pub async fn delete(
    app: &App,
    act: &AuditContext,
    name: &str,
) -> Result<[(&'static str, i64); 5], WorkspaceError> {
    let read_point = app.store.read_point();
    for _ in 0..MAX_ATTEMPTS {
        let Some((workspace, _)) = app.store.find_workspace(name).await? else {
            // It was deleted before, and stays so.
            app.store.ensure_durable(read_point, None).await?;
            return Err(WorkspaceError::NotFound(name.to_owned()));
        };
        let belongings = app.store.count_belongings(workspace.id).await?;
        let entry = act.entry(AuditEvent::WorkspaceDeleted).with("workspace", workspace.id.0);
        let entry = entry.with("name", workspace.name.as_str());
        let entry = belongings.iter().fold(entry, |entry, (noun, count)| entry.with(noun, *count));
        if app.store.delete_workspace(&workspace, &entry, app.clock.now()).await? == Outcome::Applied {
            return Ok(belongings);
        }
    }
    Err(CONTENDED.into())
}

/// Takes hosts separated by commas.
pub fn parse_hosts(list: &str) -> Result<Vec<HostName>, ValidationErrors> {
    let hosts =
        list.split(',').map(str::trim).filter(|host| !host.is_empty()).map(HostName::parse_international);
    hosts.collect::<Result<_, _>>().map_err(|error| ValidationErrors::field("host", error))
}

fn with_portal(workspace: &Workspace, mut hosts: Vec<HostName>) -> Vec<HostName> {
    hosts.extend(workspace.portal_host());
    hosts.sort();
    hosts.dedup();
    hosts
}

async fn taken_hosts(
    app: &App,
    hosts: &[HostName],
    workspace: WorkspaceId,
) -> Result<ValidationErrors, StoreError> {
    let mut invalid = ValidationErrors::default();
    for host in app.store.list_taken_hosts(hosts, workspace).await? {
        invalid.add("host", format!("{host} belongs to another workspace"));
    }
    Ok(invalid)
}
