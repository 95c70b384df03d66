//! What somebody has in hand is looked for: a link, an address, a number.

use askama::Template;
use axum::http::StatusCode;
use axum::response::Response;

use super::desk::{Desk, DeskForm, SeeFind};
use super::error::Problem;
use super::find_words::why;
use super::frame::Frame;
use super::html::see_other;
use crate::domain::admin::AdminPage;
use crate::flow;
use crate::flow::admin::find::{Found, Nothing};
use crate::flow::admin::looks::{Look, looked};

/// The form. What was typed into it never comes back.
#[derive(Template)]
#[template(path = "admin/find.html")]
struct FindPage {
    frame: Frame,
    action: String,
    clients: String,
    nothing: Option<NothingView>,
}

/// Why nothing was found.
struct NothingView {
    wrong: String,
    advice: &'static str,
    /// Where else to look: the address, and the name of the workspace.
    elsewhere: Option<(String, String)>,
}

/// `GET /w/W/find`.
pub(in crate::http) async fn show(desk: Desk<SeeFind>) -> Response {
    page(&desk, StatusCode::OK, None)
}

/// `POST /w/W/find`: leads to what was meant. The look is in the log, and what was looked for is not.
pub(in crate::http) async fn find(form: DeskForm<SeeFind>) -> Result<Response, Problem> {
    let (desk, fields) = (form.desk, form.fields);
    let found = flow::admin::find::find(&desk.app, &desk.workspace, fields.value("q")).await?;
    let (user, link) = match found {
        None => (None, None),
        Some(Found::Client(user)) => (Some(user), None),
        Some(Found::Link(link, user)) => (Some(user), Some(link)),
    };
    looked(&desk.app, &desk.workspace, &desk.act, (Look::Find, user, link)).await?;
    let path = match found {
        None => return nothing(&desk, fields.value("q")).await,
        Some(Found::Client(user)) => format!("/clients/{}", user.number()),
        Some(Found::Link(link, _)) => format!("/links/{link}"),
    };
    Ok(see_other(&desk.address(&path)))
}

/// The form again, and why.
async fn nothing(desk: &Desk<SeeFind>, text: &str) -> Result<Response, Problem> {
    let nothing = flow::admin::find::why_nothing(&desk.app, &desk.workspace, desk.reach(), text).await?;
    let (wrong, advice) = why(&nothing);
    let elsewhere = match nothing {
        Nothing::LinkOf(other) => Some((format!("/w/{}/find", other.id.0), other.name)),
        Nothing::Misfit(_)
        | Nothing::Link
        | Nothing::LinkId
        | Nothing::Client
        | Nothing::Address
        | Nothing::UnlikelyAddress => None,
    };
    Ok(page(desk, StatusCode::NOT_FOUND, Some(NothingView { wrong, advice, elsewhere })))
}

fn page(desk: &Desk<SeeFind>, status: StatusCode, nothing: Option<NothingView>) -> Response {
    let view = FindPage {
        frame: desk.frame(AdminPage::Find),
        action: desk.address("/find"),
        clients: desk.address("/clients"),
        nothing,
    };
    desk.page(status, &view)
}
