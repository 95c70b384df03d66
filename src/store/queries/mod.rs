//! The statements: one file for each noun, written once for both engines.

pub(super) mod admins;
pub(super) mod api_keys;
pub(super) mod asks;
pub(super) mod audit;
pub(super) mod audit_pages;
pub(super) mod audit_search;
pub(super) mod cleanup;
pub(super) mod client_search;
pub(super) mod columns;
pub(super) mod directory;
pub(super) mod directory_stamp;
pub(super) mod idempotency;
pub(super) mod key_usage;
pub(super) mod list;
#[cfg(test)]
mod list_plans;
pub(super) mod login_links;
pub(super) mod lookup_row;
pub(super) mod mail_counters;
pub(super) mod mail_pages;
pub(super) mod mails;
pub(super) mod nodes;
pub(super) mod outbox;
pub(super) mod post_restore;
pub(super) mod request_lookup;
pub(super) mod reuse_counters;
pub(super) mod secret_keys;
pub(super) mod sessions;
pub(super) mod user_batches;
pub(super) mod user_counts;
pub(super) mod user_lists;
pub(super) mod users;
pub(super) mod workspaces;
