//! What the disk and SQLite give without doorkey: a bare loop that commits 64 login links, or 1,000 users, at a time.
//!
//! `bench/run` holds the new links that doorkey answers in a second, and the users that it imports, against it. The file has
//! doorkey's own schema and pragmas (WAL, `synchronous=FULL`), and the statements are prepared once. A new link leaves behind a
//! row and its audit entry, each with its indexes, and the user's newest link; its users do not come in order, as many as in a run
//! of `bench/run`. An imported user leaves behind a row and its audit entry; users come by their ids, their addresses in no order.
//! Nothing is looked up, derived, sealed, decided or answered.

use std::fs;
use std::io::Write;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use rusqlite::{Connection, params};
use serde_json::json;

/// doorkey's own schema.
const MIGRATIONS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/migrations/sqlite");

const TWO_HOURS: i64 = 7_200_000;

const NOW: i64 = 1_795_404_180_000;

const USERS: i64 = 80_000;

/// From one user to the next: a prime, so that neighbours in the database are no neighbours in time.
const STEP: i64 = 7_919;

/// What is inserted.
#[derive(Clone, Copy)]
enum Kind {
    /// Links, as many to a commit as doorkey's writer takes.
    Links,
    /// Users, as many to a commit as an import takes.
    Users,
}

impl Kind {
    fn parse(name: &str) -> Result<Self> {
        match name {
            "links" => Ok(Self::Links),
            "users" => Ok(Self::Users),
            _ => bail!("give links or users, not {name}"),
        }
    }

    const fn to_a_commit(self) -> i64 {
        match self {
            Self::Links => 64,
            Self::Users => 1_000,
        }
    }

    fn add(self, connection: &Connection, row: i64) -> Result<()> {
        match self {
            Self::Links => add_link(connection, row),
            Self::Users => add_user(connection, row),
        }
    }
}

fn main() -> Result<()> {
    let mut arguments = std::env::args().skip(1);
    let mut argument =
        || arguments.next().context("give links or users, a file that is not there yet, how many seconds");
    let (kind, path) = (Kind::parse(&argument()?)?, argument()?);
    let patience = Duration::from_secs_f64(argument()?.parse()?);
    let connection = Connection::open(path)?;
    let _: String = connection.pragma_update_and_check(None, "journal_mode", "wal", |row| row.get(0))?;
    connection.pragma_update(None, "synchronous", "full")?;
    connection.execute_batch(&schema()?)?;
    if matches!(kind, Kind::Links) {
        add_users(&connection)?;
    }

    let begun = Instant::now();
    let mut rows = 0;
    while begun.elapsed() < patience {
        connection.execute_batch("BEGIN IMMEDIATE")?;
        for _ in 0..kind.to_a_commit() {
            rows += 1;
            kind.add(&connection, rows)?;
        }
        connection.execute_batch("COMMIT")?;
    }
    let seconds = begun.elapsed().as_secs_f64();
    let report = json!({ "rows": rows, "seconds": seconds, "sqlite": rusqlite::version() });
    writeln!(std::io::stdout(), "{report}")?;
    Ok(())
}

fn schema() -> Result<String> {
    let mut files = fs::read_dir(MIGRATIONS)?.map(|file| Ok(file?.path())).collect::<Result<Vec<_>>>()?;
    files.sort();
    files.into_iter().map(|file| Ok(fs::read_to_string(file)?)).collect()
}

/// As `bench/run` fills a database.
fn add_users(connection: &Connection) -> Result<()> {
    let sql = "WITH RECURSIVE people (id) AS (SELECT 1 UNION ALL SELECT id + 1 FROM people WHERE id < ?1)
               INSERT INTO users (workspace_id, id, email, email_folded, name_f, name_l, company, phone, note,
                                  custom_fields, is_staff, is_active, two_factor, link_epoch, session_epoch, revision,
                                  created_at, updated_at)
               SELECT 1, id, 'user' || id || '@example.com', 'user' || id || '@example.com', 'User', CAST(id AS TEXT), '', '',
                      '', '{}', 0, 1, 0, 0, 0, 1, ?2, ?2 FROM people";
    connection.execute(sql, [USERS, NOW])?;
    // What is measured begins with an empty log.
    let _: i64 = connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| row.get(0))?;
    Ok(())
}

fn add_link(connection: &Connection, row: i64) -> Result<()> {
    let user = 1 + row * STEP % USERS;
    let (mut hash, seed, seal) = (random::<32>()?, random::<16>()?, random::<32>()?);
    let now = NOW + row;
    // Links are kept in the order in which they are made.
    hash[..6].copy_from_slice(&now.to_be_bytes()[2..]);
    let id = uuid::Uuid::now_v7();
    connection
        .prepare_cached(
            "INSERT INTO login_links (workspace_id, hash, id, user_id, link_epoch, seed, single_use, created_at,
                                      expires_at, key_id, seal, last_issued_at, times_issued)
             VALUES (1, ?1, ?2, ?3, 0, ?4, 1, ?5, ?6, 1, ?7, ?5, 1)",
        )?
        .execute(params![hash, id.as_bytes(), user, seed, now, now + TWO_HOURS, seal])?;
    connection
        .prepare_cached(
            "UPDATE users SET newest_link = ?1, newest_id = ?3, newest_epoch = 0, newest_seed = ?4, newest_single_use = 1,
                    newest_created_at = ?5, newest_expires_at = ?6, newest_key_id = 1, newest_ended_at = NULL, newest_seal = ?7
             WHERE workspace_id = 1 AND id = ?2",
        )?
        .execute(params![hash, user, id.as_bytes(), seed, now, now + TWO_HOURS, seal])?;
    let data = format!(r#"{{"link":"{id}","expires_at":"2026-11-23T05:23:00Z"}}"#);
    add_entry(connection, ("login_link.issued", user, now), &data)
}

fn add_user(connection: &Connection, row: i64) -> Result<()> {
    let email = format!("{:08x}-{row}@example.com", scattered(row));
    connection
        .prepare_cached(
            "INSERT INTO users (workspace_id, id, email, email_folded, name_f, name_l, company, phone, note,
                                custom_fields, is_staff, is_active, two_factor, link_epoch, session_epoch, revision,
                                created_at, updated_at)
             VALUES (1, ?1, ?2, ?2, 'User', ?3, '', '', '', '{}', 0, 1, 0, 0, 0, 1, ?4, ?4)",
        )?
        .execute(params![row, email, row.to_string(), NOW])?;
    add_entry(connection, ("user.added", row, NOW), r#"{"staff":false}"#)
}

fn add_entry(connection: &Connection, (event, user, time): (&str, i64, i64), data: &str) -> Result<()> {
    let (entry, request) = (uuid::Uuid::now_v7(), uuid::Uuid::now_v7());
    connection
        .prepare_cached(
            "INSERT INTO audit_log (workspace_id, id, time, event, user_id, actor, request_id, data)
             VALUES (1, ?1, ?2, ?3, ?4, 'api_key:1', ?5, ?6)",
        )?
        .execute(params![entry.as_bytes(), time, event, user, request.as_bytes(), data])?;
    Ok(())
}

/// 32 bits that tell nothing of the order, as `bench/harness/doorkey.py` has them.
const fn scattered(row: i64) -> i64 {
    row * 0x9e37_79b1 % (1 << 32)
}

fn random<const N: usize>() -> Result<[u8; N]> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes)?;
    Ok(bytes)
}
