//! The stories: what happens when somebody asks for something, told once for API, pages and command line.

pub mod admission;
pub mod api_keys;
pub mod checks;
pub mod copies;
pub mod import;
pub mod limits;
pub mod lists;
pub mod login_links;
pub mod logs;
pub mod moving;
pub mod nodes;
mod notices;
pub mod secret_keys;
pub mod sessions;
pub mod sign_in;
pub mod start;
pub mod upkeep;
pub mod users;
pub mod workspaces;
