//! The only place that asks the time.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use crate::domain::timestamp::Timestamp;

/// Where the time comes from.
#[derive(Clone, Debug)]
pub enum Clock {
    /// The operating system's wall clock.
    System,
    /// Hands set by a test: milliseconds since 1970-01-01.
    Manual(Arc<AtomicI64>),
}

impl Clock {
    /// A clock that stands still until a test moves it with [`Clock::advance`].
    pub fn manual(start: Timestamp) -> Self {
        Self::Manual(Arc::new(AtomicI64::new(start.millis())))
    }

    /// The time now.
    #[expect(clippy::disallowed_methods, reason = "this is the one place that asks")]
    pub fn now(&self) -> Timestamp {
        match self {
            Self::System => Timestamp::from_millis(jiff::Timestamp::now().as_millisecond()),
            Self::Manual(millis) => Timestamp::from_millis(millis.load(Ordering::SeqCst)),
        }
    }

    /// Moves the hands of a manual clock, back if negative; the system's clock is left alone.
    pub fn advance(&self, seconds: i64) {
        if let Self::Manual(millis) = self {
            millis.fetch_add(seconds * 1000, Ordering::SeqCst);
        }
    }
}
