//! The schema on PostgreSQL, brought up to date by however many nodes start at once.

use deadpool_postgres::ClientWrapper;
use tokio::time::timeout;
use tokio_postgres::Error;
use tokio_postgres::error::SqlState;

use super::error::{STORE_TIMEOUT, explained, late};
use crate::store::{OpenError, StoreError};

/// The oldest first, with the numbers and columns of the embedded engine's; each is run once, in a transaction.
const MIGRATIONS: [&str; 10] = [
    include_str!("../../../../migrations/postgres/0001_first.sql"),
    include_str!("../../../../migrations/postgres/0002_locale.sql"),
    include_str!("../../../../migrations/postgres/0003_idempotency_keys.sql"),
    include_str!("../../../../migrations/postgres/0004_branding_and_mail.sql"),
    include_str!("../../../../migrations/postgres/0005_mail.sql"),
    include_str!("../../../../migrations/postgres/0006_admin.sql"),
    include_str!("../../../../migrations/postgres/0007_stories.sql"),
    include_str!("../../../../migrations/postgres/0008_client_search.sql"),
    include_str!("../../../../migrations/postgres/0009_apps.sql"),
    include_str!("../../../../migrations/postgres/0010_openings.sql"),
];

/// Brings the schema up to date, or makes it, if `may_create` and there is none.
///
/// A database that is not ours, or is newer than this binary, is left as it is.
pub(super) async fn migrate(client: &ClientWrapper, shown: &str, may_create: bool) -> Result<(), OpenError> {
    let known = i64::try_from(MIGRATIONS.len()).unwrap_or(i64::MAX);
    let failed = |error: Error| OpenError::Failed { database: shown.to_owned(), source: error.into() };
    let inspected = timeout(STORE_TIMEOUT, inspect(client)).await;
    let unreachable = |_| OpenError::Unreachable { database: shown.to_owned(), source: late() };
    let found = match inspected.map_err(unreachable)?.map_err(failed)? {
        Found::Foreign => return Err(OpenError::Foreign(shown.to_owned())),
        Found::Nothing if !may_create => return Err(OpenError::Empty(shown.to_owned())),
        Found::Weak => {
            let source = StoreError::Unavailable(
                "synchronous_commit is off, and what is acknowledged can be lost: set it to on for this role"
                    .to_owned(),
            );
            return Err(OpenError::Failed { database: shown.to_owned(), source });
        }
        Found::Encoded(encoding) => {
            return Err(OpenError::Encoding { database: shown.to_owned(), encoding });
        }
        Found::Nothing => 0,
        Found::Ours(found) => found,
    };
    if found > known {
        return Err(OpenError::Newer { database: shown.to_owned(), found, known });
    }
    // What is up to date is not touched: a command that only reads needs no right to change the schema.
    for (number, migration) in (1..).zip(MIGRATIONS).skip(usize::try_from(found).unwrap_or(0)) {
        run_migration(client, number, migration).await.map_err(failed)?;
    }
    Ok(())
}

/// What stands in the schema that a connection sees first.
enum Found {
    Nothing,
    Ours(i64),
    Foreign,
    /// Whatever stands there: the server answers before what it wrote is safe.
    Weak,
    /// Whatever stands there: it holds the letters of this encoding alone.
    Encoded(String),
}

async fn inspect(client: &ClientWrapper) -> Result<Found, Error> {
    let settings = "SELECT current_setting('synchronous_commit'), current_setting('server_encoding')";
    let settings = client.query_one(settings, &[]).await?;
    if settings.try_get::<_, String>(0)? == "off" {
        return Ok(Found::Weak);
    }
    let encoding: String = settings.try_get(1)?;
    if !encoding.eq_ignore_ascii_case("UTF8") {
        return Ok(Found::Encoded(encoding));
    }
    let tables =
        "SELECT count(*), count(*) FILTER (WHERE table_name = 'migrations') FROM information_schema.tables
                  WHERE table_schema = current_schema() AND table_type = 'BASE TABLE'";
    let tables = client.query_one(tables, &[]).await?;
    if tables.try_get::<_, i64>(1)? == 0 {
        return Ok(if tables.try_get::<_, i64>(0)? == 0 { Found::Nothing } else { Found::Foreign });
    }
    match client.query_one("SELECT coalesce(max(number), 0) FROM migrations", &[]).await {
        Ok(newest) => match newest.try_get(0)? {
            0 => Ok(Found::Nothing),
            number => Ok(Found::Ours(number)),
        },
        // A table of that name, but not ours.
        Err(error) if error.code() == Some(&SqlState::UNDEFINED_COLUMN) => Ok(Found::Foreign),
        Err(error) => Err(error),
    }
}

/// Runs a migration unless it was run before.
///
/// Its number goes in first: of several nodes one gets it in, and the others wait at its key for the end of that
/// one's transaction. If it died, the next one of them goes on.
async fn run_migration(client: &ClientWrapper, number: i64, migration: &str) -> Result<(), Error> {
    make_table(client).await?;
    // A large table may take long to change, and others may be at it.
    client
        .batch_execute("BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE; SET LOCAL statement_timeout = 0")
        .await?;
    let done = async {
        let first = "INSERT INTO migrations (number) VALUES ($1) ON CONFLICT DO NOTHING";
        if client.execute(first, &[&number]).await? == 1 {
            client.batch_execute(migration).await?;
        }
        Ok(())
    };
    match done.await {
        Ok(()) => client.batch_execute("COMMIT").await,
        Err(error) => {
            tracing::error!(error = %explained(&error), number, "a migration failed");
            client.batch_execute("ROLLBACK").await?;
            Err(error)
        }
    }
}

/// Two nodes may find no table at the same moment, and `IF NOT EXISTS` does not keep the second from failing.
async fn make_table(client: &ClientWrapper) -> Result<(), Error> {
    let text = "BEGIN READ WRITE; CREATE TABLE IF NOT EXISTS migrations (number BIGINT PRIMARY KEY); COMMIT";
    let is_taken = [SqlState::UNIQUE_VIOLATION, SqlState::DUPLICATE_TABLE, SqlState::DUPLICATE_OBJECT];
    match client.batch_execute(text).await {
        Err(error) if error.code().is_some_and(|code| is_taken.contains(code)) => {
            client.batch_execute("ROLLBACK").await
        }
        other => other,
    }
}
