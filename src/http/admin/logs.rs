//! The audit log, newest first, filtered.

use std::collections::HashMap;

use askama::Template;
use axum::http::StatusCode;
use axum::response::Response;
use uuid::Uuid;

use super::desk::{Desk, SeeLogs};
use super::error::Problem;
use super::frame::Frame;
use super::log_filter::LogFilter;
use super::log_words;
use super::numbers::grouped;
use super::pager;
use super::pager::Pager;
use super::times;
use super::times::TimeText;
use crate::domain::admin::AdminPage;
use crate::domain::audit::AuditEvent;
use crate::domain::user::UserId;
use crate::domain::validation::ValidationErrors;
use crate::flow;
use crate::http::error::Error;
use crate::store::{AuditPiece, ListedEntry};

/// The log.
#[derive(Template)]
#[template(path = "admin/logs.html")]
struct LogsPage {
    frame: Frame,
    /// Where the filters go.
    action: String,
    /// Where the same entries are as a file.
    file: String,
    filter: LogFilter,
    events: Vec<EventChoice>,
    caption: String,
    rows: Vec<EntryRow>,
    /// The parts of the whole log.
    pager: Option<Pager>,
    /// How a search goes on.
    onward: Onward,
}

/// How far a search has looked, and where it goes on.
#[derive(Default)]
struct Onward {
    /// How far it has looked, where nobody knows whether more is to be found.
    looked_to: Option<TimeText>,
    /// Where it began, if that was another page.
    newest: Option<String>,
    /// Where it goes on.
    next: Option<String>,
}

struct EventChoice {
    name: &'static str,
    words: &'static str,
    is_chosen: bool,
}

struct EntryRow {
    time: TimeText,
    happened: &'static str,
    event: String,
    details: String,
    /// Whom it is about: the number, and the name where the person is still there.
    user: Option<(i64, String)>,
    /// The same page with entries about that user alone.
    about: String,
    by: String,
    actor: String,
    request: String,
}

/// `GET /w/W/logs`.
pub(in crate::http) async fn list(desk: Desk<SeeLogs>) -> Result<Response, Problem> {
    let filter = LogFilter::of(&desk.query);
    if filter.is_wrong() {
        return Ok(refuse(&desk, filter));
    }
    let (part, before) = (desk.part()?, before(&desk)?);
    let permit = flow::lists::permit(&desk.app, &desk.workspace).await?;
    let path = filter.at(&desk.address("/logs"));
    let (entries, pager, onward, caption) = if filter.is_empty() && before.is_none() {
        let page = flow::audit_log::list(&desk.app, &permit, &part).await?;
        let pager = Pager::of(&part, page.rows.len(), page.total, &path);
        (page.rows, pager, Onward::default(), format!("{}, newest first", counted(page.total)))
    } else {
        let is_behind = before.is_none() && part.page > 1;
        let before = if is_behind {
            flow::audit_log::behind(&desk.app, &permit, &filter.means, part.offset()).await?
        } else {
            before
        };
        let piece = if is_behind && before.is_none() {
            AuditPiece::default()
        } else {
            flow::audit_log::next(&desk.app, &permit, &filter.means, (before, part.limit)).await?
        };
        let onward = Onward {
            looked_to: piece.looked_to.map(|time| times::logged(time, desk.now())),
            next: piece.next.map(|next| pager::link(&path, "before", &next)),
            newest: (is_behind || before.is_some()).then_some(path),
        };
        (piece.rows, None, onward, "Those that were asked for, newest first".to_owned())
    };
    let about: Vec<_> = entries.iter().filter_map(|entry| entry.user_id).collect();
    let people = flow::users::people(&desk.app, &desk.workspace, &about).await?;
    let rows = entries.into_iter().map(|entry| row(&desk, entry, &people)).collect();
    let view = LogsPage { caption, rows, pager, onward, ..empty(&desk, filter) };
    Ok(desk.page(StatusCode::OK, &view))
}

/// The entry that a search goes on behind.
fn before(desk: &Desk<SeeLogs>) -> Result<Option<Uuid>, Problem> {
    let given = desk.query.single("before").map_err(Error::ValidationErrors)?;
    let parse = |text| Uuid::try_parse(text).map_err(|_| ValidationErrors::field("before", "must be an id"));
    Ok(given.map(parse).transpose().map_err(Error::ValidationErrors)?)
}

/// The page whose filters are wrong: it says what is wrong with each, and shows nothing.
pub(super) fn refuse(desk: &Desk<SeeLogs>, filter: LogFilter) -> Response {
    desk.page(StatusCode::BAD_REQUEST, &empty(desk, filter))
}

fn empty(desk: &Desk<SeeLogs>, filter: LogFilter) -> LogsPage {
    let events = AuditEvent::ALL.map(|event| EventChoice {
        name: event.name(),
        words: log_words::happened(event.name()),
        is_chosen: filter.event.value == event.name(),
    });
    LogsPage {
        frame: desk.frame(AdminPage::Logs),
        action: desk.address("/logs"),
        file: filter.at(&desk.address("/logs.csv")),
        events: events.into(),
        filter,
        caption: String::new(),
        rows: Vec::new(),
        pager: None,
        onward: Onward::default(),
    }
}

fn counted(total: i64) -> String {
    if total == 1 { "One entry".to_owned() } else { format!("{} entries", grouped(total)) }
}

fn row(desk: &Desk<SeeLogs>, entry: ListedEntry, people: &HashMap<UserId, (String, String)>) -> EntryRow {
    let user = entry.user_id.map(|id| {
        let (name, email) = people.get(&id).cloned().unwrap_or_default();
        (id.number(), if name.trim().is_empty() { email } else { name })
    });
    let about = user.as_ref().map(|(id, _)| desk.address(&format!("/logs?user_id={id}")));
    EntryRow {
        time: times::logged(entry.time, desk.now()),
        happened: log_words::happened(&entry.event),
        details: log_words::details(&entry),
        user,
        about: about.unwrap_or_default(),
        by: log_words::actor(&entry.actor),
        event: entry.event,
        actor: entry.actor,
        request: entry.request_id.to_string(),
    }
}
