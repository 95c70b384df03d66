//! Codes and access tokens of apps, and the requests that wait for a sign-in.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use subtle::ConstantTimeEq;

use super::random::random_letters;
use super::{Keyring, NoRandomness, is_same, mac};
use crate::domain::mac_input::MacInput;
use crate::domain::oidc::code::{AppCode, AppToken};
use crate::domain::token::Token;
use crate::domain::workspace::WorkspaceId;

/// A new code, or a new access token.
pub fn random_app_token() -> Result<AppToken, NoRandomness> {
    loop {
        if let Some(token) = AppToken::parse(&random_letters(AppToken::LENGTH)?) {
            return Ok(token);
        }
    }
}

impl Keyring {
    /// A code to be kept: hash, key and seal are set.
    pub fn seal_new_app_code(&self, row: AppCode, code: &AppToken) -> AppCode {
        let key = self.active();
        let hash = key.lookup(&message("app code", row.workspace, code));
        let row = AppCode { hash, key: key.id, ..row };
        AppCode { seal: mac(&key.seal, &row.canonical()), ..row }
    }

    /// A code that is exchanged for an access token, by its own key.
    pub fn seal_exchanged(&self, row: AppCode, token: &AppToken) -> AppCode {
        let key = self.find(row.key).unwrap_or_else(|_| self.active());
        let token_hash = Some(key.lookup(&message("access token", row.workspace, token)));
        self.seal_app_code(AppCode { token_hash, ..row })
    }

    /// A code with a fresh seal, by its own key.
    pub fn seal_app_code(&self, row: AppCode) -> AppCode {
        let key = self.find(row.key).unwrap_or_else(|_| self.active());
        AppCode { seal: mac(&key.seal, &row.canonical()), ..row }
    }

    /// Whether a code's row is as this server wrote it.
    pub fn is_genuine_app_code(&self, row: &AppCode) -> bool {
        self.find(row.key).is_ok_and(|key| is_same(&mac(&key.seal, &row.canonical()), &row.seal))
    }

    /// What a code may be looked up by: one hash for each key, the active one's first.
    pub fn app_code_hashes(&self, workspace: WorkspaceId, code: &AppToken) -> Vec<[u8; 32]> {
        self.keys.iter().map(|key| key.lookup(&message("app code", workspace, code))).collect()
    }

    /// The same of an access token.
    pub fn access_token_hashes(&self, workspace: WorkspaceId, token: &AppToken) -> Vec<[u8; 32]> {
        self.keys.iter().map(|key| key.lookup(&message("access token", workspace, token))).collect()
    }

    /// A text that comes back unchanged or not at all, in letters of base64url and one dot.
    pub fn seal_request(&self, workspace: WorkspaceId, text: &[u8]) -> String {
        let encoded = URL_SAFE_NO_PAD.encode(text);
        let proof = Token::from_mac(&mac(&self.active().form, &waiting(workspace, &encoded)));
        format!("{encoded}.{}", proof.reveal())
    }

    /// The text of a [sealed request](Self::seal_request) of the same workspace, by any key.
    pub fn open_request(&self, workspace: WorkspaceId, sealed: &str) -> Option<Vec<u8>> {
        let (encoded, proof) = sealed.split_once('.')?;
        let message = waiting(workspace, encoded);
        let is_genuine = self.keys.iter().any(|key| {
            let expected = Token::from_mac(&mac(&key.form, &message));
            expected.reveal().as_bytes().ct_eq(proof.as_bytes()).into()
        });
        if is_genuine { URL_SAFE_NO_PAD.decode(encoded).ok() } else { None }
    }
}

fn message(what: &str, workspace: WorkspaceId, token: &AppToken) -> MacInput {
    MacInput::of(what).number(workspace.0).bytes(token.reveal().as_bytes())
}

fn waiting(workspace: WorkspaceId, encoded: &str) -> MacInput {
    MacInput::of("waiting request").number(workspace.0).bytes(encoded.as_bytes())
}
