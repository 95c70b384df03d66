//! The form that adds an app, and the answer that shows its secret once.

use askama::Template;
use axum::http::StatusCode;
use axum::response::Response;

use super::form::{self, FormPage};
use super::one::{Pasted, pasted};
use super::{address_of, fields};
use crate::domain::admin::{AdminAct, AdminPage};
use crate::flow::oidc::app_changes::{self, AppError};
use crate::http::admin::desk::{Desk, DeskForm, DoChangeApps, SeeApps};
use crate::http::admin::error::Problem;
use crate::http::admin::frame::Frame;
use crate::http::admin::html::see_other;

/// What is pasted into an application, with a secret that is shown this once.
#[derive(Template)]
#[template(path = "admin/app_made.html")]
pub(super) struct MadePage {
    pub(super) frame: Frame,
    pub(super) title: &'static str,
    pub(super) list: String,
    pub(super) back: String,
    pub(super) name: String,
    pub(super) lead: &'static str,
    pub(super) pasted: Pasted,
    pub(super) more: &'static str,
}

/// `GET /w/W/new-app`. Who may only look is sent to the list.
pub(in crate::http) async fn show(desk: Desk<SeeApps>) -> Result<Response, Problem> {
    if !desk.may(AdminAct::ChangeApps) {
        return Ok(see_other(&desk.address("/apps")));
    }
    Ok(desk.page(StatusCode::OK, &page(&desk)))
}

fn page<N>(desk: &Desk<N>) -> FormPage {
    FormPage {
        frame: desk.frame(AdminPage::Apps),
        title: "Add an app".to_owned(),
        list: desk.address("/apps"),
        back: desk.address("/apps"),
        action: desk.address("/new-app"),
        revision: None,
        button: "Add the app",
        leave: "Add none",
        stale: None,
        wrong: Vec::new(),
        fields: fields::of_new(),
    }
}

/// `POST /w/W/new-app`: adds an app, and shows its secret this once.
pub(in crate::http) async fn add(form: DeskForm<DoChangeApps>) -> Result<Response, Problem> {
    let (desk, sent) = (form.desk, form.fields);
    let (new, mut wrong) = fields::new(&sent);
    let added = if wrong.is_empty() {
        app_changes::add(&desk.app, &desk.workspace, &desk.act, &new).await
    } else {
        // What else is wrong is told at once.
        match app_changes::validate_new(&desk.app, &desk.workspace, &new).await {
            Err(AppError::ValidationErrors(more)) => wrong.extend(more),
            Err(error) => return Err(error.into()),
            Ok(()) => {}
        }
        Err(AppError::ValidationErrors(wrong))
    };
    let (added, secret) = match added {
        Ok(added) => added,
        Err(AppError::ValidationErrors(errors)) => {
            return Ok(form::refuse(&desk, page(&desk), (&sent, &errors)));
        }
        Err(error) => return Err(error.into()),
    };
    let mut pasted = pasted(&desk.workspace, &added.app);
    let lead = match &secret {
        Some(secret) => {
            pasted.push(("Secret", secret.reveal().to_owned()));
            "Copy the secret now: it is shown this once, and never again."
        }
        None => "It has no secret: an app of the type public keeps none.",
    };
    let view = MadePage {
        frame: desk.frame(AdminPage::Apps),
        title: "Added:",
        list: desk.address("/apps"),
        back: address_of(&desk, &added.app),
        name: added.app.name,
        lead,
        pasted,
        more: "Most applications ask for these, and find the rest by themselves.",
    };
    Ok(desk.page(StatusCode::OK, &view))
}
