//! What the tests share: verbs of the people involved.

pub mod app;
pub mod browser;
pub mod elsewhere;
pub mod person;
pub mod server;
