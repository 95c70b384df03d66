//! The directory, which is workspaces, their hosts and API keys: it changes seldom, so what was read of it is known from then on,
//! for as long as its stamp is the same.

use uuid::Uuid;

use super::api_keys::api_key_columns;
use super::workspaces::workspace_columns;
use crate::domain::api_key::ApiKey;
use crate::domain::host::HostName;
use crate::domain::timestamp::Timestamp;
use crate::domain::workspace::Workspace;
use crate::store::engine::unit_of_work::{Statement, sql};
use crate::store::engine::value::{FromRow, Joined, Row, values};
use crate::store::{Store, StoreError};

/// What the directory says of a host, and of an API key there.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct DirectoryEntry {
    /// The state of the directory in which it says so. Two states never have the same one: each change draws it anew, so that
    /// a standby that was promoted, or a backup that was put back, does not count up to one that another state had.
    pub stamp: Uuid,
    /// The workspace of the host.
    pub workspace: Workspace,
    /// The live key that has the hash. It is not proven by that: its seal must be.
    pub api_key: Option<ApiKey>,
}

impl FromRow for DirectoryEntry {
    fn from_row(row: &mut Row) -> Result<Self, StoreError> {
        let (stamp, workspace, Joined(api_key)) = row.take()?;
        Ok(Self { stamp, workspace, api_key })
    }
}

impl Store {
    /// The workspace of a host, and its live API key that has a hash. `None` if no workspace has the host.
    ///
    /// Revoked and expired keys are left out in the statement, so that looking for one takes as long as looking for a key that
    /// never was.
    pub async fn find_directory_entry(
        &self,
        host: &HostName,
        key: Option<[u8; 32]>,
        now: Timestamp,
    ) -> Result<Option<DirectoryEntry>, StoreError> {
        self.find(entry(host, key, now)).await
    }
}

/// The statement that finds an entry.
pub(in crate::store) fn entry(host: &HostName, key: Option<[u8; 32]>, now: Timestamp) -> Statement {
    const ENTRY: &str = concat!(
        "SELECT d.stamp, ",
        workspace_columns!(),
        ", ",
        api_key_columns!(),
        " FROM directory d JOIN hosts h ON h.host = $1 JOIN workspaces w ON w.id = h.workspace_id
          LEFT JOIN api_keys k ON k.workspace_id = w.id AND k.hash = $2 AND k.revoked_at IS NULL
                              AND (k.expires_at IS NULL OR k.expires_at > $3)
          WHERE d.id = 1"
    );
    sql(ENTRY, values![host, key, now])
}
