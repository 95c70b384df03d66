//! What an API key may do.

use std::fmt;

use super::named::named;

named! {
    /// One right of an API key. Its place is its bit in the database: a new one comes last.
    pub enum Scope(
        /// The scope's name, as it is written on the command line.
        name
    ) {
        /// See which links are live.
        LoginLinksRead = "login_links:read",
        /// Ask for links and revoke them.
        LoginLinksWrite = "login_links:write",
        /// See clients.
        ClientsRead = "clients:read",
        /// Add, change and delete clients.
        ClientsWrite = "clients:write",
        /// Switch a client's two-factor off, or a disabled client on again; needs the scope to change clients beside it.
        ClientsUnlock = "clients:unlock",
        /// See staff.
        TeamRead = "team:read",
        /// Read the audit log.
        LogsRead = "logs:read",
        /// See who is signed in.
        SessionsRead = "sessions:read",
        /// Sign people out.
        SessionsWrite = "sessions:write",
        /// Have a link mailed to its user.
        LoginLinksMail = "login_links:mail",
        /// See what was mailed, and what became of it.
        MailsRead = "mails:read",
        /// See apps.
        AppsRead = "apps:read",
        /// Add, change and delete apps, and their secrets.
        AppsWrite = "apps:write",
    }
}

/// A word that names no scope.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("{0:?} is not a scope; there are {all}", all = Scopes::all())]
pub struct UnknownScope(String);

impl Scope {
    /// The scope of a name.
    fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|scope| scope.name() == name)
    }
}

/// A set of scopes.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Scopes(u32);

impl Scopes {
    /// Every scope.
    pub fn all() -> Self {
        Scope::ALL.into_iter().collect()
    }

    /// What a key may do that was made without a word about it: all but what opens what the rule closes.
    pub fn usual() -> Self {
        Scope::ALL.into_iter().filter(|scope| *scope != Scope::ClientsUnlock).collect()
    }

    /// Takes names separated by spaces or commas.
    pub fn parse(text: &str) -> Result<Self, UnknownScope> {
        text.split([' ', ','])
            .filter(|name| !name.is_empty())
            .map(|name| Scope::parse(name).ok_or_else(|| UnknownScope(name.to_owned())))
            .collect()
    }

    /// The set as bits, as the store keeps it.
    pub(crate) fn bits(self) -> i64 {
        self.0.into()
    }

    /// The set of these bits; `None` if one of them is no scope's.
    pub(crate) fn from_bits(bits: i64) -> Option<Self> {
        u32::try_from(bits).ok().map(Self).filter(|scopes| scopes.0 & !Self::all().0 == 0)
    }

    /// Whether the set holds a scope.
    pub const fn has(self, scope: Scope) -> bool {
        self.0 & (1 << scope as u32) != 0
    }
}

impl FromIterator<Scope> for Scopes {
    fn from_iter<T: IntoIterator<Item = Scope>>(scopes: T) -> Self {
        Self(scopes.into_iter().fold(0, |set, scope| set | (1 << scope as u32)))
    }
}

/// The names, separated by spaces.
impl fmt::Display for Scopes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<_> =
            Scope::ALL.into_iter().filter(|scope| self.has(*scope)).map(Scope::name).collect();
        f.write_str(&names.join(" "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scopes_are_read_back_from_their_names() {
        let scopes = Scopes::parse("clients:read login_links:write").unwrap();

        assert!(
            scopes.has(Scope::LoginLinksWrite)
                && scopes.has(Scope::ClientsRead)
                && !scopes.has(Scope::LogsRead)
        );
        assert_eq!(scopes.to_string(), "login_links:write clients:read");
        assert_eq!(Scopes::parse(&Scopes::all().to_string()), Ok(Scopes::all()));
        assert_eq!(Scopes::parse("clients:rea"), Err(UnknownScope("clients:rea".to_owned())));
    }

    #[test]
    fn a_key_is_not_made_to_unlock_clients_without_a_word() {
        assert!(Scopes::all().has(Scope::ClientsUnlock) && !Scopes::usual().has(Scope::ClientsUnlock));
        let others = Scope::ALL.into_iter().filter(|scope| *scope != Scope::ClientsUnlock);
        assert!(others.into_iter().all(|scope| Scopes::usual().has(scope)));
    }
}
