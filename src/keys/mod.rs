//! The secret keys: what derives tokens, seals rows and ties forms to browsers.

mod drafts;
mod file;
mod held;
mod random;

use hkdf::Hkdf;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use subtle::ConstantTimeEq;
use uuid::Uuid;

use crate::domain::api_key::{ApiKey, ApiKeySecret};
use crate::domain::canonical::Canonical;
use crate::domain::login_link::{Draft, KeyId, LinkHash, LoginLink};
use crate::domain::secret_key::{KnownKey, active_of};
use crate::domain::session::{BrowserCookie, Session, SessionCookie};
use crate::domain::token::Token;
use crate::domain::workspace::WorkspaceId;

pub use drafts::{FileDraft, add, create, with_active};
pub use file::{KeyFileError, load};
pub use held::Held;
pub use random::{NoRandomness, random, random_api_key, random_browser_cookie};

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
}

impl std::fmt::Debug for SecretKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "SecretKey({}, hidden)", self.id)
    }
}

impl SecretKey {
    /// Spreads 256 secret bits. The purposes' names are part of the format: to change one is to end every link.
    fn spread(material: &[u8; 32]) -> Self {
        let hkdf = Hkdf::<Sha256>::new(None, material);
        let spread = |purpose: &str, bytes: &mut [u8]| {
            // HKDF gives up to 8,160 bytes: this asks for 64 at most, so it cannot fail.
            let _ = hkdf.expand(format!("doorkey v1 {purpose}").as_bytes(), bytes);
        };
        let mac = |purpose: &str| {
            let mut block = [0; 64];
            spread(purpose, &mut block);
            HmacSha256::new(&block.into())
        };
        let (mut id, mut fingerprint) = ([0; 4], [0; 32]);
        spread("id", &mut id);
        spread("fingerprint", &mut fingerprint);
        Self {
            id: KeyId(u32::from_be_bytes(id)),
            fingerprint,
            token: mac("token"),
            lookup: mac("lookup"),
            seal: mac("seal"),
            session: mac("session"),
            form: mac("form"),
        }
    }

    fn lookup(&self, message: &Canonical) -> [u8; 32] {
        mac(&self.lookup, message)
    }

    fn keyed_hash(&self, workspace: WorkspaceId, token: &Token) -> [u8; 32] {
        self.lookup(&link_lookup(workspace, token.secret()))
    }

    /// What a token is looked up by, if this key derived it.
    fn link_hash(&self, workspace: WorkspaceId, token: &Token) -> LinkHash {
        let keyed_hash = self.keyed_hash(workspace, token);
        let shift = shift_of(&hash_at(0, &keyed_hash));
        hash_at(token.place(shift), &keyed_hash)
    }

    fn hash_of_secret(&self, workspace: WorkspaceId, cookie: &SessionCookie) -> [u8; 32] {
        let message = Canonical::of("session secret").number(workspace.0).bytes(cookie.id.as_bytes());
        self.lookup(&message.bytes(cookie.secret()))
    }
}

fn mac(key: &HmacSha256, message: &Canonical) -> [u8; 32] {
    key.clone().chain_update(message.as_bytes()).finalize().into_bytes().into()
}

fn is_same(one: &[u8; 32], other: &[u8; 32]) -> bool {
    one.ct_eq(other).into()
}

/// A row carries a MAC that this server cannot vouch for: its key is gone, or it was edited.
#[derive(Clone, Copy, Debug, thiserror::Error, PartialEq, Eq)]
#[error("a row was edited without the secret key, or its key is not in the key file")]
pub struct NotGenuine;

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
    fn settled(&self, known: &[KnownKey]) -> Option<Self> {
        let is_retired = |key: &&SecretKey| {
            known.iter().any(|known| known.retired_at.is_some() && known.fingerprint == key.fingerprint)
        };
        let mut keys: Vec<_> = self.keys.iter().filter(|key| !is_retired(key)).cloned().collect();
        let active = active_of(known, &self.active().fingerprint);
        if keys.is_empty() {
            return None;
        }
        let leads = |key: &SecretKey| active.is_some_and(|one| one.fingerprint == key.fingerprint);
        if let Some(leader) = keys.iter().position(leads) {
            keys[..=leader].rotate_right(1);
        }
        Some(Self { keys })
    }

    fn find(&self, id: KeyId) -> Result<&SecretKey, NotGenuine> {
        self.keys.iter().find(|key| key.id == id).ok_or(NotGenuine)
    }

    /// A new link and its token.
    pub fn derive(&self, draft: Draft) -> (LoginLink, Token) {
        let key = self.active();
        let token = Token::from_mac(&mac(&key.token, &draft.canonical()));
        let hash = hash_at(draft.place(), &key.keyed_hash(draft.workspace, &token));
        let token = token.leading_to(draft.place(), shift_of(&hash));
        let id = Uuid::now_v7();
        let link = LoginLink { id, hash, draft, key: key.id, used_at: None, ended_at: None, seal: [0; 32] };
        (self.seal_link(link), token)
    }

    /// The link with a fresh seal, by its own key where that is known.
    pub fn seal_link(&self, link: LoginLink) -> LoginLink {
        let key = self.find(link.key).unwrap_or_else(|_| self.active());
        LoginLink { seal: mac(&key.seal, &link.canonical()), ..link }
    }

    /// The token of a link that is kept.
    ///
    /// # Errors
    /// `NotGenuine` if the row was edited by someone without the key.
    pub fn rebuild(&self, link: &LoginLink) -> Result<Token, NotGenuine> {
        let key = self.find(link.key)?;
        let is_genuine = is_same(&mac(&key.seal, &link.canonical()), &link.seal);
        if !is_genuine {
            return Err(NotGenuine);
        }
        let token = Token::from_mac(&mac(&key.token, &link.draft.canonical()));
        let place = link.draft.place();
        // A link of before tokens told of places is kept under a hash that does not begin with one.
        Ok(if link.hash.starts_with(&bytes_of(place)) {
            token.leading_to(place, shift_of(&link.hash))
        } else {
            token
        })
    }

    /// Whether a kept link is genuine and this is its token.
    pub fn fits(&self, link: &LoginLink, token: &Token) -> bool {
        self.rebuild(link)
            .is_ok_and(|rebuilt| rebuilt.reveal().as_bytes().ct_eq(token.reveal().as_bytes()).into())
    }

    /// What a token is most often looked up by: the first of [`link_hashes`](Self::link_hashes).
    pub fn link_hash(&self, workspace: WorkspaceId, token: &Token) -> LinkHash {
        self.active().link_hash(workspace, token)
    }

    /// What a token may be looked up by: one hash for each key, the active one's first, then those that it would have if its
    /// link were of before tokens told of places.
    pub fn link_hashes(&self, workspace: WorkspaceId, token: &Token) -> Vec<LinkHash> {
        let before = link_lookup(workspace, token.reveal().as_bytes());
        let hashes = self.keys.iter().map(|key| key.link_hash(workspace, token));
        hashes.chain(self.keys.iter().map(|key| key.lookup(&before))).collect()
    }

    /// What an API key may be looked up by: one hash for each key, the active one's first.
    pub fn api_key_hashes(&self, secret: &ApiKeySecret) -> Vec<[u8; 32]> {
        let message = Canonical::of("api key").bytes(secret.reveal().as_bytes());
        self.keys.iter().map(|key| key.lookup(&message)).collect()
    }

    /// An API key to be kept: its hash, key and seal are set.
    pub fn seal_api_key(&self, api_key: ApiKey, secret: &ApiKeySecret) -> ApiKey {
        let key = self.active();
        let hash = key.lookup(&Canonical::of("api key").bytes(secret.reveal().as_bytes()));
        let api_key = ApiKey { hash, key: key.id, ..api_key };
        ApiKey { seal: mac(&key.seal, &api_key.canonical()), ..api_key }
    }

    /// An API key with a fresh seal, once it is revoked.
    ///
    /// # Errors
    /// `NotGenuine` if the key of its seal is not in the key file.
    pub fn reseal_api_key(&self, api_key: ApiKey) -> Result<ApiKey, NotGenuine> {
        let seal = mac(&self.find(api_key.key)?.seal, &api_key.canonical());
        Ok(ApiKey { seal, ..api_key })
    }

    /// Whether an API key's row is as this server wrote it.
    pub fn is_genuine_api_key(&self, api_key: &ApiKey) -> bool {
        self.find(api_key.key).is_ok_and(|key| is_same(&mac(&key.seal, &api_key.canonical()), &api_key.seal))
    }

    /// What the same confirm, repeated, is known by: one hash for each key, the active one's first.
    pub fn redemptions(&self, token: &Token, browser: &BrowserCookie) -> Vec<[u8; 32]> {
        let message = redemption(token, browser);
        self.keys.iter().map(|key| key.lookup(&message)).collect()
    }

    /// A session to be kept and the cookie that proves it. Key, hashes and seal are set.
    pub fn begin_session(
        &self,
        session: Session,
        token: &Token,
        browser: &BrowserCookie,
    ) -> (Session, SessionCookie) {
        let key = self.active();
        let redemption = key.lookup(&redemption(token, browser));
        let session = Session { key: key.id, redemption, ..session };
        let cookie = session_cookie(key, &session, token, browser);
        let secret_hash = key.hash_of_secret(session.workspace, &cookie);
        (self.seal_session(Session { secret_hash, ..session }), cookie)
    }

    /// The cookie of a session that the same browser began with the same link.
    ///
    /// # Errors
    /// `NotGenuine` if the row was edited, or another browser or link began it.
    pub fn repeat_session(
        &self,
        session: &Session,
        token: &Token,
        browser: &BrowserCookie,
    ) -> Result<SessionCookie, NotGenuine> {
        let cookie = session_cookie(self.find(session.key)?, session, token, browser);
        if self.is_proof_of(session, &cookie) { Ok(cookie) } else { Err(NotGenuine) }
    }

    /// Whether a cookie proves a session, and the session's row is as this server wrote it.
    pub fn is_proof_of(&self, session: &Session, cookie: &SessionCookie) -> bool {
        self.find(session.key).is_ok_and(|key| {
            is_same(&key.hash_of_secret(session.workspace, cookie), &session.secret_hash)
                & is_same(&mac(&key.seal, &session.canonical()), &session.seal)
        })
    }

    /// The session with a fresh seal, by its own key where that is known.
    pub fn seal_session(&self, session: Session) -> Session {
        let key = self.find(session.key).unwrap_or_else(|_| self.active());
        Session { seal: mac(&key.seal, &session.canonical()), ..session }
    }

    /// A MAC that a page carries and brings back, as 32 letters.
    pub fn proof(&self, message: &Canonical) -> String {
        Token::from_mac(&mac(&self.active().form, message)).reveal().to_owned()
    }

    /// Whether a page brought back a MAC of ours.
    pub fn is_proof(&self, message: &Canonical, proof: &str) -> bool {
        self.keys.iter().any(|key| {
            let expected = Token::from_mac(&mac(&key.form, message));
            expected.reveal().as_bytes().ct_eq(proof.as_bytes()).into()
        })
    }
}

fn link_lookup(workspace: WorkspaceId, letters: &[u8]) -> Canonical {
    Canonical::of("login link").number(workspace.0).bytes(letters)
}

/// The bytes of a place with which a link's hash begins.
fn bytes_of(place: u64) -> [u8; 6] {
    let [_, _, bytes @ ..] = place.to_be_bytes();
    bytes
}

fn hash_at(place: u64, keyed_hash: &[u8; 32]) -> LinkHash {
    let mut hash = [0; 32];
    let (head, tail) = hash.split_at_mut(6);
    head.copy_from_slice(&bytes_of(place));
    tail.copy_from_slice(&keyed_hash[..26]);
    hash
}

/// By how much a token's place is moved on, to hide it: what follows the place in the link's hash.
fn shift_of(hash: &LinkHash) -> u64 {
    hash[6..14].iter().fold(0, |number, byte| number << 8 | u64::from(*byte))
}

fn redemption(token: &Token, browser: &BrowserCookie) -> Canonical {
    Canonical::of("redemption").bytes(token.reveal().as_bytes()).bytes(browser.reveal().as_bytes())
}

fn session_cookie(
    key: &SecretKey,
    session: &Session,
    token: &Token,
    browser: &BrowserCookie,
) -> SessionCookie {
    let message = Canonical::of("session")
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
    use crate::domain::timestamp::Timestamp;
    use crate::domain::user::UserId;
    use crate::domain::workspace::Workspace;

    fn ring(bytes: &[u8]) -> Keyring {
        Keyring { keys: bytes.iter().map(|byte| SecretKey::spread(&[*byte; 32])).collect() }
    }

    fn draft(seed: u8) -> Draft {
        let workspace = Workspace::sample("https://example.com");
        Draft::for_user(UserId::from_store(1), 0, &workspace, Timestamp::from_millis(5), [seed; 16])
    }

    #[test]
    fn a_token_is_rebuilt_by_the_key_of_its_row_alone() {
        let (link, token) = ring(&[1]).derive(draft(1));

        assert_eq!(ring(&[2, 1]).rebuild(&link), Ok(token.clone()));
        assert_eq!(ring(&[2]).rebuild(&link), Err(NotGenuine));
        assert!(ring(&[2, 1]).link_hashes(link.draft.workspace, &token).contains(&link.hash));
    }

    #[test]
    fn links_are_kept_in_the_order_in_which_they_are_made() {
        let keys = ring(&[1]);
        let made = |second: i64| {
            let draft = draft(u8::try_from(second % 256).unwrap());
            keys.derive(Draft { created_at: Timestamp::from_millis(second * 1_000), ..draft }).0.hash
        };

        let hashes: Vec<_> = (1_795_404_180..1_795_404_380).map(made).collect();

        assert!(hashes.is_sorted());
    }

    #[test]
    fn a_token_of_before_they_told_of_places_is_rebuilt_and_found() {
        let keys = ring(&[1]);
        let (link, fresh) = keys.derive(draft(1));
        let token = Token::from_mac(&mac(&keys.active().token, &link.draft.canonical()));
        let hash = keys.active().lookup(&link_lookup(link.draft.workspace, token.reveal().as_bytes()));

        let link = keys.seal_link(LoginLink { hash, ..link });

        assert_ne!(token, fresh);
        assert!(keys.fits(&link, &token) && !keys.fits(&link, &fresh));
        assert!(ring(&[2, 1]).link_hashes(link.draft.workspace, &token).contains(&hash));
    }

    #[test]
    fn a_ring_goes_along_with_the_database_and_a_retired_key_proves_nothing() {
        let keys = ring(&[1, 2, 3]);
        let known = |place: usize, used_at: i64, retired_at: Option<i64>| {
            let (id, fingerprint) = (keys.keys[place].id, keys.keys[place].fingerprint);
            let moment = Timestamp::from_millis;
            KnownKey { id, fingerprint, used_at: Some(moment(used_at)), retired_at: retired_at.map(moment) }
        };
        let settled = keys.settled(&[known(0, 1, Some(3)), known(1, 2, None)]).unwrap();

        let ids = |ring: &Keyring| ring.all().map(|key| key.id).collect::<Vec<_>>();
        assert_eq!(ids(&settled), ids(&ring(&[2, 3])), "the third was added, and is not used yet");
        assert_eq!(settled.rebuild(&ring(&[1]).derive(draft(1)).0), Err(NotGenuine));
        assert_eq!(
            ids(&keys.settled(&[known(2, 9, None), known(0, 1, None)]).unwrap()),
            ids(&ring(&[3, 1, 2]))
        );
        assert!(ring(&[1]).settled(&[known(0, 1, Some(2))]).is_none());
    }

    #[test]
    fn an_edited_link_is_not_genuine() {
        let keys = ring(&[1]);
        let (link, token) = keys.derive(draft(1));
        let edits: [fn(&mut LoginLink); 7] = [
            |link| link.draft.user = UserId::from_store(2),
            |link| link.draft.workspace = WorkspaceId(2),
            |link| link.draft.epoch += 1,
            |link| link.draft.expires_at = link.draft.expires_at.plus_seconds(1),
            |link| link.draft.is_single_use = false,
            |link| link.draft.seed[0] ^= 1,
            |link| link.ended_at = Some(Timestamp::from_millis(1)),
        ];

        assert!(keys.fits(&link, &token));
        for edit in edits {
            let mut edited = link.clone();
            edit(&mut edited);
            assert!(!keys.fits(&edited, &token));
        }
    }
}
