//! Columns that several nouns share.

use crate::domain::user::AccountStatus;
use crate::store::engine::value::from_row;

/// The columns of a user's standing.
macro_rules! standing_columns {
    () => {
        "u.is_staff, u.two_factor, u.is_active, u.link_epoch, u.session_epoch"
    };
}
pub(in crate::store) use standing_columns;

from_row! { AccountStatus { is_staff, has_two_factor, is_active, link_epoch, session_epoch } }

/// Says of a user that links or sessions of earlier times may be over: of nobody else are they. It is what the index of those
/// users says, by the letter.
macro_rules! is_restricted {
    () => {
        "(u.link_epoch > 0 OR u.session_epoch > 0 OR u.is_staff <> 0 OR u.two_factor <> 0 OR u.is_active = 0 \
          OR u.deleted_at IS NOT NULL)"
    };
}
pub(in crate::store) use is_restricted;
