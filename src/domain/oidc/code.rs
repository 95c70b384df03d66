//! A code that an app exchanges, and the access token that it gets for it (RFC 6749, section 4.1).

use std::fmt;

use uuid::Uuid;

use super::scope::OidcScopes;
use crate::domain::base62;
use crate::domain::login_link::KeyId;
use crate::domain::mac_input::MacInput;
use crate::domain::timestamp::Timestamp;
use crate::domain::user::UserId;
use crate::domain::workspace::WorkspaceId;

/// How long a code may be exchanged, in seconds.
pub const CODE_LIFETIME: i64 = 60;

/// How long an access token is good, and an ID token, in seconds.
pub const TOKEN_LIFETIME: i64 = 600;

/// A code or an access token.
///
/// `Debug` hides it and there is no `Display`; [`reveal`](Self::reveal) lets it out.
#[derive(Clone, PartialEq, Eq, zeroize::Zeroize, zeroize::ZeroizeOnDrop)]
pub struct AppToken(String);

impl AppToken {
    /// The letters of one.
    pub const LENGTH: usize = 32;

    /// Takes exactly 32 letters of base 62.
    pub fn parse(text: &str) -> Option<Self> {
        (text.len() == Self::LENGTH && base62::is_base62(text.as_bytes())).then(|| Self(text.to_owned()))
    }

    /// The letters themselves.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for AppToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AppToken(hidden)")
    }
}

/// A code as it is kept: all but its letters.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct AppCode {
    /// The workspace.
    pub workspace: WorkspaceId,
    /// A keyed hash of its letters.
    pub hash: [u8; 32],
    /// The app that may exchange it.
    pub client_id: String,
    /// Whom it signs in.
    pub user: UserId,
    /// The user's link epoch when it was made: what kills links kills it.
    pub link_epoch: i64,
    /// The session in which it was made.
    pub session: Uuid,
    /// The redirect URI that it was sent to.
    pub redirect_uri: String,
    /// The hash of the code verifier.
    pub code_challenge: Option<String>,
    /// What the app gets back in its ID token.
    pub nonce: Option<String>,
    /// What the app may know.
    pub scopes: OidcScopes,
    /// The key of the hashes and the seal.
    pub key: KeyId,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was exchanged.
    pub used_at: Option<Timestamp>,
    /// A keyed hash of the access token that it was exchanged for.
    pub token_hash: Option<[u8; 32]>,
    /// When that token stops working.
    pub token_expires_at: Option<Timestamp>,
    /// When that token was revoked, since the code was used once more.
    pub token_revoked_at: Option<Timestamp>,
    /// A MAC over this row.
    pub seal: [u8; 32],
}

impl AppCode {
    /// What the row's MAC is computed over: every column.
    pub fn canonical(&self) -> MacInput {
        MacInput::of("app code row")
            .number(self.workspace.0)
            .bytes(&self.hash)
            .bytes(self.client_id.as_bytes())
            .number(self.user.number())
            .number(self.link_epoch)
            .bytes(self.session.as_bytes())
            .bytes(self.redirect_uri.as_bytes())
            .bytes(self.code_challenge.as_deref().unwrap_or_default().as_bytes())
            .bytes(self.nonce.as_deref().unwrap_or_default().as_bytes())
            .number(self.scopes.bits())
            .number(i64::from(self.key.0))
            .number(self.created_at.millis())
            .maybe(self.used_at.map(Timestamp::millis))
            .bytes(self.token_hash.as_ref().map_or(&[], |hash| hash))
            .maybe(self.token_expires_at.map(Timestamp::millis))
            .maybe(self.token_revoked_at.map(Timestamp::millis))
    }

    /// Whether it may be exchanged at a moment.
    pub fn is_live(&self, now: Timestamp) -> bool {
        self.used_at.is_none()
            && !self.created_at.is_ahead_of(now)
            && now < self.created_at.plus_seconds(CODE_LIFETIME)
    }

    /// Whether its access token is good at a moment.
    pub fn has_live_token(&self, now: Timestamp) -> bool {
        self.token_revoked_at.is_none()
            && self.used_at.is_some_and(|used_at| !used_at.is_ahead_of(now))
            && self.token_expires_at.is_some_and(|end| now < end)
    }
}
