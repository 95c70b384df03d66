//! What the API answers with: one struct for each object, with its schema.

mod app;
mod list;
mod mail;
mod stats;
mod story;
mod user;

use std::collections::BTreeMap;

use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::domain::json::JsonText;
use crate::domain::timestamp::Timestamp;
use crate::domain::user::UserId;
use crate::domain::validation::Code;
use crate::store;

pub use self::app::AppObject;
pub(super) use self::app::{AddedApp, AddedSecret, Refusals};
pub(super) use self::list::{Links, List, Meta};
pub(in crate::http) use self::mail::QueuedMail;
pub use self::mail::{ListedMail, QueuedMailFacts};
pub use self::stats::LinkStats;
pub use self::story::Story;
pub(super) use self::user::ListedUser;
pub use self::user::UserObject;

/// A login link.
#[derive(Serialize, ToSchema)]
pub(in crate::http) struct LoginLink<'a> {
    /// The link, to be handed to its client and to nobody else.
    #[schema(format = "uri")]
    pub(in crate::http) link: &'a str,
    /// When it dies of age; from version 2026-12-01 on.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub(in crate::http) expires_at: Option<Timestamp>,
    /// Whether it had been handed out before; from version 2026-12-01 on.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub(in crate::http) reused: Option<bool>,
}

/// A live link as a back office sees it; never a token.
#[derive(Serialize, ToSchema)]
pub(in crate::http) struct ListedLink {
    /// The number.
    id: Uuid,
    /// Whom it signs in.
    user_id: UserId,
    /// When it was made.
    created_at: Timestamp,
    /// When it dies of age.
    expires_at: Timestamp,
    /// When it was last handed out.
    last_issued_at: Timestamp,
    /// How often it was handed out.
    #[schema(minimum = 1)]
    times_issued: i64,
}

impl From<store::ListedLink> for ListedLink {
    fn from(row: store::ListedLink) -> Self {
        let store::ListedLink { id, user_id, created_at, expires_at, last_issued_at, times_issued } = row;
        Self { id, user_id, created_at, expires_at, last_issued_at, times_issued }
    }
}

/// A session as a back office sees it.
#[derive(Serialize, ToSchema)]
pub struct ListedSession {
    /// The number.
    id: Uuid,
    /// Who is signed in.
    user_id: UserId,
    /// Since when.
    created_at: Timestamp,
    /// When it was last used, to the minute.
    last_seen_at: Timestamp,
    /// When it ends if it is not used again.
    expires_at: Timestamp,
}

impl From<store::ListedSession> for ListedSession {
    fn from(row: store::ListedSession) -> Self {
        let store::ListedSession { id, user_id, created_at, last_seen_at, expires_at } = row;
        Self { id, user_id, created_at, last_seen_at, expires_at }
    }
}

/// An entry as a back office reads it.
#[derive(Serialize, ToSchema)]
pub struct ListedEntry {
    /// The number.
    id: Uuid,
    /// When it happened.
    time: Timestamp,
    /// What happened.
    event: String,
    /// To whom.
    #[schema(required = true)]
    user_id: Option<UserId>,
    /// Who did it.
    actor: String,
    /// In which request.
    request_id: Uuid,
    /// What else is worth knowing.
    #[schema(value_type = Object)]
    data: JsonText,
}

impl From<store::ListedEntry> for ListedEntry {
    fn from(row: store::ListedEntry) -> Self {
        let store::ListedEntry { id, time, event, user_id, actor, request_id, data } = row;
        Self { id, time, event, user_id, actor, request_id, data }
    }
}

/// The body of every error of the API.
#[derive(Serialize, ToSchema)]
#[schema(as = Error)]
pub(in crate::http) struct ErrorBody<'a> {
    /// A sentence for people.
    pub(in crate::http) message: &'a str,
    /// A stable word for programs.
    pub(in crate::http) code: &'static str,
    /// Sentences by field, where fields did not pass.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub(in crate::http) errors: Option<BTreeMap<&'a str, Vec<&'a str>>>,
    /// The kinds of those problems as stable words, in the same order.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, inline)]
    pub(in crate::http) codes: Option<BTreeMap<&'a str, Vec<Code>>>,
}
