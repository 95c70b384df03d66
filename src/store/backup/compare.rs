//! What a restore has brought back: the restored database beside the one that it replaced.

use std::path::Path;

use rusqlite::Connection;

use super::CopyError;
use crate::domain::timestamp::Timestamp;
use crate::store::engine::sqlite::{connect, run};
use crate::store::engine::unit_of_work::{Statement, sql};
use crate::store::engine::value::{FromRow, Joined, all, values};
use crate::store::queries::post_restore::{
    KeyBefore, MovedAddress, RestoredAdmin, RestoredApp, RestoredKey, RestoredSecret, RestoredUser, Revived,
};

/// The API keys that work, and what is otherwise than before. It blocks the calling thread.
pub(super) fn compare(restored: &Path, replaced: &Path, now: Timestamp) -> Result<Revived, CopyError> {
    let database = connect(restored)?;
    database.execute("ATTACH DATABASE ?1 AS old", [replaced.to_string_lossy()])?;
    Ok(Revived {
        api_keys: keys(&database, now)?,
        users: users(&database)?,
        addresses: addresses(&database)?,
        admins: admins(&database)?,
        workspaces: workspaces(&database)?,
        client_secrets: client_secrets(&database)?,
        apps: apps(&database)?,
    })
}

fn found<T: FromRow>(database: &Connection, statement: &Statement) -> Result<Vec<T>, CopyError> {
    Ok(all(run(database, statement)?)?)
}

fn keys(database: &Connection, now: Timestamp) -> Result<Vec<RestoredKey>, CopyError> {
    // Of another installation even the same numbers are others.
    let text = "SELECT w.name, k.id, k.name, o.id IS NULL, o.revoked_at IS NULL
               FROM main.api_keys k JOIN main.workspaces w ON w.id = k.workspace_id
               LEFT JOIN old.workspaces ow ON ow.id = w.id AND ow.created_at = w.created_at
               LEFT JOIN old.api_keys o ON o.workspace_id = ow.id AND o.id = k.id
               WHERE k.revoked_at IS NULL AND (k.expires_at IS NULL OR k.expires_at > $1) ORDER BY w.name, k.id";
    let keys: Vec<_> = found(database, &sql(text, values![now]))?;
    let restored = |((workspace, id, name), is_absent, was_live)| {
        let before = Some(before(is_absent, was_live));
        RestoredKey { workspace, id, name, before }
    };
    Ok(keys.into_iter().map(restored).collect())
}

/// Names that a proxy may bring, and whether it might before: the replaced database may be of a version without any.
fn admins(database: &Connection) -> Result<Vec<RestoredAdmin>, CopyError> {
    let text = if has_table(database, "admin_allowances")? {
        "SELECT k.name, k.role, o.name IS NULL, o.id IS k.id AND o.ended_at IS NULL FROM main.admin_allowances k
         LEFT JOIN old.admin_allowances o ON o.name = k.name WHERE k.ended_at IS NULL ORDER BY k.name"
    } else {
        "SELECT k.name, k.role, 1, 0 FROM main.admin_allowances k WHERE k.ended_at IS NULL ORDER BY k.name"
    };
    let admins: Vec<_> = found(database, &sql(text, values![]))?;
    let restored = |(name, role, is_absent, was_live)| {
        let before = Some(before(is_absent, was_live));
        RestoredAdmin { name, role, before }
    };
    Ok(admins.into_iter().map(restored).collect())
}

/// Whether the replaced database has a table: it may be of a version without it.
fn has_table(database: &Connection, name: &str) -> Result<bool, CopyError> {
    let found = "SELECT count(*) FROM old.sqlite_schema WHERE type = 'table' AND name = ?1";
    Ok(database.query_row(found, [name], |row| row.get::<_, i64>(0))? > 0)
}

fn before(is_absent: bool, was_live: bool) -> KeyBefore {
    match (is_absent, was_live) {
        (true, _) => KeyBefore::Absent,
        (false, true) => KeyBefore::Live,
        (false, false) => KeyBefore::Revoked,
    }
}

/// Client secrets that work, and what they were.
fn client_secrets(database: &Connection) -> Result<Vec<RestoredSecret>, CopyError> {
    let text = if has_table(database, "app_secrets")? {
        "SELECT w.name, s.client_id, s.id, s.created_at, o.id IS NULL, o.id IS NOT NULL AND o.removed_at IS NULL
         FROM main.app_secrets s JOIN main.workspaces w ON w.id = s.workspace_id
         LEFT JOIN old.workspaces ow ON ow.id = w.id AND ow.created_at = w.created_at
         LEFT JOIN old.app_secrets o ON o.workspace_id = ow.id AND o.id = s.id
         WHERE s.removed_at IS NULL ORDER BY w.name, s.client_id, s.id"
    } else {
        "SELECT w.name, s.client_id, s.id, s.created_at, 1, 0
         FROM main.app_secrets s JOIN main.workspaces w ON w.id = s.workspace_id
         WHERE s.removed_at IS NULL ORDER BY w.name, s.client_id, s.id"
    };
    let secrets: Vec<_> = found(database, &sql(text, values![]))?;
    let restored = |((workspace, client_id, id, created_at), is_absent, was_live)| {
        let before = Some(before(is_absent, was_live));
        RestoredSecret { workspace, client_id, id, created_at, before }
    };
    Ok(secrets.into_iter().map(restored).collect())
}

/// Apps of workspaces that were there which were not: deleted since, as it seems.
fn apps(database: &Connection) -> Result<Vec<RestoredApp>, CopyError> {
    if !has_table(database, "apps")? {
        return Ok(Vec::new());
    }
    let text = "SELECT w.name, a.client_id, a.name FROM main.apps a JOIN main.workspaces w ON w.id = a.workspace_id
                JOIN old.workspaces ow ON ow.id = w.id AND ow.created_at = w.created_at
                WHERE NOT EXISTS (SELECT 1 FROM old.apps o WHERE o.workspace_id = ow.id AND o.client_id = a.client_id)
                ORDER BY w.name, a.client_id";
    found(database, &sql(text, values![]))
}

/// Users whose address was another one in the replaced database.
fn addresses(database: &Connection) -> Result<Vec<MovedAddress>, CopyError> {
    let text = "SELECT w.name, u.id, u.email, o.email
               FROM main.users u JOIN main.workspaces w ON w.id = u.workspace_id
               JOIN old.workspaces ow ON ow.id = w.id AND ow.created_at = w.created_at
               JOIN old.users o ON o.workspace_id = ow.id AND o.id = u.id AND o.deleted_at IS NULL
               WHERE u.deleted_at IS NULL AND o.email <> u.email ORDER BY w.name, u.id";
    found(database, &sql(text, values![]))
}

/// Workspaces that the replaced database did not have: deleted since, or another installation's.
fn workspaces(database: &Connection) -> Result<Vec<String>, CopyError> {
    let text = "SELECT w.name FROM main.workspaces w
               WHERE NOT EXISTS (SELECT 1 FROM old.workspaces ow WHERE ow.id = w.id AND ow.created_at = w.created_at)
               ORDER BY w.name";
    found(database, &sql(text, values![]))
}

fn users(database: &Connection) -> Result<Vec<RestoredUser>, CopyError> {
    let text =
        "SELECT w.name, u.id, u.two_factor, u.is_active, u.is_staff, o.two_factor, o.is_active, o.is_staff
               FROM main.users u JOIN main.workspaces w ON w.id = u.workspace_id
               LEFT JOIN old.workspaces ow ON ow.id = w.id AND ow.created_at = w.created_at
               LEFT JOIN old.users o ON o.workspace_id = ow.id AND o.id = u.id AND o.deleted_at IS NULL
               WHERE u.deleted_at IS NULL
                 AND ((ow.id IS NOT NULL AND o.id IS NULL) OR o.two_factor <> u.two_factor
                      OR o.is_active <> u.is_active OR o.is_staff <> u.is_staff
                      OR (ow.id IS NULL AND (u.two_factor <> 0 OR u.is_active = 0)))
               ORDER BY w.name, u.id";
    let users: Vec<_> = found(database, &sql(text, values![]))?;
    let restored =
        |(workspace, id, flags, Joined(before))| RestoredUser { workspace, id, flags, before: Some(before) };
    Ok(users.into_iter().map(restored).collect())
}
