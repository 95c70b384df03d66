//! Arrivals: all that a request's host and credentials name, found in one look.

use std::sync::Arc;

use uuid::Uuid;

use super::columns::standing_columns;
use super::login_links::{issue_state_columns, issue_state_from, link_columns};
use super::sessions::{session_columns, signed_in_columns, signed_in_from};
use super::unit::{Statement, sql};
use super::value::{Row, values};
use super::{Engine, Store, StoreError};
use crate::domain::host::HostName;
use crate::domain::login_link::IssueState;
use crate::domain::session::SignedIn;
use crate::domain::timestamp::Timestamp;
use crate::domain::user::UserRef;
use crate::domain::workspace::WorkspaceId;

/// Whom a request names beside its host.
#[derive(Clone, Copy, Debug)]
pub enum Named<'a> {
    /// Nobody.
    Nobody,
    /// The holder of an API key, by a hash that the key may have.
    Key([u8; 32]),
    /// The same, and the user for whom a link is asked.
    KeyAndUser([u8; 32], &'a UserRef),
    /// Who is signed in, by the number of the session.
    Session(Uuid),
}

/// What one look finds. Nothing of it is proven yet: seals, secrets and standing are the keys' and the flow's to judge.
///
/// Workspace and key are named, not told: they change so seldom that the flow knows them from before, and needs to hear
/// only that they are still the same.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Arrival {
    /// The workspace of the host.
    pub workspace: WorkspaceId,
    /// Its revision, which grows with each change of it.
    pub revision: i64,
    /// The number and the seal of the live API key.
    pub api_key: Option<(i64, [u8; 32])>,
    /// What is seen of the user for whom a link is asked; none without a key that may ask.
    pub issue_state: Option<Arc<IssueState>>,
    /// The session with its person.
    pub signed_in: Option<Arc<SignedIn>>,
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

/// The user that `$condition` names, and the newest link.
///
/// The user hangs on the key and its scope: nobody else learns, not even by the time it takes, whether there is one.
macro_rules! with_user {
    ($condition:expr) => {
        arrival!(
            concat!(", k.id, k.seal, ", issue_state_columns!()),
            concat!(
                with_key!(),
                "LEFT JOIN users u ON u.workspace_id = k.workspace_id AND k.scopes LIKE '%login_links:write%'
                                  AND u.deleted_at IS NULL AND ",
                $condition,
                " LEFT JOIN login_links l
                     ON l.workspace_id = u.workspace_id AND l.hash = u.newest_link AND l.user_id = u.id"
            )
        )
    };
}

impl Arrival {
    /// Whether it found what was named: what was not may be anything a stranger thinks of.
    pub(super) fn names_somebody(&self) -> bool {
        self.api_key.is_some() || self.signed_in.is_some()
    }
}

impl Store {
    /// The workspace of a host, and what the request names in it. `None` if no workspace has the host.
    ///
    /// It may name a key that has expired since it was found.
    ///
    /// # Errors
    /// `StoreError` if the store cannot be read.
    pub async fn find_arrival(
        &self,
        host: &HostName,
        named: Named<'_>,
        now: Timestamp,
    ) -> Result<Option<Arrival>, StoreError> {
        let arrival = |rows| arrival_from(rows, named);
        match &self.engine {
            Engine::Sqlite(sqlite) => {
                sqlite.readers().recall(&name_of(host, named), || look(host, named, now), arrival)
            }
            Engine::Postgres(_) => {
                let [rows] = self.read([look(host, named, now)]).await?;
                arrival(rows)
            }
        }
    }
}

/// Host and whatever is named, so that no two are alike.
fn name_of(host: &HostName, named: Named<'_>) -> Vec<u8> {
    let mut name = Vec::with_capacity(128);
    name.extend_from_slice(host.as_str().as_bytes());
    match named {
        Named::Nobody => name.push(0),
        Named::Key(hash) => {
            name.push(1);
            name.extend_from_slice(&hash);
        }
        Named::KeyAndUser(hash, UserRef::Id(id)) => {
            name.push(2);
            name.extend_from_slice(&hash);
            name.extend_from_slice(&id.number().to_be_bytes());
        }
        Named::KeyAndUser(hash, UserRef::Email(email)) => {
            name.push(3);
            name.extend_from_slice(&hash);
            name.extend_from_slice(email.folded().as_bytes());
        }
        Named::Session(id) => {
            name.push(4);
            name.extend_from_slice(id.as_bytes());
        }
    }
    name
}

fn arrival_from(rows: Vec<Row>, named: Named<'_>) -> Result<Option<Arrival>, StoreError> {
    let Some(mut row) = rows.into_iter().next() else { return Ok(None) };
    let (workspace, revision) = (row.take()?, row.take()?);
    let mut arrival = Arrival { workspace, revision, api_key: None, issue_state: None, signed_in: None };
    let key_from = |row: &mut Row| Ok((row.take()?, row.take()?));
    match named {
        Named::Nobody => {}
        Named::Key(_) => arrival.api_key = found(&mut row, key_from)?,
        Named::KeyAndUser(..) => {
            arrival.api_key = found(&mut row, key_from)?;
            if arrival.api_key.is_some() {
                arrival.issue_state = found(&mut row, issue_state_from)?.map(Arc::new);
            }
        }
        Named::Session(_) => arrival.signed_in = found(&mut row, signed_in_from)?.map(Arc::new),
    }
    Ok(Some(arrival))
}

pub(super) fn look(host: &HostName, named: Named<'_>, now: Timestamp) -> Statement {
    const WITH_SESSION: &str = arrival!(
        concat!(", ", signed_in_columns!()),
        "LEFT JOIN sessions s ON s.workspace_id = w.id AND s.id = $2
         LEFT JOIN users u ON u.workspace_id = s.workspace_id AND u.id = s.user_id AND u.deleted_at IS NULL"
    );
    let host = host.as_str();
    match named {
        Named::Nobody => sql(arrival!("", ""), values![host]),
        Named::Key(hash) => sql(arrival!(", k.id, k.seal", with_key!()), values![host, hash, now]),
        Named::KeyAndUser(hash, UserRef::Id(id)) => {
            sql(with_user!("u.id = $4"), values![host, hash, now, *id])
        }
        Named::KeyAndUser(hash, UserRef::Email(email)) => {
            sql(with_user!("u.email_folded = $4"), values![host, hash, now, email.folded()])
        }
        Named::Session(id) => sql(WITH_SESSION, values![host, id]),
    }
}

/// What is next in a row that was joined; `None` if nothing was.
fn found<T>(
    row: &mut Row,
    from: impl Fn(&mut Row) -> Result<T, StoreError>,
) -> Result<Option<T>, StoreError> {
    if row.is_null_next() { Ok(None) } else { from(row).map(Some) }
}
