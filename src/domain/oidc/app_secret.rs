//! Secrets of confidential apps.

use std::fmt;

use uuid::Uuid;

use crate::domain::base62;
use crate::domain::login_link::KeyId;
use crate::domain::mac_input::MacInput;
use crate::domain::timestamp::Timestamp;
use crate::domain::workspace::WorkspaceId;

/// Live secrets that an app has at most: the one in use, and the one that is about to take its place.
pub const MAX_SECRETS: usize = 2;

/// A whole client secret.
///
/// `Debug` hides it and there is no `Display`; [`reveal`](Self::reveal) lets it out.
#[derive(Clone, PartialEq, Eq, zeroize::Zeroize, zeroize::ZeroizeOnDrop)]
pub struct ClientSecret(String);

impl ClientSecret {
    /// How many letters it has: just over 256 random bits.
    pub const LENGTH: usize = 43;

    /// Takes a secret whose length and alphabet are right.
    pub fn parse(text: &str) -> Option<Self> {
        let is_one = text.len() == Self::LENGTH && base62::is_base62(text.as_bytes());
        is_one.then(|| Self(text.to_owned()))
    }

    /// The secret itself.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for ClientSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ClientSecret(hidden)")
    }
}

/// A client secret as it is kept: all but the secret.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct AppSecret {
    /// The workspace.
    pub workspace: WorkspaceId,
    /// What it is called where it is removed.
    pub id: Uuid,
    /// Whose it is.
    pub client_id: String,
    /// A keyed hash of the secret.
    pub hash: [u8; 32],
    /// The key of the hash and the seal.
    pub key: KeyId,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was removed.
    pub removed_at: Option<Timestamp>,
    /// Until when it works although it is removed: one of a trial, which no list shows and no limit counts.
    pub trial_until: Option<Timestamp>,
    /// A MAC over this row.
    pub seal: [u8; 32],
}

impl AppSecret {
    /// What the row's MAC is computed over: every column.
    pub fn canonical(&self) -> MacInput {
        MacInput::of("app secret row")
            .number(self.workspace.0)
            .bytes(self.id.as_bytes())
            .bytes(self.client_id.as_bytes())
            .bytes(&self.hash)
            .number(i64::from(self.key.0))
            .number(self.created_at.millis())
            .maybe(self.removed_at.map(Timestamp::millis))
            .maybe(self.trial_until.map(Timestamp::millis))
    }
}
