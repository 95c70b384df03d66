//! Whether what a read saw outlives a failover: docs/decisions/0028-answers-that-rest-on-a-read.md.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::watch;
use tokio::time::timeout_at;

use super::Postgres;
use super::error::{STORE_TIMEOUT, late};
use crate::domain::timestamp::Timestamp;
use crate::store::StoreError;
use crate::store::engine::unit_of_work::{UnitOfWork, UnitResult, sql};
use crate::store::engine::value::values;

/// How much older than a commit of ours a row's own time must be for the row to be committed before it, in seconds. A
/// node's clock may be 2 s ahead or behind, and a write is given up 5 s after its row was stamped; the rest is for what was
/// sent and comes to its end on a busy server later than that.
const MARGIN: i64 = 60;

/// How often a node makes such a commit by itself.
const PERIOD: Duration = Duration::from_secs(1);

/// A commit that changes no row, and yet waits for the standby, since it is written to the WAL. It tells when it began, by
/// the clock of the database.
const MARK: &str = "SELECT CAST(extract(epoch FROM clock_timestamp()) * 1000 AS BIGINT)
                    FROM pg_logical_emit_message(true, 'doorkey', '') AS mark";

/// What is known of the server that is asked now.
pub(super) struct Primary {
    state: Mutex<State>,
    /// Told whenever a commit has come to its end.
    ended: watch::Sender<()>,
}

#[derive(Default)]
struct State {
    /// Which start of which server it is; known only where answers wait for a standby.
    server: Option<String>,
    /// Counts the servers that were asked, one after the other.
    generation: u64,
    is_synchronous: bool,
    commits: Commits,
}

/// The commits that were made to cover what reads saw, numbered from 1. One runs at a time.
#[derive(Default)]
struct Commits {
    begun: u64,
    begun_at: Option<Instant>,
    ended: u64,
    /// The newest that was acknowledged.
    acknowledged: u64,
    /// When that began, by the clock of the database.
    covers: Option<Timestamp>,
}

impl Primary {
    pub(super) fn unknown() -> Self {
        Self { state: Mutex::default(), ended: watch::Sender::new(()) }
    }

    /// Notes to which server a connection was made, and gives its generation.
    pub(super) fn meet(&self, server: Option<&str>) -> u64 {
        let mut state = self.state();
        state.is_synchronous = server.is_some();
        if state.server.as_deref() != server {
            state.server = server.map(str::to_owned);
            state.generation += 1;
            state.commits.covers = None;
        }
        state.generation
    }

    /// Notes whether commits wait for a standby, as the server of a generation said.
    pub(super) fn note(&self, generation: u64, is_synchronous: bool) {
        let mut state = self.state();
        if state.generation == generation {
            state.is_synchronous = is_synchronous;
        }
    }

    pub(super) fn generation(&self) -> u64 {
        self.state().generation
    }

    /// The generation that reads are of from here on, if responses that depend on them are to be covered.
    pub(super) fn read_point(&self) -> Option<u64> {
        let state = self.state();
        state.is_synchronous.then_some(state.generation)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// Whether nothing needs to be waited for.
    fn covers(&self, written_at: Option<Timestamp>) -> bool {
        let covered = written_at.zip(self.commits.covers);
        !self.is_synchronous || covered.is_some_and(|(written, mark)| written.plus_seconds(MARGIN) < mark)
    }

    /// Whether this is still the server that was read from. Else nobody knows whether the new one has what was read.
    fn must_be(&self, generation: u64) -> Result<(), StoreError> {
        if self.generation == generation {
            return Ok(());
        }
        Err(StoreError::Unavailable("another server has taken over since this was read".to_owned()))
    }
}

impl Postgres {
    /// See [`Store::ensure_durable`](crate::store::Store::ensure_durable).
    pub(in crate::store) async fn ensure_durable(
        &self,
        generation: u64,
        written_at: Option<Timestamp>,
    ) -> Result<(), StoreError> {
        let primary = self.primary();
        let mut ended = primary.ended.subscribe();
        let wanted = {
            let state = primary.state();
            state.must_be(generation)?;
            if state.covers(written_at) {
                return Ok(());
            }
            // One that runs already may have begun before what was read was written.
            state.commits.begun + 1
        };
        let deadline = Instant::now() + STORE_TIMEOUT;
        loop {
            {
                let mut state = primary.state();
                state.must_be(generation)?;
                let commits = &mut state.commits;
                if commits.acknowledged >= wanted {
                    return Ok(());
                }
                if commits.ended >= wanted {
                    return Err(late());
                }
                if commits.begun == commits.ended {
                    commits.begun += 1;
                    commits.begun_at = Some(Instant::now());
                    let (postgres, number) = (self.clone(), commits.begun);
                    // It goes on if this caller goes away: others wait for it too.
                    tokio::spawn(async move { postgres.commit_mark(generation, number).await });
                }
            }
            let changed = timeout_at(deadline.into(), ended.changed()).await;
            changed.map_err(|_| late())?.map_err(|_| late())?;
        }
    }

    /// Makes one such commit where they are needed, if the last is a while ago: so a read finds its rows covered.
    pub(in crate::store) async fn keep_covering(&self) -> Result<(), StoreError> {
        let primary = self.primary();
        let Some(generation) = primary.read_point() else { return Ok(()) };
        let last = primary.state().commits.begun_at;
        if last.is_some_and(|last| last.elapsed() < PERIOD) {
            return Ok(());
        }
        self.ensure_durable(generation, None).await
    }

    async fn commit_mark(&self, generation: u64, number: u64) {
        let written = Box::pin(self.write(&UnitOfWork::new().and(sql(MARK, values![])))).await;
        let begun_at = match written {
            Ok(UnitResult::Done(mut rows)) => rows.pop().and_then(|mut rows| rows.pop()?.take().ok()),
            Ok(UnitResult::Conflict) | Err(_) => None,
        };
        let mut state = self.primary().state();
        let is_the_same = state.generation == generation;
        state.commits.ended = number;
        if let Some(begun_at) = begun_at.filter(|_| is_the_same) {
            state.commits.acknowledged = number;
            state.commits.covers = Some(begun_at);
        }
        drop(state);
        self.primary().ended.send_replace(());
    }

    fn primary(&self) -> &Primary {
        &self.lender.servers().primary
    }
}
