//! The clients of a workspace, and those whose address or name begins in some way.

use askama::Template;
use axum::http::StatusCode;
use axum::response::Response;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

use super::desk::{Desk, SeeClients};
use super::error::Problem;
use super::frame::Frame;
use super::link_words;
use super::link_words::State;
use super::numbers::grouped;
use super::pager::Pager;
use super::times::TimeText;
use crate::domain::admin::AdminPage;
use crate::domain::user::search::Prefix;
use crate::flow;
use crate::flow::admin::clients::FoundClients;
use crate::http::error::Error;
use crate::store::ListedClient;

/// Bytes that are looked for at most: no address and no name is longer.
const MAX_QUERY: usize = 800;

/// Clients.
#[derive(Template)]
#[template(path = "admin/clients.html")]
struct ClientsPage {
    frame: Frame,
    /// Where the filter goes.
    action: String,
    q: String,
    q_error: Option<&'static str>,
    lead: String,
    caption: String,
    rows: Vec<ClientRow>,
    pager: Option<Pager>,
}

struct ClientRow {
    address: String,
    id: i64,
    name: String,
    email: String,
    company: String,
    may_use: State,
    newest: Option<(State, TimeText)>,
}

/// `GET /w/W/clients`.
pub(in crate::http) async fn list(desk: Desk<SeeClients>) -> Result<Response, Problem> {
    let part = desk.part()?;
    let q = desk.query.single("q").map_err(Error::ValidationErrors)?.unwrap_or_default().trim();
    let mut view = ClientsPage {
        frame: desk.frame(AdminPage::Clients),
        action: desk.address("/clients"),
        q: q.to_owned(),
        q_error: None,
        lead: String::new(),
        caption: String::new(),
        rows: Vec::new(),
        pager: None,
    };
    if q.len() > MAX_QUERY {
        view.q_error = Some("Nobody’s name or address is that long: give the beginning of one.");
        return Ok(desk.page(StatusCode::BAD_REQUEST, &view));
    }
    let permit = flow::lists::permit(&desk.app, &desk.workspace).await?;
    let found = match Prefix::of(q) {
        Some(prefix) => {
            let wish = (&prefix, &part);
            flow::admin::clients::search(&desk.app, &permit, &desk.workspace, wish).await?
        }
        None if q.is_empty() => {
            flow::admin::clients::list(&desk.app, &permit, &desk.workspace, &part).await?
        }
        // Nobody has a name that begins with what no text may have in it.
        None => FoundClients { rows: Vec::new(), total: None, has_more: false },
    };
    let path = if q.is_empty() {
        desk.address("/clients")
    } else {
        desk.address(&format!("/clients?q={}", utf8_percent_encode(q, NON_ALPHANUMERIC)))
    };
    view.pager = match found.total {
        Some(total) => Pager::of(&part, found.rows.len(), total, &path),
        None => Pager::uncounted(&part, found.rows.len(), found.has_more, &path),
    };
    (view.lead, view.caption) = words(q, &found);
    view.rows = found.rows.into_iter().map(|client| row(&desk, client)).collect();
    Ok(desk.page(StatusCode::OK, &view))
}

/// What is said where there is nobody, and above those who are there.
fn words(q: &str, found: &FoundClients) -> (String, String) {
    let counted = match found.total {
        Some(1) => "One client".to_owned(),
        Some(total) => format!("{} clients, in the order of their ids", grouped(total)),
        None => "Those whose address, first or last name begins so".to_owned(),
    };
    match (found.rows.is_empty(), q.is_empty()) {
        (false, _) => (String::new(), counted),
        (true, true) if found.total == Some(0) => {
            ("No client is there yet. The API, an import or the command line adds them.".to_owned(), counted)
        }
        (true, true) => ("Nobody is on this page.".to_owned(), counted),
        (true, false) => ("Nobody’s address, first or last name begins so.".to_owned(), counted),
    }
}

fn row(desk: &Desk<SeeClients>, ListedClient { user, newest }: ListedClient) -> ClientRow {
    let epoch = user.standing.link_epoch;
    ClientRow {
        address: desk.address(&format!("/clients/{}", user.id.number())),
        id: user.id.number(),
        name: user.name(),
        email: user.email.as_str().to_owned(),
        may_use: link_words::may_use(&user.standing),
        newest: newest
            .map(|link| (link_words::link_state(&link, epoch, desk.now()), desk.told(link.created_at))),
        company: user.company,
    }
}
