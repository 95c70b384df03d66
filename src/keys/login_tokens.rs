//! How the token of a login link and the row that keeps it lead to each other.

use subtle::ConstantTimeEq;
use uuid::Uuid;

use super::{InvalidSeal, Keyring, SecretKey, is_same, mac};
use crate::domain::login_link::{LinkClaims, LinkLookupKey, LoginLink};
use crate::domain::mac_input::MacInput;
use crate::domain::token::Token;
use crate::domain::workspace::WorkspaceId;

impl Keyring {
    /// A new link and its token.
    pub fn issue_token(&self, draft: LinkClaims) -> (LoginLink, Token) {
        let key = self.active();
        let token = Token::from_mac(&mac(&key.token, &draft.canonical()));
        let hash = hash_at(draft.time_prefix(), &key.keyed_hash(draft.workspace, &token));
        let token = token.leading_to(draft.time_prefix(), shift_of(&hash));
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
    /// `InvalidSeal` if the row was edited by someone without the key.
    pub fn rederive(&self, link: &LoginLink) -> Result<Token, InvalidSeal> {
        let key = self.find(link.key)?;
        let is_genuine = is_same(&mac(&key.seal, &link.canonical()), &link.seal);
        if !is_genuine {
            return Err(InvalidSeal);
        }
        let token = Token::from_mac(&mac(&key.token, &link.draft.canonical()));
        let place = link.draft.time_prefix();
        // A link of before tokens told of places is kept under a hash that does not begin with one.
        Ok(if link.hash.starts_with(&bytes_of(place)) {
            token.leading_to(place, shift_of(&link.hash))
        } else {
            token
        })
    }

    /// Whether a kept link is genuine and this is its token.
    pub fn verify_token(&self, link: &LoginLink, token: &Token) -> bool {
        self.rederive(link)
            .is_ok_and(|rebuilt| rebuilt.reveal().as_bytes().ct_eq(token.reveal().as_bytes()).into())
    }

    /// What a token is most often looked up by: the first of [`link_hashes`](Self::link_hashes).
    pub fn link_hash(&self, workspace: WorkspaceId, token: &Token) -> LinkLookupKey {
        self.active().link_hash(workspace, token)
    }

    /// What a token may be looked up by: one hash for each key, the active one's first, then those that it would have if its
    /// link were of before tokens told of places.
    pub fn link_hashes(&self, workspace: WorkspaceId, token: &Token) -> Vec<LinkLookupKey> {
        let before = link_lookup(workspace, token.reveal().as_bytes());
        let hashes = self.keys.iter().map(|key| key.link_hash(workspace, token));
        hashes.chain(self.keys.iter().map(|key| key.lookup(&before))).collect()
    }
}

impl SecretKey {
    fn keyed_hash(&self, workspace: WorkspaceId, token: &Token) -> [u8; 32] {
        self.lookup(&link_lookup(workspace, token.secret()))
    }

    /// What a token is looked up by, if this key derived it.
    fn link_hash(&self, workspace: WorkspaceId, token: &Token) -> LinkLookupKey {
        let keyed_hash = self.keyed_hash(workspace, token);
        let shift = shift_of(&hash_at(0, &keyed_hash));
        hash_at(token.place(shift), &keyed_hash)
    }
}

fn link_lookup(workspace: WorkspaceId, letters: &[u8]) -> MacInput {
    MacInput::of("login link").number(workspace.0).bytes(letters)
}

/// The bytes of a place with which a link's hash begins.
fn bytes_of(place: u64) -> [u8; 6] {
    let [_, _, bytes @ ..] = place.to_be_bytes();
    bytes
}

fn hash_at(place: u64, keyed_hash: &[u8; 32]) -> LinkLookupKey {
    let mut hash = [0; 32];
    let (head, tail) = hash.split_at_mut(6);
    head.copy_from_slice(&bytes_of(place));
    tail.copy_from_slice(&keyed_hash[..26]);
    hash
}

/// By how much a token's place is moved on, to hide it: what follows the place in the link's hash.
fn shift_of(hash: &LinkLookupKey) -> u64 {
    hash[6..14].iter().fold(0, |number, byte| number << 8 | u64::from(*byte))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::timestamp::Timestamp;
    use crate::domain::user::UserId;
    use crate::keys::tests::{draft, ring};

    #[test]
    fn a_token_is_rebuilt_by_the_key_of_its_row_alone() {
        let (link, token) = ring(&[1]).issue_token(draft(1));

        assert_eq!(ring(&[2, 1]).rederive(&link), Ok(token.clone()));
        assert_eq!(ring(&[2]).rederive(&link), Err(InvalidSeal));
        assert!(ring(&[2, 1]).link_hashes(link.draft.workspace, &token).contains(&link.hash));
    }

    #[test]
    fn links_are_kept_in_the_order_in_which_they_are_made() {
        let keys = ring(&[1]);
        let made = |second: i64| {
            let draft = draft(u8::try_from(second % 256).unwrap());
            keys.issue_token(LinkClaims { created_at: Timestamp::from_millis(second * 1_000), ..draft })
                .0
                .hash
        };

        let hashes: Vec<_> = (1_795_404_180..1_795_404_380).map(made).collect();

        assert!(hashes.is_sorted());
    }

    #[test]
    fn a_token_of_before_they_told_of_places_is_rebuilt_and_found() {
        let keys = ring(&[1]);
        let (link, fresh) = keys.issue_token(draft(1));
        let token = Token::from_mac(&mac(&keys.active().token, &link.draft.canonical()));
        let hash = keys.active().lookup(&link_lookup(link.draft.workspace, token.reveal().as_bytes()));

        let link = keys.seal_link(LoginLink { hash, ..link });

        assert_ne!(token, fresh);
        assert!(keys.verify_token(&link, &token) && !keys.verify_token(&link, &fresh));
        assert!(ring(&[2, 1]).link_hashes(link.draft.workspace, &token).contains(&hash));
    }

    #[test]
    fn an_edited_link_is_not_genuine() {
        let keys = ring(&[1]);
        let (link, token) = keys.issue_token(draft(1));
        let edits: [fn(&mut LoginLink); 7] = [
            |link| link.draft.user = UserId::from_store(2),
            |link| link.draft.workspace = WorkspaceId(2),
            |link| link.draft.epoch += 1,
            |link| link.draft.expires_at = link.draft.expires_at.plus_seconds(1),
            |link| link.draft.is_single_use = false,
            |link| link.draft.seed[0] ^= 1,
            |link| link.ended_at = Some(Timestamp::from_millis(1)),
        ];

        assert!(keys.verify_token(&link, &token));
        for edit in edits {
            let mut edited = link.clone();
            edit(&mut edited);
            assert!(!keys.verify_token(&edited, &token));
        }
    }
}
