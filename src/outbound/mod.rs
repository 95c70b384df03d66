//! The only room, beside the engines of the store, that opens connections to others.

pub mod http;
mod mail_folder;
pub mod mail_server;
pub mod mime;
mod roots;
mod smtp;
mod text;
