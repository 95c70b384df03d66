//! Refusals: requests that named an app and were not what they must be, as its operator reads them.

use uuid::Uuid;

use crate::domain::timestamp::Timestamp;

/// Refusals that are kept of an app.
pub const MAX_OF_APP: usize = 50;

/// The longest message that is kept, in bytes.
pub const MAX_MESSAGE: usize = 1_000;

/// One of them.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct AppRefusal {
    /// Its number: later ones have larger ones.
    pub id: Uuid,
    /// When it was.
    pub time: Timestamp,
    /// The word that the app was answered, or would have been.
    pub error: String,
    /// What is wrong, for the operator.
    pub message: String,
    /// In which request.
    pub request: Uuid,
}
