//! The stories of links: what requests note, and what is told of it.

pub mod settle;
pub mod stats;

use std::cmp::Ordering;

use uuid::Uuid;

use crate::app::App;
use crate::domain::login_link::LoginLink;
use crate::domain::opening::{BrowserClass, Opening, Visit};
use crate::domain::story::{LinkState, Note, PressRefusal, Story, StoryEvent};
use crate::domain::timestamp::Timestamp;
use crate::domain::token::Token;
use crate::domain::workspace::Workspace;
use crate::store::{StoreError, ToldLink};
use crate::story_notes::NotesBatch;

/// Links whose notes are written in one commit at most.
const BATCH: usize = 250;

/// Notes that a link was opened. Nobody waits for that, and nothing fails by it.
pub(super) fn note_opening(app: &App, link: &LoginLink, was_dead: bool, visit: Option<&Visit>) {
    let Some(visit) = visit else { return };
    let workspace = link.draft.workspace;
    app.notes.add_opening(workspace, link.into(), || Opening {
        at: visit.at,
        network: visit.network.coarse(),
        browser: BrowserClass::of(&String::from_utf8_lossy(&visit.user_agent)),
        signs: visit.signs,
        client: app.keys().visitor_hash(workspace, &visit.network, &visit.user_agent),
        was_dead,
    });
}

/// Notes that a fresh link was asked for by one that is dead. Nobody waits for that.
pub(super) fn note_press(app: &App, link: &LoginLink) {
    app.notes.add(link.draft.workspace, link.into(), Note::Pressed(app.clock.now()));
}

/// Notes that a press of a link led to nothing. Nobody waits for that.
pub fn note_refused_press(app: &App, link: &LoginLink, refusal: PressRefusal) {
    app.notes.add(link.draft.workspace, link.into(), Note::Refused(refusal, app.clock.now(), 1));
}

/// Writes what was noted. What cannot be written is written the next time, and counted once. It goes on if nobody waits for it any more.
///
/// # Errors
/// `StoreError` if something could not be committed.
pub async fn write_notes(app: &App) -> Result<(), StoreError> {
    let app = app.clone();
    let written = tokio::spawn(async move { write_waiting(&app).await }).await;
    written.map_err(|_| StoreError::Unexpected("what was noted of links was not written to the end"))?
}

async fn write_waiting(app: &App) -> Result<(), StoreError> {
    let mut unwritten = app.notes.unwritten.lock().await;
    app.notes.take_into(&mut unwritten, BATCH);
    let (mut failed, mut late) = (None, Vec::<NotesBatch>::new());
    for batch in std::mem::take(&mut unwritten.links) {
        if late.iter().any(|other| other.workspace == batch.workspace) {
            late.push(batch);
            continue;
        }
        let noted = (batch.workspace, &*batch.noted);
        if let Err(error) = app.store.write_link_notes(batch.id, noted, app.clock.now()).await {
            failed = Some(error);
            late.push(batch);
        }
    }
    unwritten.links = late;
    if let Some((batch, refusals)) = &unwritten.refusals {
        match app.store.count_refusals(*batch, refusals, app.clock.now()).await {
            Ok(()) => unwritten.refusals = None,
            Err(error) => failed = Some(error),
        }
    }
    failed.map_or(Ok(()), Err)
}

/// The story of a link by its number.
pub async fn show(app: &App, workspace: &Workspace, id: Uuid) -> Result<Option<Story>, StoreError> {
    let read_point = app.store.read_point();
    let told = match app.store.find_told_link_by_id(workspace.id, id).await? {
        Some(told) => story_of(app, workspace, told).await?,
        None => None,
    };
    if told.is_none() {
        // A primary that was replaced does not know what was made since.
        app.store.ensure_durable(read_point, None).await?;
    }
    Ok(told)
}

/// The story of a link by the link itself, or its token.
pub async fn show_of(app: &App, workspace: &Workspace, link: &str) -> Result<Option<Story>, StoreError> {
    let Some(token) = token_of(link) else { return Ok(None) };
    let read_point = app.store.read_point();
    let hashes = app.keys().link_hashes(workspace.id, &token);
    let told = match app.store.find_told_link(workspace.id, &hashes).await? {
        Some(told) if app.keys().verify_token(&told.link, &token) => story_of(app, workspace, told).await?,
        Some(_) | None => None,
    };
    if told.is_none() {
        app.store.ensure_durable(read_point, None).await?;
    }
    Ok(told)
}

/// The token of a link, or what is one by itself.
pub(super) fn token_of(text: &str) -> Option<Token> {
    let text = text.trim();
    let Some((_, query)) = text.split_once('?') else { return Token::parse(text) };
    let query = query.split('#').next().unwrap_or_default();
    // As mail programs leave it.
    let named =
        |pair: &'_ str| pair.strip_prefix("amp;").unwrap_or(pair).strip_prefix("token=").map(str::to_owned);
    let mut tokens = query.split('&').filter_map(named);
    match (tokens.next(), tokens.next()) {
        // What a mail or a chat has left behind it is passed over, as on the login page.
        (Some(token), None) => Token::parse_from_link(&token),
        _ => None,
    }
}

/// `None` if the link's row was edited, or its story is over.
async fn story_of(app: &App, workspace: &Workspace, told: ToldLink) -> Result<Option<Story>, StoreError> {
    let (link, now) = (&told.link, app.clock.now());
    let is_over = link.draft.expires_at.plus_seconds(workspace.stories.retention) <= now;
    if is_over || app.keys().rederive(link).is_err() {
        return Ok(None);
    }
    let issuer = app.store.find_issuer(workspace.id, link).await?;
    let (actor, request_id) = issuer.unzip();
    let mut events = vec![(link.draft.created_at, StoryEvent::Issued { actor, request_id })];
    let pending = app.store.pending_reuses(link);
    let times = told.times_issued - 1 + pending.map_or(0, |(times, _)| times);
    if times > 0 {
        let last = pending.map_or(told.last_issued_at, |(_, at)| at.max(told.last_issued_at));
        events.push((last, StoryEvent::HandedOut { times }));
    }
    for (time, event) in app.store.list_story_events(workspace.id, link).await? {
        if let StoryEvent::Refused(refusal) = &event
            && refusal.is_press()
        {
            events.push((time, StoryEvent::Pressed));
        }
        events.push((time, event));
    }
    events.extend(used(&told));
    events.extend(expired(link, &events, now));
    events.sort_by(in_order);
    Ok(Some(Story {
        link: link.id,
        user: link.draft.user,
        state: LinkState::of(link, &told.standing, now),
        created_at: link.draft.created_at,
        expires_at: link.draft.expires_at,
        is_single_use: link.draft.is_single_use,
        kind: told.kind,
        events,
    }))
}

/// What the row of a link says of its one use.
fn used(told: &ToldLink) -> Vec<(Timestamp, StoryEvent)> {
    let by_code = told.is_used_by_code();
    match told.link.used_at {
        Some(at) if told.link.draft.is_single_use => {
            let pressed = (!by_code).then_some((at, StoryEvent::Pressed));
            let client_id = told.client_id.clone();
            let signed_in = (at, StoryEvent::SignedIn { session: told.session, by_code, client_id });
            pressed.into_iter().chain([signed_in]).collect()
        }
        _ => Vec::new(),
    }
}

/// When the time of a link was over, if that ended it.
fn expired(
    link: &LoginLink,
    events: &[(Timestamp, StoryEvent)],
    now: Timestamp,
) -> Option<(Timestamp, StoryEvent)> {
    if link.draft.is_single_use && link.used_at.is_some() {
        return None;
    }
    let at = link.ended_at.map_or(link.draft.expires_at, |ended| ended.min(link.draft.expires_at));
    let is_over = link.ended_at.is_some() || at <= now;
    let was_killed =
        events.iter().any(|(time, event)| matches!(event, StoryEvent::Killed { .. }) && *time <= at);
    (is_over && !was_killed).then_some((at, StoryEvent::Expired))
}

/// Oldest first; what is of one moment in the order in which it can happen.
fn in_order(one: &(Timestamp, StoryEvent), other: &(Timestamp, StoryEvent)) -> Ordering {
    let place = |event: &StoryEvent| match event {
        StoryEvent::Issued { .. } => 0,
        StoryEvent::HandedOut { .. } => 1,
        StoryEvent::Mailed { .. } => 2,
        // Who comes at the moment at which it ends comes too late.
        StoryEvent::Killed { .. } | StoryEvent::Expired => 3,
        StoryEvent::Opened { .. } => 4,
        // What was pressed and refused stands together.
        StoryEvent::Pressed | StoryEvent::Refused(_) => 5,
        StoryEvent::SignedIn { .. } => 6,
    };
    one.0.cmp(&other.0).then_with(|| place(&one.1).cmp(&place(&other.1)))
}

#[cfg(test)]
mod tests {
    use super::token_of;

    #[test]
    fn a_link_or_its_token_is_found_and_nothing_around_it() {
        let token = "ewtGwgZ0b3IE1wq7a7vrjhONy0uVBPgT";
        for text in [
            token.to_owned(),
            format!(" {token}\n"),
            format!("https://example.com/login?token={token}"),
            format!("https://example.com/login?token={token}&redirect=%2Forders"),
            format!("https://example.com/login?redirect=%2F&amp;token={token}#top"),
            format!("https://example.com/login?token={token})."),
        ] {
            assert_eq!(token_of(&text).unwrap().reveal(), token, "{text}");
        }
        for text in [
            format!("{token})"),
            token[1..].to_owned(),
            format!("https://example.com/login?token={token}&token={token}"),
            "https://example.com/login?redirect=/".to_owned(),
            "<script>".to_owned(),
            String::new(),
        ] {
            assert!(token_of(&text).is_none(), "{text}");
        }
    }
}
