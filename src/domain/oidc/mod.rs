//! OpenID Connect: the applications that people are signed in to.

pub mod app;
