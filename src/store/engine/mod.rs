//! The engines: a unit of work as data, and the two databases that run it.

pub(super) mod postgres;
pub(super) mod rows;
pub(super) mod sqlite;
#[cfg(test)]
pub(super) mod tests;
pub(super) mod unit_of_work;
pub(super) mod value;
