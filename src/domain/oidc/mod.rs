//! OpenID Connect: the applications that people are signed in to.

pub mod app;
pub mod app_change;
pub mod app_secret;
pub mod app_uri;
pub mod app_uri_rules;
pub mod claims;
pub mod client_id;
pub mod code;
pub mod refusal;
pub mod request;
pub mod scope;
pub mod sign_out;
pub mod signing_key;
pub mod start_url;
pub mod usage;
