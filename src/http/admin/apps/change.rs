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
use crate::http::admin::form_field;
use crate::http::admin::html::see_other;
use crate::http::request::params::Params;

/// `GET /w/W/apps/{id}/change`. Who may only look is sent to the app's page, which says the same.
pub(in crate::http) async fn show(desk: Desk<SeeApps>) -> Result<Response, Problem> {
    let app = of_path(&desk).await?.app;
    if !desk.may(AdminAct::ChangeApps) {
        return Ok(see_other(&address_of(&desk, &app)));
    }
    Ok(desk.page(StatusCode::OK, &page(&desk, &app)))
}

fn page<N>(desk: &Desk<N>, app: &OidcApp) -> FormPage {
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
        stale: None,
        wrong: Vec::new(),
        fields: fields::of(app),
    }
}

/// `POST /w/W/apps/{id}/change`.
pub(in crate::http) async fn save(form: DeskForm<DoChangeApps>) -> Result<Response, Problem> {
    let (desk, sent) = (form.desk, form.fields);
    let app = of_path(&desk).await?.app;
    // A form without its revision was not made from what is saved now.
    let revision = sent.value("revision").parse().unwrap_or(0);
    if revision != app.revision {
        return refuse_stale(&desk, &sent).await;
    }
    let (change, wrong) = fields::change(&sent);
    if !wrong.is_empty() {
        return Ok(form::refuse(&desk, page(&desk, &app), (&sent, &wrong)));
    }
    let change = (app.client_id.as_str(), revision, &change);
    match app_changes::save(&desk.app, &desk.workspace, &desk.act, change).await {
        Ok(_) => Ok(see_other(&format!("{}?done=saved", address_of(&desk, &app)))),
        Err(AppError::ValidationErrors(errors)) => {
            Ok(form::refuse(&desk, page(&desk, &app), (&sent, &errors)))
        }
        Err(AppError::ChangedMeanwhile) => refuse_stale(&desk, &sent).await,
        Err(error) => Err(error.into()),
    }
}

/// The form again, with what was changed in it beside what somebody else has saved: whoever saves it then has seen that, and
/// changes nothing else.
async fn refuse_stale(desk: &Desk<DoChangeApps>, sent: &Params) -> Result<Response, Problem> {
    let now = of_path(desk).await?.app;
    let mut view = FormPage { stale: Some("the app"), ..page(desk, &now) };
    form_field::fill_changed(&mut view.fields, sent);
    let twice = form_field::given_twice(&view.fields, sent);
    form_field::tell(&mut view.fields, &twice);
    view.wrong = form_field::wrong(&view.fields);
    Ok(desk.page(StatusCode::CONFLICT, &view))
}
