//! Asks: what somebody wishes who is not known yet, bound to one browser.

use subtle::ConstantTimeEq;
use uuid::Uuid;

use super::destination::Destination;
use super::login_link::{KeyId, LinkLookupKey};
use super::mac_input::MacInput;
use super::named::named;
use super::session::SessionCookie;
use super::timestamp::Timestamp;
use super::workspace::WorkspaceId;

named! {
    /// What is asked for.
    pub enum AskKind(
        /// The word in the database.
        name
    ) {
        /// Link and code, by an address.
        SelfService = "self_service",
        /// The mail of an ask once more.
        Repeat = "repeat",
        /// A fresh link, by a dead one.
        Again = "again",
    }
}

impl AskKind {
    /// The kind of a word.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == word)
    }
}

/// Wrong codes that end an ask.
pub const MAX_TRIES: i64 = 5;

/// Wrong codes for one address in a UTC day, after which no code for it is right.
pub const MAX_WRONG_CODES_A_DAY: i64 = 10;

/// How long after a mail the same is mailed again, in seconds.
pub const REPEAT_AFTER: i64 = 60;

/// The time in which asks of one source are counted, in seconds.
pub const SOURCE_WINDOW: i64 = 600;

/// Mails to one address in 15 minutes, and in a UTC day.
pub const MAX_MAILS_TO_ADDRESS: [i64; 2] = [3, 10];

/// The time in which the first of them is counted, in seconds.
pub const ADDRESS_WINDOW: i64 = 900;

/// The longest address that is kept as it was typed, in bytes; what is longer names nobody.
pub const MAX_TYPED: usize = 254;

/// An ask as it is kept: all but the code and the secret half of its cookie, which are derived from it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Ask {
    /// The workspace.
    pub workspace: WorkspaceId,
    /// The number, which also stands in the cookie.
    pub id: Uuid,
    /// What is asked for.
    pub kind: AskKind,
    /// The ask that this one repeats.
    pub first: Option<Uuid>,
    /// The address as it was typed.
    pub email: String,
    /// Where the person is to land.
    pub destination: Destination,
    /// The language that the browser asked for, of those there are.
    pub language: Option<String>,
    /// A keyed hash of the client's network; none where that network has asked too often.
    pub source: Option<[u8; 32]>,
    /// The request that made it.
    pub request_id: Uuid,
    /// What code and cookie are derived from.
    pub seed: [u8; 16],
    /// The key that derives them.
    pub key: KeyId,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it ends.
    pub expires_at: Timestamp,
    /// When it was last to be mailed.
    pub last_mail_at: Timestamp,
    /// When it was decided what is mailed.
    pub looked_at: Option<Timestamp>,
    /// The link that was made for it; of a dead link that is asked for again, that one.
    pub link: Option<LinkLookupKey>,
    /// How many wrong codes were typed.
    pub tries: i64,
    /// When it was used up, or gave way to a newer one.
    pub ended_at: Option<Timestamp>,
    /// A MAC over this row.
    pub seal: [u8; 32],
}

impl Ask {
    /// What the row's MAC is computed over: every column that could give somebody something, and does not change but once.
    pub fn canonical(&self) -> MacInput {
        let link = self.link.unwrap_or_default();
        MacInput::of("ask row")
            .number(self.workspace.0)
            .bytes(self.id.as_bytes())
            .bytes(self.kind.name().as_bytes())
            .bytes(self.first.unwrap_or_default().as_bytes())
            .bytes(self.email.as_bytes())
            .bytes(self.destination.app.as_deref().unwrap_or_default().as_bytes())
            .bytes(self.destination.redirect.as_deref().unwrap_or_default().as_bytes())
            .bytes(&self.seed)
            .number(i64::from(self.key.0))
            .number(self.created_at.millis())
            .number(self.expires_at.millis())
            .number(i64::from(self.link.is_some()))
            .bytes(&link)
    }

    /// Whether this is one that stands for all those of networks that have asked too often.
    pub const fn is_over_limit(&self) -> bool {
        self.source.is_none()
    }

    /// Whether its code may be typed. One that has yet to begin may not: a clock set back would make it last longer.
    pub fn is_live(&self, now: Timestamp) -> bool {
        self.kind == AskKind::SelfService
            && self.ended_at.is_none()
            && now < self.expires_at
            && !self.created_at.is_ahead_of(now)
    }
}

/// The cookie of the browser that asked: the number of the ask, and a secret.
///
/// `Debug` hides it and there is no `Display`; [`reveal`](Self::reveal) lets it out.
#[derive(Clone, Debug)]
pub struct AskCookie(SessionCookie);

impl AskCookie {
    /// Takes a value in the form that [`reveal`](Self::reveal) gives.
    pub fn parse(text: &str) -> Option<Self> {
        SessionCookie::parse(text).map(Self)
    }

    /// The cookie whose secret is what 256 bits of a keyed MAC stand for.
    pub fn from_mac(id: Uuid, mac: &[u8; 32]) -> Self {
        Self(SessionCookie::from_mac(id, mac))
    }

    /// The number of the ask.
    pub const fn id(&self) -> Uuid {
        self.0.id
    }

    /// Whether the two are the same, in a time that does not tell where they differ.
    pub fn is_same_as(&self, other: &Self) -> bool {
        self.0.id == other.0.id && self.0.secret().ct_eq(other.0.secret()).into()
    }

    /// The value itself.
    pub fn reveal(&self) -> String {
        self.0.reveal()
    }
}

/// A code of six digits, as it is shown in a mail.
#[derive(Clone)]
pub struct LoginCode(String);

impl LoginCode {
    /// The code that 256 bits of a keyed MAC stand for.
    pub fn from_mac(mac: &[u8; 32]) -> Self {
        let number = mac[..8].iter().fold(0, |number: u64, byte| number << 8 | u64::from(*byte));
        Self(format!("{:06}", number % 1_000_000))
    }

    /// Takes what was typed: six digits, and spaces and `-` anywhere, which are passed over.
    pub fn parse(typed: &str) -> Option<Self> {
        let digits: String =
            typed.chars().filter(|letter| !letter.is_whitespace() && *letter != '-').collect();
        let is_code = digits.len() == 6 && digits.bytes().all(|byte| byte.is_ascii_digit());
        is_code.then_some(Self(digits))
    }

    /// Whether the two are the same, in a time that does not tell where they differ.
    pub fn is_same_as(&self, other: &Self) -> bool {
        self.0.as_bytes().ct_eq(other.0.as_bytes()).into()
    }

    /// The six digits.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Debug for LoginCode {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("LoginCode(hidden)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spaces_and_dashes_in_a_code_are_passed_over() {
        for typed in ["123456", "123 456", "123-456", " 1-2 3-4 5-6 ", "123\u{a0}456"] {
            assert_eq!(LoginCode::parse(typed).unwrap().reveal(), "123456", "{typed}");
        }
        for typed in ["", "12345", "1234567", "12345a", "１２３４５６", "١٢٣٤٥٦", "123.456", "123456\0"]
        {
            assert!(LoginCode::parse(typed).is_none(), "{typed}");
        }
    }

    #[test]
    fn a_code_has_six_digits_whatever_the_mac() {
        assert_eq!(LoginCode::from_mac(&[0; 32]).reveal(), "000000");
        assert_eq!(LoginCode::from_mac(&[255; 32]).reveal().len(), 6);
    }
}
