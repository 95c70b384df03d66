//! What the tests share: verbs of the people involved.

pub mod app;
pub mod browser;
pub mod cluster;
pub mod console;
pub mod database;
pub mod echo;
pub mod elsewhere;
pub mod front;
pub mod kept;
pub mod ledger;
pub mod neighbour;
pub mod operator;
pub mod person;
pub mod server;
pub mod traveller;
pub mod wall;
