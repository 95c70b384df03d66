//! Everything through the real router, a real database, a real browser. Only the clock is a stand-in.
//!
//! This is the run on the embedded engine, and of all that has no engine under it; `on_postgres.rs` is the other.

#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot go on has failed")]

mod api_page;
mod audited;
mod back_office;
mod browser;
mod cli;
mod client_object;
mod confirming;
mod connections;
mod console;
mod copies;
mod forms;
mod generated_client;
mod greedy_lists;
mod hosts;
mod issuing;
mod leaks;
mod limits;
mod marking;
mod migrations;
mod openapi;
mod operations_page;
mod outside;
mod packaging;
mod pictures;
mod properties;
mod proxies;
mod races;
mod races_of_people;
mod raw_copies;
mod readiness;
mod redirects;
mod repeating;
mod requests;
mod restoring;
mod rigs;
mod rotation;
mod schemathesis;
mod security_page;
mod sessions;
mod sqlite_file;
mod starting_together;
mod storage;
#[expect(dead_code, reason = "some of it is for tests of PostgreSQL alone")]
mod support;
mod tidy;
mod tokens;
mod twins;

const ENGINE: support::database::Engine = support::database::Engine::Sqlite;
