//! Who is signed in to a workspace, and signing somebody out.

use askama::Template;
use axum::http::StatusCode;
use axum::response::Response;

use super::desk::{Desk, DeskForm, DoSignOut, SeeSessions};
use super::error::Problem;
use super::frame::Frame;
use super::html::see_other;
use super::numbers::grouped;
use super::pager::Pager;
use super::times::TimeText;
use crate::domain::admin::{AdminAct, AdminPage};
use crate::flow;
use crate::http::error::Error;

/// Who is signed in, newest first.
#[derive(Template)]
#[template(path = "admin/sessions.html")]
struct SessionsPage {
    frame: Frame,
    total: String,
    rows: Vec<SessionRow>,
    pager: Option<Pager>,
    may_end: bool,
    was_ended: bool,
}

struct SessionRow {
    id: String,
    /// Where the session is ended.
    address: String,
    user: i64,
    /// Name and address; empty where the user is gone since.
    name: String,
    email: String,
    created: TimeText,
    seen: TimeText,
    ends: TimeText,
}

/// What ending a session does, and the button.
#[derive(Template)]
#[template(path = "admin/session_end.html")]
struct EndPage {
    frame: Frame,
    action: String,
    back: String,
    name: String,
    created: TimeText,
    may_end: bool,
}

/// `GET /w/W/sessions`.
pub(in crate::http) async fn list(desk: Desk<SeeSessions>) -> Result<Response, Problem> {
    let part = desk.part()?;
    let permit = flow::lists::permit(&desk.app, &desk.workspace).await?;
    let page = flow::sessions::list(&desk.app, &permit, &desk.workspace, &part).await?;
    let users: Vec<_> = page.rows.iter().map(|session| session.user_id).collect();
    let people = flow::users::people(&desk.app, &desk.workspace, &users).await?;
    let rows = page.rows.into_iter().map(|session| {
        let (name, email) = people.get(&session.user_id).cloned().unwrap_or_default();
        SessionRow {
            id: session.id.to_string(),
            address: desk.address(&format!("/sessions/{}/end", session.id)),
            user: session.user_id.number(),
            name,
            email,
            created: desk.told(session.created_at),
            seen: desk.told(session.last_seen_at),
            ends: desk.told(session.expires_at),
        }
    });
    let rows: Vec<_> = rows.collect();
    let view = SessionsPage {
        frame: desk.frame(AdminPage::Sessions),
        total: grouped(page.total),
        pager: Pager::of(&part, rows.len(), page.total, &desk.address("/sessions")),
        rows,
        may_end: desk.may(AdminAct::SignOut),
        was_ended: desk.query.value("done") == "ended",
    };
    Ok(desk.page(StatusCode::OK, &view))
}

/// `GET /w/W/sessions/{id}/end`: says what will happen.
pub(in crate::http) async fn ask_to_end(desk: Desk<SeeSessions>) -> Result<Response, Problem> {
    let id = desk.uuid()?;
    let found = flow::sessions::find(&desk.app, &desk.workspace, id).await?;
    let found = found.ok_or(Problem::NothingThere)?;
    let view = EndPage {
        frame: desk.frame(AdminPage::Sessions),
        action: desk.address(&format!("/sessions/{id}/end")),
        back: desk.address("/sessions"),
        name: if found.name.trim().is_empty() { found.email.as_str().to_owned() } else { found.name },
        created: desk.told(found.session.created_at),
        may_end: desk.may(AdminAct::SignOut),
    };
    Ok(desk.page(StatusCode::OK, &view))
}

/// `POST /w/W/sessions/{id}/end`: signs that person out.
pub(in crate::http) async fn end(form: DeskForm<DoSignOut>) -> Result<Response, Problem> {
    let desk = form.desk;
    let ended = flow::sessions::revoke(&desk.app, &desk.workspace, &desk.act, desk.uuid()?).await;
    if ended.map_err(Error::from)? {
        return Ok(see_other(&desk.address("/sessions?done=ended")));
    }
    Err(Problem::NothingThere)
}
