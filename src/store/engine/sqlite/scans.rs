//! Reads that may take long: on a thread of their own, and no longer than somebody waits for them.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use rusqlite::Connection;

use super::Sqlite;
use crate::store::engine::unit_of_work::Statement;
use crate::store::engine::value::Row;
use crate::store::{ListPermit, StoreError};

/// Steps of SQLite's machine between two checks whether somebody waits: some ten microseconds.
const STEPS: i32 = 1_000;

/// Until when a read may go on: as long as its caller waits, and to its deadline if it has one.
#[derive(Clone)]
pub(super) struct ScanLimit {
    is_gone: Arc<AtomicBool>,
    deadline: Option<Instant>,
}

impl ScanLimit {
    fn is_over(&self) -> bool {
        self.is_gone.load(Ordering::Relaxed)
            || self.deadline.is_some_and(|deadline| Instant::now() >= deadline)
    }

    /// Has statements of the connection fail once it is over. `sqlite3_interrupt` would be forgotten if it came between
    /// two of them.
    pub(super) fn watch(&self, connection: &mut Connection) -> rusqlite::Result<()> {
        let limit = self.clone();
        connection.progress_handler(STEPS, Some(move || limit.is_over()))
    }

    /// Lets the connection go on as long as it likes.
    pub(super) fn unwatch(connection: &mut Connection) -> rusqlite::Result<()> {
        connection.progress_handler(0, None::<fn() -> bool>)
    }
}

/// The caller of a read.
struct Caller(Arc<AtomicBool>);

impl Drop for Caller {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

impl<C: Clone + Send + 'static> Sqlite<C> {
    /// Runs statements and makes something of their rows, both off the calling thread. A list keeps its permit until
    /// that has ended.
    pub(in crate::store) async fn scan<const N: usize, T: Send + 'static>(
        &self,
        statements: [Statement; N],
        permit: Option<ListPermit>,
        made_of: impl FnOnce([Vec<Row>; N]) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let readers = Arc::clone(&self.readers);
        let caller = Caller(Arc::default());
        let deadline = permit.as_ref().map(ListPermit::deadline);
        let limit = ScanLimit { is_gone: Arc::clone(&caller.0), deadline };
        let scan = move || {
            let _permit = permit;
            readers.scan(&statements, &limit).and_then(made_of)
        };
        let scanned = tokio::task::spawn_blocking(scan).await;
        drop(caller);
        scanned.map_err(|_| StoreError::Unavailable("a read was broken off".to_owned()))?
    }
}
