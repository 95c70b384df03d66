//! Waiting until something is so, instead of for a time.

use std::time::{Duration, Instant};

const PAUSE: Duration = Duration::from_millis(20);

/// Waits until this is so. After `timeout` the test fails with what is said then.
#[track_caller]
pub fn until(timeout: Duration, mut is_so: impl FnMut() -> bool, complaint: impl Fn() -> String) {
    let begun = Instant::now();
    while !is_so() {
        assert!(begun.elapsed() < timeout, "{}", complaint());
        std::thread::sleep(PAUSE);
    }
}

/// The same where asking is itself something to wait for.
pub async fn until_so(
    timeout: Duration,
    mut is_so: impl AsyncFnMut() -> bool,
    complaint: impl Fn() -> String,
) {
    let begun = Instant::now();
    while !is_so().await {
        assert!(begun.elapsed() < timeout, "{}", complaint());
        tokio::time::sleep(PAUSE).await;
    }
}
