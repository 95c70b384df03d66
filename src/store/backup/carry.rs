//! What the replaced database knows of ends is carried over into the backup: what is over stays over.
//!
//! Only what takes something away is carried over: revocations, deletions, flags that keep people out, retired secret keys,
//! and the numbers that were given. So a replaced database that somebody edited gives nobody anything.

use std::fs;
use std::path::Path;

use rusqlite::TransactionBehavior;
use serde_json::{Map, Value as Json};

use super::carry_work::{CarryWith, SAME, Work};
use super::restore::Restore;
use super::{CopyError, check_whole, io_error, make_single, remove};
use crate::domain::admin::AdminGrant;
use crate::domain::api_key::ApiKey;
use crate::domain::audit::{AuditContext, AuditEntry, AuditEvent};
use crate::domain::user::UserId;
use crate::domain::workspace::WorkspaceId;
use crate::store::engine::sqlite::{beside, connect, schema};
use crate::store::engine::unit_of_work::sql;
use crate::store::engine::value::{first, only, values};
use crate::store::queries::api_keys::api_key_columns;
use crate::store::queries::{admins, user_counts, users};
use crate::store::{Flags, StoreError};

/// How much was carried over.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct CarriedOver {
    /// API keys that stay revoked.
    pub api_keys: i64,
    /// Users who keep two-factor, staff or disabled.
    pub users: i64,
    /// Users who stay deleted.
    pub deleted_users: i64,
    /// Secret keys that stay retired.
    pub secret_keys: i64,
    /// Admins who stay disallowed.
    pub admins: i64,
    /// Client secrets of apps that stay removed.
    pub client_secrets: i64,
}

/// Why nothing was carried over.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum NotCarried {
    /// There was no database to be replaced.
    NothingThere,
    /// The replaced database cannot be read as a whole.
    Damaged,
    /// The replaced database is another installation's.
    Stranger,
}

impl Restore {
    /// Carries over what the database that is going to be replaced knows of ends. It blocks the calling thread.
    ///
    /// # Errors
    /// `CopyError` if the backup cannot be written. A replaced database that cannot be read is no error.
    pub fn carry_over(&self, with: &CarryWith) -> Result<Result<CarriedOver, NotCarried>, CopyError> {
        let Some(copy) = &self.copy_of_replaced() else { return Ok(Err(NotCarried::NothingThere)) };
        let scratch = beside(copy, "-read");
        let carried = match readable(copy, &scratch) {
            Ok(()) => carry(&self.draft, &scratch, with),
            Err(CopyError::Io { path, source }) => Err(CopyError::Io { path, source }),
            Err(_) => Ok(Err(NotCarried::Damaged)),
        };
        remove(&scratch);
        match carried {
            // Nothing of it was committed.
            Err(CopyError::Store(StoreError::Unexpected(_) | StoreError::Refused(_))) => {
                Ok(Err(NotCarried::Damaged))
            }
            carried => carried,
        }
    }
}

/// A copy of a whole database, in this version's schema. What is kept of it stays as it was.
fn readable(copy: &Path, scratch: &Path) -> Result<(), CopyError> {
    remove(scratch);
    fs::copy(copy, scratch).map_err(io_error(scratch))?;
    let mut database = connect(scratch)?;
    check_whole(&database, copy)?;
    schema::migrate(&mut database, scratch)?;
    make_single(&database)
}

fn carry(
    draft: &Path,
    replaced: &Path,
    with: &CarryWith,
) -> Result<Result<CarriedOver, NotCarried>, CopyError> {
    let mut database = connect(draft)?;
    database.execute("ATTACH DATABASE ?1 AS old", [replaced.to_string_lossy()])?;
    let shared =
        "SELECT count(*) FROM main.key_fingerprints k JOIN old.key_fingerprints o USING (fingerprint)";
    if database.query_row(shared, [], |row| row.get::<_, i64>(0))? == 0 {
        return Ok(Err(NotCarried::Stranger));
    }
    let unit = database.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let work = Work { database: &unit, with };
    let carried = CarriedOver {
        secret_keys: work.secret_keys()?,
        api_keys: work.api_keys()?,
        deleted_users: work.deleted_users()?,
        users: work.flags()?,
        admins: work.admins()?,
        client_secrets: work.client_secrets()?,
    };
    work.apps()?;
    work.signing_keys()?;
    work.numbers()?;
    unit.commit()?;
    Ok(Ok(carried))
}

impl Work<'_> {
    /// Keys that were retired stay so, and what derives what is new is what did so last. Keys that the key file lacks are
    /// of no use any more: whoever goes back to an older key file has lost them.
    fn secret_keys(&self) -> Result<i64, StoreError> {
        let retired =
            "SELECT count(*) FROM main.key_fingerprints k JOIN old.key_fingerprints o USING (fingerprint)
                       WHERE k.retired_at IS NULL AND o.retired_at IS NOT NULL";
        let retired = only(self.run(&sql(retired, values![]))?)?;
        let known = "SELECT fingerprint FROM old.key_fingerprints WHERE retired_at IS NULL
                     AND fingerprint NOT IN (SELECT fingerprint FROM main.key_fingerprints)";
        for fingerprint in self.all::<[u8; 32]>(&sql(known, values![]))? {
            if self.with.fingerprints.contains(&fingerprint) {
                let added = "INSERT INTO main.key_fingerprints SELECT * FROM old.key_fingerprints WHERE fingerprint = $1";
                self.run(&sql(added, values![fingerprint]))?;
            }
        }
        for text in [
            "INSERT INTO main.key_fingerprints SELECT * FROM old.key_fingerprints WHERE retired_at IS NOT NULL
             AND fingerprint NOT IN (SELECT fingerprint FROM main.key_fingerprints)",
            "UPDATE main.key_fingerprints AS k SET
               activated_at = nullif(max(coalesce(k.activated_at, 0), coalesce(o.activated_at, 0)), 0),
               retired_at = coalesce(k.retired_at, o.retired_at)
             FROM old.key_fingerprints o WHERE o.fingerprint = k.fingerprint",
        ] {
            self.run(&sql(text, values![]))?;
        }
        Ok(retired)
    }

    /// Keys that were revoked stay so; those that went over to another secret key stay with that one; and those whose secret
    /// key is retired open nothing.
    fn api_keys(&self) -> Result<i64, StoreError> {
        const KEYS: &str =
            concat!("SELECT ", api_key_columns!(), " FROM main.api_keys k WHERE k.revoked_at IS NULL");
        const REPLACED: &str = concat!(
            "SELECT ",
            api_key_columns!(),
            " FROM old.api_keys k
              JOIN old.workspaces w ON w.id = k.workspace_id
              JOIN main.workspaces mw ON mw.id = w.id AND mw.created_at = w.created_at
              WHERE k.workspace_id = $1 AND k.id = $2 AND k.created_at = $3"
        );
        let mut revoked = 0;
        for key in self.all::<ApiKey>(&sql(KEYS, values![]))? {
            let replaced = self.run(&sql(REPLACED, values![key.workspace, key.id, key.created_at]))?;
            let replaced = first(replaced)?;
            let judged = (self.with.api_key)(&key, replaced.as_ref());
            let mut kept = judged.clone().unwrap_or_else(|| key.clone());
            if self.is_retired(kept.key)? && kept.revoked_at.is_none() {
                // Its seal proves nothing any more either way.
                kept.revoked_at = Some(self.with.now);
            } else if judged.is_none() {
                continue;
            }
            let changed = "UPDATE main.api_keys SET hash = $3, key_id = $4, revoked_at = $5, seal = $6
                           WHERE workspace_id = $1 AND id = $2";
            let of_key = values![kept.workspace, kept.id, kept.hash, kept.key, kept.revoked_at, kept.seal];
            self.run(&sql(changed, of_key))?;
            if kept.revoked_at.is_some() {
                let entry = self.with.act.entry(AuditEvent::KeyRevoked).with("key", kept.id);
                self.tell(kept.workspace, entry.with("name", kept.name.as_str()))?;
                revoked += 1;
            }
        }
        Ok(revoked)
    }

    /// Whoever was deleted stays so; and the number of one who came and went since is not given again.
    fn deleted_users(&self) -> Result<i64, StoreError> {
        let gone = format!(
            "SELECT k.workspace_id, k.id FROM main.users k {SAME}
             JOIN old.users o ON o.workspace_id = k.workspace_id AND o.id = k.id
             WHERE k.deleted_at IS NULL AND o.deleted_at IS NOT NULL ORDER BY 1, 2"
        );
        let gone = self.all::<(WorkspaceId, UserId)>(&sql(gone, values![]))?;
        let count = i64::try_from(gone.len()).unwrap_or(i64::MAX);
        for (workspace, user) in gone {
            self.run(&users::deletion(workspace, user, self.with.now))?;
            self.run(&user_counts::count_deleted(workspace, user))?;
            self.tell(workspace, self.with.act.entry(AuditEvent::UserDeleted).about(user))?;
        }
        let since = "INSERT INTO main.users SELECT o.* FROM old.users o
                     JOIN old.workspaces ow ON ow.id = o.workspace_id
                     JOIN main.workspaces w ON w.id = ow.id AND w.created_at = ow.created_at
                     WHERE o.deleted_at IS NOT NULL
                       AND NOT EXISTS (SELECT 1 FROM main.users k WHERE k.workspace_id = o.workspace_id AND k.id = o.id)";
        self.run(&sql(since, values![]))?;
        Ok(count)
    }

    /// Two-factor, staff and disabled stay on.
    fn flags(&self) -> Result<i64, StoreError> {
        let kept_out = format!(
            "SELECT k.workspace_id, k.id, k.two_factor, k.is_active, k.is_staff, o.two_factor, o.is_active, o.is_staff
             FROM main.users k {SAME}
             JOIN old.users o ON o.workspace_id = k.workspace_id AND o.id = k.id AND o.deleted_at IS NULL
             WHERE k.deleted_at IS NULL
               AND (o.two_factor > k.two_factor OR o.is_active < k.is_active OR o.is_staff > k.is_staff)
             ORDER BY 1, 2"
        );
        let users = self.all::<(WorkspaceId, UserId, Flags, Flags)>(&sql(kept_out, values![]))?;
        let count = i64::try_from(users.len()).unwrap_or(i64::MAX);
        for (workspace, user, now, then) in users {
            let kept = Flags {
                has_two_factor: now.has_two_factor || then.has_two_factor,
                is_active: now.is_active && then.is_active,
                is_staff: now.is_staff || then.is_staff,
            };
            let changed = "UPDATE main.users SET two_factor = $3, is_active = $4, is_staff = $5, revision = revision + 1,
                             link_epoch = link_epoch + 1, session_epoch = session_epoch + 1, updated_at = $6
                           WHERE workspace_id = $1 AND id = $2";
            let of_user =
                values![workspace, user, kept.has_two_factor, kept.is_active, kept.is_staff, self.with.now];
            self.run(&sql(changed, of_user))?;
            if kept.is_staff != now.is_staff {
                self.run(&user_counts::count_moved(workspace, user))?;
            }
            self.tell(workspace, changed_entry(&self.with.act, now, kept).about(user))?;
        }
        Ok(count)
    }

    /// Names that were disallowed since, or allowed otherwise, are let in no more.
    fn admins(&self) -> Result<i64, StoreError> {
        let ended = "UPDATE main.admin_allowances AS k SET ended_at = $1, seal = $2
                     FROM old.admin_allowances o
                     WHERE o.name = k.name AND k.ended_at IS NULL
                       AND (o.ended_at >= k.created_at OR (o.id <> k.id AND o.created_at >= k.created_at))
                     RETURNING name, role, workspaces";
        let ended = self.all::<AdminGrant>(&sql(ended, values![self.with.now, [0; 32]]))?;
        for grant in &ended {
            let entry = self.with.act.entry(AuditEvent::AdminDisallowed).with("name", grant.name.as_str());
            let entry = entry.with("role", grant.role.name()).with("reason", "restored");
            for statement in admins::told(grant, &entry, self.with.now) {
                self.run(&statement)?;
            }
        }
        Ok(i64::try_from(ended.len()).unwrap_or(i64::MAX))
    }

    /// No number that was given is given again.
    fn numbers(&self) -> Result<(), StoreError> {
        for text in [
            "UPDATE main.number_counters AS c SET last_user_id = max(c.last_user_id, o.last_user_id),
                    last_api_key_id = max(c.last_api_key_id, o.last_api_key_id)
             FROM old.number_counters o JOIN old.workspaces ow ON ow.id = o.workspace_id
             JOIN main.workspaces w ON w.id = ow.id AND w.created_at = ow.created_at
             WHERE o.workspace_id = c.workspace_id",
            "UPDATE main.directory AS d SET last_workspace_id = max(d.last_workspace_id, o.last_workspace_id)
             FROM old.directory o WHERE o.id = d.id",
        ] {
            self.run(&sql(text, values![]))?;
        }
        Ok(())
    }
}

/// What changed, by the names that the API has for it, from what to what.
fn changed_entry(act: &AuditContext, from: Flags, to: Flags) -> AuditEntry {
    let (mut fields, mut before, mut after) = (Vec::new(), Map::new(), Map::new());
    for (name, from, to) in [
        ("staff", Json::from(from.is_staff), Json::from(to.is_staff)),
        ("status", i64::from(from.is_active).into(), i64::from(to.is_active).into()),
        ("two_factor_enabled", from.has_two_factor.into(), to.has_two_factor.into()),
    ] {
        if from != to {
            fields.push(name);
            before.insert(name.to_owned(), from);
            after.insert(name.to_owned(), to);
        }
    }
    act.entry(AuditEvent::UserChanged).with("fields", fields).with("from", before).with("to", after)
}
