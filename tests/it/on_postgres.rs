//! The run on PostgreSQL: every test whose promise depends on the database, and those about this one.
//!
//! What a browser or a proxy does with the pages does not depend on it: `pages/browser` and `pages/reverse_proxies` run on
//! SQLite alone.

#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot go on has failed")]

mod admin {
    //! The admin pages: who is let in, and what each role sees and does.

    mod app_refusals;
    mod app_roles;
    mod app_saves;
    mod apps;
    mod client;
    mod clients;
    mod commands;
    mod doors;
    mod edited_rows;
    mod figures;
    mod find;
    mod logs;
    mod mails;
    mod pages;
    mod proxies;
    mod readiness;
    mod roles;
    mod rotation;
    mod settings;
}
mod api {
    //! The API: what it takes, what it answers, and its description.

    mod client_object;
    mod idempotency;
    mod login_links;
    mod odd_queries;
    mod openapi;
    mod requests;
    mod resources;
    mod slow_lists;
    mod whole_lists;
}
mod cli {
    //! The command line, run as an operator runs it: the real binary in a folder of its own.

    mod app_try;
    mod apps;
    mod bulk_imports;
    mod external_restore;
    mod fields;
    mod import;
    mod long_imports;
    mod migrate;
    mod running_server;
    mod sessions_and_log;
    mod spreadsheets;
    mod users;
    mod workspaces;
}
mod docs {
    //! The documents, the packages and the source: what they say and promise is so.

    mod api_page;
}
mod engines {
    //! What is so of one engine alone, and of several processes on one database.

    mod nodes;
    mod postgres;
    mod postgres_certificates;
    mod postgres_settings;
    mod round_trips;
    mod transfer;
}
mod faults {
    //! Crashes, full disks, jumping clocks, lost databases: nothing acknowledged is lost, and service comes back.

    mod database_outage;
    mod edited_rows;
    mod failover;
    mod greedy_key;
    mod missing_standby;
    mod readiness;
    mod wrong_clock;
}
mod mail {
    //! Mail: asked for, queued, sent, and what mail servers make of it.

    mod answer_times;
    mod api;
    pub mod asking;
    mod bad_servers;
    mod codes;
    mod dead_links;
    mod limits;
    mod lost_nodes;
    mod outbox;
    mod slow_servers;
}
mod oidc {
    //! OpenID Connect: what apps ask, what they get, and what they are told.

    mod apps;
    mod authorize;
    mod back_channel;
    mod client_secrets;
    mod discovery;
    mod edited_rows;
    mod killed_nodes;
    mod landing;
    mod links_to_apps;
    mod mailed_landing;
    mod odd_requests;
    mod refusals;
    mod responses;
    mod sign_out;
    mod signing_keys;
    mod subjects;
    mod tokens;
    mod usage;
    mod workspace_keys;
}
mod pages {
    //! The pages: opening a link, confirming, sessions, redirects, the console, in a browser and behind proxies.

    mod branding;
    mod confirm;
    mod languages;
    mod redirects;
    mod repeated_confirm;
    mod seen_sessions;
    mod sessions;
}
mod races {
    //! Many callers at once, and steps in any order.

    mod imports;
    mod links_and_sessions;
    mod properties;
    mod startup;
    mod users;
}
mod security {
    //! Attacks: on forms, hosts, tenants, secrets, rate limits and connections.

    mod audit_log;
    mod csrf;
    mod hosts;
    mod key_rotation;
    mod rate_limits;
    mod secret_leaks;
    mod stolen_database;
    mod tenant_isolation;
}
mod stories {
    //! What became of each link, and the figures of all of them.

    mod events;
    mod hot_links;
    mod ledger;
    mod openings;
    mod presses;
    mod stats;
}
#[expect(dead_code, reason = "some of it is for tests that need no database")]
mod support;

const ENGINE: support::database::Engine = support::database::Engine::Postgres;
