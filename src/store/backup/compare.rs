//! What a restore has brought back: the restored database beside the one that it replaced.

use std::path::Path;

use rusqlite::{Connection, Row};

use super::CopyError;
use crate::domain::timestamp::Timestamp;
use crate::store::engine::sqlite::connect;
use crate::store::queries::post_restore::{
    Flags, KeyBefore, MovedAddress, RestoredKey, RestoredUser, Revived,
};

/// The API keys that work, and what is otherwise than before. It blocks the calling thread.
pub(super) fn compare(restored: &Path, replaced: &Path, now: Timestamp) -> Result<Revived, CopyError> {
    let database = connect(restored)?;
    database.execute("ATTACH DATABASE ?1 AS old", [replaced.to_string_lossy()])?;
    Ok(Revived {
        api_keys: keys(&database, now)?,
        users: users(&database)?,
        addresses: addresses(&database)?,
        workspaces: workspaces(&database)?,
    })
}

fn keys(database: &Connection, now: Timestamp) -> rusqlite::Result<Vec<RestoredKey>> {
    // Of another installation even the same numbers are others.
    let sql = "SELECT w.name, k.id, k.name, o.id IS NULL, o.revoked_at IS NULL
               FROM main.api_keys k JOIN main.workspaces w ON w.id = k.workspace_id
               LEFT JOIN old.workspaces ow ON ow.id = w.id AND ow.created_at = w.created_at
               LEFT JOIN old.api_keys o ON o.workspace_id = ow.id AND o.id = k.id
               WHERE k.revoked_at IS NULL AND (k.expires_at IS NULL OR k.expires_at > ?1) ORDER BY w.name, k.id";
    let key = |row: &Row<'_>| {
        let before = match (row.get(3)?, row.get(4)?) {
            (true, _) => KeyBefore::Absent,
            (false, true) => KeyBefore::Live,
            (false, false) => KeyBefore::Revoked,
        };
        let (workspace, id, name) = (row.get(0)?, row.get(1)?, row.get(2)?);
        Ok(RestoredKey { workspace, id, name, before: Some(before) })
    };
    database.prepare(sql)?.query_map([now.millis()], key)?.collect()
}

/// Users whose address was another one in the replaced database.
fn addresses(database: &Connection) -> rusqlite::Result<Vec<MovedAddress>> {
    let sql = "SELECT w.name, u.id, u.email, o.email
               FROM main.users u JOIN main.workspaces w ON w.id = u.workspace_id
               JOIN old.workspaces ow ON ow.id = w.id AND ow.created_at = w.created_at
               JOIN old.users o ON o.workspace_id = ow.id AND o.id = u.id AND o.deleted_at IS NULL
               WHERE u.deleted_at IS NULL AND o.email <> u.email ORDER BY w.name, u.id";
    let address = |row: &Row<'_>| {
        let (workspace, id) = (row.get(0)?, row.get(1)?);
        Ok(MovedAddress { workspace, id, now: row.get(2)?, before: row.get(3)? })
    };
    database.prepare(sql)?.query_map([], address)?.collect()
}

/// Workspaces that the replaced database did not have: deleted since, or another installation's.
fn workspaces(database: &Connection) -> rusqlite::Result<Vec<String>> {
    let sql = "SELECT w.name FROM main.workspaces w
               WHERE NOT EXISTS (SELECT 1 FROM old.workspaces ow WHERE ow.id = w.id AND ow.created_at = w.created_at)
               ORDER BY w.name";
    database.prepare(sql)?.query_map([], |row| row.get(0))?.collect()
}

fn users(database: &Connection) -> rusqlite::Result<Vec<RestoredUser>> {
    let sql =
        "SELECT w.name, u.id, u.two_factor, u.is_active, u.is_staff, o.two_factor, o.is_active, o.is_staff
               FROM main.users u JOIN main.workspaces w ON w.id = u.workspace_id
               LEFT JOIN old.workspaces ow ON ow.id = w.id AND ow.created_at = w.created_at
               LEFT JOIN old.users o ON o.workspace_id = ow.id AND o.id = u.id AND o.deleted_at IS NULL
               WHERE u.deleted_at IS NULL
                 AND ((ow.id IS NOT NULL AND o.id IS NULL) OR o.two_factor <> u.two_factor
                      OR o.is_active <> u.is_active OR o.is_staff <> u.is_staff
                      OR (ow.id IS NULL AND (u.two_factor <> 0 OR u.is_active = 0)))
               ORDER BY w.name, u.id";
    let user = |row: &Row<'_>| {
        let (workspace, id) = (row.get(0)?, row.get(1)?);
        let flags = flags_from(row, 2)?.ok_or(rusqlite::Error::InvalidQuery)?;
        Ok(RestoredUser { workspace, id, flags, before: Some(flags_from(row, 5)?) })
    };
    database.prepare(sql)?.query_map([], user)?.collect()
}

/// The flags from a column on; none if the user was not there.
fn flags_from(row: &Row<'_>, first: usize) -> rusqlite::Result<Option<Flags>> {
    let Some(has_two_factor) = row.get(first)? else { return Ok(None) };
    Ok(Some(Flags { has_two_factor, is_active: row.get(first + 1)?, is_staff: row.get(first + 2)? }))
}
