//! The secret keys: what derives tokens, seals rows and ties forms to browsers.

mod admins;
mod app_codes;
mod apps;
mod asks;
mod file;
mod file_edit;
mod forms;
mod live_keyring;
mod login_tokens;
mod random;
mod signing;

use std::sync::Arc;

use hkdf::Hkdf;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use crate::domain::api_key::{ApiKey, ApiKeySecret};
use crate::domain::login_link::KeyId;
use crate::domain::mac_input::MacInput;
use crate::domain::secret_key::{SecretKeyRecord, active_key};
use crate::domain::session::{CsrfCookie, Session, SessionCookie};
use crate::domain::token::Token;
use crate::domain::workspace::WorkspaceId;

pub use self::app_codes::random_app_token;
pub use self::file::{KeyFileError, load};
pub use self::file_edit::{
    PendingKeyFile, add, create, create_in_use, is_unused, take_into_use, with_active,
};
pub use self::forms::FormClaim;
pub use self::live_keyring::LiveKeyring;
pub use self::random::{
    NoRandomness, random, random_admin_secret, random_api_key, random_browser_cookie, random_client_id,
    random_client_secret, random_cookie_tag,
};
pub use self::signing::{KeyPair, SigningFailed};

type HmacSha256 = Hmac<Sha256>;

/// One secret key, spread into one key for each purpose (HKDF, RFC 5869).
#[derive(Clone)]
pub struct SecretKey {
    /// Its number, drawn from itself.
    pub id: KeyId,
    /// What a database knows it by; tells nothing of it.
    pub fingerprint: [u8; 32],
    token: HmacSha256,
    lookup: HmacSha256,
    seal: HmacSha256,
    session: HmacSha256,
    form: HmacSha256,
    /// Encrypts what must be read again (AES-256-GCM).
    encrypt: Arc<Zeroizing<[u8; 32]>>,
}

impl std::fmt::Debug for SecretKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "SecretKey({}, hidden)", self.id)
    }
}

impl SecretKey {
    /// Spreads 256 secret bits. The purposes' names are part of the format: to change one is to end every link.
    fn derive_subkeys(material: &[u8; 32]) -> Self {
        let hkdf = Hkdf::<Sha256>::new(None, material);
        let derive_subkeys = |purpose: &str, bytes: &mut [u8]| {
            // HKDF gives up to 8,160 bytes: this asks for 64 at most, so it cannot fail.
            let _ = hkdf.expand(format!("doorkey v1 {purpose}").as_bytes(), bytes);
        };
        let mac = |purpose: &str| {
            let mut block = [0; 64];
            derive_subkeys(purpose, &mut block);
            HmacSha256::new(&block.into())
        };
        let (mut id, mut fingerprint) = ([0; 4], [0; 32]);
        derive_subkeys("id", &mut id);
        derive_subkeys("fingerprint", &mut fingerprint);
        let mut encrypt = Zeroizing::new([0; 32]);
        derive_subkeys("encrypt", &mut *encrypt);
        Self {
            id: KeyId(u32::from_be_bytes(id)),
            fingerprint,
            token: mac("token"),
            lookup: mac("lookup"),
            seal: mac("seal"),
            session: mac("session"),
            form: mac("form"),
            encrypt: Arc::new(encrypt),
        }
    }

    fn lookup(&self, message: &MacInput) -> [u8; 32] {
        mac(&self.lookup, message)
    }

    fn hash_of_secret(&self, workspace: WorkspaceId, cookie: &SessionCookie) -> [u8; 32] {
        let message = MacInput::of("session secret").number(workspace.0).bytes(cookie.id.as_bytes());
        self.lookup(&message.bytes(cookie.secret()))
    }
}

fn mac(key: &HmacSha256, message: &MacInput) -> [u8; 32] {
    key.clone().chain_update(message.as_bytes()).finalize().into_bytes().into()
}

fn is_same(one: &[u8; 32], other: &[u8; 32]) -> bool {
    one.ct_eq(other).into()
}

/// A row carries a MAC that this server cannot vouch for: its key is gone, or it was edited.
#[derive(Clone, Copy, Debug, thiserror::Error, PartialEq, Eq)]
#[error("a row was edited without the secret key, or its key is not in the key file")]
pub struct InvalidSeal;

/// All keys of the key file: one derives what is new, all of them know what is old.
#[derive(Clone, Debug)]
pub struct Keyring {
    /// The active key first.
    keys: Vec<SecretKey>,
}

impl Keyring {
    /// The key that derives what is new; the file is refused if it has none.
    fn active(&self) -> &SecretKey {
        &self.keys[0]
    }

    /// Every key, the active one first.
    pub fn all(&self) -> impl Iterator<Item = &SecretKey> {
        self.keys.iter()
    }

    /// The number of the key that derives what is new.
    pub fn active_id(&self) -> KeyId {
        self.active().id
    }

    /// Whether a key of this fingerprint is among them.
    pub fn has(&self, fingerprint: &[u8; 32]) -> bool {
        self.keys.iter().any(|key| key.fingerprint == *fingerprint)
    }

    /// These keys as a database has them: without those that it retired, and led by the one that it says is active.
    /// `None` if nothing would be left.
    fn settled(&self, known: &[SecretKeyRecord]) -> Option<Self> {
        let is_retired = |key: &&SecretKey| {
            known.iter().any(|known| known.retired_at.is_some() && known.fingerprint == key.fingerprint)
        };
        let mut keys: Vec<_> = self.keys.iter().filter(|key| !is_retired(key)).cloned().collect();
        let active = active_key(known, &self.active().fingerprint);
        if keys.is_empty() {
            return None;
        }
        let leads = |key: &SecretKey| active.is_some_and(|one| one.fingerprint == key.fingerprint);
        if let Some(leader) = keys.iter().position(leads) {
            keys[..=leader].rotate_right(1);
        }
        Some(Self { keys })
    }

    /// Whether a key of this number is among them.
    pub fn knows(&self, id: KeyId) -> bool {
        self.find(id).is_ok()
    }

    fn find(&self, id: KeyId) -> Result<&SecretKey, InvalidSeal> {
        self.keys.iter().find(|key| key.id == id).ok_or(InvalidSeal)
    }

    /// What an API key may be looked up by: one hash for each key, the active one's first.
    pub fn api_key_hashes(&self, secret: &ApiKeySecret) -> Vec<[u8; 32]> {
        let message = MacInput::of("api key").bytes(secret.reveal().as_bytes());
        self.keys.iter().map(|key| key.lookup(&message)).collect()
    }

    /// An API key to be kept: its hash, key and seal are set.
    pub fn seal_api_key(&self, api_key: ApiKey, secret: &ApiKeySecret) -> ApiKey {
        let key = self.active();
        let hash = key.lookup(&MacInput::of("api key").bytes(secret.reveal().as_bytes()));
        let api_key = ApiKey { hash, key: key.id, ..api_key };
        ApiKey { seal: mac(&key.seal, &api_key.canonical()), ..api_key }
    }

    /// An API key with a fresh seal, once it is revoked.
    ///
    /// # Errors
    /// `InvalidSeal` if the key of its seal is not in the key file.
    pub fn reseal_api_key(&self, api_key: ApiKey) -> Result<ApiKey, InvalidSeal> {
        let seal = mac(&self.find(api_key.key)?.seal, &api_key.canonical());
        Ok(ApiKey { seal, ..api_key })
    }

    /// Whether an API key's row is as this server wrote it.
    pub fn is_genuine_api_key(&self, api_key: &ApiKey) -> bool {
        self.find(api_key.key).is_ok_and(|key| is_same(&mac(&key.seal, &api_key.canonical()), &api_key.seal))
    }

    /// What the same confirm, repeated, is known by: one hash for each key, the active one's first.
    pub fn confirm_hashes(&self, token: &Token, browser: &CsrfCookie) -> Vec<[u8; 32]> {
        let message = confirm_hash(token, browser);
        self.keys.iter().map(|key| key.lookup(&message)).collect()
    }

    /// A session to be kept and the cookie that proves it. Key, hashes and seal are set.
    pub fn begin_session(
        &self,
        session: Session,
        token: &Token,
        browser: &CsrfCookie,
    ) -> (Session, SessionCookie) {
        let key = self.active();
        let confirm_hash = key.lookup(&confirm_hash(token, browser));
        let session = Session { key: key.id, confirm_hash, ..session };
        let cookie = session_cookie(key, &session, token, browser);
        let secret_hash = key.hash_of_secret(session.workspace, &cookie);
        (self.seal_session(Session { secret_hash, ..session }), cookie)
    }

    /// The cookie of a session that the same browser began with the same link.
    ///
    /// # Errors
    /// `InvalidSeal` if the row was edited, or another browser or link began it.
    pub fn repeat_session(
        &self,
        session: &Session,
        token: &Token,
        browser: &CsrfCookie,
    ) -> Result<SessionCookie, InvalidSeal> {
        let cookie = session_cookie(self.find(session.key)?, session, token, browser);
        if self.verify_session(session, &cookie) { Ok(cookie) } else { Err(InvalidSeal) }
    }

    /// Whether a cookie proves a session, and the session's row is as this server wrote it.
    pub fn verify_session(&self, session: &Session, cookie: &SessionCookie) -> bool {
        self.find(session.key).is_ok_and(|key| {
            is_same(&key.hash_of_secret(session.workspace, cookie), &session.secret_hash)
                & is_same(&mac(&key.seal, &session.canonical()), &session.seal)
        })
    }

    /// Whether a session's row is as this server wrote it.
    pub fn is_genuine_session(&self, session: &Session) -> bool {
        self.find(session.key).is_ok_and(|key| is_same(&mac(&key.seal, &session.canonical()), &session.seal))
    }

    /// The session with a fresh seal, by its own key where that is known.
    pub fn seal_session(&self, session: Session) -> Session {
        let key = self.find(session.key).unwrap_or_else(|_| self.active());
        Session { seal: mac(&key.seal, &session.canonical()), ..session }
    }
}

fn confirm_hash(token: &Token, browser: &CsrfCookie) -> MacInput {
    MacInput::of("redemption").bytes(token.reveal().as_bytes()).bytes(browser.reveal().as_bytes())
}

fn session_cookie(key: &SecretKey, session: &Session, token: &Token, browser: &CsrfCookie) -> SessionCookie {
    let message = MacInput::of("session")
        .number(session.workspace.0)
        .bytes(session.id.as_bytes())
        .bytes(&session.seed)
        .bytes(token.reveal().as_bytes())
        .bytes(browser.reveal().as_bytes());
    SessionCookie::from_mac(session.id, &mac(&key.session, &message))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::login_link::LinkClaims;
    use crate::domain::timestamp::Timestamp;
    use crate::domain::user::UserId;
    use crate::domain::workspace::Workspace;

    pub(super) fn ring(bytes: &[u8]) -> Keyring {
        Keyring { keys: bytes.iter().map(|byte| SecretKey::derive_subkeys(&[*byte; 32])).collect() }
    }

    pub(super) fn draft(seed: u8) -> LinkClaims {
        let workspace = Workspace::sample("https://example.com");
        LinkClaims::for_user(UserId::from_store(1), 0, &workspace, Timestamp::from_millis(5), [seed; 16])
    }

    #[test]
    fn a_ring_goes_along_with_the_database_and_a_retired_key_proves_nothing() {
        let keys = ring(&[1, 2, 3]);
        let known = |place: usize, activated_at: i64, retired_at: Option<i64>| {
            let (id, fingerprint) = (keys.keys[place].id, keys.keys[place].fingerprint);
            let moment = Timestamp::from_millis;
            SecretKeyRecord {
                id,
                fingerprint,
                activated_at: Some(moment(activated_at)),
                retired_at: retired_at.map(moment),
            }
        };
        let settled = keys.settled(&[known(0, 1, Some(3)), known(1, 2, None)]).unwrap();

        let ids = |ring: &Keyring| ring.all().map(|key| key.id).collect::<Vec<_>>();
        assert_eq!(ids(&settled), ids(&ring(&[2, 3])), "the third was added, and is not used yet");
        assert_eq!(settled.rederive(&ring(&[1]).issue_token(draft(1)).0), Err(InvalidSeal));
        assert_eq!(
            ids(&keys.settled(&[known(2, 9, None), known(0, 1, None)]).unwrap()),
            ids(&ring(&[3, 1, 2]))
        );
        assert!(ring(&[1]).settled(&[known(0, 1, Some(2))]).is_none());
    }
}
