//! doorkey: a self-hosted magic-link login service.
//!
//! The modules, in reading order: [`domain`] says what the rules are, [`keys`] holds the secrets, [`store`] keeps
//! what must be kept, [`flow`] has the use cases, `jobs` runs what runs by itself, [`outbound`] calls others, [`http`] and
//! [`cli`] are the two ways in.

pub mod app;
pub mod cli;
pub mod clock;
pub mod config;
pub mod domain;
mod files;
pub mod flow;
pub mod http;
pub mod i18n;
mod jobs;
pub mod keys;
pub mod logging;
pub mod lookup_cache;
pub mod metrics;
pub mod node_status;
mod os_users;
pub mod outbound;
pub mod rate_limits;
pub mod refusal_notes;
pub mod signing_key_cache;
pub mod store;
pub mod story_notes;
