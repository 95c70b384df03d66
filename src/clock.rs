//! The only place that asks the time.

use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, LazyLock};
use std::time::{Duration, Instant};

use crate::domain::timestamp::Timestamp;

/// Where the time comes from.
#[derive(Clone, Debug)]
pub enum Clock {
    /// The operating system's wall clock.
    System,
    /// Hands set by a test.
    Manual(Arc<Hands>),
}

/// The hands of a clock that stands still until it is moved.
#[derive(Debug)]
pub struct Hands {
    /// Milliseconds since 1970-01-01.
    wall: AtomicI64,
    /// Seconds by which it was moved on.
    elapsed: AtomicU64,
}

impl Clock {
    /// A clock that stands still until a test moves it with [`Clock::advance`].
    pub fn manual(start: Timestamp) -> Self {
        Self::Manual(Arc::new(Hands { wall: AtomicI64::new(start.millis()), elapsed: AtomicU64::new(0) }))
    }

    /// The time now.
    #[expect(clippy::disallowed_methods, reason = "this is the one place that asks")]
    pub fn now(&self) -> Timestamp {
        match self {
            Self::System => Timestamp::from_millis(jiff::Timestamp::now().as_millisecond()),
            Self::Manual(hands) => Timestamp::from_millis(hands.wall.load(Ordering::SeqCst)),
        }
    }

    /// How long ago a fixed moment of this process was. It only grows, however the wall clock is set.
    pub fn elapsed(&self) -> Duration {
        static BEGUN: LazyLock<Instant> = LazyLock::new(Instant::now);
        match self {
            Self::System => BEGUN.elapsed(),
            Self::Manual(hands) => Duration::from_secs(hands.elapsed.load(Ordering::SeqCst)),
        }
    }

    /// Moves the hands of a manual clock, back if negative; the system's clock is left alone.
    pub fn advance(&self, seconds: i64) {
        if let Self::Manual(hands) = self {
            hands.wall.fetch_add(seconds * 1000, Ordering::SeqCst);
            hands.elapsed.fetch_add(seconds.try_into().unwrap_or_default(), Ordering::SeqCst);
        }
    }
}
