//! A mail as a back office sees it.

use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::domain::mail::{Mail, MailState};
use crate::domain::timestamp::Timestamp;
use crate::domain::user::UserId;

/// What is answered when a link is to be mailed; never the link.
#[derive(Serialize, ToSchema)]
pub struct QueuedMail<'a> {
    /// The mail.
    mail: QueuedMailFacts<'a>,
}

/// A mail when it was queued.
#[derive(Serialize, ToSchema)]
pub struct QueuedMailFacts<'a> {
    /// The number.
    id: Uuid,
    /// The address that it goes to, masked.
    to: &'a str,
    /// It waits to be sent.
    #[schema(example = "queued")]
    state: &'static str,
    /// When the link in it dies of age.
    link_expires_at: Timestamp,
    /// Whether that had been handed out before.
    reused: bool,
}

impl<'a> From<&'a Mail> for QueuedMail<'a> {
    fn from(mail: &'a Mail) -> Self {
        Self { mail: mail.into() }
    }
}

impl<'a> From<&'a Mail> for QueuedMailFacts<'a> {
    /// What it was when it was queued, whatever became of it since.
    fn from(mail: &'a Mail) -> Self {
        let Mail { id, to, link_expires_at, is_reused, .. } = mail;
        let (id, link_expires_at, reused) = (*id, *link_expires_at, *is_reused);
        Self { id, to, state: MailState::Queued.name(), link_expires_at, reused }
    }
}

/// A mail, and what became of it.
#[derive(Serialize, ToSchema)]
pub struct ListedMail {
    /// The number.
    id: Uuid,
    /// To whom.
    user_id: UserId,
    /// Why: `link` where the back office had a link mailed, `self_service` where the person asked for one, `again` where the person
    /// asked for a fresh one in place of a dead one.
    #[schema(pattern = "^(link|self_service|again)$")]
    kind: &'static str,
    /// The address, masked.
    to: String,
    /// What became of it: `queued`, `sent`, `failed`, or `expired` and `cancelled` where its link was dead first.
    #[schema(pattern = "^(queued|sent|failed|expired|cancelled)$")]
    state: &'static str,
    /// How often it was tried.
    #[schema(minimum = 0)]
    attempts: i64,
    /// When it was queued.
    created_at: Timestamp,
    /// When a mail server took it.
    #[schema(required = true)]
    sent_at: Option<Timestamp>,
    /// The last reply of the mail server, 500 bytes at most.
    #[schema(required = true)]
    smtp_reply: Option<String>,
    /// The request that asked for it.
    request_id: Uuid,
}

impl From<Mail> for ListedMail {
    fn from(mail: Mail) -> Self {
        let Mail {
            id, user_id, kind, to, state, attempts, created_at, sent_at, smtp_reply, request_id, ..
        } = mail;
        let (kind, state) = (kind.name(), state.name());
        Self { id, user_id, kind, to, state, attempts, created_at, sent_at, smtp_reply, request_id }
    }
}
