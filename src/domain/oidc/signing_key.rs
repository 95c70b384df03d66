//! Signing keys: what ID tokens and logout tokens of a workspace are signed with.

use super::app::SigningAlgorithm;
use crate::domain::login_link::KeyId;
use crate::domain::mac_input::MacInput;
use crate::domain::named::named;
use crate::domain::timestamp::Timestamp;
use crate::domain::workspace::WorkspaceId;

named! {
    /// What a signing key is there for.
    pub enum SigningKeyState(
        /// The word in the database and on the command line.
        name
    ) {
        /// It is published, and signs from the next rotation on.
        Next = "next",
        /// It signs.
        Signing = "signing",
        /// It has signed; its private half is gone.
        Retired = "retired",
    }
}

/// How long a retired key is published after it signed its last token, in seconds.
pub const PUBLISHED_AFTER: i64 = 86_400;

/// How long the public half of a retired key is kept, in seconds: for so long ID tokens are taken as hints.
pub const KEPT_AFTER: i64 = 400 * 86_400;

/// How long verifiers may take the published keys for all that there are, in seconds.
pub const ROTATION_PAUSE: i64 = 3_600;

/// A signing key as it is kept.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SigningKey {
    /// The workspace.
    pub workspace: WorkspaceId,
    /// What tokens call it: the thumbprint of its public half (RFC 7638).
    pub kid: String,
    /// What it signs by.
    pub algorithm: SigningAlgorithm,
    /// What it is there for.
    pub state: SigningKeyState,
    /// The public half, as a JSON Web Key (RFC 7517).
    pub public_key: String,
    /// The private half, encrypted; gone once the key is retired.
    pub private_key: Option<Vec<u8>>,
    /// The secret key of encryption and seal.
    pub key: KeyId,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it began to sign, if it ever did.
    pub activated_at: Option<Timestamp>,
    /// When it was retired.
    pub retired_at: Option<Timestamp>,
    /// A MAC over this row.
    pub seal: [u8; 32],
}

impl SigningKey {
    /// What the row's MAC is computed over: every column.
    pub fn canonical(&self) -> MacInput {
        self.identity("signing key row")
            .bytes(self.state.name().as_bytes())
            .maybe(self.private_key.as_ref().map(|_| 1))
            .bytes(self.private_key.as_deref().unwrap_or_default())
            .number(i64::from(self.key.0))
            .number(self.created_at.millis())
            .maybe(self.activated_at.map(Timestamp::millis))
            .maybe(self.retired_at.map(Timestamp::millis))
    }

    /// What the private half is encrypted beside: it opens as that of this key alone.
    pub fn encrypted_beside(&self) -> MacInput {
        self.identity("signing key")
    }

    fn identity(&self, what: &str) -> MacInput {
        MacInput::of(what)
            .number(self.workspace.0)
            .bytes(self.kid.as_bytes())
            .bytes(self.algorithm.name().as_bytes())
            .bytes(self.public_key.as_bytes())
    }

    /// The key as one that signs no more.
    pub fn retired(self, now: Timestamp) -> Self {
        let (state, retired_at) = (SigningKeyState::Retired, Some(now));
        Self { state, private_key: None, retired_at, ..self }
    }

    /// The key as the one that signs.
    pub fn signing(self, now: Timestamp) -> Self {
        Self { state: SigningKeyState::Signing, activated_at: Some(now), ..self }
    }
}
