//! What waits in the outbox is written and sent, by any node.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::interval;

use super::text::LinkMail;
use crate::app::{App, MailSetup};
use crate::domain::audit::{Actor, AuditContext, AuditEntry, AuditEvent};
use crate::domain::email::EmailAddress;
use crate::domain::language::Language;
use crate::domain::login_link::LinkRejection;
use crate::domain::mail::{LEASE, Mail, MailState, Message, next_attempt};
use crate::domain::timestamp::Timestamp;
use crate::domain::workspace::Workspace;
use crate::flow::login_links::LinkUrl;
use crate::flow::operations::nodes;
use crate::outbound::mail_server::{SendError, Sent};
use crate::store::{Attempt, FoundLink, OutboxItem, OutboxKind, Outcome, StoreError, WaitingMail};

/// How often a node that is still sending says so.
const RENEW_EVERY: Duration = Duration::from_secs(30);

/// Takes up to `room` mails that are due off the outbox: no other node sends them before this one is done, or gone.
///
/// A node that may issue nothing sends nothing: its clock, or its keys, may be wrong.
pub async fn take_due(app: &App, room: usize) -> Result<Vec<OutboxItem>, StoreError> {
    if app.mail.is_none() || nodes::is_fit(app).is_err() {
        return Ok(Vec::new());
    }
    let now = app.clock.now();
    app.store.take_due(OutboxKind::Mail, room, (now, now.plus_seconds(LEASE))).await
}

/// Sends a mail that was taken, if its link is still live, and writes down what came of it.
pub async fn deliver(app: &App, item: OutboxItem) -> Result<(), StoreError> {
    let Some(setup) = app.mail.clone() else { return Ok(()) };
    let waiting = app.store.find_waiting_mail(&item).await?;
    let workspace = app.store.find_workspace_by_id(item.workspace).await?;
    let (Some(waiting), Some(workspace)) = (waiting, workspace) else {
        // Another node was first, and this one late.
        return app.store.remove_from_outbox(&item).await;
    };
    let unsent = |state| Attempt { state, attempts: item.attempts - 1, reply: None, at: app.clock.now() };
    let message = match written(app, &setup, &workspace, &waiting).await? {
        Ok(message) => message,
        Err(state) => return record(app, &item, &waiting.mail, unsent(state)).await,
    };
    let (item, sent) = send(app, &setup, item, &message).await;
    let (state, reply) = match sent {
        Ok(Some(sent)) => (MailState::Sent, sent.reply),
        Ok(None) => {
            // What was not wanted because the store did not say so waits for the next try.
            let state = state_now(app, &item).await?.unwrap_or(MailState::Queued);
            return record(app, &item, &waiting.mail, unsent(state)).await;
        }
        Err(SendError::Failed { reply }) => (MailState::Failed, reply),
        Err(SendError::Later { reply }) => (MailState::Queued, reply),
    };
    let at = app.clock.now();
    let attempt = Attempt { state, attempts: item.attempts, reply: Some(reply), at };
    record(app, &item, &waiting.mail, attempt).await
}

/// What becomes of a mail whose link is dead by now; nothing, while it is live.
async fn state_now(app: &App, item: &OutboxItem) -> Result<Option<MailState>, StoreError> {
    let waiting = app.store.find_waiting_mail(item).await?;
    Ok(waiting.map_or(Some(MailState::Cancelled), |waiting| dead_state(&waiting, app.clock.now())))
}

/// Sends a message, and keeps its row meanwhile however long the mail server takes.
async fn send(
    app: &App,
    setup: &Arc<MailSetup>,
    mut item: OutboxItem,
    message: &Message,
) -> (OutboxItem, Result<Option<Sent>, SendError>) {
    let taken = item;
    let is_wanted = || async { state_now(app, &taken).await.is_ok_and(|state| state.is_none()) };
    let sending = setup.server.send(message, is_wanted);
    tokio::pin!(sending);
    let mut renewals = interval(RENEW_EVERY);
    renewals.tick().await;
    loop {
        tokio::select! {
            sent = &mut sending => return (item, sent),
            _ = renewals.tick() => {
                let until = app.clock.now().plus_seconds(LEASE);
                if let Ok(Outcome::Applied) = app.store.renew_lease(&item, until).await {
                    item.next_at = until;
                }
            }
        }
    }
}

async fn record(app: &App, item: &OutboxItem, mail: &Mail, attempt: Attempt) -> Result<(), StoreError> {
    let next = next_attempt(item.attempts, attempt.at, mail.link_expires_at);
    let entry = entry_about(mail, &attempt);
    let state = attempt.state;
    if app.store.record_attempt(item, &attempt, next, entry.as_ref()).await? == Outcome::Applied
        && state != MailState::Queued
    {
        app.metrics.mails(mail.kind, state).inc();
    }
    Ok(())
}

/// The mail server's reply is not repeated: it may name the address.
fn entry_about(mail: &Mail, attempt: &Attempt) -> Option<AuditEntry> {
    let event = match attempt.state {
        MailState::Sent => AuditEvent::MailSent,
        MailState::Failed => AuditEvent::MailFailed,
        MailState::Queued | MailState::Expired | MailState::Cancelled => return None,
    };
    let act = AuditContext { actor: Actor::Doorkey, request: mail.request_id };
    let entry = act.entry(event).about(mail.user_id).with("mail", mail.id.to_string());
    Some(entry.with("attempts", attempt.attempts))
}

/// What becomes of a mail whose link is dead.
fn dead_state(waiting: &WaitingMail, now: Timestamp) -> Option<MailState> {
    let Some(found) = &waiting.link else {
        // The sweep takes a link away long after its end; a user who is deleted takes it along.
        let is_over = waiting.mail.link_expires_at <= now;
        return Some(if is_over { MailState::Expired } else { MailState::Cancelled });
    };
    let death = found.link.death(&found.standing, now)?;
    Some(if death == LinkRejection::Expired { MailState::Expired } else { MailState::Cancelled })
}

/// The message of a mail; or what becomes of the mail, if its link is dead.
async fn written(
    app: &App,
    setup: &MailSetup,
    workspace: &Workspace,
    waiting: &WaitingMail,
) -> Result<Result<Message, MailState>, StoreError> {
    let (mail, now) = (&waiting.mail, app.clock.now());
    if let Some(state) = dead_state(waiting, now) {
        return Ok(Err(state));
    }
    let Some(found) = &waiting.link else { return Ok(Err(MailState::Cancelled)) };
    let Ok(token) = app.keys().rederive(&found.link) else { return Ok(Err(MailState::Cancelled)) };
    let code = match mail.ask {
        Some(id) => {
            let ask = app.store.find_ask(workspace.id, id).await?;
            // The code of an ask that gave way to a newer one is right no more; its link is. The mail of another link has no code.
            let ask = ask.filter(|ask| ask.is_live(now) && ask.link == Some(mail.link));
            ask.and_then(|ask| app.keys().ask_code(&ask).ok())
        }
        None => None,
    };
    let link = LinkUrl::in_mail(workspace, &token, mail);
    let (support_contact, page_name) = (workspace.branding.support_contact.as_ref(), workspace.shown_name());
    let text = LinkMail {
        language: Language::look_up(&mail.language).unwrap_or(workspace.branding.locale),
        workspace: page_name,
        portal: workspace.url.as_str(),
        kind: mail.kind,
        link: link.reveal(),
        code: code.as_ref().map(crate::domain::ask::LoginCode::reveal),
        asked_at: mail.created_at,
        good_until: mail.link_expires_at,
        support_contact,
        brand_color: workspace.branding.color,
    };
    Ok(Ok(message(setup, workspace, (mail, found), &text)))
}

fn message(
    setup: &MailSetup,
    workspace: &Workspace,
    (mail, found): (&Mail, &FoundLink),
    text: &LinkMail<'_>,
) -> Message {
    let language = text.language.tag().to_owned();
    let super::text::MailText { subject, text, html } = text.render();
    Message {
        id: mail.id,
        from: sender(setup, workspace).clone(),
        from_name: workspace.sender_name().to_owned(),
        reply_to: workspace.mail.reply_to.clone(),
        to: found.email.clone(),
        date: mail.created_at,
        language,
        subject,
        text,
        html,
    }
}

/// Who sends the mails of a workspace.
pub fn sender<'a>(setup: &'a MailSetup, workspace: &'a Workspace) -> &'a EmailAddress {
    workspace.mail.from.as_ref().unwrap_or(&setup.from)
}
