//! What the lookup of a request asks for, and what it finds.

use std::sync::Arc;

use uuid::Uuid;

use super::login_links::FoundLink;
use crate::domain::host::HostName;
use crate::domain::login_link::{LinkLookupKey, UserLinkState};
use crate::domain::session::SessionWithUser;
use crate::domain::user::UserRef;
use crate::domain::workspace::WorkspaceId;
use crate::store::StoreError;
use crate::store::engine::value::{Joined, Row};

/// Whom a request names beside its host.
#[derive(Clone, Copy, Debug)]
pub enum LookupBy<'a> {
    /// Nobody.
    Nobody,
    /// The holder of an API key, by a hash that the key may have.
    Key([u8; 32]),
    /// The same, and the user for whom a link is asked.
    KeyAndUser([u8; 32], &'a UserRef),
    /// Who is signed in, by the number of the session.
    Session(Uuid),
    /// Whoever holds a link, by a hash that its token may have.
    Link(LinkLookupKey),
    /// Both.
    SessionAndLink(Uuid, LinkLookupKey),
}

/// What one lookup finds. Nothing of it is proven yet: seals, secrets and standing are the keys' and the flow's to judge.
///
/// Workspace and key are named by their ids: they change so seldom that the flow knows them from before, and needs to hear
/// only that they are still the same.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct LookupRow {
    /// The workspace of the host.
    pub workspace: WorkspaceId,
    /// Its revision, which grows with each change of it.
    pub revision: i64,
    /// The number and the seal of the live API key.
    pub api_key: Option<(i64, [u8; 32])>,
    /// What is seen of the user for whom a link is asked; none without a key that may ask.
    pub issue_state: Option<Arc<UserLinkState>>,
    /// The session with its person.
    pub signed_in: Option<Arc<SessionWithUser>>,
    /// The link with its user.
    pub link: Option<Arc<FoundLink>>,
}

impl LookupBy<'_> {
    /// Host and whatever is named, so that no two are alike. `None` for what is asked for once.
    pub(in crate::store) fn cache_key(self, host: &HostName) -> Option<Vec<u8>> {
        let key = |kind: u8, parts: &[&[u8]]| {
            let mut key = Vec::with_capacity(128);
            key.extend_from_slice(host.as_str().as_bytes());
            key.push(kind);
            key.extend(parts.iter().copied().flatten());
            key
        };
        Some(match self {
            Self::Nobody => key(0, &[]),
            Self::Key(hash) => key(1, &[&hash]),
            Self::KeyAndUser(hash, UserRef::Id(id)) => key(2, &[&hash, &id.number().to_be_bytes()]),
            Self::KeyAndUser(hash, UserRef::Email(email)) => key(3, &[&hash, email.lowercased().as_bytes()]),
            Self::Session(id) => key(4, &[id.as_bytes()]),
            Self::Link(_) | Self::SessionAndLink(..) => return None,
        })
    }

    /// Whether a result is worth to be cached: what named nobody may be anything that a stranger thinks of.
    pub(in crate::store) fn is_cached(self, found: &LookupRow) -> bool {
        matches!(self, Self::Nobody) || found.names_somebody()
    }
}

impl LookupRow {
    /// What the statement of a lookup found. `None` if no workspace has the host.
    pub(in crate::store) fn from_rows(
        rows: Vec<Row>,
        named: LookupBy<'_>,
    ) -> Result<Option<Self>, StoreError> {
        let Some(mut row) = rows.into_iter().next() else { return Ok(None) };
        let row = &mut row;
        let (workspace, revision) = (row.take()?, row.take()?);
        let mut lookup =
            Self { workspace, revision, api_key: None, issue_state: None, signed_in: None, link: None };
        match named {
            LookupBy::Nobody => {}
            LookupBy::Key(_) | LookupBy::KeyAndUser(..) => {
                Joined(lookup.api_key) = row.take()?;
                if let (LookupBy::KeyAndUser(..), Some(_)) = (named, lookup.api_key) {
                    lookup.issue_state = row.take::<Joined<_>>()?.0.map(Arc::new);
                }
            }
            LookupBy::Session(_) | LookupBy::SessionAndLink(..) => {
                lookup.signed_in = row.take::<Joined<_>>()?.0.map(Arc::new);
            }
            LookupBy::Link(_) => lookup.link = row.take::<Joined<_>>()?.0.map(Arc::new),
        }
        Ok(Some(lookup))
    }

    fn names_somebody(&self) -> bool {
        self.api_key.is_some() || self.signed_in.is_some()
    }
}
