//! The same tests on PostgreSQL: all that have an engine under them, and those that are about this one.

#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot go on has failed")]

mod api_page;
mod audited;
mod back_office;
mod browser;
mod cli {
    //! The command line, where it does not make files.

    mod fields;
    mod import;
    mod import_beside;
    mod people;
    mod tenants;
}
mod client_object;
mod confirming;
mod failover;
mod faults;
mod forms;
mod greedy_lists;
mod hosts;
mod issuing;
mod leaks;
mod limits;
mod marking;
mod moving;
mod moving_command;
mod nodes;
mod openapi;
mod outside;
mod postgres;
mod properties;
mod proxies;
mod races;
mod races_of_people;
mod readiness;
mod redirects;
mod repeating;
mod requests;
mod rigs {
    //! Those that hurt no file.

    mod edited_rows;
    #[expect(dead_code, reason = "some of it is for rigs that have a file")]
    mod figures;
    mod greedy_key;
    mod rows;
    mod unanswered;
    mod wrong_clock;
}
mod rotation;
mod round_trips;
mod server_certificates;
mod server_limits;
mod sessions;
mod starting_together;
mod storage;
#[expect(dead_code, reason = "some of it is for tests that have no engine under them")]
mod support;
mod twins;

const ENGINE: support::database::Engine = support::database::Engine::Postgres;
