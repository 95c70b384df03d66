//! Returns the memory of a connection flood to the operating system once the connections have closed.
//!
//! The allocator (mimalloc) returns memory only while it is in use: a thread collects what other threads freed after a number
//! of its own allocations, and unused pages go back to the system when a thread ends, at least a second after they were
//! freed. So after a flood this module causes some of both.

use std::hint::black_box;
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::task::yield_now;
use tokio::time::sleep;

/// How often the number of connections is checked.
const CHECK_INTERVAL: Duration = Duration::from_secs(2);

/// A drop by this many connections counts as the end of a flood.
const FLOOD: usize = 128;

/// Several rounds, since a worker may be busy in one of them.
const ROUNDS: usize = 3;

/// The number of allocations after which a thread collects what others freed (`generic_collect` of mimalloc), and a few more;
/// and their size, which is above the smallest sizes, since those are not counted.
const ALLOCATIONS: usize = 11_000;
const BYTES: usize = 4 << 10;

/// Returns memory after each flood of connections, by how many are open; never ends.
pub async fn return_after_floods(open_connections: impl Fn() -> usize) {
    let mut peak = 0;
    loop {
        sleep(CHECK_INTERVAL).await;
        let open = open_connections();
        if open + FLOOD > peak {
            peak = peak.max(open);
            continue;
        }
        peak = open;
        for _ in 0..ROUNDS {
            allocate_on_each_worker().await;
            // By then the last freed memory is more than a second old.
            sleep(CHECK_INTERVAL).await;
            // If no thread can start now, one can in the next round.
            let _ = std::thread::Builder::new().spawn(allocate);
        }
    }
}

/// More tasks than workers, so that each worker runs some: a worker without tasks steals one.
async fn allocate_on_each_worker() {
    let count = Handle::current().metrics().num_workers() * 4;
    let tasks: Vec<_> = (0..count)
        .map(|_| {
            tokio::spawn(async {
                allocate();
                yield_now().await;
                allocate();
            })
        })
        .collect();
    for task in tasks {
        // A task of this kind cannot fail.
        let _ = task.await;
    }
}

/// Allocates memory and frees it.
fn allocate() {
    for _ in 0..ALLOCATIONS {
        drop(black_box(Vec::<u8>::with_capacity(BYTES)));
    }
}
