//! The connections of the embedded engine that only read, and what they cache of what they read.

use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, TryLockError};
use std::time::Duration;

use rusqlite::Connection;

use super::connect::{connect_to_share, tune};
use super::database_file::DatabaseFile;
use super::scans::ScanLimit;
use super::snapshot_cache::SnapshotCache;
use super::statement::run;
use crate::store::StoreError;
use crate::store::engine::unit_of_work::Statement;
use crate::store::engine::value::Row;

/// Connections kept open to read; more are opened and closed when more read at once.
const MAX_READERS: usize = 32;

/// Numbers the threads that read, so that each has a connection that is most often free and warm.
static THREADS: AtomicUsize = AtomicUsize::new(0);

thread_local! {
    static THREAD: usize = THREADS.fetch_add(1, Ordering::Relaxed);
}

/// Connections that only read: whoever holds the lock has the connection, and nobody waits for one.
pub(in crate::store) struct ReadPool<C> {
    pub(super) watched: Arc<DatabaseFile>,
    seats: [Mutex<Option<Reader<C>>>; MAX_READERS],
}

/// A connection, and what it has found.
struct Reader<C> {
    connection: Connection,
    cache: SnapshotCache<C>,
}

impl<C: Clone> ReadPool<C> {
    pub(super) fn of(watched: Arc<DatabaseFile>) -> Self {
        Self { watched, seats: [const { Mutex::new(None) }; MAX_READERS] }
    }

    /// Waits for those who read, and closes the connections.
    pub(super) fn close(&self) {
        for seat in &self.seats {
            *seat.lock().unwrap_or_else(PoisonError::into_inner) = None;
        }
    }

    /// A few lookups, seen at one moment.
    pub(in crate::store) fn read<const N: usize>(
        &self,
        statements: &[Statement; N],
    ) -> Result<[Vec<Row>; N], StoreError> {
        self.with_reader(|reader| reader.read_at_one_moment(statements))
    }

    /// The same, for as long as somebody waits for it.
    pub(super) fn scan<const N: usize>(
        &self,
        statements: &[Statement; N],
        limit: &ScanLimit,
    ) -> Result<[Vec<Row>; N], StoreError> {
        self.with_reader(|reader| {
            limit.watch(&mut reader.connection)?;
            let rows = reader.read_at_one_moment(statements)?;
            ScanLimit::unwatch(&mut reader.connection)?;
            Ok(rows)
        })
    }

    /// A lookup whose result may be cached by a key. What was found before is believed if nobody has committed anything since:
    /// it is never staler than a read, since whether somebody has committed is asked of the database, at this moment.
    pub(in crate::store) fn read_cached(
        &self,
        key: Vec<u8>,
        statement: impl FnOnce() -> Statement,
        parse: impl FnOnce(Vec<Row>) -> Result<Option<C>, StoreError>,
    ) -> Result<Option<C>, StoreError> {
        self.with_reader(|reader| {
            reader.cache.be_at(reader.data_version()?);
            if let Some(found) = reader.cache.get(&key) {
                return Ok(Some(found.clone()));
            }
            // What is committed by now is newer than the version, never older: it is forgotten too early at worst.
            let [rows] = reader.read_at_one_moment(&[statement()])?;
            let found = parse(rows)?;
            // What is not there may be anything that a stranger thinks of.
            if let Some(found) = &found {
                reader.cache.insert(key, found.clone());
            }
            Ok(found)
        })
    }

    fn with_reader<T>(
        &self,
        read: impl FnOnce(&mut Reader<C>) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        self.watched.is_here()?;
        let mut seat = self.free_seat();
        // A connection that fails, or panics, may be in the middle of something: it is not used again.
        let mut reader = match seat.as_mut().and_then(|seat| seat.take()) {
            Some(reader) => reader,
            None => Reader::open(&self.watched.path)?,
        };
        let what = read(&mut reader)?;
        if let Some(seat) = &mut seat {
            **seat = Some(reader);
        }
        Ok(what)
    }

    /// A connection's place that nobody is at, this thread's own if possible.
    fn free_seat(&self) -> Option<MutexGuard<'_, Option<Reader<C>>>> {
        let own = THREAD.with(|thread| *thread);
        (own..own + MAX_READERS).find_map(|seat| match self.seats[seat % MAX_READERS].try_lock() {
            Ok(free) => Some(free),
            Err(TryLockError::Poisoned(free)) => Some(free.into_inner()),
            Err(TryLockError::WouldBlock) => None,
        })
    }
}

impl<C> Reader<C> {
    fn open(path: &Path) -> rusqlite::Result<Self> {
        Ok(Self { connection: connect_to_read(path)?, cache: SnapshotCache::default() })
    }

    fn read_at_one_moment<const N: usize>(
        &self,
        statements: &[Statement; N],
    ) -> Result<[Vec<Row>; N], StoreError> {
        // One statement is a moment of its own.
        let begun = if N > 1 { Some(self.connection.unchecked_transaction()?) } else { None };
        let mut rows = [const { Vec::new() }; N];
        for (statement, rows) in statements.iter().zip(rows.iter_mut()) {
            *rows = run(&self.connection, statement)?;
        }
        if let Some(transaction) = begun {
            transaction.commit()?;
        }
        Ok(rows)
    }

    fn data_version(&self) -> Result<i64, StoreError> {
        Ok(self.connection.prepare_cached("PRAGMA data_version")?.query_row([], |row| row.get(0))?)
    }
}

/// A connection that only reads.
pub(super) fn connect_to_read(path: &Path) -> rusqlite::Result<Connection> {
    let connection = connect_to_share(path)?;
    connection.busy_timeout(Duration::from_secs(1))?;
    tune(&connection)?;
    connection.pragma_update(None, "query_only", true)?;
    Ok(connection)
}
