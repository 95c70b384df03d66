//! The settings of a workspace: a form whose save is refused if somebody else has saved meanwhile.

use askama::Template;
use axum::http::StatusCode;
use axum::response::Response;

use super::desk::{Desk, DeskForm, DoChangeSettings, SeeSettings};
use super::error::Problem;
use super::form_field::{self, Field};
use super::frame::Frame;
use super::html::see_other;
use super::lifetime_figures;
use super::lifetime_figures::LifetimeFigures;
use super::workspace_fields;
use crate::domain::admin::{AdminAct, AdminPage};
use crate::domain::email::EmailAddress;
use crate::domain::host::HostName;
use crate::domain::validation::ValidationErrors;
use crate::domain::workspace::Workspace;
use crate::flow;
use crate::flow::workspaces::{SaveError, WorkspaceError};
use crate::http::request::params::Params;

/// The settings.
#[derive(Template)]
#[template(path = "admin/settings.html")]
struct SettingsPage {
    frame: Frame,
    action: String,
    revision: i64,
    may_change: bool,
    was_saved: bool,
    /// What somebody else has saved meanwhile, if somebody has.
    stale: Option<&'static str>,
    wrong: Vec<(&'static str, &'static str, String)>,
    fields: Vec<Field>,
    /// What stands beside the lifetime of links.
    figures: Option<LifetimeFigures>,
    /// What is changed on the server alone.
    fixed: Vec<(&'static str, String)>,
}

/// `GET /w/W/settings`.
pub(in crate::http) async fn show(desk: Desk<SeeSettings>) -> Result<Response, Problem> {
    let fields = workspace_fields::fields(&desk.workspace);
    let view = SettingsPage {
        was_saved: desk.query.value("done") == "saved",
        ..page(&desk, &desk.workspace, fields).await?
    };
    Ok(desk.page(StatusCode::OK, &view))
}

/// `POST /w/W/settings`.
pub(in crate::http) async fn save(form: DeskForm<DoChangeSettings>) -> Result<Response, Problem> {
    let (desk, sent) = (form.desk, form.fields);
    // A form without its revision was not made from what is saved now.
    let revision = sent.value("revision").parse().unwrap_or(0);
    let settings = workspace_fields::settings(&sent);
    let twice = form_field::given_twice(&workspace_fields::fields(&desk.workspace), &sent);
    let saved = if !twice.is_empty() && revision == desk.workspace.revision {
        Err(SaveError::ValidationErrors(twice))
    } else {
        flow::workspaces::save(&desk.app, &desk.act, &desk.workspace, (revision, &settings)).await
    };
    match saved {
        Ok(()) => Ok(see_other(&desk.address("/settings?done=saved"))),
        Err(SaveError::ValidationErrors(errors)) => refuse(&desk, &sent, &errors).await,
        Err(SaveError::ChangedMeanwhile) => refuse_stale(&desk, &sent).await,
        Err(SaveError::Store(error)) => Err(error.into()),
    }
}

/// The form again, as it was sent, with what is wrong.
async fn refuse(
    desk: &Desk<DoChangeSettings>,
    sent: &Params,
    errors: &ValidationErrors,
) -> Result<Response, Problem> {
    let mut fields = workspace_fields::fields(&desk.workspace);
    form_field::fill(&mut fields, sent);
    form_field::tell(&mut fields, errors);
    let view = page(desk, &desk.workspace, fields).await?;
    Ok(desk.page(StatusCode::BAD_REQUEST, &view))
}

/// The form again, with what was changed in it beside what somebody else has saved: whoever saves it then has seen that, and
/// changes nothing else.
async fn refuse_stale(desk: &Desk<DoChangeSettings>, sent: &Params) -> Result<Response, Problem> {
    let (now, _) = flow::workspaces::show(&desk.app, &desk.workspace.name).await.map_err(gone)?;
    let mut fields = workspace_fields::fields(&now);
    form_field::fill_changed(&mut fields, sent);
    let twice = form_field::given_twice(&fields, sent);
    form_field::tell(&mut fields, &twice);
    let view = SettingsPage { stale: Some("the settings"), ..page(desk, &now, fields).await? };
    Ok(desk.page(StatusCode::CONFLICT, &view))
}

async fn page<N>(desk: &Desk<N>, now: &Workspace, fields: Vec<Field>) -> Result<SettingsPage, Problem> {
    let (_, hosts) = flow::workspaces::show(&desk.app, &now.name).await.map_err(gone)?;
    let figures = lifetime_figures::of(desk).await;
    Ok(SettingsPage {
        frame: desk.frame(AdminPage::Settings),
        action: desk.address("/settings"),
        revision: now.revision,
        may_change: desk.may(AdminAct::ChangeSettings),
        was_saved: false,
        stale: None,
        wrong: form_field::wrong(&fields),
        figures,
        fixed: fixed(now, &hosts),
        fields,
    })
}

fn gone(error: WorkspaceError) -> Problem {
    match error {
        WorkspaceError::Store(error) => error.into(),
        WorkspaceError::NoRandomness(error) => error.into(),
        WorkspaceError::NotFound(_) | WorkspaceError::ValidationErrors(_) => Problem::NoWorkspace,
    }
}

fn fixed(workspace: &Workspace, hosts: &[HostName]) -> Vec<(&'static str, String)> {
    let none = || "none".to_owned();
    let from = workspace.mail.from.as_ref().map(EmailAddress::as_str);
    let logo = workspace.branding.logo;
    vec![
        ("Portal", workspace.url.as_str().to_owned()),
        ("Hosts", hosts.iter().map(HostName::as_str).collect::<Vec<_>>().join(", ")),
        ("Cookies shared below", workspace.cookie_domain.clone().unwrap_or_else(none)),
        ("Sender of mails", from.map_or_else(|| "that of the server".to_owned(), str::to_owned)),
        ("Logo", logo.map_or_else(none, |logo| logo.kind.media_type().to_owned())),
    ]
}
