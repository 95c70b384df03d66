//! The API keys of a workspace: listed, made, revoked.

use askama::Template;
use axum::http::StatusCode;
use axum::response::Response;

use super::desk::{Desk, DeskForm, DoChangeKeys, SeeKeys};
use super::error::Problem;
use super::frame::Frame;
use super::html::see_other;
use super::pager;
use super::pager::Pager;
use super::times::TimeText;
use crate::config::parse_duration;
use crate::domain::admin::{AdminAct, AdminPage};
use crate::domain::api_key::ApiKey;
use crate::domain::scope::{Scope, Scopes};
use crate::domain::timestamp::Timestamp;
use crate::domain::workspace::parse_name;
use crate::flow;
use crate::http::request::params::Params;

/// How many days before its end a key is said to end soon.
const SOON: i64 = 14;

/// The keys of a workspace, and the form that makes one.
#[derive(Template)]
#[template(path = "admin/keys.html")]
struct KeysPage {
    frame: Frame,
    lead: String,
    rows: Vec<KeyRow>,
    pager: Option<Pager>,
    action: String,
    /// The form, for who may make keys.
    form: Option<KeyForm>,
    was_revoked: bool,
}

struct KeyRow {
    id: i64,
    name: String,
    scopes: String,
    /// The class of the sign, and the word.
    state: (&'static str, String),
    created: TimeText,
    ends: Option<TimeText>,
    /// Where the log has what it did.
    log: String,
    /// Where it is revoked, if it can be.
    revoke: Option<String>,
}

/// What the form is filled with, and what is wrong with it.
#[derive(Default)]
struct KeyForm {
    name: String,
    name_error: Option<String>,
    scopes: Vec<ScopeBox>,
    scope_error: Option<&'static str>,
    expires: String,
    expires_error: Option<String>,
}

impl KeyForm {
    fn is_wrong(&self) -> bool {
        self.name_error.is_some() || self.scope_error.is_some() || self.expires_error.is_some()
    }
}

struct ScopeBox {
    name: &'static str,
    /// What it lets a key do, in words.
    about: &'static str,
    is_checked: bool,
}

/// The key that was made, shown this once.
#[derive(Template)]
#[template(path = "admin/key_made.html")]
struct KeyMadePage<'a> {
    frame: Frame,
    back: String,
    name: String,
    key: &'a str,
    scopes: String,
    ends: Option<TimeText>,
}

/// What revoking a key does, and the button.
#[derive(Template)]
#[template(path = "admin/key_revoke.html")]
struct RevokePage {
    frame: Frame,
    action: String,
    back: String,
    name: String,
    may_revoke: bool,
}

/// `GET /w/W/keys`.
pub(in crate::http) async fn list(desk: Desk<SeeKeys>) -> Result<Response, Problem> {
    let form = desk.may(AdminAct::ChangeKeys).then(|| {
        let usual = [Scope::LoginLinksWrite].into_iter().collect();
        KeyForm { scopes: boxes(usual), expires: "90d".to_owned(), ..KeyForm::default() }
    });
    show(&desk, StatusCode::OK, form).await
}

async fn show<N>(desk: &Desk<N>, status: StatusCode, form: Option<KeyForm>) -> Result<Response, Problem> {
    let keys = flow::api_keys::list(&desk.app, &desk.workspace).await?;
    let (now, may_revoke) = (desk.now(), desk.may(AdminAct::ChangeKeys));
    let lead = lead(keys.iter().filter(|key| key.is_live(now)).count());
    let part = desk.part()?;
    let total = i64::try_from(keys.len()).unwrap_or(i64::MAX);
    let rows = pager::rows_of(&part, keys).into_iter().map(|key| KeyRow {
        id: key.id,
        scopes: in_words(key.scopes),
        state: state(&key, now),
        created: desk.told(key.created_at),
        ends: key.expires_at.map(|end| desk.told(end)),
        log: desk.address(&format!("/logs?actor=api_key%3A{}", key.id)),
        revoke: (may_revoke && key.revoked_at.is_none())
            .then(|| desk.address(&format!("/keys/{}/revoke", key.id))),
        name: key.name,
    });
    let rows: Vec<_> = rows.collect();
    let view = KeysPage {
        frame: desk.frame(AdminPage::Keys),
        lead,
        pager: Pager::of(&part, rows.len(), total, &desk.address("/keys")),
        rows,
        action: desk.address("/keys"),
        form,
        was_revoked: desk.query.value("done") == "revoked",
    };
    Ok(desk.page(status, &view))
}

fn lead(live: usize) -> String {
    match live {
        0 => "No key works. A back office needs one to ask for links.".to_owned(),
        1 => "One key works.".to_owned(),
        live => format!("{live} keys work."),
    }
}

fn state(key: &ApiKey, now: Timestamp) -> (&'static str, String) {
    if key.revoked_at.is_some() {
        return ("off", "revoked".to_owned());
    }
    if !key.is_live(now) {
        return ("off", "expired".to_owned());
    }
    match key.expires_at.map(|end| (end.millis() - now.millis()) / 86_400_000) {
        Some(0) => ("warn", "expires within a day".to_owned()),
        Some(days) if days < SOON => ("warn", format!("expires in {days} days")),
        Some(_) | None => ("ok", "works".to_owned()),
    }
}

fn in_words(scopes: Scopes) -> String {
    if scopes == Scopes::all() { "everything".to_owned() } else { scopes.to_string() }
}

/// `POST /w/W/keys`: makes a key, and shows it this once.
pub(in crate::http) async fn make(form: DeskForm<DoChangeKeys>) -> Result<Response, Problem> {
    let (desk, fields) = (form.desk, form.fields);
    let wish = match wish_of(&fields) {
        Ok(wish) => wish,
        Err(form) => return show(&desk, StatusCode::BAD_REQUEST, Some(*form)).await,
    };
    let options = (wish.name.as_str(), wish.scopes, wish.lifetime);
    let (key, secret) = flow::api_keys::create(&desk.app, &desk.workspace, &desk.act, options).await?;
    let view = KeyMadePage {
        frame: desk.frame(AdminPage::Keys),
        back: desk.address("/keys"),
        key: secret.reveal(),
        scopes: in_words(key.scopes),
        ends: key.expires_at.map(|end| desk.told(end)),
        name: key.name,
    };
    Ok(desk.page(StatusCode::OK, &view))
}

/// The key that a form asks for.
struct Wish {
    name: String,
    scopes: Scopes,
    lifetime: Option<i64>,
}

/// Reads the form; else it comes back with what is wrong.
fn wish_of(fields: &Params) -> Result<Wish, Box<KeyForm>> {
    let chosen = fields.0.iter().filter(|(name, _)| name == "scope").map(|(_, scope)| scope.as_str());
    let chosen: Vec<_> = chosen.collect();
    let scopes = Scopes::parse(&chosen.join(",")).ok().filter(|scopes| *scopes != Scopes::default());
    let name = parse_name(fields.value("name"));
    let expires = fields.value("expires");
    let lifetime = match expires {
        "" | "never" => Ok(None),
        expires => parse_duration(expires).map(Some),
    };
    match (&name, scopes, &lifetime) {
        (Ok(name), Some(scopes), Ok(lifetime)) => {
            Ok(Wish { name: name.clone(), scopes, lifetime: *lifetime })
        }
        _ => Err(Box::new(KeyForm {
            name: fields.value("name").to_owned(),
            name_error: name
                .err()
                .map(|_| "It needs 1 to 200 characters, without line breaks or spaces around.".to_owned()),
            scopes: boxes(scopes.unwrap_or_default()),
            scope_error: scopes
                .is_none()
                .then_some("Choose what the key may do: at least one thing of these."),
            expires: expires.to_owned(),
            expires_error: lifetime.err(),
        })),
    }
}

/// A box for each scope.
fn boxes(checked: Scopes) -> Vec<ScopeBox> {
    let boxes = Scope::ALL.into_iter().map(|scope| ScopeBox {
        name: scope.name(),
        about: about(scope),
        is_checked: checked.has(scope),
    });
    boxes.collect()
}

fn about(scope: Scope) -> &'static str {
    match scope {
        Scope::LoginLinksRead => "see which links are live",
        Scope::LoginLinksWrite => "ask for links, revoke them",
        Scope::ClientsRead => "see clients",
        Scope::ClientsWrite => "add and change clients",
        Scope::ClientsUnlock => "switch a client’s two-factor off, or a disabled client on again",
        Scope::TeamRead => "see staff",
        Scope::LogsRead => "read the log",
        Scope::SessionsRead => "see who is signed in",
        Scope::SessionsWrite => "sign people out",
        Scope::LoginLinksMail => "have links mailed",
        Scope::MailsRead => "see what was mailed",
        Scope::AppsRead => "see apps",
        Scope::AppsWrite => "add, change and delete apps, and their secrets",
    }
}

/// `GET /w/W/keys/{id}/revoke`: says what will happen.
pub(in crate::http) async fn ask_to_revoke(desk: Desk<SeeKeys>) -> Result<Response, Problem> {
    let id = desk.number()?;
    let keys = flow::api_keys::list(&desk.app, &desk.workspace).await?;
    let key = keys.into_iter().find(|key| key.id == id && key.revoked_at.is_none());
    let key = key.ok_or(Problem::NothingThere)?;
    let view = RevokePage {
        frame: desk.frame(AdminPage::Keys),
        action: desk.address(&format!("/keys/{id}/revoke")),
        back: desk.address("/keys"),
        name: key.name,
        may_revoke: desk.may(AdminAct::ChangeKeys),
    };
    Ok(desk.page(StatusCode::OK, &view))
}

/// `POST /w/W/keys/{id}/revoke`.
pub(in crate::http) async fn revoke(form: DeskForm<DoChangeKeys>) -> Result<Response, Problem> {
    let desk = form.desk;
    flow::api_keys::revoke(&desk.app, &desk.workspace, &desk.act, desk.number()?).await?;
    Ok(see_other(&desk.address("/keys?done=revoked")))
}
