//! The API for back offices.

mod caller;
mod lists;
pub(super) mod login_links;
