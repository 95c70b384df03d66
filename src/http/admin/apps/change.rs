//! The settings of an app: a form whose save is refused if somebody else has saved meanwhile.

use axum::http::StatusCode;
use axum::response::Response;

use super::form::{self, FormPage};
use super::one::of_path;
use super::{address_of, fields};
use crate::domain::admin::{AdminAct, AdminPage};
use crate::domain::oidc::app::OidcApp;
use crate::flow::oidc::app_changes::{self, AppError};
use crate::http::admin::desk::{Desk, DeskForm, DoChangeApps, SeeApps};
use crate::http::admin::error::Problem;
use crate::http::admin::html::see_other;
use crate::http::request::params::Params;

/// `GET /w/W/apps/{id}/change`. Who may only look is sent to the app's page, which says the same.
pub(in crate::http) async fn show(desk: Desk<SeeApps>) -> Result<Response, Problem> {
    let app = of_path(&desk).await?.app;
    if !desk.may(AdminAct::ChangeApps) {
        return Ok(see_other(&address_of(&desk, &app)));
    }
    Ok(desk.page(StatusCode::OK, &page(&desk, &app, &Params::default())))
}

fn page<N>(desk: &Desk<N>, app: &OidcApp, sent: &Params) -> FormPage {
    let back = address_of(desk, app);
    FormPage {
        frame: desk.frame(AdminPage::Apps),
        title: format!("Change {}", app.name),
        list: desk.address("/apps"),
        action: format!("{back}/change"),
        back,
        revision: Some(app.revision),
        button: "Save",
        leave: "Leave it as it is",
        is_stale: false,
        wrong: Vec::new(),
        fields: fields::of(app, sent),
    }
}

/// `POST /w/W/apps/{id}/change`.
pub(in crate::http) async fn save(form: DeskForm<DoChangeApps>) -> Result<Response, Problem> {
    let (desk, sent) = (form.desk, form.fields);
    let app = of_path(&desk).await?.app;
    // A form without its revision was not made from what is saved now.
    let revision = sent.value("revision").parse().unwrap_or(0);
    let (change, wrong) = fields::change(&sent);
    if !wrong.is_empty() {
        return Ok(form::refuse(&desk, page(&desk, &app, &sent), &wrong));
    }
    let change = (app.client_id.as_str(), revision, &change);
    match app_changes::save(&desk.app, &desk.workspace, &desk.act, change).await {
        Ok(_) => Ok(see_other(&format!("{}?done=saved", address_of(&desk, &app)))),
        Err(AppError::ValidationErrors(errors)) => Ok(form::refuse(&desk, page(&desk, &app, &sent), &errors)),
        Err(AppError::ChangedMeanwhile) => refuse_stale(&desk, &sent).await,
        Err(error) => Err(error.into()),
    }
}

/// The form again, as it was sent, beside what somebody else has saved: whoever saves it then has seen that.
async fn refuse_stale(desk: &Desk<DoChangeApps>, sent: &Params) -> Result<Response, Problem> {
    let now = of_path(desk).await?.app;
    let mut view = FormPage { is_stale: true, ..page(desk, &now, sent) };
    for field in &mut view.fields {
        let saved = fields::value_of(&now, field.name);
        // Browsers end lines in their own way.
        if saved != field.value.replace("\r\n", "\n") {
            field.meanwhile = Some(saved);
        }
    }
    Ok(desk.page(StatusCode::CONFLICT, &view))
}
