//! What operators and the process itself do: start, check, keep in order, back up, transfer.

mod app_notes;
pub mod backup;
pub mod checks;
pub mod maintenance;
pub mod nodes;
pub mod notices;
pub mod secret_keys;
pub mod startup;
pub mod transfer;
