//! What became of a link, of a mail, and whether links may be used, in a sign and a word.

use super::times::lasting;
use crate::domain::mail::{Mail, MailKind, MailState};
use crate::domain::timestamp::Timestamp;
use crate::domain::user::{AccountStatus, Refusal};
use crate::store::{ClientLink, KnownLink};

/// A sign, and what it says.
pub(super) type State = (&'static str, String);

/// What became of a link of a user whose links are of this epoch: the first that is true of used, killed, expired and live, as far
/// as a list knows it.
pub(super) fn link_state(link: &KnownLink, epoch: i64, now: Timestamp) -> State {
    // By its use most often, but also by a fifth wrong code.
    if link.ended_at.is_some_and(|ended| ended < link.expires_at) {
        return ("off", "used, or ended early".to_owned());
    }
    if link.epoch < epoch {
        return ("off", "revoked".to_owned());
    }
    if link.ended_at.is_some() || link.expires_at <= now {
        return ("off", "expired".to_owned());
    }
    ("wait", "still good".to_owned())
}

/// The same, with when it was used.
pub(super) fn full_state(known: &ClientLink, epoch: i64, now: Timestamp) -> State {
    match known.used_at {
        Some(used) => {
            let after = lasting(used.since(known.link.created_at).as_secs());
            ("ok", format!("signed in after {after}"))
        }
        None if known.link.ended_at.is_some_and(|ended| ended < known.link.expires_at) => {
            ("off", "ended early, not used".to_owned())
        }
        None => link_state(&known.link, epoch, now),
    }
}

/// Why a link was made, from the word of its kind.
pub(super) fn asked_by(kind: &str) -> &'static str {
    match kind {
        "self_service" => "the client, by mail",
        "again" => "the client, for a dead one",
        _ => "the back office or an admin",
    }
}

/// Whether links may be used, for a list.
pub(super) fn may_use(standing: &AccountStatus) -> State {
    match standing.refusal() {
        None => ("ok", "yes".to_owned()),
        Some(Refusal::TwoFactorEnabled) => ("off", "no, two-factor".to_owned()),
        Some(Refusal::UserDisabled) => ("off", "no, disabled".to_owned()),
        Some(Refusal::StaffUser) => ("off", "no, staff".to_owned()),
        Some(Refusal::UserNotFound) => ("off", "no".to_owned()),
    }
}

/// What a mail is.
pub(super) fn mail_kind(kind: MailKind) -> &'static str {
    match kind {
        MailKind::Link => "login link",
        MailKind::SelfService => "link and code, asked for by the client",
        MailKind::Again => "fresh link, asked for by the client",
    }
}

/// What became of a mail.
pub(super) fn mail_state(mail: &Mail) -> State {
    let (sign, words) = match mail.state {
        MailState::Queued if mail.attempts == 0 => ("wait", "waits, not tried yet".to_owned()),
        MailState::Queued => ("wait", format!("waits, tried {}", times(mail.attempts))),
        MailState::Sent => ("ok", "sent".to_owned()),
        MailState::Failed => ("bad", "refused by the mail server".to_owned()),
        MailState::Expired => ("off", "not sent, its link ended first".to_owned()),
        MailState::Cancelled => ("off", "not sent, its link was used or revoked first".to_owned()),
    };
    (sign, words)
}

/// How often: once, twice, 3 times.
pub(super) fn times(count: i64) -> String {
    match count {
        1 => "once".to_owned(),
        2 => "twice".to_owned(),
        more => format!("{more} times"),
    }
}

/// How much of a mail server's reply a list shows, in characters.
const MAX_REPLY: usize = 200;

/// What the mail server said last, for a list; empty where a mail was sent.
pub(super) fn reply(mail: &Mail) -> String {
    if mail.state == MailState::Sent {
        return String::new();
    }
    let reply = mail.smtp_reply.as_deref().unwrap_or_default();
    match reply.char_indices().nth(MAX_REPLY) {
        Some((end, _)) => format!("{}…", reply.get(..end).unwrap_or_default()),
        None => reply.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    /// A link that nobody used, as one that five wrong codes have ended.
    #[test]
    fn only_a_link_that_was_used_is_said_to_have_signed_somebody_in() {
        let at = |second: i64| Timestamp::from_millis(second * 1_000);
        let link = KnownLink {
            id: Uuid::nil(),
            created_at: at(0),
            expires_at: at(600),
            ended_at: Some(at(60)),
            epoch: 0,
        };
        let known = |used_at| ClientLink { link, kind: "self_service".to_owned(), used_at, times_issued: 1 };

        assert_eq!(full_state(&known(None), 0, at(90)).1, "ended early, not used");
        assert_eq!(
            full_state(&known(Some(at(60))), 0, at(90)),
            ("ok", "signed in after 1\u{a0}min".to_owned())
        );
        assert_eq!(link_state(&link, 0, at(90)).1, "used, or ended early");
        assert_eq!(link_state(&KnownLink { ended_at: None, ..link }, 1, at(90)).1, "revoked");
    }
}
