//! Request lookup: all that a request's host and credentials name, found by one query.

use std::sync::Arc;

use uuid::Uuid;

use super::columns::standing_columns;
use super::login_links::{
    FoundLink, by_hash, found_link_columns, found_link_from, issue_state_columns, issue_state_from,
    link_columns, state_of,
};
use super::sessions::{by_id, session_columns, signed_in_columns, signed_in_from};
use crate::domain::host::HostName;
use crate::domain::login_link::{LinkLookupKey, UserLinkState};
use crate::domain::scope::Scope;
use crate::domain::session::SessionWithUser;
use crate::domain::timestamp::Timestamp;
use crate::domain::user::UserRef;
use crate::domain::workspace::WorkspaceId;
use crate::store::engine::unit_of_work::{Statement, sql};
use crate::store::engine::value::{Row, values};
use crate::store::{Engine, Store, StoreError};

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
    /// When that key ends.
    pub key_ends_at: Option<Timestamp>,
    /// What is seen of the user for whom a link is asked; none without a key that may ask.
    pub issue_state: Option<Arc<UserLinkState>>,
    /// The session with its person.
    pub signed_in: Option<Arc<SessionWithUser>>,
    /// The link with its user.
    pub link: Option<Arc<FoundLink>>,
}

/// A workspace by `$1`, its host, and what is joined to it.
macro_rules! arrival {
    ($columns:expr, $joined:expr) => {
        concat!(
            "SELECT w.id, w.revision",
            $columns,
            " FROM hosts h JOIN workspaces w ON w.id = h.workspace_id ",
            $joined,
            " WHERE h.host = $1"
        )
    };
}

/// A live key by `$2`, its hash, at the moment `$3`.
///
/// Revoked and expired keys are left out in the statement, so that looking for one takes as long as looking for a key
/// that never was.
macro_rules! with_key {
    () => {
        "LEFT JOIN api_keys k ON k.workspace_id = w.id AND k.hash = $2 AND k.revoked_at IS NULL
                             AND (k.expires_at IS NULL OR k.expires_at > $3) "
    };
}

/// The user that `$condition` names, and the newest link, for a key with the scope to ask for links (bit 2).
///
/// The user hangs on the key and its scope: nobody else learns, not even by the time it takes, whether there is one.
macro_rules! with_user {
    ($condition:expr) => {
        arrival!(
            concat!(", k.id, k.seal, k.expires_at, ", issue_state_columns!()),
            concat!(
                with_key!(),
                "LEFT JOIN users u ON u.workspace_id = k.workspace_id
                                  AND k.scopes & 2 <> 0
                                  AND u.deleted_at IS NULL AND ",
                $condition,
                " LEFT JOIN login_links l
                     ON l.workspace_id = u.workspace_id AND l.hash = u.newest_link AND l.user_id = u.id"
            )
        )
    };
}

const _: () = assert!(1 << Scope::LoginLinksWrite as u32 == 2, "the scope in the statement above");

impl LookupRow {
    /// A lookup that names nobody.
    pub(in crate::store) const fn of_workspace(workspace: WorkspaceId, revision: i64) -> Self {
        let (api_key, key_ends_at) = (None, None);
        Self { workspace, revision, api_key, key_ends_at, issue_state: None, signed_in: None, link: None }
    }

    /// What a statement of [`lookup_statement`] found. `None` if no workspace has the host.
    pub(in crate::store) fn from_rows(
        rows: Vec<Row>,
        named: LookupBy<'_>,
    ) -> Result<Option<Self>, StoreError> {
        let Some(mut row) = rows.into_iter().next() else { return Ok(None) };
        let (workspace, revision) = (row.take()?, row.take()?);
        let mut arrival = Self::of_workspace(workspace, revision);
        if let LookupBy::Key(_) | LookupBy::KeyAndUser(..) = named {
            let key = found(&mut row, |row| Ok(((row.take()?, row.take()?), row.take()?)))?;
            (arrival.api_key, arrival.key_ends_at) = key.map_or((None, None), |(key, end)| (Some(key), end));
        }
        arrival.take_person(&mut row, named)?;
        Ok(Some(arrival))
    }

    /// Itself with what a statement of [`further_statement`] found.
    pub(in crate::store) fn with_rows(
        mut self,
        rows: Vec<Row>,
        named: LookupBy<'_>,
    ) -> Result<Self, StoreError> {
        if let Some(mut row) = rows.into_iter().next() {
            self.take_person(&mut row, named)?;
        }
        Ok(self)
    }

    /// Whether it found somebody: what was not may be anything a stranger thinks of.
    pub(in crate::store) fn names_somebody(&self) -> bool {
        self.api_key.is_some() || self.signed_in.is_some()
    }

    /// Whether what comes before the person serves for others too. That a key may ask for links shows by the user that it
    /// has found.
    pub(in crate::store) fn serves_others(&self, named: LookupBy<'_>) -> bool {
        match named {
            LookupBy::Key(_) => false,
            LookupBy::KeyAndUser(..) => self.issue_state.is_some(),
            LookupBy::Nobody | LookupBy::Session(_) | LookupBy::Link(_) | LookupBy::SessionAndLink(..) => {
                true
            }
        }
    }

    /// Itself without the person, on whom nothing of the rest depends.
    pub(in crate::store) fn without_person(&self) -> Self {
        Self { issue_state: None, signed_in: None, link: None, ..self.clone() }
    }

    fn take_person(&mut self, row: &mut Row, named: LookupBy<'_>) -> Result<(), StoreError> {
        match named {
            LookupBy::KeyAndUser(..) if self.api_key.is_some() => {
                self.issue_state = found(row, issue_state_from)?.map(Arc::new);
            }
            LookupBy::Nobody | LookupBy::Key(_) | LookupBy::KeyAndUser(..) => {}
            LookupBy::Session(_) | LookupBy::SessionAndLink(..) => {
                self.signed_in = found(row, signed_in_from)?.map(Arc::new);
            }
            LookupBy::Link(_) => self.link = found(row, found_link_from)?.map(Arc::new),
        }
        Ok(())
    }
}

impl Store {
    /// The workspace of a host, and what the request names in it. `None` if no workspace has the host.
    ///
    /// It may name a key that has expired since it was found.
    pub async fn look_up(
        &self,
        host: &HostName,
        named: LookupBy<'_>,
        now: Timestamp,
    ) -> Result<Option<LookupRow>, StoreError> {
        if let LookupBy::SessionAndLink(_, hash) = named {
            let [rows, links] = self
                .read([lookup_statement(host, named, now), lookup_statement(host, LookupBy::Link(hash), now)])
                .await?;
            let link = LookupRow::from_rows(links, LookupBy::Link(hash))?.and_then(|arrival| arrival.link);
            return Ok(LookupRow::from_rows(rows, named)?.map(|arrival| LookupRow { link, ..arrival }));
        }
        match &self.engine {
            Engine::Sqlite(sqlite) => sqlite.readers().look_up(host, named, now),
            Engine::Postgres(_) => {
                let [rows] = self.read([lookup_statement(host, named, now)]).await?;
                LookupRow::from_rows(rows, named)
            }
        }
    }
}

/// The statement that finds all that is named.
pub(in crate::store) fn lookup_statement(host: &HostName, named: LookupBy<'_>, now: Timestamp) -> Statement {
    const WITH_SESSION: &str = arrival!(
        concat!(", ", signed_in_columns!()),
        "LEFT JOIN sessions s ON s.workspace_id = w.id AND s.id = $2
         LEFT JOIN users u ON u.workspace_id = s.workspace_id AND u.id = s.user_id AND u.deleted_at IS NULL"
    );
    const WITH_LINK: &str = arrival!(
        concat!(", ", found_link_columns!()),
        "LEFT JOIN login_links l ON l.workspace_id = w.id AND l.hash = $2
         LEFT JOIN users u ON u.workspace_id = l.workspace_id AND u.id = l.user_id AND u.deleted_at IS NULL"
    );
    let host = host.as_str();
    match named {
        LookupBy::Nobody => sql(arrival!("", ""), values![host]),
        LookupBy::Key(hash) => {
            sql(arrival!(", k.id, k.seal, k.expires_at", with_key!()), values![host, hash, now])
        }
        LookupBy::KeyAndUser(hash, UserRef::Id(id)) => {
            sql(with_user!("u.id = $4"), values![host, hash, now, *id])
        }
        LookupBy::KeyAndUser(hash, UserRef::Email(email)) => {
            sql(with_user!("u.email_folded = $4"), values![host, hash, now, email.lowercased()])
        }
        LookupBy::Session(id) | LookupBy::SessionAndLink(id, _) => sql(WITH_SESSION, values![host, id]),
        LookupBy::Link(hash) => sql(WITH_LINK, values![host, hash]),
    }
}

/// The statement that finds the person who is named, where the workspace, and a key that may ask for links, are known.
/// `None` if no person is named.
pub(in crate::store) fn further_statement(workspace: WorkspaceId, named: LookupBy<'_>) -> Option<Statement> {
    match named {
        LookupBy::Nobody | LookupBy::Key(_) | LookupBy::SessionAndLink(..) => None,
        LookupBy::KeyAndUser(_, user) => Some(state_of(workspace, user)),
        LookupBy::Session(id) => Some(by_id(workspace, id)),
        LookupBy::Link(hash) => Some(by_hash(workspace, hash)),
    }
}

/// What is next in a row that was joined; `None` if nothing was.
fn found<T>(
    row: &mut Row,
    from: impl Fn(&mut Row) -> Result<T, StoreError>,
) -> Result<Option<T>, StoreError> {
    if row.is_null_next() { Ok(None) } else { from(row).map(Some) }
}
