//! `/`: the workspaces of an admin; and signing out.

use askama::Template;
use axum::http::{StatusCode, header};
use axum::response::Response;

use super::desk::{SignedIn, SignedInForm};
use super::error::Problem;
use super::frame::Frame;
use super::html::{SIGN_IN, html, see_other};
use super::pager;
use super::pager::Pager;
use crate::flow;

/// The workspaces of an admin.
#[derive(Template)]
#[template(path = "admin/workspaces.html")]
struct WorkspacesPage {
    frame: Frame,
    rows: Vec<WorkspaceRow>,
    pager: Option<Pager>,
}

struct WorkspaceRow {
    address: String,
    name: String,
    url: String,
}

/// `GET /`: the workspaces; 303 to the one, where there is only one.
pub(in crate::http) async fn show(signed_in: SignedIn) -> Result<Response, Problem> {
    let all = flow::admin::workspaces(&signed_in.app, &signed_in.admin.grant.reach).await?;
    if let [only] = &all[..] {
        return Ok(see_other(&format!("/w/{}/", only.id.0)));
    }
    let part = pager::part(&signed_in.query)?;
    let total = i64::try_from(all.len()).unwrap_or(i64::MAX);
    let rows = pager::rows_of(&part, all).into_iter().map(|workspace| WorkspaceRow {
        address: format!("/w/{}/", workspace.id.0),
        url: workspace.url.as_str().to_owned(),
        name: workspace.name,
    });
    let rows: Vec<_> = rows.collect();
    let pager = Pager::of(&part, rows.len(), total, "/");
    Ok(html(StatusCode::OK, &WorkspacesPage { frame: signed_in.frame(None), rows, pager }))
}

/// `POST /sign-out`: ends the session on the server, and clears the cookie.
pub(in crate::http) async fn sign_out(form: SignedInForm) -> Result<Response, Problem> {
    let SignedInForm(SignedIn { app, visit, admin, .. }) = form;
    let mut response = see_other(SIGN_IN);
    if let Some(session) = &admin.session {
        flow::admin::doors::sign_out(&app, &visit.act(&admin), session).await?;
        response.headers_mut().append(header::SET_COOKIE, visit.cookies.clear_session());
    }
    Ok(response)
}
