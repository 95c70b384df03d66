//! Words and rules of the product, pure: no database, no network, no clock, no `async`.

pub mod api_key;
pub mod audit;
pub mod base62;
pub mod canonical;
pub mod clock_watch;
pub mod email;
pub mod host;
pub mod import_row;
pub mod invalid;
pub mod login_link;
pub mod node;
pub mod origin;
pub mod page;
pub mod redirect;
pub mod scope;
pub mod secret_key;
pub mod session;
pub mod source;
pub mod timestamp;
pub mod token;
pub mod user;
pub mod user_change;
pub mod user_object;
pub mod version;
pub mod workspace;
