//! The apps of a workspace: listed with what was refused of them, added, changed, their secrets, deleted.

pub(in crate::http) mod add;
pub(in crate::http) mod change;
pub(in crate::http) mod ends;
mod fields;
mod form;
pub(in crate::http) mod one;
mod refusal_words;

use std::collections::HashMap;

use askama::Template;
use axum::http::StatusCode;
use axum::response::Response;

use self::refusal_words::Refused;
use super::desk::{Desk, SeeApps};
use super::error::Problem;
use super::frame::Frame;
use super::numbers::grouped;
use super::pager::Pager;
use super::times::TimeText;
use crate::domain::admin::{AdminAct, AdminPage};
use crate::domain::oidc::app::OidcApp;
use crate::domain::oidc::refusal::MAX_OF_APP;
use crate::domain::oidc::usage::AppUsage;
use crate::flow;
use crate::flow::oidc::app_changes::{self, type_name};
use crate::flow::oidc::{refusals, usage};
use crate::store::RefusalsOfApps;

/// For how long a refusal is a reason to look, in seconds.
const LATELY: i64 = 86_400;

/// Refusals that the list tells of at most.
const MAX_TOLD: usize = 7;

/// The apps of a workspace.
#[derive(Template)]
#[template(path = "admin/apps.html")]
struct AppsPage {
    frame: Frame,
    lead: String,
    was_deleted: bool,
    rows: Vec<AppRow>,
    pager: Option<Pager>,
    /// Where one is added, for who may.
    add: Option<String>,
    refused: Vec<Refused>,
}

struct AppRow {
    address: String,
    name: String,
    client_id: String,
    type_name: &'static str,
    /// Sign-ins of 30 days, and when the last one was, ever.
    sign_ins: String,
    last: Option<TimeText>,
    /// How many were refused lately, and when the last was.
    refused: Option<(String, TimeText)>,
    /// What is worth a look: the class of a sign, its word, and more.
    looks: Vec<(&'static str, &'static str, &'static str)>,
}

/// `GET /w/W/apps`.
pub(in crate::http) async fn list(desk: Desk<SeeApps>) -> Result<Response, Problem> {
    let part = desk.part()?;
    let permit = flow::lists::permit(&desk.app, &desk.workspace).await?;
    let page = app_changes::list(&desk.app, &desk.workspace, &permit, &part).await?;
    let apps: Vec<_> = page.rows.into_iter().map(|found| found.app).collect();
    let names: Vec<_> = apps.iter().map(|app| app.client_id.as_str()).collect();
    let since = desk.now().plus_seconds(-LATELY);
    let lately = refusals::list_of_apps(&desk.app, desk.workspace.id, &names, since).await?;
    let usage = usage::of_apps(&desk.app, desk.workspace.id, &names).await?;
    let used = |app: &OidcApp| usage.get(&app.client_id).copied().unwrap_or_default();
    let total = page.total;
    let view = AppsPage {
        frame: desk.frame(AdminPage::Apps),
        lead: lead(total, lately.counted.len()),
        was_deleted: desk.query.value("done") == "deleted",
        pager: Pager::of(&part, apps.len(), total, &desk.address("/apps")),
        rows: apps.iter().map(|app| row(&desk, app, (&lately, used(app)))).collect(),
        add: desk.may(AdminAct::ChangeApps).then(|| desk.address("/new-app")),
        refused: told(&desk, &apps, lately),
    };
    Ok(desk.page(StatusCode::OK, &view))
}

fn lead(total: i64, refused: usize) -> String {
    let apps = match total {
        0 => {
            return "No app is there yet. An app is an application that people are signed in to by OpenID Connect: \
                    one click in a mail lands inside it."
                .to_owned();
        }
        1 => "One app.".to_owned(),
        total => format!("{} apps.", grouped(total)),
    };
    match refused {
        0 => format!("{apps} Nothing of what they sent was refused in the last 24 hours."),
        1 if total == 1 => format!("{apps} Requests of it were refused in the last 24 hours."),
        1 => format!("{apps} Requests of one of them were refused in the last 24 hours."),
        refused => format!("{apps} Requests of {refused} of them were refused in the last 24 hours."),
    }
}

fn row(desk: &Desk<SeeApps>, app: &OidcApp, (lately, usage): (&RefusalsOfApps, AppUsage)) -> AppRow {
    let refused = lately.counted.iter().find(|(client_id, ..)| *client_id == app.client_id);
    let mut looks = Vec::new();
    if app.start_url.is_none() {
        looks.push(("warn", "has no start address", "links cannot lead into it"));
    }
    if app.is_pkce_optional {
        looks.push(("warn", "works without PKCE", ""));
    }
    if app.backchannel_logout_uri.is_some() && usage.told.is_some_and(|(_, answer)| !answer.is_heard()) {
        looks.push(("bad", "did not hear of the last sign-out", ""));
    }
    AppRow {
        address: address_of(desk, app),
        name: app.name.clone(),
        client_id: app.client_id.clone(),
        type_name: type_name(app.is_public),
        sign_ins: grouped(usage.sign_ins),
        last: usage.last_at.map(|last| desk.told(last)),
        refused: refused.map(|(_, times, last)| (counted(*times), desk.told(*last))),
        looks,
    }
}

/// How many refusals are known, of which the newest alone are kept.
fn counted(times: i64) -> String {
    let is_all = usize::try_from(times).is_ok_and(|times| times < MAX_OF_APP);
    if is_all { times.to_string() } else { format!("{MAX_OF_APP} or more") }
}

/// The page of an app.
fn address_of<N>(desk: &Desk<N>, app: &OidcApp) -> String {
    desk.address(&format!("/apps/{}", app.client_id))
}

/// The newest refusals, each kind of an app once.
fn told(desk: &Desk<SeeApps>, apps: &[OidcApp], lately: RefusalsOfApps) -> Vec<Refused> {
    let apps: HashMap<_, _> = apps.iter().map(|app| (app.client_id.as_str(), app)).collect();
    let newest = lately.newest.into_iter();
    let known = newest.filter_map(|(client_id, refusal)| Some((*apps.get(client_id.as_str())?, refusal)));
    let mut told = refusal_words::told(known, |moment| desk.told(moment));
    for refused in &mut told {
        refused.address = desk.address(&format!("/apps/{}", refused.client_id));
    }
    told.truncate(MAX_TOLD);
    told
}
