//! Why a URL was not called, or the call came to nothing: sentences for an operator, at most 500 bytes, without control characters.

use std::fmt;
use std::net::SocketAddr;

use crate::domain::outbound::ForbiddenUrl;
use crate::outbound::text::for_people;

/// Why a URL may not be called: the same sentence when it is saved, tried and called.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Refused {
    /// The rule forbids it.
    Forbidden(ForbiddenUrl),
    /// Its name leads nowhere.
    Unresolved {
        /// The name.
        host: String,
        /// What the resolver said.
        why: String,
    },
    /// It leads to this server.
    OwnListener {
        /// The host in the URL.
        host: String,
        /// Where it leads.
        address: SocketAddr,
    },
}

/// Why a call came to nothing.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Failure {
    /// The URL may not be called; nothing was sent.
    Refused(Refused),
    /// Too many calls wait; nothing was sent, so that it need not count as an attempt.
    Busy {
        /// The host in the URL.
        host: String,
    },
    /// What went wrong on the way, as a sentence.
    Broken(String),
}

impl std::error::Error for Refused {}
impl std::error::Error for Failure {}

impl From<ForbiddenUrl> for Refused {
    fn from(forbidden: ForbiddenUrl) -> Self {
        Self::Forbidden(forbidden)
    }
}

impl From<Refused> for Failure {
    fn from(refused: Refused) -> Self {
        Self::Refused(refused)
    }
}

impl From<ForbiddenUrl> for Failure {
    fn from(forbidden: ForbiddenUrl) -> Self {
        Self::Refused(forbidden.into())
    }
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = match self {
            Self::Forbidden(forbidden) => forbidden.to_string(),
            Self::Unresolved { host, why } => format!("the name {host} does not resolve: {why}"),
            Self::OwnListener { host, address } => {
                format!("{host} leads to {address}, where this server itself listens")
            }
        };
        f.write_str(&for_people(&text))
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = match self {
            Self::Refused(refused) => return refused.fmt(f),
            Self::Busy { host } => format!("too many calls to {host}, or in all, are on their way"),
            Self::Broken(text) => text.clone(),
        };
        f.write_str(&for_people(&text))
    }
}
