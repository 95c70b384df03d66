//! Everything through the real router, a real database, a real browser. Only the clock is a stand-in.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod api_page;
mod audited;
mod back_office;
mod browser;
mod cli;
mod confirming;
mod console;
mod forms;
mod generated_client;
mod hosts;
mod issuing;
mod leaks;
mod openapi;
mod outside;
mod pictures;
mod proxies;
mod races;
mod redirects;
mod requests;
mod schemathesis;
mod sessions;
mod storage;
mod support;
mod tidy;
mod twins;
