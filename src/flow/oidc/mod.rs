//! OpenID Connect: apps, and the people who are signed in to them.

pub mod app_changes;
pub mod apps;
pub mod authorize;
pub mod end_session;
pub mod landing;
pub mod refusals;
pub mod rekey;
pub mod sign_outs;
pub mod signing_keys;
pub mod token;
pub mod trial;
pub mod usage;
pub mod userinfo;
pub mod waiting;
