//! What the tests share: verbs of the people involved.

pub mod app;
