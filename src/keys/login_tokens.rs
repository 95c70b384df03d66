//! How the token of a login link and the row that keeps it lead to each other.

use subtle::ConstantTimeEq;

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
        let token = token.with_time_prefix(draft.time_prefix(), shift_of(&hash));
        // By the number a link is found again: it says when the link was made, as the lookup key does.
        let id = draft.created_at.new_id();
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
        Ok(token.with_time_prefix(link.draft.time_prefix(), shift_of(&link.hash)))
    }

    /// Whether a kept link is genuine and this is its token.
    pub fn verify_token(&self, link: &LoginLink, token: &Token) -> bool {
        self.rederive(link)
            .is_ok_and(|rebuilt| rebuilt.reveal().as_bytes().ct_eq(token.reveal().as_bytes()).into())
    }

    /// What a token of the active key is looked up by: the first of [`link_hashes`](Self::link_hashes).
    pub fn link_hash(&self, workspace: WorkspaceId, token: &Token) -> LinkLookupKey {
        self.active().link_hash(workspace, token)
    }

    /// What a token may be looked up by: one hash for each key, the active one's first.
    pub fn link_hashes(&self, workspace: WorkspaceId, token: &Token) -> Vec<LinkLookupKey> {
        self.keys.iter().map(|key| key.link_hash(workspace, token)).collect()
    }
}

impl SecretKey {
    fn keyed_hash(&self, workspace: WorkspaceId, token: &Token) -> [u8; 32] {
        self.lookup(&MacInput::of("login link").number(workspace.0).bytes(token.secret()))
    }

    /// What a token is looked up by, if this key derived it.
    fn link_hash(&self, workspace: WorkspaceId, token: &Token) -> LinkLookupKey {
        let keyed_hash = self.keyed_hash(workspace, token);
        let shift = shift_of(&hash_at(0, &keyed_hash));
        hash_at(token.time_prefix(shift), &keyed_hash)
    }
}

/// The lookup key of a time prefix in six bytes and 26 of a keyed hash.
fn hash_at(time_prefix: u64, keyed_hash: &[u8; 32]) -> LinkLookupKey {
    let mut hash = [0; 32];
    let (head, tail) = hash.split_at_mut(6);
    head.copy_from_slice(&time_prefix.to_be_bytes()[2..]);
    tail.copy_from_slice(&keyed_hash[..26]);
    hash
}

/// By how much a token's time prefix is shifted, to hide it: what follows the prefix in the lookup key.
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
