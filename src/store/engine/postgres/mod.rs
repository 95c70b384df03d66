//! The engine for many nodes: PostgreSQL, one round trip for each call of the door.
//!
//! Statements are sent one behind the other without waiting for answers, `BEGIN` and `COMMIT` among them. How a
//! guard ends such a transaction: docs/decisions/0018-one-round-trip.md.

mod certificate;
mod durable;
mod error;
mod pool;
mod row_queue;
mod schema;
mod servers;
#[cfg(test)]
pub(in crate::store) mod tests;
mod tls;
mod values;

use std::borrow::Cow;
use std::fmt;
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::task::Poll;
use std::time::Instant;

use deadpool_postgres::ClientWrapper;
use futures_util::future::{BoxFuture, FutureExt, MaybeDone, maybe_done};
use tokio::time::timeout_at;
use tokio_postgres::types::Type;
use tokio_postgres::{Error, Row as PostgresRow};

use self::error::{STORE_TIMEOUT, explained, is_a_race, is_gone, is_lost, is_read_only, late};
use self::row_queue::{ConnectionPool, Health, Lease};
pub(in crate::store) use self::servers::{Connected, Servers};
pub(in crate::store) use self::values::{row, type_of};
use super::rows::Rows;
use super::unit_of_work::{Statement, UnitOfWork, UnitResult};
use super::value::Row;
use crate::store::database_url::PostgresUrl;
use crate::store::{ListPermit, OpenError, StoreError};

/// How often a unit is tried that others got in the way of, before its caller gets an error.
const MAX_ATTEMPTS: usize = 16;

#[derive(Clone)]
pub(in crate::store) struct Postgres {
    lender: ConnectionPool,
    shown: String,
}

impl fmt::Debug for Postgres {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Postgres({})", self.shown)
    }
}

/// One connection, and how to make more, to a database whose schema is brought up to date first.
pub(in crate::store) async fn enter(
    url: &PostgresUrl,
    shown: &str,
    may_create: bool,
) -> Result<(Connected, Servers), OpenError> {
    let servers = Servers::new(url, shown)?;
    let connected = tokio::time::timeout(STORE_TIMEOUT, servers.connect_first()).await;
    let client = connected
        .unwrap_or_else(|_| Err(late()))
        .map_err(|source| OpenError::Unreachable { database: shown.to_owned(), source })?;
    let Some(client) = client else { return Err(OpenError::Pooled(shown.to_owned())) };
    schema::migrate(&client, shown, may_create).await?;
    Ok((client, servers))
}

/// How a read is made.
enum ReadKind {
    /// An index answers it.
    Lookup,
    /// It may take long.
    Scan,
    /// It may take long, and others wait for its permit.
    List(ListPermit),
}

impl ReadKind {
    fn is_prepared(&self) -> bool {
        matches!(self, Self::Lookup)
    }

    fn deadline(&self) -> Instant {
        match self {
            Self::Lookup | Self::Scan => Instant::now() + STORE_TIMEOUT,
            Self::List(permit) => permit.deadline(),
        }
    }
}

/// An answer of the server to one of several questions that were sent at once.
type Answer<'a> = MaybeDone<BoxFuture<'a, Result<Vec<PostgresRow>, Error>>>;

impl Postgres {
    pub(in crate::store) async fn open(
        url: &PostgresUrl,
        shown: &str,
        may_create: bool,
    ) -> Result<Self, OpenError> {
        let (_, servers) = enter(url, shown, may_create).await?;
        Ok(Self { lender: ConnectionPool::over(servers), shown: shown.to_owned() })
    }

    /// The server that reads are of from here on, if responses that depend on them are to be covered.
    pub(in crate::store) fn read_point(&self) -> Option<u64> {
        self.lender.servers().primary.read_point()
    }

    /// Notes whether commits wait for a standby, as a read since a point has shown.
    pub(in crate::store) fn note_synchronous(&self, generation: u64, is_synchronous: bool) {
        self.lender.servers().primary.note(generation, is_synchronous);
    }

    pub(in crate::store) fn generation(&self) -> u64 {
        self.lender.servers().primary.generation()
    }

    pub(in crate::store) async fn read<const N: usize>(
        &self,
        statements: &[Statement; N],
    ) -> Result<[Vec<Row>; N], StoreError> {
        values::rows_of(&self.look_up(statements, &ReadKind::Lookup).await?)
    }

    /// As `read`, for texts that differ from call to call: the server is not asked to remember them. What is made of the
    /// rows is made off the calling thread.
    pub(in crate::store) async fn scan<const N: usize, T: Send + 'static>(
        &self,
        statements: &[Statement; N],
        permit: Option<ListPermit>,
        made_of: impl FnOnce([Vec<Row>; N]) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let look = permit.map_or(ReadKind::Scan, ReadKind::List);
        let rows = self.look_up(statements, &look).await?;
        let finish = move || {
            let _until_it_is_made = look;
            values::rows_of(&rows).and_then(made_of)
        };
        let made = tokio::task::spawn_blocking(finish).await;
        made.map_err(|_| StoreError::Unavailable("a read was broken off".to_owned()))?
    }

    async fn look_up<const N: usize>(
        &self,
        statements: &[Statement; N],
        look: &ReadKind,
    ) -> Result<Vec<Vec<PostgresRow>>, StoreError> {
        let begin = if N > 1 { "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY" } else { "" };
        let deadline = look.deadline();
        for number in 1.. {
            let texts = statements.iter().map(|one| (one, text_of(one)));
            let loan = match look {
                ReadKind::Lookup | ReadKind::Scan => self.lender.for_reading(deadline).await?,
                ReadKind::List(permit) => self.lender.for_listing(permit).await?,
            };
            match try_once(loan, deadline, begin, texts, look.is_prepared()).await? {
                Ok(rows) => return Ok(rows),
                // Nothing was changed, so it can be asked again of a server that is there.
                Err(error) if number < MAX_ATTEMPTS && (is_gone(&error) || is_a_race(&error)) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Err(late())
    }

    pub(in crate::store) async fn write(&self, unit: &UnitOfWork) -> Result<UnitResult, StoreError> {
        // A connection writes nowhere but here: it is read-only by default, so that nothing happens outside a
        // transaction if this `BEGIN` fails and the statements behind it do not.
        let begin = "BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE";
        let deadline = Instant::now() + STORE_TIMEOUT;
        for number in 1.. {
            let texts = unit.statements.iter().map(|one| (one, guarded(one)));
            let loan = self.lender.for_writing(unit.sought, deadline).await?;
            match try_once(loan, deadline, begin, texts, true).await? {
                Ok(rows) => {
                    tracing::trace!(statements = rows.len(), "committed");
                    return values::written(unit, &rows);
                }
                Err(error) if is_lost(&error) => return Ok(UnitResult::Conflict),
                Err(error) if number < MAX_ATTEMPTS && is_a_race(&error) => {}
                Err(error) => {
                    tracing::error!(error = %explained(&error), "a unit of work failed");
                    return Err(error.into());
                }
            }
        }
        Err(late())
    }
}

/// Runs statements on one connection. The outer error is that nobody answers in time.
async fn try_once<'a>(
    loan: Lease,
    deadline: Instant,
    begin: &'static str,
    statements: impl Iterator<Item = (&'a Statement, Cow<'a, str>)>,
    is_prepared: bool,
) -> Result<Result<Vec<Vec<PostgresRow>>, Error>, StoreError> {
    let Some(client) = loan.client() else { return Err(late()) };
    // What was sent may yet be committed or not: whoever asks again sees which. A commit is never called off, since one
    // that waits for a standby would then count as done.
    let answered = timeout_at(deadline.into(), run(client, begin, statements, is_prepared)).await;
    let Ok(answer) = answered else { return Err(late()) };
    loan.give_back(match &answer {
        Ok(_) => Health::Good,
        Err(error) if is_a_race(error) || is_lost(error) => Health::Good,
        Err(error) if is_gone(error) || is_read_only(error) => Health::Stale,
        Err(_) => Health::Broken,
    });
    Ok(answer)
}

/// Runs statements at one moment or in one transaction, if there is a `begin`; gives the rows of each.
///
/// Everything is sent before the first answer is waited for. Of several errors the first counts: the others follow
/// from it.
async fn run<'a>(
    client: &ClientWrapper,
    begin: &'static str,
    statements: impl Iterator<Item = (&'a Statement, Cow<'a, str>)>,
    is_prepared: bool,
) -> Result<Vec<Vec<PostgresRow>>, Error> {
    let mut questions = Vec::new();
    for (statement, text) in statements {
        let types = values::types_of(statement);
        // What is prepared for the first time on this connection costs a round trip of its own. A statement over many rows is
        // planned each time: a plan that is kept may be from when the table was empty, and walk through it for each row.
        let is_kept = is_prepared && statement.rows.is_none();
        let prepared = if is_kept { Some(client.prepare_typed_cached(&text, &types).await?) } else { None };
        questions.push((statement, text, types, prepared));
    }
    if let ("", [(statement, text, types, prepared)]) = (begin, &*questions) {
        return ask(client, statement, text, types, prepared.as_ref()).await.map(|rows| vec![rows]);
    }
    let command = |text| -> Answer<'_> {
        maybe_done(async move { client.batch_execute(text).await.map(|()| Vec::new()) }.boxed())
    };
    let mut answers = vec![command(begin)];
    for (statement, text, types, prepared) in &questions {
        answers.push(maybe_done(ask(client, statement, text, types, prepared.as_ref()).boxed()));
    }
    answers.push(command("COMMIT"));
    // The first read of each sends it. From here on the connection comes to its end of the transaction by itself,
    // even if nobody waits for the answers any more.
    poll_fn(|context| {
        for answer in &mut answers {
            let _ = Pin::new(answer).poll(context);
        }
        Poll::Ready(())
    })
    .await;
    let mut rows = Vec::with_capacity(answers.len());
    for mut answer in answers {
        Pin::new(&mut answer).await;
        rows.extend(Pin::new(&mut answer).take_output().transpose()?);
    }
    // Those of `BEGIN` and `COMMIT` are none.
    rows.pop();
    rows.remove(0);
    Ok(rows)
}

async fn ask(
    client: &ClientWrapper,
    statement: &Statement,
    text: &str,
    types: &[Type],
    prepared: Option<&tokio_postgres::Statement>,
) -> Result<Vec<PostgresRow>, Error> {
    let parameters = values::parameters_of(statement);
    if let Some(prepared) = prepared {
        return client.query(prepared, &parameters).await;
    }
    let with_types = parameters.into_iter().zip(types.iter().cloned());
    client.query_typed(text, &with_types.collect::<Vec<_>>()).await
}

/// The text of a statement. All the rows that it is over, if it is over any, are parameters of it.
fn text_of(statement: &Statement) -> Cow<'_, str> {
    let over = |rows: &Rows| Cow::Owned(rows.for_all(&statement.sql, statement.values.len() + 1));
    statement.rows.as_ref().map_or(Cow::Borrowed(&*statement.sql), over)
}

/// The same; that of a guard fails, and with it the transaction, if it changes too few rows.
fn guarded(statement: &Statement) -> Cow<'_, str> {
    let text = text_of(statement);
    if !statement.is_guard {
        return text;
    }
    if statement.rows.is_some() {
        // The number of rows is not in the text, which stays prepared.
        let first = statement.values.len() + 1;
        return Cow::Owned(format!(
            "WITH guarded AS ({text} RETURNING 1)
             SELECT 1 / (CASE WHEN (SELECT count(*) FROM guarded) = cardinality(${first}) THEN 1 ELSE 0 END)"
        ));
    }
    let returning = if values::returns_rows(statement) { "" } else { " RETURNING 1" };
    Cow::Owned(format!(
        "WITH guarded AS ({text}{returning})
         SELECT guarded.*, CAST(1 / (SELECT count(*) FROM guarded) AS BIGINT)
         FROM (SELECT 1) always LEFT JOIN guarded ON true"
    ))
}
