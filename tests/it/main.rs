//! Everything through the real router, a real database, a real browser. Only the clock is a stand-in.
//!
//! This is the run on SQLite, and of all tests that need no database; `on_postgres.rs` is the run on PostgreSQL. Tests
//! are found by what they promise: the folder is the part of doorkey, the file the subject, the name the promise.

#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot go on has failed")]

mod admin {
    //! The admin pages: who is let in, and what each role sees and does.

    mod accessibility;
    mod app_refusals;
    mod app_roles;
    mod app_saves;
    mod apps;
    mod browser;
    mod client;
    mod clients;
    mod commands;
    mod doors;
    mod edited_rows;
    mod everybody;
    mod figures;
    mod find;
    mod logs;
    mod mails;
    mod pages;
    mod proxies;
    mod readiness;
    mod restores;
    mod roles;
    mod rotation;
    mod server;
    mod settings;
}
mod api {
    //! The API: what it takes, what it answers, and its description.

    mod client_object;
    mod error_messages;
    mod generated_client;
    mod idempotency;
    mod login_links;
    mod odd_queries;
    mod openapi;
    mod requests;
    mod resources;
    mod schemathesis;
    mod slow_lists;
    mod whole_lists;
}
mod cli {
    //! The command line, run as an operator runs it: the real binary in a folder of its own.

    mod app_restores;
    mod app_try;
    mod apps;
    mod backup;
    mod bulk_imports;
    mod database_passwords;
    mod external_restore;
    mod fields;
    mod import;
    mod key_file;
    mod long_imports;
    mod messages;
    mod missing_database;
    mod prerequisites;
    mod restore;
    mod running_server;
    mod serve;
    mod sessions_and_log;
    mod spreadsheets;
    mod users;
    mod workspaces;
}
mod docs {
    //! The documents, the packages and the source: what they say and promise is so.

    mod api_page;
    mod catalogues;
    mod import_cycles;
    mod operations_page;
    mod packaging;
    mod security_page;
    mod source_rules;
}
mod engines {
    //! What is so of one engine alone, and of several processes on one database.

    mod migrations;
    mod raw_file_copies;
    mod sqlite_file;
}
mod faults {
    //! Crashes, full disks, jumping clocks, lost databases: nothing acknowledged is lost, and service comes back.

    mod clock_jumps;
    mod database_file;
    mod disk_full;
    mod edited_rows;
    mod endless_requests;
    mod failing_disk;
    mod greedy_key;
    mod kills;
    mod no_randomness;
    mod overload;
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
    mod encryption;
    mod limits;
    mod lost_nodes;
    mod mime;
    mod outbox;
    mod real_server;
    mod sending;
    mod settings;
    mod slow_servers;
    mod trial;
}
mod oidc {
    //! OpenID Connect: what apps ask, what they get, and what they are told.

    mod apps;
    mod authorize;
    mod back_channel;
    mod browsers;
    mod client_secrets;
    mod conformance;
    mod discovery;
    mod edited_rows;
    mod foreign_clients;
    mod killed_nodes;
    mod landing;
    mod links_to_apps;
    mod lost_answers;
    mod mailed_landing;
    mod odd_requests;
    mod refusals;
    mod responses;
    mod rust_client;
    mod sign_out;
    mod signing_keys;
    mod subjects;
    mod tokens;
    mod usage;
    mod workspace_keys;
}
mod outbound {
    //! Calls to URLs that others chose: where they may lead, and what receivers make of them.

    mod calls;
    mod encryption;
    mod rule;
}
mod pages {
    //! The pages: opening a link, confirming, sessions, redirects, the console, in a browser and behind proxies.

    mod branding;
    mod browser;
    mod confirm;
    mod console;
    mod languages;
    mod mailed;
    mod planted_cookies;
    mod proxy_recipes;
    mod redirects;
    mod repeated_confirm;
    mod reverse_proxies;
    mod screenshots;
    mod seen_sessions;
    mod sessions;
    mod two_browsers;
    mod ways_on;
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
    mod slow_connections;
    mod stolen_database;
    mod tenant_isolation;
    mod token_randomness;
}
mod stories {
    //! What became of each link, and the figures of all of them.

    mod events;
    mod hot_links;
    mod ledger;
    mod openings;
    mod presses;
    mod programs;
    mod stats;
}
#[expect(dead_code, reason = "some of it is for tests of PostgreSQL alone")]
mod support;

const ENGINE: support::database::Engine = support::database::Engine::Sqlite;
