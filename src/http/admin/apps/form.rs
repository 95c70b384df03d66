//! The form of an app, new or not.

use askama::Template;
use axum::http::StatusCode;
use axum::response::Response;

use crate::domain::validation::ValidationErrors;
use crate::http::admin::desk::Desk;
use crate::http::admin::form_field::{self, Field};
use crate::http::admin::frame::Frame;
use crate::http::request::params::Params;

/// The form.
#[derive(Template)]
#[template(path = "admin/app_form.html")]
pub(super) struct FormPage {
    pub(super) frame: Frame,
    pub(super) title: String,
    pub(super) list: String,
    /// Where one goes who changes nothing.
    pub(super) back: String,
    pub(super) action: String,
    /// The revision that it was filled from, of an app that is there.
    pub(super) revision: Option<i64>,
    pub(super) button: &'static str,
    /// What the way back says.
    pub(super) leave: &'static str,
    /// What somebody else has saved meanwhile, if somebody has.
    pub(super) stale: Option<&'static str>,
    pub(super) wrong: Vec<(&'static str, &'static str, String)>,
    pub(super) fields: Vec<Field>,
}

/// The form again, as it was sent, with what is wrong beside each field.
pub(super) fn refuse<N>(
    desk: &Desk<N>,
    mut page: FormPage,
    (sent, errors): (&Params, &ValidationErrors),
) -> Response {
    form_field::fill(&mut page.fields, sent);
    form_field::tell(&mut page.fields, errors);
    page.wrong = form_field::wrong(&page.fields);
    desk.page(StatusCode::BAD_REQUEST, &page)
}
