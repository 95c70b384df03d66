//! When an app is told again that a session has ended, and what it answered.

use crate::domain::timestamp::Timestamp;

/// How long a node keeps a sign-out that it has taken, in seconds: longer than an attempt.
pub const LEASE: i64 = 60;

/// How long an app has to answer, in seconds.
pub const TIME_LIMIT: u64 = 10;

/// How long a logout token is good, in seconds.
pub const TOKEN_LIFETIME: i64 = 120;

/// Seconds from an attempt that was not heard to the next.
const DELAYS: [i64; 5] = [5, 30, 5 * 60, 30 * 60, 2 * 3_600];

/// Seconds until a sign-out is tried again that could not be sent, because too many others were: it was no attempt.
pub const WAIT_FOR_TURN: i64 = 1;

/// When a sign-out that was tried so often is tried next; `None` if it is given up.
pub fn next_attempt(attempts: i64, now: Timestamp) -> Option<Timestamp> {
    let place = usize::try_from(attempts - 1).unwrap_or(0);
    DELAYS.get(place).map(|seconds| now.plus_seconds(*seconds))
}

/// What an app answered, or why it did not.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum SignOutAnswer {
    /// An HTTP status.
    Status(u16),
    /// Its address may not be called, or leads nowhere.
    NotCalled,
    /// Too many calls were on their way.
    NoTurn,
    /// It could not be connected to, or said nothing that is HTTP in time.
    Unanswered,
    /// No token could be signed.
    NotSigned,
}

impl SignOutAnswer {
    /// The word in the database.
    pub fn word(self) -> String {
        match self {
            Self::Status(status) => return status.to_string(),
            Self::NotCalled => "not_called",
            Self::NoTurn => "no_turn",
            Self::Unanswered => "unanswered",
            Self::NotSigned => "not_signed",
        }
        .to_owned()
    }

    /// The answer of a word.
    pub fn parse(word: &str) -> Option<Self> {
        let is_word = |known: &Self| known.word() == word;
        let known =
            [Self::NotCalled, Self::NoTurn, Self::Unanswered, Self::NotSigned].into_iter().find(is_word);
        known.or_else(|| word.parse().ok().map(Self::Status))
    }

    /// Whether the app has heard.
    pub const fn is_heard(self) -> bool {
        matches!(self, Self::Status(200..=299))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_known_by_its_word_and_one_with_2xx_was_heard() {
        for (answer, word, is_heard) in [
            (SignOutAnswer::Status(204), "204", true),
            (SignOutAnswer::Status(302), "302", false),
            (SignOutAnswer::NotCalled, "not_called", false),
            (SignOutAnswer::NoTurn, "no_turn", false),
            (SignOutAnswer::Unanswered, "unanswered", false),
            (SignOutAnswer::NotSigned, "not_signed", false),
        ] {
            assert_eq!((answer.word().as_str(), answer.is_heard()), (word, is_heard));
            assert_eq!(SignOutAnswer::parse(word), Some(answer));
        }
        assert_eq!(SignOutAnswer::parse("heard"), None);
    }
}
