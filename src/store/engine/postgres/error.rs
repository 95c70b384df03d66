//! What an error of PostgreSQL means to a caller.

use std::time::Duration;

use tokio_postgres::Error;
use tokio_postgres::error::SqlState;

use super::tls;
use crate::store::StoreError;

/// How long a caller waits for an answer before it gets an error (contract, section 2).
pub(super) const STORE_TIMEOUT: Duration = Duration::from_secs(5);

/// Whether a guard found nothing to change: nothing else divides.
pub(super) fn is_lost(error: &Error) -> bool {
    error.code() == Some(&SqlState::DIVISION_BY_ZERO)
}

/// Whether others got in the way, and the same may go well if it is begun again.
///
/// A key that is there already is one of them: what looks before it adds looks again, and finds what was added
/// meanwhile.
pub(super) fn is_a_race(error: &Error) -> bool {
    let races =
        [SqlState::T_R_SERIALIZATION_FAILURE, SqlState::T_R_DEADLOCK_DETECTED, SqlState::UNIQUE_VIOLATION];
    error.code().is_some_and(|code| races.contains(code))
}

/// Whether the connection was closed, or its server is being stopped.
pub(super) fn is_gone(error: &Error) -> bool {
    error.is_closed() || error.code() == Some(&SqlState::ADMIN_SHUTDOWN)
}

/// Whether its server is a standby, which it was not when the connection was made.
pub(super) fn is_read_only(error: &Error) -> bool {
    let told = [SqlState::READ_ONLY_SQL_TRANSACTION, SqlState::FEATURE_NOT_SUPPORTED];
    error.code().is_some_and(|code| told.contains(code))
}

pub(super) fn late() -> StoreError {
    StoreError::Unavailable("PostgreSQL did not answer for 5 s".to_owned())
}

/// What the server or the connection said. Its details are left out: they quote rows.
pub(super) fn explained(error: &Error) -> String {
    match (error.as_db_error(), std::error::Error::source(error)) {
        (Some(said), _) => format!("{} ({})", said.message(), said.code().code()),
        (None, Some(source)) => {
            tls::explain_certificate(source).unwrap_or_else(|| format!("{error}: {source}"))
        }
        (None, None) => error.to_string(),
    }
}

impl From<Error> for StoreError {
    fn from(error: Error) -> Self {
        let Some(code) = error.code() else { return Self::Unavailable(explained(&error)) };
        // By class (PostgreSQL, appendix A): the connection, an invalid transaction state such as that of a standby,
        // authorization, a rolled back transaction, resources, objects in use, an operator's intervention, the system.
        let passing = ["08", "25", "28", "40", "53", "55", "57", "58"];
        let is_passing = passing.iter().any(|class| code.code().starts_with(class));
        if is_passing || *code == SqlState::FEATURE_NOT_SUPPORTED {
            return Self::Unavailable(explained(&error));
        }
        Self::Refused(explained(&error))
    }
}
