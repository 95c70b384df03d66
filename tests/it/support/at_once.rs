//! Many callers at once.

use std::future::Future;

/// How many callers race for one thing.
pub const CALLERS: usize = 32;

/// Runs all of them at once, each on a task of its own.
pub async fn at_once<T: Send + 'static>(
    tasks: impl IntoIterator<Item = impl Future<Output = T> + Send + 'static>,
) -> Vec<T> {
    let tasks: Vec<_> = tasks.into_iter().map(tokio::spawn).collect();
    let mut results = Vec::new();
    for task in tasks {
        results.push(task.await.unwrap());
    }
    results
}
