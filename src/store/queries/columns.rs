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
