//! A client: whether there is a good link now, what became of others, and what is known besides.

use askama::Template;
use axum::http::StatusCode;
use axum::response::Response;

use super::desk::{Desk, SeeClients};
use super::error::Problem;
use super::frame::Frame;
use super::link_words;
use super::link_words::State;
use super::log_words;
use super::times;
use super::times::TimeText;
use crate::domain::admin::{AdminAct, AdminPage};
use crate::domain::login_link::Decision;
use crate::domain::timestamp::Timestamp;
use crate::domain::user::{User, UserId};
use crate::domain::workspace::Workspace;
use crate::flow;
use crate::flow::admin::clients::{ClientRecord, called};
use crate::flow::login_links::Issued;
use crate::flow::users::UserError;
use crate::store::ClientLink;

/// All that is known of a client.
#[derive(Template)]
#[template(path = "admin/client.html")]
struct ClientPage {
    frame: Frame,
    list: String,
    /// Where this page is; its forms go below it.
    address: String,
    id: i64,
    name: String,
    lead: String,
    notice: Option<Notice>,
    shown: Option<ShownLink>,
    would: Would,
    /// What the role may do.
    may: May,
    wish: LinkWish,
    links: Vec<LinkRow>,
    sessions: Vec<SessionRow>,
    mails: Vec<MailRow>,
    entries: Vec<EntryRow>,
    facts: Vec<(&'static str, String)>,
    added: TimeText,
    changed: TimeText,
    /// All that the log has of this client.
    log: String,
}

/// What is said on top of the page.
pub(super) struct Notice {
    /// Whether something was not done.
    pub(super) is_bad: bool,
    pub(super) text: String,
}

/// A link to copy.
struct ShownLink {
    link: String,
    expires: TimeText,
    is_reused: bool,
}

/// Whether a link would be issued, and what is asked for that.
struct Would {
    is_yes: bool,
    words: String,
    checks: Vec<(bool, &'static str)>,
}

#[expect(clippy::struct_excessive_bools, reason = "one for each act")]
struct May {
    make: bool,
    mail: bool,
    kill: bool,
    sign_out: bool,
}

/// What a form says of a link, and what is wrong with it.
#[derive(Default)]
pub(super) struct LinkWish {
    pub(super) min_ttl: String,
    pub(super) min_ttl_error: Option<String>,
    pub(super) redirect: String,
    pub(super) redirect_error: Option<String>,
    pub(super) app: String,
    pub(super) app_error: Option<String>,
    pub(super) locale: String,
    pub(super) locale_error: Option<String>,
}

impl LinkWish {
    pub(super) fn is_wrong(&self) -> bool {
        [&self.min_ttl_error, &self.redirect_error, &self.app_error, &self.locale_error]
            .into_iter()
            .any(Option::is_some)
    }
}

struct LinkRow {
    made: TimeText,
    ends: TimeText,
    state: State,
    handed_out: String,
    asked_by: &'static str,
    id: String,
    /// Where its story is, for as long as that is kept.
    story: Option<String>,
}

struct SessionRow {
    since: TimeText,
    seen: TimeText,
    ends: TimeText,
    /// The names of the apps that it was gone on to.
    apps: Vec<String>,
    /// Where it is ended.
    end: String,
}

struct MailRow {
    queued: TimeText,
    kind: &'static str,
    state: State,
    reply: String,
}

struct EntryRow {
    time: TimeText,
    happened: &'static str,
    by: String,
}

/// What one answer says beyond what is known of the client.
#[derive(Default)]
pub(super) struct Said {
    pub(super) notice: Option<Notice>,
    pub(super) issued: Option<Issued>,
    pub(super) wish: LinkWish,
}

/// `GET /w/W/clients/{id}`.
pub(in crate::http) async fn show(desk: Desk<SeeClients>) -> Result<Response, Problem> {
    let done = match desk.query.value("done") {
        "mailed" => Some("A mail with the link is on its way."),
        "killed" => Some("The links are revoked: none that was made so far works any more."),
        "signed-out" => Some("Signed out everywhere."),
        _ => None,
    };
    let notice = done.map(|text| Notice { is_bad: false, text: text.to_owned() });
    page(&desk, StatusCode::OK, Said { notice, ..Said::default() }).await
}

/// The number in the path; what is none is nobody's.
pub(super) fn id_of<N>(desk: &Desk<N>) -> Result<UserId, Problem> {
    UserId::from_number(desk.number()?).ok_or(Problem::NothingThere)
}

/// The client of the path. Staff are nobody here.
pub(super) async fn client_of<N>(desk: &Desk<N>) -> Result<User, Problem> {
    let named = crate::domain::user::UserRef::Id(id_of(desk)?);
    flow::users::show_kind(&desk.app, &desk.workspace, &named, false).await.map_err(gone)
}

fn gone(error: UserError) -> Problem {
    if matches!(error, UserError::NotFound) { Problem::NothingThere } else { error.into() }
}

/// The page of the client that the path names.
pub(super) async fn page<N>(desk: &Desk<N>, status: StatusCode, said: Said) -> Result<Response, Problem> {
    let found = flow::admin::clients::show(&desk.app, &desk.workspace, id_of(desk)?).await;
    let record = found.map_err(gone)?;
    let user = &record.user;
    let address = desk.address(&format!("/clients/{}", user.id.number()));
    let shown = said.issued.map(|issued| ShownLink {
        expires: desk.told(issued.expires_at),
        is_reused: issued.is_reused,
        link: issued.link.reveal().to_owned(),
    });
    let view = ClientPage {
        frame: desk.frame(AdminPage::Clients),
        list: desk.address("/clients"),
        id: user.id.number(),
        name: called(user),
        lead: lead(desk, &record),
        notice: said.notice,
        shown,
        would: would(desk, &record),
        may: May {
            make: desk.may(AdminAct::MakeLink),
            mail: desk.may(AdminAct::MailLink),
            kill: desk.may(AdminAct::KillLinks),
            sign_out: desk.may(AdminAct::SignOut),
        },
        wish: said.wish,
        links: links(desk, &record),
        sessions: sessions(desk, &record),
        mails: mails(desk, &record),
        entries: entries(desk, &record),
        facts: facts(user),
        added: desk.told(user.created_at),
        changed: desk.told(user.updated_at),
        log: desk.address(&format!("/logs?user_id={}", user.id.number())),
        address,
    };
    Ok(desk.page(status, &view))
}

fn lead<N>(desk: &Desk<N>, record: &ClientRecord) -> String {
    match &record.decision {
        Decision::Refuse(_) => "No link is to be had, and none that was made works.".to_owned(),
        Decision::Reuse(link) => {
            format!("There is a link, good until {}.", desk.told(link.draft.expires_at).text)
        }
        Decision::Issue => "There is no good link now. A new one can be had.".to_owned(),
    }
}

fn would<N>(desk: &Desk<N>, record: &ClientRecord) -> Would {
    let lifetime = u64::try_from(desk.workspace.link_lifetime).unwrap_or(0);
    let words = match &record.decision {
        Decision::Refuse(refusal) => refusal.sentence().to_owned(),
        Decision::Reuse(link) => {
            let left = times::lasting(link.draft.expires_at.since(desk.now()).as_secs());
            format!("the one that is there, good for another {left}.")
        }
        Decision::Issue => format!("a new one, good for {}.", times::lasting(lifetime)),
    };
    let standing = &record.user.standing;
    let yes_or_no = |is: bool, yes: &'static str, no: &'static str| (is, if is { yes } else { no });
    Would {
        is_yes: !matches!(record.decision, Decision::Refuse(_)),
        words,
        checks: vec![
            (true, "is a client of this workspace"),
            yes_or_no(!standing.is_staff, "is not staff", "is staff"),
            yes_or_no(!standing.has_two_factor, "has two-factor off", "has two-factor on"),
            yes_or_no(standing.is_active, "is not disabled", "is disabled"),
        ],
    }
}

fn links<N>(desk: &Desk<N>, record: &ClientRecord) -> Vec<LinkRow> {
    let rows = record.links.iter().map(|known| LinkRow {
        made: desk.told(known.link.created_at),
        ends: desk.told(known.link.expires_at),
        state: link_words::full_state(known, record.user.standing.link_epoch, desk.now()),
        handed_out: link_words::times(known.times_issued),
        asked_by: link_words::asked_by(&known.kind),
        id: known.link.id.to_string(),
        story: is_told(&desk.workspace, known, desk.now())
            .then(|| desk.address(&format!("/links/{}", known.link.id))),
    });
    rows.collect()
}

/// Whether the story of a link is still kept.
fn is_told(workspace: &Workspace, known: &ClientLink, now: Timestamp) -> bool {
    known.link.expires_at.plus_seconds(workspace.stories.retention) > now
}

fn sessions<N>(desk: &Desk<N>, record: &ClientRecord) -> Vec<SessionRow> {
    let rows = record.sessions.iter().map(|session| SessionRow {
        since: desk.told(session.created_at),
        seen: desk.told(session.last_seen_at),
        ends: desk.told(session.expires_at),
        apps: record
            .apps
            .iter()
            .rev()
            .filter(|(id, _)| *id == session.id)
            .map(|(_, name)| name.clone())
            .collect(),
        end: desk.address(&format!("/sessions/{}/end", session.id)),
    });
    rows.collect()
}

fn mails<N>(desk: &Desk<N>, record: &ClientRecord) -> Vec<MailRow> {
    let rows = record.mails.iter().map(|mail| MailRow {
        queued: desk.told(mail.created_at),
        kind: link_words::mail_kind(mail.kind),
        state: link_words::mail_state(mail),
        reply: link_words::reply(mail),
    });
    rows.collect()
}

fn entries<N>(desk: &Desk<N>, record: &ClientRecord) -> Vec<EntryRow> {
    let rows = record.entries.iter().map(|entry| EntryRow {
        time: desk.told(entry.time),
        happened: log_words::happened(&entry.event),
        by: log_words::actor(&entry.actor),
    });
    rows.collect()
}

/// What is known besides: what is empty is left out.
fn facts(user: &User) -> Vec<(&'static str, String)> {
    let standing = &user.standing;
    let custom = user.custom_fields.as_str();
    let facts = [
        ("E-mail", user.email.as_str().to_owned()),
        ("First name", user.name_f.clone()),
        ("Last name", user.name_l.clone()),
        ("Company", user.company.clone()),
        ("Phone", user.phone.clone()),
        ("Language", user.locale.clone()),
        ("Id", user.id.number().to_string()),
        ("Status", if standing.is_active { "active" } else { "disabled" }.to_owned()),
        ("Two-factor", if standing.has_two_factor { "on" } else { "off" }.to_owned()),
        ("Note", user.note.clone()),
        ("Own fields", if custom == "{}" { String::new() } else { custom.to_owned() }),
    ];
    facts.into_iter().filter(|(_, value)| !value.trim().is_empty()).collect()
}
