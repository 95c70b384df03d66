//! What admin links, sessions and allowances are found and sealed by.

use super::{Keyring, SecretKey, is_same, mac};
use crate::domain::admin_access::{AdminAllowance, AdminLink, AdminSecret, AdminSession};
use crate::domain::mac_input::MacInput;

/// What a secret is hashed for: one of a link is none of a session.
fn message(what: &str, secret: &AdminSecret) -> MacInput {
    MacInput::of(what).bytes(secret.reveal().as_bytes())
}

const LINK: &str = "admin link";
const SESSION: &str = "admin session";

impl SecretKey {
    fn vouches_for(&self, row: &MacInput, seal: &[u8; 32]) -> bool {
        is_same(&mac(&self.seal, row), seal)
    }
}

impl Keyring {
    /// What an admin link may be looked up by: one hash for each key, the active one's first.
    pub fn admin_link_hashes(&self, token: &AdminSecret) -> Vec<[u8; 32]> {
        self.all().map(|key| key.lookup(&message(LINK, token))).collect()
    }

    /// What an admin's session may be looked up by.
    pub fn admin_session_hashes(&self, cookie: &AdminSecret) -> Vec<[u8; 32]> {
        self.all().map(|key| key.lookup(&message(SESSION, cookie))).collect()
    }

    /// An admin link to be kept: its hash, key and seal are set.
    pub fn seal_admin_link(&self, link: AdminLink, token: &AdminSecret) -> AdminLink {
        let key = self.active();
        let link = AdminLink { hash: key.lookup(&message(LINK, token)), key: key.id, ..link };
        AdminLink { seal: mac(&key.seal, &link.canonical()), ..link }
    }

    /// An admin's session to be kept: its hash, key and seal are set.
    pub fn begin_admin_session(&self, session: AdminSession, cookie: &AdminSecret) -> AdminSession {
        let key = self.active();
        let session = AdminSession { hash: key.lookup(&message(SESSION, cookie)), key: key.id, ..session };
        AdminSession { seal: mac(&key.seal, &session.canonical()), ..session }
    }

    /// The session with a fresh seal, by its own key where that is known.
    pub fn seal_admin_session(&self, session: AdminSession) -> AdminSession {
        let key = self.find(session.key).unwrap_or_else(|_| self.active());
        AdminSession { seal: mac(&key.seal, &session.canonical()), ..session }
    }

    /// An allowance to be kept: its key and seal are set.
    pub fn seal_admin_allowance(&self, allowance: AdminAllowance) -> AdminAllowance {
        let key = self.active();
        let allowance = AdminAllowance { key: key.id, ..allowance };
        AdminAllowance { seal: mac(&key.seal, &allowance.canonical()), ..allowance }
    }

    /// Whether an admin link's row is as this server wrote it.
    pub fn is_genuine_admin_link(&self, link: &AdminLink) -> bool {
        self.find(link.key).is_ok_and(|key| key.vouches_for(&link.canonical(), &link.seal))
    }

    /// Whether the row of an admin's session is as this server wrote it.
    pub fn is_genuine_admin_session(&self, session: &AdminSession) -> bool {
        self.find(session.key).is_ok_and(|key| key.vouches_for(&session.canonical(), &session.seal))
    }

    /// Whether an allowance's row is as this server wrote it.
    pub fn is_genuine_admin_allowance(&self, allowance: &AdminAllowance) -> bool {
        self.find(allowance.key).is_ok_and(|key| key.vouches_for(&allowance.canonical(), &allowance.seal))
    }
}
