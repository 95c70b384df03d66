//! The only place that asks the time.

use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, LazyLock};
use std::time::{Duration, Instant};

use rustix::time::{ClockId, clock_gettime};

use crate::domain::clock_watch::ClockReading;
use crate::domain::timestamp::Timestamp;

/// Where the kernel tells the number that it drew when the machine started.
const BOOT: &str = "/proc/sys/kernel/random/boot_id";

/// Where the time comes from.
#[derive(Clone, Debug)]
pub enum Clock {
    /// The operating system's wall clock.
    System,
    /// Hands set by a test.
    Manual(Arc<ManualTime>),
}

/// The hands of a clock that stands still until it is moved.
#[derive(Debug)]
pub struct ManualTime {
    /// Milliseconds since 1970-01-01.
    wall: AtomicI64,
    /// Seconds by which it was moved on.
    elapsed: AtomicU64,
}

impl Clock {
    /// A clock that stands still until a test moves it with [`Clock::advance`].
    pub fn manual(start: Timestamp) -> Self {
        Self::Manual(Arc::new(ManualTime {
            wall: AtomicI64::new(start.millis()),
            elapsed: AtomicU64::new(0),
        }))
    }

    /// The time now.
    #[expect(clippy::disallowed_methods, reason = "this is the one place that asks")]
    pub fn now(&self) -> Timestamp {
        match self {
            Self::System => Timestamp::from_millis(jiff::Timestamp::now().as_millisecond()),
            Self::Manual(hands) => Timestamp::from_millis(hands.wall.load(Ordering::SeqCst)),
        }
    }

    /// The time now, and how long the machine has run, which nobody sets.
    pub fn read(&self) -> ClockReading {
        static BOOT_ID: LazyLock<String> = LazyLock::new(|| {
            let told = std::fs::read_to_string(BOOT);
            told.map_or_else(|_| String::new(), |told| told.trim().to_owned())
        });
        let (boot, since_boot) = match self {
            Self::System => {
                let passed = clock_gettime(ClockId::Boottime);
                let millis = passed.tv_sec.saturating_mul(1000).saturating_add(passed.tv_nsec / 1_000_000);
                (BOOT_ID.clone(), millis)
            }
            Self::Manual(_) => {
                ("manual".to_owned(), self.elapsed().as_millis().try_into().unwrap_or(i64::MAX))
            }
        };
        ClockReading { boot, since_boot, wall: self.now() }
    }

    /// Whether it can be compared with a clock elsewhere: one that stands still cannot.
    pub const fn goes(&self) -> bool {
        matches!(self, Self::System)
    }

    /// How long ago a fixed moment of this process was. It only grows, however the wall clock is set.
    pub fn elapsed(&self) -> Duration {
        static BEGUN: LazyLock<Instant> = LazyLock::new(Instant::now);
        match self {
            Self::System => BEGUN.elapsed(),
            Self::Manual(hands) => Duration::from_secs(hands.elapsed.load(Ordering::SeqCst)),
        }
    }

    /// Sets a manual clock, as somebody sets the one on the wall: no time passes by that.
    pub fn set(&self, wall: Timestamp) {
        if let Self::Manual(hands) = self {
            hands.wall.store(wall.millis(), Ordering::SeqCst);
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
