//! Mails to users: what they are for, what becomes of them, and when they are tried again.

use uuid::Uuid;

use super::destination::Destination;
use super::email::EmailAddress;
use super::login_link::{LinkKind, LinkLookupKey};
use super::named::named;
use super::timestamp::Timestamp;
use super::user::UserId;

named! {
    /// Why a mail is sent.
    pub enum MailKind(
        /// The word in the API and in the database.
        name
    ) {
        /// The back office asked for a link and has it mailed.
        Link = "link",
        /// The person asked for a link and a code.
        SelfService = "self_service",
        /// The person asked for a fresh link in place of a dead one.
        Again = "again",
    }
}

named! {
    /// What became of a mail.
    pub enum MailState(
        /// The word in the API and in the database.
        name
    ) {
        /// It waits to be sent.
        Queued = "queued",
        /// A mail server has taken it.
        Sent = "sent",
        /// A mail server has refused it for good.
        Failed = "failed",
        /// Its link died of age first.
        Expired = "expired",
        /// Its link was used or revoked first.
        Cancelled = "cancelled",
    }
}

impl MailKind {
    /// The kind of a link that is made for such a mail.
    pub const fn link_kind(self) -> LinkKind {
        match self {
            Self::Link => LinkKind::Api,
            Self::SelfService => LinkKind::SelfService,
            Self::Again => LinkKind::Again,
        }
    }

    /// The kind of a word.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == word)
    }
}

impl MailState {
    /// The state of a word.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.name() == word)
    }
}

/// A mail as it is kept. It has neither link nor code: both are derived when it is sent.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Mail {
    /// The number; its `Message-ID` begins with it.
    pub id: Uuid,
    /// To whom.
    pub user_id: UserId,
    /// Why.
    pub kind: MailKind,
    /// The address, masked.
    pub to: String,
    /// What became of it.
    pub state: MailState,
    /// How often it was tried.
    pub attempts: i64,
    /// When it was queued.
    pub created_at: Timestamp,
    /// When a mail server took it.
    pub sent_at: Option<Timestamp>,
    /// The last reply of a mail server.
    pub smtp_reply: Option<String>,
    /// The request that asked for it.
    pub request_id: Uuid,
    /// The link in it.
    pub link: LinkLookupKey,
    /// When that dies of age.
    pub link_expires_at: Timestamp,
    /// Whether that had been handed out before.
    pub is_reused: bool,
    /// The ask whose code is in it.
    pub ask: Option<Uuid>,
    /// The language that it is written in.
    pub language: String,
    /// Where the link leads, beyond what it leads to by itself.
    pub destination: Destination,
}

/// A mail to one person: a text, and the same as HTML.
#[derive(Clone, Debug)]
pub struct Message {
    /// What makes its `Message-ID`, which is one for all attempts.
    pub id: Uuid,
    /// Who sends it.
    pub from: EmailAddress,
    /// The sender's name as people read it; it may be empty.
    pub from_name: String,
    /// Where answers go, if not to the sender.
    pub reply_to: Option<EmailAddress>,
    /// Who gets it.
    pub to: EmailAddress,
    /// When it was written.
    pub date: Timestamp,
    /// The language it is in: a tag of BCP 47, such as `pt-BR`.
    pub language: String,
    /// Its subject.
    pub subject: String,
    /// Its text. A link stands alone on its line.
    pub text: String,
    /// The same as HTML.
    pub html: String,
}

/// Seconds from a try to the next, by how many there were; from then on the last of them.
const WAITS: [i64; 5] = [5, 30, 120, 300, 600];

/// How long a node has to send what it took from the outbox before another may take it, in seconds. It takes more time while it is
/// still sending.
pub const LEASE: i64 = 90;

/// How long mails are kept, in seconds.
pub const RETENTION: i64 = 30 * 86_400;

/// When something is tried again after so many attempts, but not after `latest`, when there is nothing left to send.
pub fn next_attempt(attempts: i64, now: Timestamp, latest: Timestamp) -> Timestamp {
    let place = usize::try_from(attempts - 1).unwrap_or(0).min(WAITS.len() - 1);
    now.plus_seconds(WAITS[place]).min(latest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_waits_grow_to_ten_minutes_and_end_with_the_link() {
        let (now, far) = (Timestamp::from_millis(0), Timestamp::from_millis(i64::MAX));
        let waits = (1..=7).map(|attempts| next_attempt(attempts, now, far).millis() / 1_000);

        assert_eq!(waits.collect::<Vec<_>>(), [5, 30, 120, 300, 600, 600, 600]);
        assert_eq!(next_attempt(5, now, now.plus_seconds(7)), now.plus_seconds(7));
    }
}
