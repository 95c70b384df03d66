//! An app: an application that people are signed in to by OpenID Connect.

use crate::domain::login_link::KeyId;
use crate::domain::mac_input::MacInput;
use crate::domain::named::named;
use crate::domain::timestamp::Timestamp;
use crate::domain::workspace::WorkspaceId;

named! {
    /// How ID tokens are signed (RFC 7518, section 3.1).
    pub enum SigningAlgorithm(
        /// Its name in a token's header.
        name
    ) {
        /// RSASSA-PKCS1-v1_5 with SHA-256.
        Rs256 = "RS256",
        /// ECDSA on P-256 with SHA-256.
        Es256 = "ES256",
    }
}

/// An app as it is kept: all but its secrets.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct OidcApp {
    /// The workspace.
    pub workspace: WorkspaceId,
    /// What it is called in requests: unique in the workspace, never changed.
    pub client_id: String,
    /// What people call it.
    pub name: String,
    /// Whether it can keep no secret (RFC 6749, section 2.1).
    pub is_public: bool,
    /// Where codes may be sent, byte for byte.
    pub redirect_uris: Vec<String>,
    /// Where a person arrives who comes by a link, with placeholders.
    pub start_url: Option<String>,
    /// Where a person may be sent after signing out, byte for byte.
    pub post_logout_redirect_uris: Vec<String>,
    /// Where it hears that a session has ended.
    pub backchannel_logout_uri: Option<String>,
    /// Whether it may do without a code challenge.
    pub is_pkce_optional: bool,
    /// What its ID tokens are signed with.
    pub algorithm: SigningAlgorithm,
    /// Whether claims of scopes are left to userinfo.
    pub is_id_token_slim: bool,
    /// Counts the changes, so that of two who change it at once neither is lost.
    pub revision: i64,
    /// When it was added.
    pub created_at: Timestamp,
    /// When it was last changed.
    pub updated_at: Timestamp,
    /// The key of the seal.
    pub key: KeyId,
    /// A MAC over this row.
    pub seal: [u8; 32],
}

impl OidcApp {
    /// Whether a person, or a code, is sent to an address of it in the open.
    pub fn has_http_uri(&self) -> bool {
        let lists = self.redirect_uris.iter().chain(&self.post_logout_redirect_uris);
        let is_http = |uri: &String| uri.get(..5).is_some_and(|start| start.eq_ignore_ascii_case("http:"));
        lists.chain(&self.start_url).any(is_http)
    }

    /// An app with nothing but what never changes.
    pub const fn blank(workspace: WorkspaceId, client_id: String, is_public: bool, now: Timestamp) -> Self {
        Self {
            workspace,
            client_id,
            name: String::new(),
            is_public,
            redirect_uris: Vec::new(),
            start_url: None,
            post_logout_redirect_uris: Vec::new(),
            backchannel_logout_uri: None,
            is_pkce_optional: false,
            algorithm: SigningAlgorithm::Rs256,
            is_id_token_slim: false,
            revision: 1,
            created_at: now,
            updated_at: now,
            key: KeyId(0),
            seal: [0; 32],
        }
    }

    /// An app for tests of the rules.
    #[cfg(test)]
    pub(crate) fn sample() -> Self {
        let blank = Self::blank(WorkspaceId(1), "wiki".to_owned(), false, Timestamp::from_millis(0));
        Self { name: "Wiki".to_owned(), redirect_uris: vec!["https://wiki.test/cb".to_owned()], ..blank }
    }

    /// What the row's MAC is computed over: every column.
    pub fn canonical(&self) -> MacInput {
        let text = |text: Option<&String>| text.map(String::as_bytes).unwrap_or_default().to_vec();
        let mut message = MacInput::of("app row")
            .number(self.workspace.0)
            .bytes(self.client_id.as_bytes())
            .bytes(self.name.as_bytes())
            .number(i64::from(self.is_public))
            .bytes(&text(self.start_url.as_ref()))
            .bytes(&text(self.backchannel_logout_uri.as_ref()))
            .number(i64::from(self.is_pkce_optional))
            .bytes(self.algorithm.name().as_bytes())
            .number(i64::from(self.is_id_token_slim))
            .number(self.revision)
            .number(self.created_at.millis())
            .number(self.updated_at.millis())
            .number(i64::from(self.key.0));
        for list in [&self.redirect_uris, &self.post_logout_redirect_uris] {
            message = message.number(i64::try_from(list.len()).unwrap_or(i64::MAX));
            message = list.iter().fold(message, |message, uri| message.bytes(uri.as_bytes()));
        }
        message
    }
}
