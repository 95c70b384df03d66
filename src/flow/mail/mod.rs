//! Mails to the users of a workspace.

pub mod fold;
pub mod text;
