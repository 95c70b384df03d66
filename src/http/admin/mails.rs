//! What was mailed, and what became of it.

use std::collections::HashMap;

use askama::Template;
use axum::http::StatusCode;
use axum::response::Response;

use super::desk::{Desk, SeeMails};
use super::error::Problem;
use super::frame::Frame;
use super::link_words;
use super::link_words::State;
use super::numbers::grouped;
use super::pager::Pager;
use super::times::TimeText;
use crate::domain::admin::AdminPage;
use crate::domain::mail::{Mail, MailState};
use crate::domain::user::UserId;
use crate::domain::validation::ValidationErrors;
use crate::flow;
use crate::flow::admin::mails::FoundMails;
use crate::http::error::Error;
use crate::store::WaitingMails;

/// What was mailed.
#[derive(Template)]
#[template(path = "admin/mails.html")]
struct MailsPage {
    frame: Frame,
    lead: String,
    /// What the mail server said of the mail that has waited longest.
    trouble: Option<String>,
    tabs: Vec<Tab>,
    rows: Vec<MailRow>,
    pager: Option<Pager>,
}

/// A state that mails may be chosen by.
struct Tab {
    address: String,
    name: &'static str,
    is_current: bool,
}

struct MailRow {
    /// Who it is to: where the client is, and the name.
    client: Option<(String, String)>,
    user: i64,
    to: String,
    kind: &'static str,
    tries: i64,
    state: State,
    reply: String,
    next: Option<TimeText>,
    sent: Option<TimeText>,
    link_ends: TimeText,
    queued: TimeText,
    id: String,
}

/// The states in the order of the tabs.
const TABS: [(&str, Option<MailState>); 6] = [
    ("all", None),
    ("waiting", Some(MailState::Queued)),
    ("refused", Some(MailState::Failed)),
    ("not in time", Some(MailState::Expired)),
    ("called back", Some(MailState::Cancelled)),
    ("sent", Some(MailState::Sent)),
];

/// `GET /w/W/mails`.
pub(in crate::http) async fn list(desk: Desk<SeeMails>) -> Result<Response, Problem> {
    let part = desk.part()?;
    let word = desk.query.single("state").map_err(Error::ValidationErrors)?.unwrap_or_default();
    let state = (!word.is_empty()).then(|| MailState::parse(word).ok_or_else(no_state)).transpose()?;
    let permit = flow::lists::permit(&desk.app, &desk.workspace).await?;
    let found = flow::admin::mails::list(&desk.app, &permit, &desk.workspace, (state, &part)).await?;
    let users: Vec<_> = found.rows.iter().map(|mail| mail.user_id).collect();
    let names = flow::admin::clients::names(&desk.app, &desk.workspace, &users).await?;
    let view = MailsPage {
        frame: desk.frame(AdminPage::Mails),
        lead: lead(&desk, &found.waiting),
        trouble: found.waiting.oldest_failing.as_ref().and_then(|failing| failing.reply.clone()),
        tabs: tabs(&desk, state),
        pager: Pager::uncounted(&part, found.rows.len(), found.has_more, &address(&desk, state)),
        rows: found.rows.iter().map(|mail| row(&desk, mail, &found, &names)).collect(),
    };
    Ok(desk.page(StatusCode::OK, &view))
}

fn no_state() -> Error {
    let states = MailState::ALL.map(MailState::name).join(", ");
    Error::ValidationErrors(ValidationErrors::field("state", format!("must be one of {states}")))
}

fn address(desk: &Desk<SeeMails>, state: Option<MailState>) -> String {
    let query = state.map(|state| format!("?state={}", state.name())).unwrap_or_default();
    desk.address(&format!("/mails{query}"))
}

fn tabs(desk: &Desk<SeeMails>, chosen: Option<MailState>) -> Vec<Tab> {
    let tabs =
        TABS.map(|(name, state)| Tab { address: address(desk, state), name, is_current: state == chosen });
    tabs.into()
}

fn lead(desk: &Desk<SeeMails>, waiting: &WaitingMails) -> String {
    let many = grouped(waiting.count);
    let wait = match waiting.count {
        0 => "None waits.".to_owned(),
        1 => "One mail waits.".to_owned(),
        _ if waiting.has_more => format!("Over {many} mails wait."),
        _ => format!("{many} mails wait."),
    };
    match &waiting.oldest_failing {
        Some(failing) => {
            format!(
                "Mail that was asked for at {} could not be sent yet. {wait}",
                desk.told(failing.since).text
            )
        }
        None if desk.app.mail.is_none() => format!("Mail is not set up on this server. {wait}"),
        None => wait,
    }
}

fn row(desk: &Desk<SeeMails>, mail: &Mail, found: &FoundMails, names: &HashMap<UserId, String>) -> MailRow {
    let client = names
        .get(&mail.user_id)
        .map(|name| (desk.address(&format!("/clients/{}", mail.user_id.number())), name.clone()));
    MailRow {
        client,
        user: mail.user_id.number(),
        to: mail.to.clone(),
        kind: link_words::mail_kind(mail.kind),
        tries: mail.attempts,
        state: link_words::mail_state(mail),
        reply: link_words::reply(mail),
        next: found.next_tries.get(&mail.id).map(|next| desk.told(*next)),
        sent: mail.sent_at.map(|sent| desk.told(sent)),
        link_ends: desk.told(mail.link_expires_at),
        queued: desk.told(mail.created_at),
        id: mail.id.to_string(),
    }
}
