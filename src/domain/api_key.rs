//! API keys: what a back office shows to be let in.

use std::fmt;

use super::base62;
use super::login_link::KeyId;
use super::mac_input::MacInput;
use super::scope::Scopes;
use super::timestamp::Timestamp;
use super::workspace::WorkspaceId;

/// What every key begins with, so that people and secret scanners know one when they see it.
const PREFIX: &str = "doorkey_";

/// The random part: 43 letters of base 62, just over 256 bits.
const RANDOM: usize = 43;

/// The checksum: a CRC-32 in base 62.
const CHECKSUM: usize = 6;

/// A whole API key.
///
/// `Debug` hides it and there is no `Display`; [`reveal`](Self::reveal) lets it out.
#[derive(Clone, PartialEq, Eq, zeroize::Zeroize, zeroize::ZeroizeOnDrop)]
pub struct ApiKeySecret(String);

impl ApiKeySecret {
    /// Takes a key whose length, alphabet and checksum are right: a slip of the pen needs no database.
    pub fn parse(text: &str) -> Option<Self> {
        let rest = text.strip_prefix(PREFIX)?;
        if rest.len() != RANDOM + CHECKSUM || !base62::is_base62(rest.as_bytes()) {
            return None;
        }
        let (random, checksum) = rest.split_at(RANDOM);
        (checksum_of(random) == checksum.as_bytes()).then(|| Self(text.to_owned()))
    }

    /// A key out of 43 random letters; `None` if there are fewer or more.
    pub fn from_letters(random: &str) -> Option<Self> {
        let checksum = checksum_of(random);
        let checksum = std::str::from_utf8(&checksum).unwrap_or_default();
        Self::parse(&format!("{PREFIX}{random}{checksum}"))
    }

    /// The key itself.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for ApiKeySecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ApiKeySecret(hidden)")
    }
}

fn checksum_of(random: &str) -> [u8; CHECKSUM] {
    let mut crc = crc32fast::Hasher::new();
    crc.update(PREFIX.as_bytes());
    crc.update(random.as_bytes());
    base62::digits_of(u128::from(crc.finalize()))
}

/// An API key as it is kept: all but the secret.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ApiKey {
    /// The workspace.
    pub workspace: WorkspaceId,
    /// The number, from 1, never used again in the workspace.
    pub id: i64,
    /// What the operator calls it.
    pub name: String,
    /// A keyed hash of the secret.
    pub hash: [u8; 32],
    /// What it may do.
    pub scopes: Scopes,
    /// The key of the hash and the seal.
    pub key: KeyId,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it stops working; never, if missing.
    pub expires_at: Option<Timestamp>,
    /// When it was revoked.
    pub revoked_at: Option<Timestamp>,
    /// A MAC over this row.
    pub seal: [u8; 32],
}

impl ApiKey {
    /// Whether the key lets in at a moment, if it is genuine. One that expires does not before it was made: a clock set
    /// back would make it last longer.
    pub fn is_live(&self, now: Timestamp) -> bool {
        let holds_until = |end| now < end && !self.created_at.is_ahead_of(now);
        self.revoked_at.is_none() && self.expires_at.is_none_or(holds_until)
    }

    /// What the row's MAC is computed over: every column that could give somebody something.
    pub fn canonical(&self) -> MacInput {
        MacInput::of("api key row")
            .number(self.workspace.0)
            .bytes(&self.hash)
            .bytes(self.scopes.to_string().as_bytes())
            .number(i64::from(self.key.0))
            .number(self.created_at.millis())
            .maybe(self.expires_at.map(Timestamp::millis))
            .maybe(self.revoked_at.map(Timestamp::millis))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As another program reckons it: CRC-32 as in IEEE 802.3 over prefix and random part, in base 62.
    #[test]
    fn the_checksum_is_that_of_ieee_802_3() {
        assert_eq!(checksum_of(&"0".repeat(43)), *b"2LfDV1");
    }

    #[test]
    fn a_key_with_a_slip_is_none() {
        let key = ApiKeySecret::from_letters(&"aZ09".repeat(11)[..43]).unwrap();
        let text = key.reveal();

        assert_eq!(ApiKeySecret::parse(text).as_ref(), Some(&key));
        assert_eq!(text.len(), 8 + 43 + 6);
        for wrong in [
            "",
            "doorkey_",
            &text[1..],
            &text[..56],
            &format!("{text}0"),
            &text.replacen('Z', "z", 1),
            &text.replacen('a', "-", 1),
            &text.to_uppercase(),
        ] {
            assert_eq!(ApiKeySecret::parse(wrong), None, "{wrong}");
        }
    }
}
