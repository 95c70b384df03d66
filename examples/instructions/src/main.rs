//! Does one thing so many times, in process, on one thread and the store's writer: `bench/instructions` counts the
//! instructions.
//!
//! Everything but that thing is the same however often it is done, so that the difference of two counts is the thing's.

mod stage;

use std::io;

use anyhow::{Context, Result, bail};
use doorkey::config::LogFormat;
use doorkey::logging::Lines;
use stage::Stage;
use tracing_subscriber::filter::LevelFilter;

/// As the binary has it.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// How many clients there are, and so how often a thing may be done.
const CLIENTS: usize = 240;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<()> {
    let mut arguments = std::env::args().skip(1);
    let scenario = arguments.next().context("give reuse, verify, new or redeem, and how often")?;
    let times: usize = arguments.next().context("give how often")?.parse()?;
    // Log lines are made as `doorkey serve` makes them; only their way to a file is left out.
    let log = tracing_subscriber::fmt().with_max_level(LevelFilter::INFO).with_writer(io::sink);
    log.event_format(Lines(LogFormat::Text)).init();
    let (stage, ..) = Stage::set(CLIENTS).await?;
    let client = |turn: usize| turn % CLIENTS + 1;
    match scenario.as_str() {
        "reuse" => {
            stage.ask_for_link(1).await?;
            for _ in 0..times {
                stage.ask_for_link(1).await?;
            }
        }
        "verify" => {
            let cookie = stage.redeem(&stage.ask_for_link(1).await?).await?;
            for _ in 0..times {
                stage.verify(&cookie).await?;
            }
        }
        "new" => {
            for turn in 0..times {
                stage.ask_for_link(client(turn)).await?;
            }
        }
        "redeem" => {
            let mut tokens = Vec::new();
            for turn in 0..CLIENTS {
                tokens.push(stage.ask_for_link(client(turn)).await?);
            }
            for token in tokens.iter().take(times) {
                stage.redeem(token).await?;
            }
        }
        _ => bail!("{scenario} is none of reuse, verify, new, redeem"),
    }
    Ok(())
}
