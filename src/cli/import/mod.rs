//! `doorkey user import`: users from a file, with a line for every row that did not go in.

pub(super) mod csv;
pub(super) mod file;

use std::io::{self, Write};
use std::path::{Path, PathBuf};

use anyhow::{Result, anyhow};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use serde::Serialize;
use serde_json::json;

use self::file::{ImportFile, Numbered};
use super::output::{Output, shown};
use super::{Context, os_user, words};
use crate::domain::user::fields;
use crate::flow::import::Import;

/// What `--help` says of it.
pub(super) fn about() -> String {
    format!(
        "Add and change users from a file.

FILE is .csv (RFC 4180, UTF-8; line 1 names the columns, in any order) or .jsonl (one JSON object a line, as `doorkey \
user list --jsonl` prints it). Columns and names are the fields of a user: id, {}. custom_fields is a JSON object, \
status 1 (active) or 0 (disabled), two_factor_enabled and staff true or false, 1 or 0; name, created_at and updated_at \
are let pass.

A row with an id is about the user of that id, any other about the user of its e-mail address; who is not there is \
added, and needs email, name_f and name_l. Fields that a row does not have stay as they are, and so do those of an \
empty cell, where the field cannot be empty. Rows with an id go in before those without.

Each bad row is named on standard error with its line and the reason, the others go in, and the exit status is 1. \
With --json the counts and the first 100 bad rows are printed at the end. Run again, it changes nothing that is there \
already, so an import that was broken off is just run again.",
        fields::settable()
    )
}

/// Bad rows that the JSON document tells of, at most: standard error names all of them.
const TOLD: usize = 100;

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The file, .csv or .jsonl
    #[arg(value_parser = words::path)]
    file: PathBuf,
    /// The workspace
    #[arg(long)]
    workspace: String,
}

pub(super) async fn run(context: &mut Context, args: &Args) -> Result<()> {
    let mut file = ImportFile::open(&args.file)?;
    let (app, workspace) = context.write_workspace(&args.workspace).await?;
    let mut import = Import::begin(&app, &workspace, os_user::act());
    let mut told = ImportReport::to_stderr(file.length);
    let done = take_all(&mut file, &mut import, &mut told).await;
    told.bar.finish_and_clear();
    done.map_err(|error| {
        anyhow!("{error:#}; the import stopped on the way, and what went in stays: run it again to go on")
    })?;
    told.sum_up(&mut context.out, &args.file, &import)
}

/// Rows with an id first: a number that is drawn for another row must not be one that the file gives away later.
async fn take_all(file: &mut ImportFile, import: &mut Import<'_>, told: &mut ImportReport) -> Result<()> {
    let may_have_ids = file.may_have_ids();
    let mut has_others = false;
    while let Some(Numbered { line, row }) = file.next()? {
        match row {
            Ok(row) if row.id.is_some() || !may_have_ids => import.put(line, row).await?,
            Ok(_) => has_others = true,
            Err(error) => told.bad(line, &error.to_string()),
        }
        told.go_on(file, import);
    }
    import.finish().await?;
    if has_others {
        file.rewind()?;
        while let Some(Numbered { line, row }) = file.next()? {
            if let Ok(row) = row
                && row.id.is_none()
            {
                import.put(line, row).await?;
            }
            told.go_on(file, import);
        }
        import.finish().await?;
    }
    told.go_on(file, import);
    Ok(())
}

/// What is printed of an import while it runs, and at its end.
struct ImportReport {
    bar: ProgressBar,
    bad: u64,
    first_bad: Vec<BadRow>,
}

#[derive(Serialize)]
struct BadRow {
    line: u64,
    reason: String,
}

impl ImportReport {
    fn to_stderr(length: u64) -> Self {
        // It hides itself where standard error is no terminal.
        let bar = ProgressBar::with_draw_target(Some(length), ProgressDrawTarget::stderr_with_hz(5));
        let looks = ProgressStyle::with_template("{wide_bar} {percent:>3} %  {msg}  {eta} left");
        bar.set_style(looks.unwrap_or_else(|_| ProgressStyle::default_bar()));
        Self { bar, bad: 0, first_bad: Vec::new() }
    }

    fn bad(&mut self, line: u64, reason: &str) {
        let reason = shown(reason);
        // With nobody to read it, the exit status alone must tell.
        self.bar.suspend(|| _ = writeln!(io::stderr(), "line {line}: {reason}"));
        self.bad += 1;
        if self.first_bad.len() < TOLD {
            self.first_bad.push(BadRow { line, reason });
        }
    }

    fn go_on(&mut self, file: &ImportFile, import: &mut Import<'_>) {
        for (line, invalid) in import.take_refused() {
            self.bad(line, &invalid.in_one_sentence());
        }
        if !self.bar.is_hidden() {
            let tally = import.tally();
            let rows = tally.added + tally.changed + tally.unchanged + self.bad;
            self.bar.set_message(format!("{rows} rows"));
            self.bar.set_position(file.position());
        }
    }

    fn sum_up(self, out: &mut Output, file: &Path, import: &Import<'_>) -> Result<()> {
        let tally = import.tally();
        let (added, changed, unchanged, bad) = (tally.added, tally.changed, tally.unchanged, self.bad);
        if out.is_json {
            out.json(&json!({
                "added": added, "changed": changed, "unchanged": unchanged, "bad": bad, "bad_rows": self.first_bad
            }))?;
        } else {
            out.line(&format!("{added} added, {changed} changed, {unchanged} unchanged, {bad} bad."))?;
        }
        if bad == 0 {
            return Ok(());
        }
        let rows = added + changed + unchanged + bad;
        Err(anyhow!("{bad} of {rows} rows of {} did not go in: each is named above", file.display()))
    }
}
