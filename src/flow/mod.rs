//! The stories: what happens when somebody asks for something, written once for API, pages and command line.

pub mod admin;
pub mod api_keys;
pub mod audit_log;
pub mod import;
pub mod lists;
pub mod login_links;
pub mod mail;
pub mod oidc;
pub mod operations;
pub mod request_lookup;
pub mod self_service;
pub mod sessions;
pub mod sign_in;
pub mod stories;
pub mod users;
pub mod workspaces;
