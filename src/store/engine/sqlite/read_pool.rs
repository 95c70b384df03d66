//! The connections of the embedded engine that only read, and what they remember of what they read.

use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, TryLockError};
use std::time::Duration;

use rusqlite::Connection;

use super::connect::{connect_to_share, store_error, tune};
use super::database_file::DatabaseFile;
use super::scans::Patience;
use super::snapshot_cache::{SnapshotCache, name_before_person, name_of};
use super::statement::run;
use crate::domain::host::HostName;
use crate::domain::timestamp::Timestamp;
use crate::store::StoreError;
use crate::store::engine::unit_of_work::Statement;
use crate::store::engine::value::Row;
use crate::store::queries::request_lookup::{LookupBy, LookupRow, further_statement, lookup_statement};

/// Connections kept open to read; more are opened and closed when more read at once.
const MAX_READERS: usize = 32;

/// Numbers the threads that read, so that each has a connection that is most often free and warm.
static THREADS: AtomicUsize = AtomicUsize::new(0);

thread_local! {
    static THREAD: usize = THREADS.fetch_add(1, Ordering::Relaxed);
}

/// Connections that only read: whoever holds the lock has the connection, and nobody waits for one.
pub(in crate::store) struct ReadPool {
    pub(super) watched: Arc<DatabaseFile>,
    seats: [Mutex<Option<Reader>>; MAX_READERS],
}

/// A connection, and what it remembers.
struct Reader {
    connection: Connection,
    memory: SnapshotCache,
}

impl ReadPool {
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
        patience: &Patience,
    ) -> Result<[Vec<Row>; N], StoreError> {
        self.with_reader(|reader| {
            patience.watch(&mut reader.connection).map_err(|error| store_error(&error))?;
            let rows = reader.read_at_one_moment(statements)?;
            Patience::unwatch(&mut reader.connection).map_err(|error| store_error(&error))?;
            Ok(rows)
        })
    }

    /// The workspace of a host, and what is named in it, as far as it can be named in one look.
    ///
    /// What was found before is believed if nobody has committed anything since. It is never staler than a read: whether
    /// somebody has committed is asked of the database, at this moment.
    pub(in crate::store) fn look_up(
        &self,
        host: &HostName,
        named: LookupBy<'_>,
        now: Timestamp,
    ) -> Result<Option<LookupRow>, StoreError> {
        self.with_reader(|reader| reader.look_up(host, named, now))
    }

    fn with_reader<T>(
        &self,
        read: impl FnOnce(&mut Reader) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        self.watched.is_here().map_err(|error| store_error(&error))?;
        let mut seat = self.free_seat();
        // A connection that fails, or panics, may be in the middle of something: it is not used again.
        let mut reader = match seat.as_mut().and_then(|seat| seat.take()) {
            Some(reader) => reader,
            None => Reader::open(&self.watched.path).map_err(|error| store_error(&error))?,
        };
        let what = read(&mut reader)?;
        if let Some(seat) = &mut seat {
            **seat = Some(reader);
        }
        Ok(what)
    }

    /// A connection's place that nobody is at, this thread's own if possible.
    fn free_seat(&self) -> Option<MutexGuard<'_, Option<Reader>>> {
        let own = THREAD.with(|thread| *thread);
        (own..own + MAX_READERS).find_map(|seat| match self.seats[seat % MAX_READERS].try_lock() {
            Ok(free) => Some(free),
            Err(TryLockError::Poisoned(free)) => Some(free.into_inner()),
            Err(TryLockError::WouldBlock) => None,
        })
    }
}

impl Reader {
    fn open(path: &Path) -> rusqlite::Result<Self> {
        Ok(Self { connection: connect_to_read(path)?, memory: SnapshotCache::default() })
    }

    fn look_up(
        &mut self,
        host: &HostName,
        named: LookupBy<'_>,
        now: Timestamp,
    ) -> Result<Option<LookupRow>, StoreError> {
        self.memory.be_at(self.data_version()?);
        let name = name_of(host, named);
        if let Some(known) = name.as_ref().and_then(|name| self.memory.get(name)) {
            return Ok(Some(known.clone()));
        }
        // What is committed by now is newer than the version, never older: it is forgotten too early at worst.
        let before_person = name_before_person(host, named);
        let known = self.memory.get(&before_person);
        // Nobody is looked for on behalf of a key that has ended.
        let known = known.filter(|known| known.key_ends_at.is_none_or(|end| now < end));
        let further =
            known.and_then(|known| Some((known.clone(), further_statement(known.workspace, named)?)));
        let arrival = if let Some((known, further)) = further {
            let [rows] = self.read_at_one_moment(&[further])?;
            known.with_rows(rows, named)?
        } else {
            let [rows] = self.read_at_one_moment(&[lookup_statement(host, named, now)])?;
            let Some(arrival) = LookupRow::from_rows(rows, named)? else { return Ok(None) };
            if arrival.serves_others(named) {
                self.memory.insert(before_person, arrival.without_person());
            }
            arrival
        };
        if let Some(name) = name.filter(|_| arrival.names_somebody()) {
            self.memory.insert(name, arrival.clone());
        }
        Ok(Some(arrival))
    }

    fn read_at_one_moment<const N: usize>(
        &self,
        statements: &[Statement; N],
    ) -> Result<[Vec<Row>; N], StoreError> {
        let read = || {
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
        };
        read().map_err(|error| store_error(&error))
    }

    fn data_version(&self) -> Result<i64, StoreError> {
        let read = || self.connection.prepare_cached("PRAGMA data_version")?.query_row([], |row| row.get(0));
        read().map_err(|error| store_error(&error))
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
