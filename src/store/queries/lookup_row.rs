//! What the lookup of a request asks for, and what it finds.

use std::sync::Arc;

use uuid::Uuid;

use super::login_links::FoundLink;
use crate::domain::login_link::{LinkLookupKey, UserLinkState};
use crate::domain::session::SessionWithUser;
use crate::domain::user::UserRef;
use crate::domain::workspace::WorkspaceId;
use crate::store::StoreError;
use crate::store::engine::value::Row;

/// Whom a request names in its workspace.
#[derive(Clone, Copy, Debug)]
pub enum LookupBy<'a> {
    /// Nobody.
    Nobody,
    /// The user for whom a link is asked: there is none, as it seems, if the directory has another stamp than this, where one is given.
    User(&'a UserRef, Option<Uuid>),
    /// Who is signed in, by the number of the session.
    Session(Uuid),
    /// Whoever holds a link, by a hash that its token may have.
    Link(LinkLookupKey),
    /// Both.
    SessionAndLink(Uuid, LinkLookupKey),
}

/// What one lookup finds. Nothing of it is proven yet: seals, secrets and standing are the keys' and the flow's to judge.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct LookupRow {
    /// The state of the directory at that moment.
    pub stamp: Uuid,
    /// What is seen of the user for whom a link is asked.
    pub issue_state: Option<Arc<UserLinkState>>,
    /// The session with its person.
    pub signed_in: Option<Arc<SessionWithUser>>,
    /// The link with its user.
    pub link: Option<Arc<FoundLink>>,
}

impl LookupBy<'_> {
    /// The workspace and whoever is named, so that no two are alike. `None` for what is asked for once.
    pub(in crate::store) fn cache_key(self, workspace: WorkspaceId) -> Option<Vec<u8>> {
        let key = |kind: u8, parts: [&[u8]; 2]| {
            Some([&[kind], &workspace.0.to_be_bytes()[..], parts[0], parts[1]].concat())
        };
        match self {
            // The stamp is that of all workspaces.
            Self::Nobody => Some(vec![0]),
            Self::User(UserRef::Id(id), Some(stamp)) => {
                key(1, [stamp.as_bytes(), &id.number().to_be_bytes()])
            }
            Self::User(UserRef::Email(email), Some(stamp)) => {
                key(2, [stamp.as_bytes(), email.lowercased().as_bytes()])
            }
            Self::Session(id) => key(3, [id.as_bytes(), &[]]),
            Self::User(_, None) | Self::Link(_) | Self::SessionAndLink(..) => None,
        }
    }
}

impl LookupRow {
    /// What the statement of a lookup found. `None` if what is named is not there.
    pub(in crate::store) fn from_rows(
        rows: Vec<Row>,
        named: LookupBy<'_>,
    ) -> Result<Option<Self>, StoreError> {
        let Some(mut row) = rows.into_iter().next() else { return Ok(None) };
        let mut lookup = Self { stamp: row.take()?, issue_state: None, signed_in: None, link: None };
        match named {
            LookupBy::Nobody => {}
            LookupBy::User(..) => lookup.issue_state = Some(Arc::new(row.take()?)),
            LookupBy::Session(_) | LookupBy::SessionAndLink(..) => {
                lookup.signed_in = Some(Arc::new(row.take()?));
            }
            LookupBy::Link(_) => lookup.link = Some(Arc::new(row.take()?)),
        }
        Ok(Some(lookup))
    }
}
