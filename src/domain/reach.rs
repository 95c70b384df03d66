//! How far whoever changes users may reach.

use super::scope::{Scope, Scopes};
use super::user::AccountStatus;

/// Whose rows may be changed, and how.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Reach {
    /// All users, in every way: the operator's.
    All,
    /// Clients, in every way.
    ClientsUnlocked,
    /// Clients, but what keeps one from using links stays as it is: a key that may ask for links must not open for itself
    /// what the rule closes.
    Clients,
}

impl Reach {
    /// How far a key with such scopes reaches, among them the one to change clients.
    pub const fn of_key(scopes: Scopes) -> Self {
        if scopes.has(Scope::ClientsUnlock) { Self::ClientsUnlocked } else { Self::Clients }
    }

    /// Whether a user of that standing can be seen at all.
    pub const fn sees(self, standing: &AccountStatus) -> bool {
        matches!(self, Self::All) || !standing.is_staff
    }

    /// Whether a user may be changed from one standing to another.
    pub const fn allows(self, old: &AccountStatus, new: &AccountStatus) -> bool {
        let unlocks = (old.has_two_factor && !new.has_two_factor) || (!old.is_active && new.is_active);
        !matches!(self, Self::Clients) || !unlocks
    }
}
