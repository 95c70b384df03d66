//! `doorkey check`: is anything wrong?

use anyhow::{Result, anyhow};
use serde_json::json;

use super::output::{Output, Table};
use crate::clock::Clock;
use crate::config::{Config, ConfigError};
use crate::flow::operations::checks;
use crate::flow::operations::checks::Check;

pub(super) async fn run(config: Result<Config, ConfigError>, out: &mut Output) -> Result<()> {
    let checks = match config {
        Ok(config) => {
            let read = Check::passed("configuration", "The configuration can be read.".to_owned());
            let rest = checks::run(&config.database, &config.secret_key_file, Clock::System).await;
            std::iter::once(read).chain(rest).collect()
        }
        Err(error) => vec![Check::failed("configuration", error.to_string())],
    };
    let wrong: Vec<_> = checks.iter().filter(|check| !check.is_ok).map(|check| &*check.message).collect();
    if out.is_json {
        let listed: Vec<_> = checks
            .iter()
            .map(|check| json!({ "name": check.name, "ok": check.is_ok, "message": check.message }))
            .collect();
        out.json(&json!({ "ok": wrong.is_empty(), "checks": listed }))?;
    } else {
        // What is wrong is said once, by the error.
        let row = |check: &Check| {
            let (mark, found) = if check.is_ok { ("ok", &*check.message) } else { ("WRONG", "see below") };
            [check.name, mark, found].map(str::to_owned)
        };
        let rows: Vec<_> = checks.iter().map(row).collect();
        Table::of(["CHECK", "RESULT", "WHAT WAS FOUND"]).page(out, &rows)?;
    }
    if wrong.is_empty() { Ok(()) } else { Err(anyhow!(wrong.join("; "))) }
}
