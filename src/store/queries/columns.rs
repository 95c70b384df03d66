//! Columns that several nouns share.

use crate::domain::login_link::KeyId;
use crate::domain::user::AccountStatus;
use crate::store::StoreError;
use crate::store::engine::value::Row;

/// The id of the secret key that a row uses.
pub(in crate::store) fn key_id(number: i64) -> Result<KeyId, StoreError> {
    u32::try_from(number).map(KeyId).map_err(|_| StoreError::Unexpected("the id of a secret key"))
}

/// The columns of a user's standing, in the order in which [`standing_from`] takes them.
macro_rules! standing_columns {
    () => {
        "u.is_staff, u.two_factor, u.is_active, u.link_epoch, u.session_epoch"
    };
}
pub(in crate::store) use standing_columns;

pub(in crate::store) fn standing_from(row: &mut Row) -> Result<AccountStatus, StoreError> {
    Ok(AccountStatus {
        is_staff: row.take()?,
        has_two_factor: row.take()?,
        is_active: row.take()?,
        link_epoch: row.take()?,
        session_epoch: row.take()?,
    })
}
