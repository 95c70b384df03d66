//! Everything through the real router, a real database, a real browser. Only the clock is a stand-in.

mod requests;
mod support;
