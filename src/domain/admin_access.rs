//! What lets an admin in: a one-time link, the session that it begins, or an allowance for a proxy's header.

use std::fmt;

use uuid::Uuid;

use super::admin::AdminGrant;
use super::base62;
use super::login_link::KeyId;
use super::mac_input::MacInput;
use super::timestamp::Timestamp;

/// How long an admin link lives unless the command says otherwise, in seconds.
pub const LINK_LIFETIME: i64 = 600;

/// The shortest and the longest life of an admin link, in seconds.
pub const LINK_LIFETIMES: std::ops::RangeInclusive<i64> = 60..=86_400;

/// How long an admin session lasts, in seconds.
pub const SESSION_LIFETIME: i64 = 8 * 3_600;

/// After how long without a request it ends, in seconds.
pub const SESSION_IDLE: i64 = 30 * 60;

/// How often, at most, it is written down that an admin was seen, in milliseconds.
const TOUCH_INTERVAL: i64 = 60_000;

/// How many letters an admin secret has.
const LETTERS: usize = 43;

/// The token of an admin link, or the value of an admin's session cookie: 43 letters of base 62, just over 256 bits.
///
/// `Debug` hides it and there is no `Display`; [`reveal`](Self::reveal) lets it out.
#[derive(Clone, PartialEq, Eq, zeroize::Zeroize, zeroize::ZeroizeOnDrop)]
pub struct AdminSecret(String);

impl AdminSecret {
    /// Takes exactly 43 letters.
    pub fn parse(text: &str) -> Option<Self> {
        let is_whole = text.len() == LETTERS && base62::is_base62(text.as_bytes());
        is_whole.then(|| Self(text.to_owned()))
    }

    /// The secret itself.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for AdminSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AdminSecret(hidden)")
    }
}

/// An admin link as it is kept: all but its token. Once it was used there is none.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct AdminLink {
    /// The number, which the command line names it by.
    pub id: Uuid,
    /// A keyed hash of the token.
    pub hash: [u8; 32],
    /// What it gives.
    pub grant: AdminGrant,
    /// The key of hash and seal.
    pub key: KeyId,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it ends.
    pub expires_at: Timestamp,
    /// A MAC over this row.
    pub seal: [u8; 32],
}

/// An admin's session as it is kept: all but the cookie.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct AdminSession {
    /// The number, which the command line names it by.
    pub id: Uuid,
    /// A keyed hash of the cookie.
    pub hash: [u8; 32],
    /// Who is signed in.
    pub grant: AdminGrant,
    /// The key of hash and seal.
    pub key: KeyId,
    /// When it began.
    pub created_at: Timestamp,
    /// When it was last used, to the minute.
    pub last_seen_at: Timestamp,
    /// When it ends at the latest.
    pub expires_at: Timestamp,
    /// A MAC over this row.
    pub seal: [u8; 32],
}

/// A name that a trusted proxy may bring, as it is kept. There is one of each name.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct AdminAllowance {
    /// The number. Each time a name is allowed it gets another one.
    pub id: Uuid,
    /// Who that is.
    pub grant: AdminGrant,
    /// The key of the seal.
    pub key: KeyId,
    /// When the name was allowed.
    pub created_at: Timestamp,
    /// When it was last brought, to the minute.
    pub last_seen_at: Option<Timestamp>,
    /// When it was disallowed. The row stays, so that no backup brings the name back in.
    pub ended_at: Option<Timestamp>,
    /// A MAC over this row; all zero once it has ended.
    pub seal: [u8; 32],
}

/// Begins what the MAC of a row is computed over.
fn row(kind: &str, id: Uuid, grant: &AdminGrant, key: KeyId) -> MacInput {
    MacInput::of(kind)
        .bytes(id.as_bytes())
        .bytes(grant.name.as_str().as_bytes())
        .bytes(grant.role.name().as_bytes())
        .bytes(grant.reach.to_string().as_bytes())
        .number(i64::from(key.0))
}

impl AdminLink {
    /// What the row's MAC is computed over: every column.
    pub fn canonical(&self) -> MacInput {
        let row = row("admin link row", self.id, &self.grant, self.key).bytes(&self.hash);
        row.number(self.created_at.millis()).number(self.expires_at.millis())
    }

    /// Whether it works, if it is genuine. One that has yet to begin does not: a clock set back would make it last longer.
    pub fn is_live(&self, now: Timestamp) -> bool {
        now < self.expires_at && !self.created_at.is_ahead_of(now)
    }
}

impl AdminSession {
    /// What the row's MAC is computed over: every column.
    pub fn canonical(&self) -> MacInput {
        let row = row("admin session row", self.id, &self.grant, self.key).bytes(&self.hash);
        row.number(self.created_at.millis())
            .number(self.last_seen_at.millis())
            .number(self.expires_at.millis())
    }

    /// When it ends if it is not used again.
    pub fn ends_at(&self) -> Timestamp {
        self.expires_at.min(self.last_seen_at.plus_seconds(SESSION_IDLE))
    }

    /// Whether it holds, if it is genuine.
    pub fn is_live(&self, now: Timestamp) -> bool {
        now < self.ends_at() && !self.created_at.is_ahead_of(now)
    }

    /// Whether it is time to write down again that it was used.
    pub fn is_to_be_touched(&self, now: Timestamp) -> bool {
        now.millis() >= self.last_seen_at.millis() + TOUCH_INTERVAL
    }
}

impl AdminAllowance {
    /// What the row's MAC is computed over: every column but when it was last seen, which gives nobody anything.
    pub fn canonical(&self) -> MacInput {
        let row = row("admin allowance row", self.id, &self.grant, self.key);
        row.number(self.created_at.millis()).maybe(self.ended_at.map(Timestamp::millis))
    }

    /// Whether it is time to write down again that it was used.
    pub fn is_to_be_touched(&self, now: Timestamp) -> bool {
        self.last_seen_at.is_none_or(|seen| now.millis() >= seen.millis() + TOUCH_INTERVAL)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_has_forty_three_letters_and_hides_in_debug() {
        let text = "aZ09".repeat(11)[..43].to_owned();
        let secret = AdminSecret::parse(&text).unwrap();

        assert_eq!(secret.reveal(), text);
        assert!(!format!("{secret:?}").contains(&text));
        for wrong in ["", &text[1..], &format!("{text}0"), &text.replacen('Z', "-", 1)] {
            assert_eq!(AdminSecret::parse(wrong), None, "{wrong}");
        }
    }
}
