//! After a restore: nothing that was handed out before lives on, and what may have come back is listed.

use uuid::Uuid;

use super::login_links::no_newest;
use super::{audit, directory_stamp};
use crate::domain::admin::{AdminName, AdminRole};
use crate::domain::audit::AuditEntry;
use crate::domain::timestamp::Timestamp;
use crate::domain::workspace::WorkspaceId;
use crate::store::engine::unit_of_work::{UnitOfWork, UnitResult, sql};
use crate::store::engine::value::{from_row, values};
use crate::store::{Store, StoreError};

/// An API key that works after a restore.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct RestoredKey {
    /// The name of its workspace.
    pub workspace: String,
    /// The number.
    pub id: i64,
    /// What the operator calls it.
    pub name: String,
    /// What it was in the database that was replaced, if that can be told.
    pub before: Option<KeyBefore>,
}

/// What an API key, or an allowed admin, was before a restore.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum KeyBefore {
    /// It worked.
    Live,
    /// It was revoked, or disallowed: the restore has brought it back.
    Revoked,
    /// There was none.
    Absent,
}

/// A user whose flags are those of the backup.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct RestoredUser {
    /// The name of the workspace.
    pub workspace: String,
    /// The number.
    pub id: i64,
    /// The flags now.
    pub flags: Flags,
    /// Those in the database that was replaced, if that can be told; none, if there was no such user.
    pub before: Option<Option<Flags>>,
}

/// What decides whether a user may sign in.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Flags {
    /// Whether two-factor is on.
    pub has_two_factor: bool,
    /// Whether the user is active.
    pub is_active: bool,
    /// Whether the user is staff.
    pub is_staff: bool,
}

/// A user whose address is that of the backup.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct MovedAddress {
    /// The name of the workspace.
    pub workspace: String,
    /// The number.
    pub id: i64,
    /// The address now.
    pub now: String,
    /// That in the database that was replaced.
    pub before: String,
}

/// A name that a proxy may bring after a restore.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct RestoredAdmin {
    /// The name.
    pub name: AdminName,
    /// What it may see and do.
    pub role: AdminRole,
    /// What it was in the database that was replaced, if that can be told.
    pub before: Option<KeyBefore>,
}

/// A client secret that works after a restore.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct RestoredSecret {
    /// The name of its workspace.
    pub workspace: String,
    /// The app.
    pub client_id: String,
    /// What it is called where it is removed.
    pub id: Uuid,
    /// When it was made.
    pub created_at: Timestamp,
    /// What it was in the database that was replaced, if that can be told.
    pub before: Option<KeyBefore>,
}

/// An app that the database that was replaced did not have.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct RestoredApp {
    /// The name of its workspace.
    pub workspace: String,
    /// What it is called in requests.
    pub client_id: String,
    /// What people call it.
    pub name: String,
}

/// What an operator looks through after a restore.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Revived {
    /// API keys that work: they may have been revoked since.
    pub api_keys: Vec<RestoredKey>,
    /// Users whose flags are others than before the restore; if that cannot be told, all who have two-factor or are disabled.
    pub users: Vec<RestoredUser>,
    /// Users whose address is another one than before the restore.
    pub addresses: Vec<MovedAddress>,
    /// Names that a proxy may bring: they may have been disallowed since.
    pub admins: Vec<RestoredAdmin>,
    /// Workspaces that were not there before the restore.
    pub workspaces: Vec<String>,
    /// Client secrets that work: they may have been removed since.
    pub client_secrets: Vec<RestoredSecret>,
    /// Apps that were not there before the restore.
    pub apps: Vec<RestoredApp>,
}

from_row! {
    Flags { has_two_factor, is_active, is_staff }
    MovedAddress { workspace, id, now, before }
    RestoredApp { workspace, client_id, name }
}

/// How far the numbers of users go on after a restore: some may have been given of which nothing is known any more.
const LEAP: i64 = 1_000_000;

/// The largest number of a user is 2^53 - 1: from here on there is no leap.
const LAST_LEAP: i64 = 9_007_199_254_740_991 - LEAP;

impl Store {
    /// Goes on with later numbers for users; and for API keys and workspaces too, unless it is known which were given last.
    pub async fn skip_numbers(&self, are_others_known: bool) -> Result<(), StoreError> {
        let users = sql(
            "UPDATE number_counters SET last_user_id = last_user_id + $1 WHERE last_user_id <= $2",
            values![LEAP, LAST_LEAP],
        );
        let mut unit = UnitOfWork::new().and(users);
        if !are_others_known {
            let keys = "UPDATE number_counters SET last_api_key_id = last_api_key_id + $1";
            let workspaces = "UPDATE directory SET last_workspace_id = last_workspace_id + $1 WHERE id = 1";
            unit = unit.and(sql(keys, values![LEAP])).and(sql(workspaces, values![LEAP]));
        }
        self.write(unit).await.map(|_| ())
    }

    /// Names the session cookies of a workspace anew.
    pub async fn set_cookie_tag(&self, workspace: WorkspaceId, tag: &str) -> Result<(), StoreError> {
        let named = "UPDATE workspaces SET cookie_tag = $2, revision = revision + 1 WHERE id = $1";
        let unit = UnitOfWork::new().and(sql(named, values![workspace, tag])).guard(directory_stamp::draw());
        self.write(unit).await.map(|_| ())
    }

    /// Deletes every link, session and ask of a workspace, some at a time, and gives how many there were of the first two. What waits
    /// to be mailed is cancelled.
    ///
    /// # Errors
    /// `StoreError` if it could not be committed; what was deleted stays deleted.
    pub async fn end_everything(&self, workspace: WorkspaceId) -> Result<(i64, i64), StoreError> {
        const CANCELLED: &str = "UPDATE mails SET state = 'cancelled' WHERE workspace_id = $1 AND id IN
                                   (SELECT id FROM outbox WHERE workspace_id = $1 AND what = 'mail' ORDER BY id LIMIT 2000)";
        const UNSENT: &str = "DELETE FROM outbox WHERE workspace_id = $1 AND id IN
                                (SELECT id FROM outbox WHERE workspace_id = $1 AND what = 'mail' ORDER BY id LIMIT 2000) RETURNING 1";
        const ASKS: &str = "DELETE FROM asks WHERE workspace_id = $1 AND id IN
                              (SELECT id FROM asks WHERE workspace_id = $1 LIMIT 2000) RETURNING 1";
        const CODES: &str = "DELETE FROM app_codes WHERE workspace_id = $1 AND hash IN
                               (SELECT hash FROM app_codes WHERE workspace_id = $1 LIMIT 2000) RETURNING 1";
        const FORGOTTEN: &str = concat!(
            "UPDATE users SET ",
            no_newest!(),
            " WHERE workspace_id = $1 AND id IN
               (SELECT user_id FROM login_links WHERE workspace_id = $1 ORDER BY hash LIMIT 2000)"
        );
        const STRAY: &str = concat!(
            "UPDATE users SET ",
            no_newest!(),
            " WHERE workspace_id = $1 AND id IN
               (SELECT id FROM users WHERE workspace_id = $1 AND newest_link IS NOT NULL LIMIT 2000) RETURNING 1"
        );
        let links = "DELETE FROM login_links WHERE workspace_id = $1 AND hash IN
                       (SELECT hash FROM login_links WHERE workspace_id = $1 ORDER BY hash LIMIT 2000) RETURNING 1";
        let sessions = "DELETE FROM sessions WHERE workspace_id = $1 AND id IN
                          (SELECT id FROM sessions WHERE workspace_id = $1 LIMIT 2000) RETURNING 1";
        self.delete_all(&[CANCELLED, UNSENT], workspace).await?;
        self.delete_all(&[ASKS], workspace).await?;
        self.delete_all(&[CODES], workspace).await?;
        let links = self.delete_all(&[FORGOTTEN, links], workspace).await?;
        // Of a link that was made between the two statements the user's row still tells.
        self.delete_all(&[STRAY], workspace).await?;
        Ok((links, self.delete_all(&[sessions], workspace).await?))
    }

    /// Runs statements until the last of them has nothing to delete any more.
    async fn delete_all(&self, some: &[&'static str], workspace: WorkspaceId) -> Result<i64, StoreError> {
        let mut deleted = 0;
        loop {
            let statements = some.iter().map(|text| sql(*text, values![workspace]));
            let written = self.write(UnitOfWork::new().and_all(statements)).await?;
            let UnitResult::Done(rows) = written else { return Ok(deleted) };
            let count = rows.last().map_or(0, Vec::len);
            if count == 0 {
                return Ok(deleted);
            }
            deleted += i64::try_from(count).unwrap_or(0);
        }
    }

    /// Writes down that a workspace was restored, and forgets the nodes of before and what a clock said then.
    pub async fn mark_restored(
        &self,
        entries: &[(WorkspaceId, AuditEntry)],
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let forget = UnitOfWork::new().and(sql("DELETE FROM nodes", values![]));
        let forget = forget.and(sql("DELETE FROM clock_readings", values![]));
        let entries = entries.iter().map(|(workspace, entry)| audit::entry(*workspace, entry, now));
        self.write(forget.and_all(entries)).await.map(|_| ())
    }

    /// Every API key that works.
    pub async fn list_revived_keys(&self, now: Timestamp) -> Result<Vec<RestoredKey>, StoreError> {
        let live = sql(
            "SELECT w.name, k.id, k.name FROM api_keys k JOIN workspaces w ON w.id = k.workspace_id
             WHERE k.revoked_at IS NULL AND (k.expires_at IS NULL OR k.expires_at > $1) ORDER BY w.name, k.id",
            values![now],
        );
        let keys: Vec<_> = self.find_all(live).await?;
        let restored = |(workspace, id, name)| RestoredKey { workspace, id, name, before: None };
        Ok(keys.into_iter().map(restored).collect())
    }

    /// Every name that a proxy may bring.
    pub async fn list_revived_admins(&self) -> Result<Vec<RestoredAdmin>, StoreError> {
        let allowed = "SELECT name, role FROM admin_allowances WHERE ended_at IS NULL ORDER BY name";
        let admins: Vec<_> = self.find_all(sql(allowed, values![])).await?;
        let restored = |(name, role)| RestoredAdmin { name, role, before: None };
        Ok(admins.into_iter().map(restored).collect())
    }

    /// Every client secret that works.
    pub async fn list_revived_secrets(&self) -> Result<Vec<RestoredSecret>, StoreError> {
        let live = "SELECT w.name, s.client_id, s.id, s.created_at FROM app_secrets s JOIN workspaces w ON w.id = s.workspace_id
                    WHERE s.removed_at IS NULL ORDER BY w.name, s.client_id, s.id";
        let secrets: Vec<_> = self.find_all(sql(live, values![])).await?;
        let restored = |(workspace, client_id, id, created_at)| RestoredSecret {
            workspace,
            client_id,
            id,
            created_at,
            before: None,
        };
        Ok(secrets.into_iter().map(restored).collect())
    }

    /// Every user who has two-factor, or is disabled.
    pub async fn list_flagged_users(&self) -> Result<Vec<RestoredUser>, StoreError> {
        let flagged = sql(
            "SELECT w.name, u.id, u.two_factor, u.is_active, u.is_staff FROM users u JOIN workspaces w ON w.id = u.workspace_id
             WHERE u.deleted_at IS NULL AND (u.two_factor <> 0 OR u.is_active = 0) ORDER BY w.name, u.id",
            values![],
        );
        let users: Vec<_> = self.find_all(flagged).await?;
        let restored = |(workspace, id, flags)| RestoredUser { workspace, id, flags, before: None };
        Ok(users.into_iter().map(restored).collect())
    }
}
