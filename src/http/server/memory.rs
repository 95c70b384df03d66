//! Memory that a crowd of connections took, given back once they have gone.
//!
//! The allocator gives memory back as it goes along, so not where nothing goes on any more: what was freed by another thread is
//! seen by the one that had it once that has asked for memory so many times, and what nobody has is given to the system when
//! a thread ends, a second after it was freed. So a crowd that has gone is followed by some of both.

use std::hint::black_box;
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::task::yield_now;
use tokio::time::sleep;

use super::connection_limit::ConnectionLimiter;

/// How often it is looked whether a crowd has gone.
const LOOK: Duration = Duration::from_secs(2);

/// So many connections less are a crowd that has gone.
const CROWD: usize = 128;

/// A worker that was busy is there the next time.
const ROUNDS: usize = 3;

/// How often a thread asks for memory before it sees what was freed by others (`generic_collect` of mimalloc), and a few times
/// more; and how much it asks for, which is more than the smallest sizes, since those are not counted.
const ASKED: usize = 11_000;
const BYTES: usize = 4 << 10;

/// Gives memory back after each crowd, for ever.
pub(in crate::http) async fn give_back_after_crowds(limiter: &ConnectionLimiter) {
    let mut most = 0;
    loop {
        sleep(LOOK).await;
        let open = limiter.count();
        if open + CROWD > most {
            most = most.max(open);
            continue;
        }
        most = open;
        for _ in 0..ROUNDS {
            ask_on_each_worker().await;
            // What was freed last is a second old by then.
            sleep(LOOK).await;
            // If there can be no thread now, the next round has one.
            let _ = std::thread::Builder::new().spawn(ask);
        }
    }
}

/// More tasks than there are workers, so that each has some: who has none takes one from another.
async fn ask_on_each_worker() {
    let count = Handle::current().metrics().num_workers() * 4;
    let tasks: Vec<_> = (0..count)
        .map(|_| {
            tokio::spawn(async {
                ask();
                yield_now().await;
                ask();
            })
        })
        .collect();
    for task in tasks {
        // It cannot fail: it does nothing.
        let _ = task.await;
    }
}

/// Asks for memory, and gives it back.
fn ask() {
    for _ in 0..ASKED {
        drop(black_box(Vec::<u8>::with_capacity(BYTES)));
    }
}
