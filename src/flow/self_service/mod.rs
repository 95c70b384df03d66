//! A person asks for a link: by an address, once more, or by a dead link.
//!
//! Whoever is named, the same is done while the browser waits: an ask is kept. What it leads to is decided later
//! ([`answer`]), so that neither answer nor time tells who is known.

pub mod answer;
pub mod code;

use uuid::Uuid;

use super::operations::nodes;
use super::stories;
use crate::app::App;
use crate::domain::ask::{Ask, AskCookie, AskKind, MAX_TYPED, REPEAT_AFTER, SOURCE_WINDOW};
use crate::domain::client_network::ClientNetwork;
use crate::domain::destination::Destination;
use crate::domain::language::Language;
use crate::domain::login_link::{KeyId, LinkLookupKey, LoginLink};
use crate::domain::story::PressRefusal;
use crate::domain::timestamp::Timestamp;
use crate::domain::token::Token;
use crate::domain::workspace::Workspace;
use crate::flow::sign_in::SignInError;
use crate::keys;
use crate::store::StoreError;

/// How many rows there are for all asks for which there is no room: the newest takes the place of another.
const SHARED_ASKS: u8 = 255;

/// What a browser wishes.
#[derive(Clone, Debug)]
pub struct AskOptions<'a> {
    /// Where it is, as limits see it.
    pub source: ClientNetwork,
    /// The language that it asks for, of those there are.
    pub language: Option<Language>,
    /// Where the person is to land.
    pub destination: Destination,
    /// The ask that it made before.
    pub before: Option<&'a AskCookie>,
    /// The request.
    pub request_id: Uuid,
}

/// Whether people of a workspace may ask this process for mails.
pub fn is_open(app: &App, workspace: &Workspace) -> bool {
    app.mail.is_some() && workspace.mail.has_self_service
}

/// Keeps an ask for link and code by an address, as it was typed. It takes the place of the ask that this browser made before, whose
/// link stays good.
pub async fn ask(
    app: &App,
    workspace: &Workspace,
    typed: &str,
    options: AskOptions<'_>,
) -> Result<AskCookie, SignInError> {
    let now = app.clock.now();
    let expires_at = now.plus_seconds(workspace.mail.self_service_lifetime);
    let before = find(app, workspace, options.before).await?;
    let draft =
        Draft { kind: AskKind::SelfService, email: kept_address(typed), first: None, link: None, expires_at };
    let replaced = before.map(|ask| (ask.id, ask.created_at));
    keep(app, workspace, draft, replaced, options).await
}

/// Keeps that the mail of an ask is to be sent once more, if it was not in the last minute. Nothing is kept where the ask is over.
pub async fn repeat(app: &App, workspace: &Workspace, options: AskOptions<'_>) -> Result<(), SignInError> {
    let now = app.clock.now();
    let Some(ask) = find(app, workspace, options.before).await?.filter(|ask| ask.is_live(now)) else {
        return Ok(());
    };
    if now < ask.last_mail_at.plus_seconds(REPEAT_AFTER) {
        return Ok(());
    }
    let draft = Draft {
        kind: AskKind::Repeat,
        email: String::new(),
        first: Some(ask.id),
        link: None,
        expires_at: ask.expires_at,
    };
    // Where the first was to lead, and in its language, whatever this browser wishes since.
    let language = ask.language.as_deref().and_then(Language::look_up);
    let options = AskOptions { destination: ask.destination, language, ..options };
    keep(app, workspace, draft, None, options).await.map(drop)
}

/// Keeps that a fresh link is wished in place of a dead one. A token that is live, or unknown, leads to nothing.
///
/// # Errors
/// `SignInError::RateLimited` where the source has shown too many dead tokens.
pub async fn ask_for_fresh_link(
    app: &App,
    workspace: &Workspace,
    token: Option<&Token>,
    options: AskOptions<'_>,
) -> Result<(), SignInError> {
    let now = app.clock.now();
    let hashes = token.map(|token| app.keys().link_hashes(workspace.id, token)).unwrap_or_default();
    let found = app.store.find_login_link(workspace.id, &hashes).await?;
    let is_live = found.as_ref().is_some_and(|found| found.link.death(&found.standing, now).is_none());
    if !is_live {
        let limited = app.limits.check_login(&app.metrics, options.source);
        if let Some(found) = &found {
            note(app, &found.link, limited.is_err());
        }
        limited?;
    }
    let link = found.map(|found| found.link.hash).or_else(|| hashes.first().copied());
    let draft = Draft {
        kind: AskKind::Again,
        email: String::new(),
        first: None,
        link: Some(link.unwrap_or_default()),
        expires_at: now.plus_seconds(workspace.mail.self_service_lifetime),
    };
    keep(app, workspace, draft, None, options).await.map(drop)
}

/// Notes that a dead link was pressed. It is written later: whether a token was ever good is not told by the time that this takes.
fn note(app: &App, link: &LoginLink, is_limited: bool) {
    if is_limited {
        stories::note_refused_press(app, link, PressRefusal::RateLimited);
    } else {
        stories::note_press(app, link);
    }
}

/// The ask of a cookie, if its row is genuine, whatever became of it.
pub async fn find(
    app: &App,
    workspace: &Workspace,
    cookie: Option<&AskCookie>,
) -> Result<Option<Ask>, StoreError> {
    let Some(cookie) = cookie else { return Ok(None) };
    let found = app.store.find_ask(workspace.id, cookie.id()).await?;
    Ok(found.filter(|ask| app.keys().verify_ask(ask, cookie)))
}

/// The ask of a cookie whose code may be typed.
pub async fn find_live(
    app: &App,
    workspace: &Workspace,
    cookie: Option<&AskCookie>,
) -> Result<Option<Ask>, StoreError> {
    let now = app.clock.now();
    Ok(find(app, workspace, cookie).await?.filter(|ask| ask.is_live(now)))
}

/// What sets one ask apart from others.
struct Draft {
    kind: AskKind,
    email: String,
    first: Option<Uuid>,
    link: Option<LinkLookupKey>,
    expires_at: Timestamp,
}

async fn keep(
    app: &App,
    workspace: &Workspace,
    draft: Draft,
    replaced: Option<(Uuid, Timestamp)>,
    options: AskOptions<'_>,
) -> Result<AskCookie, SignInError> {
    nodes::is_fit(app)?;
    let now = app.clock.now();
    let source = app.keys().network_hash(workspace.id, &options.source);
    let is_over = is_over_limit(app, workspace, &source, now).await?;
    let seed: [u8; 16] = keys::random()?;
    let has_room = !is_over || app.limits.has_room_for_ask_over_limit(workspace.id);
    let id = if has_room { now.new_id() } else { Uuid::from_u128(1 + u128::from(seed[0] % SHARED_ASKS)) };
    let ask = Ask {
        workspace: workspace.id,
        id,
        kind: draft.kind,
        first: draft.first,
        email: draft.email,
        destination: options.destination,
        language: options.language.map(|language| language.tag().to_owned()),
        source: (!is_over).then_some(source),
        request_id: options.request_id,
        seed,
        key: KeyId(0),
        created_at: now,
        expires_at: draft.expires_at,
        last_mail_at: now,
        looked_at: None,
        link: draft.link,
        tries: 0,
        ended_at: None,
        seal: [0; 32],
    };
    let (ask, cookie) = app.keys().begin_ask(ask);
    // Another one may have sent the same again at this moment: that is answered alike.
    let _ = app.store.add_ask(&ask, replaced, now.plus_seconds(-REPEAT_AFTER)).await?;
    Ok(cookie)
}

/// Whether a network, or the whole of a workspace, asks more often than asks are kept for.
async fn is_over_limit(
    app: &App,
    workspace: &Workspace,
    source: &[u8; 32],
    now: Timestamp,
) -> Result<bool, StoreError> {
    let Some(most) = app.mail.as_ref().and_then(|mail| mail.asks_per_source) else {
        return Ok(!app.limits.has_room_for_ask(workspace.id));
    };
    let (since, most) = (now.plus_seconds(-SOURCE_WINDOW), i64::from(most.get()));
    let before = app.store.count_asks_of_source(workspace.id, source, since, most).await?;
    Ok(before >= most || !app.limits.has_room_for_ask(workspace.id))
}

/// The address as it is kept: at most so long, and without what a database cannot keep. What was cut names nobody.
fn kept_address(typed: &str) -> String {
    let plain = |letter: char| if letter.is_control() { char::REPLACEMENT_CHARACTER } else { letter };
    let typed: String = typed.chars().take(MAX_TYPED + 1).map(plain).collect();
    if typed.len() <= MAX_TYPED {
        return typed;
    }
    let end = (0..=MAX_TYPED - '…'.len_utf8()).rev().find(|end| typed.is_char_boundary(*end)).unwrap_or(0);
    format!("{}…", &typed[..end])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_too_long_is_cut_and_names_nobody() {
        let long = format!("a@{}", "x".repeat(300));
        let cut = kept_address(&long);

        assert!(cut.len() <= MAX_TYPED && cut.ends_with('…'), "{cut}");
        assert!(crate::domain::email::EmailAddress::parse(&cut).is_err());
        assert_eq!(kept_address("a@x.test"), "a@x.test");
        assert_eq!(kept_address("a\0b"), "a\u{fffd}b");
        assert!(kept_address(&"ä".repeat(200)).len() <= MAX_TYPED);
    }
}
