//! `doorkey migrate`: an embedded database moves to PostgreSQL.

use anyhow::{Context as _, Result};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use serde_json::json;

use super::output::Table;
use super::{Context, os_user, words};
use crate::clock::Clock;
use crate::flow::operations::transfer;
use crate::store::DatabaseUrl;

pub(super) const ABOUT: &str = "\
Move everything from an embedded database to PostgreSQL, with the server stopped.

The target must be empty. All rows are copied in one transaction and counted; then the source is marked as moved, and \
no command opens it any more. Login links, sessions and API keys go on working with the same key file, and one that is not \
the source's is refused. Broken off at \
any point, it is just run again; until the copy is whole and counted the source is as good as ever, and the target \
cannot be used before the source is closed.

A password is better given in DOORKEY_DATABASE, or the configuration file, than in --to: others on the machine can see \
arguments.";

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The embedded database, which nothing else has open
    #[arg(long, value_name = "sqlite://FILE", value_parser = words::plain)]
    from: String,
    /// The empty PostgreSQL database; without it the one that --database names
    #[arg(long, value_name = "postgres://...", value_parser = words::plain)]
    pub(super) to: Option<String>,
}

pub(super) async fn run(Context { config, out, .. }: &mut Context, args: &Args) -> Result<()> {
    let from = DatabaseUrl::parse(&args.from).context("--from")?;
    let to = &config.database;
    // It hides itself where standard error is no terminal.
    let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr_with_hz(5));
    let looks = ProgressStyle::with_template("{wide_bar} {percent:>3} %  {pos} rows  {eta} left");
    bar.set_style(looks.unwrap_or_else(|_| ProgressStyle::default_bar()));
    let mut progress = |progress: transfer::Progress| {
        bar.set_length(progress.all);
        bar.set_position(progress.sent);
    };
    let moved =
        transfer::run((&from, to), &config.secret_key_file, &os_user::act(), &Clock::System, &mut progress)
            .await;
    bar.finish_and_clear();
    let tables = moved?;
    let rows: u64 = tables.iter().map(|(_, rows)| rows).sum();
    if out.is_json {
        let tables: serde_json::Map<_, _> =
            tables.into_iter().map(|(table, rows)| (table, rows.into())).collect();
        let (from, to) = (from.to_string(), to.to_string());
        return Ok(out.json(&json!({ "from": from, "to": to, "rows": rows, "tables": tables }))?);
    }
    let listed: Vec<_> = tables.into_iter().map(|(table, rows)| [table, rows.to_string()]).collect();
    Table::of(["TABLE", "ROWS"]).page(out, &listed)?;
    Ok(out.line(&format!(
        "Moved {rows} rows to {to}. {from} is closed from now on. Start `doorkey serve` with --database {to} and the same \
         key file."
    ))?)
}
