//! The mark that a move leaves in both databases.

use uuid::Uuid;

use crate::domain::named::named;
use crate::store::engine::unit_of_work::{Statement, sql};
use crate::store::engine::value::{FromValue, Value, from_row};

/// How far a move came.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Mark {
    /// The same in source and target, and at every try.
    pub(super) id: Uuid,
    pub(super) state: State,
    /// In the source where it goes, in the target where it comes from.
    pub(super) place: String,
}

named! {
    /// How far a transfer came, seen from one of the two databases.
    pub(super) enum State(
        /// The word in the database.
        word
    ) {
        /// A source that a move was begun for. It is as good as ever.
        SourceStarted = "leaving",
        /// A source whose rows are elsewhere.
        SourceClosed = "moved",
        /// A target that holds nothing yet.
        TargetFilling = "filling",
        /// A target that holds everything, and waits for the source to be marked.
        TargetComplete = "filled",
    }
}

impl FromValue for State {
    fn from_value(value: Value) -> Option<Self> {
        let word = String::from_value(value)?;
        Self::ALL.into_iter().find(|state| state.word() == word)
    }
}

from_row! { Mark { id, state, place } }

/// The one mark of a database, if there is one.
pub(super) fn find() -> Statement {
    sql("SELECT id, state, place FROM transfers", Vec::new())
}
