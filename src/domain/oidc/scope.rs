//! What an app asks to know of a person (OpenID Connect Core 1.0, section 5.4).

use crate::domain::named::named;

named! {
    /// One scope. Its place is its bit in the database: a new one comes last.
    pub enum OidcScope(
        /// Its name in requests.
        name
    ) {
        /// Who it is: asked for by every app.
        OpenId = "openid",
        /// Names, language, company, and the operator's number.
        Profile = "profile",
        /// The e-mail address.
        Email = "email",
        /// The telephone number.
        Phone = "phone",
        /// The groups, of which there is one.
        Groups = "groups",
    }
}

/// A set of scopes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct OidcScopes(u32);

impl OidcScopes {
    /// Those of a request that there are; others are passed over.
    pub fn parse(text: &str) -> Self {
        let named = |word: &str| OidcScope::ALL.into_iter().find(|scope| scope.name() == word);
        Self(text.split(' ').filter_map(named).fold(0, |bits, scope| bits | bit(scope)))
    }

    /// Whether a scope is among them.
    pub const fn has(self, scope: OidcScope) -> bool {
        self.0 & bit(scope) != 0
    }

    /// As they are kept.
    pub const fn bits(self) -> i64 {
        self.0 as i64
    }

    /// As they were kept.
    pub fn from_bits(bits: i64) -> Option<Self> {
        u32::try_from(bits).ok().filter(|bits| *bits < 1 << OidcScope::ALL.len()).map(Self)
    }
}

impl std::fmt::Display for OidcScopes {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let names = OidcScope::ALL.into_iter().filter(|scope| self.has(*scope)).map(OidcScope::name);
        f.write_str(&names.collect::<Vec<_>>().join(" "))
    }
}

const fn bit(scope: OidcScope) -> u32 {
    1 << scope as u32
}
