//! What the disk and SQLite give without doorkey: a bare loop that commits 64 login links at a time.
//!
//! `bench/run` holds the new links that doorkey answers in a second against it. The file has doorkey's own schema and
//! pragmas (WAL, `synchronous=FULL`). A row is what a new link leaves behind: the link and its audit entry, each with
//! its indexes, from statements that are prepared once. Nothing is looked up, derived, sealed, decided or answered, and
//! no user is touched.

use std::io::Write;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use rusqlite::{Connection, params};
use serde_json::json;

const SCHEMA: &str = include_str!("../migrations/sqlite/0001_first.sql");

/// As many as doorkey's writer takes into one commit.
const TO_A_COMMIT: i64 = 64;

const TWO_HOURS: i64 = 7_200_000;

fn main() -> Result<()> {
    let mut arguments = std::env::args().skip(1);
    let path =
        arguments.next().context("give the path of a file that is not there yet, and how many seconds")?;
    let patience = Duration::from_secs_f64(arguments.next().context("give how many seconds")?.parse()?);
    let connection = Connection::open(path)?;
    let _: String = connection.pragma_update_and_check(None, "journal_mode", "wal", |row| row.get(0))?;
    connection.pragma_update(None, "synchronous", "full")?;
    connection.execute_batch(SCHEMA)?;

    let begun = Instant::now();
    let mut rows = 0;
    while begun.elapsed() < patience {
        connection.execute_batch("BEGIN IMMEDIATE")?;
        for _ in 0..TO_A_COMMIT {
            rows += 1;
            add_link(&connection, rows)?;
        }
        connection.execute_batch("COMMIT")?;
    }
    let seconds = begun.elapsed().as_secs_f64();
    let report = json!({ "rows": rows, "seconds": seconds, "sqlite": rusqlite::version() });
    writeln!(std::io::stdout(), "{report}")?;
    Ok(())
}

fn add_link(connection: &Connection, user: i64) -> Result<()> {
    let (mut hash, seed, seal) = (random::<32>()?, random::<16>()?, random::<32>()?);
    let now = 1_795_404_180_000 + user;
    // Links are kept in the order in which they are made.
    hash[..6].copy_from_slice(&now.to_be_bytes()[2..]);
    let (id, entry, request) = (uuid::Uuid::now_v7(), uuid::Uuid::now_v7(), uuid::Uuid::now_v7());
    connection
        .prepare_cached(
            "INSERT INTO login_links (workspace_id, hash, id, user_id, link_epoch, seed, single_use, created_at,
                                      expires_at, key_id, seal, last_issued_at, times_issued)
             VALUES (1, ?1, ?2, ?3, 0, ?4, 1, ?5, ?6, 1, ?7, ?5, 1)",
        )?
        .execute(params![hash, id.as_bytes(), user, seed, now, now + TWO_HOURS, seal])?;
    let data = format!(r#"{{"link":"{id}","expires_at":"2026-11-23T05:23:00Z"}}"#);
    connection
        .prepare_cached(
            "INSERT INTO audit_log (workspace_id, id, time, event, user_id, actor, request_id, data)
             VALUES (1, ?1, ?2, 'login_link.issued', ?3, 'api_key:1', ?4, ?5)",
        )?
        .execute(params![entry.as_bytes(), now, user, request.as_bytes(), data])?;
    Ok(())
}

fn random<const N: usize>() -> Result<[u8; N]> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes)?;
    Ok(bytes)
}
