//! `doorkey user import`: users from a file, with a line for every row that did not go in.

pub(super) mod csv;
pub(super) mod file;

use std::collections::HashMap;
use std::collections::hash_map::RandomState;
use std::hash::BuildHasher;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use anyhow::{Result, anyhow};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use serde::Serialize;
use serde_json::json;

use self::file::{ImportFile, Numbered};
use super::output::{Output, shown};
use super::{Context, os_user, words};
use crate::domain::email::EmailAddress;
use crate::domain::import_header::ColumnOptions;
use crate::domain::import_row::ImportRow;
use crate::domain::user::{UserId, fields};
use crate::flow::import::Import;

/// What `--help` says of it.
pub(super) fn about() -> String {
    format!(
        "Add and change users from a file.

FILE is .csv (UTF-8; the first line names the columns, in any order, with commas, semicolons or tabs between them) or \
.jsonl (one JSON object a line, as `doorkey user list --jsonl` prints it); - is standard input. Columns and names are \
the fields of a user: id, {}. custom_fields is a JSON object, status 1 (active) or 0 (disabled), two_factor_enabled \
and staff true or false, yes or no, 1 or 0; name, created_at and updated_at are ignored. Names of columns count whatever their case, with spaces for _; --map names others. Spaces around a \
value do not count.

A row with an id is about the user of that id, any other about the user of its e-mail address; who is not there is \
added, and needs email, name_f and name_l. Fields that a row does not have stay as they are, and so do those of an \
empty cell, where the field cannot be empty. Rows with an id go in before those without.

Each bad row is named on standard error with its line and the reason, one about a user of an earlier row too; the \
others go in, and the exit status is 1. With --json the counts and the first 100 bad rows are printed at the end. Run \
again, it changes nothing that is there already, so an import that was broken off is just run again.",
        fields::settable()
    )
}

/// Bad rows that the JSON document tells of, at most: standard error names all of them.
const TOLD: usize = 100;

/// Numbers and addresses that are compared with those of later rows at most: some 20 bytes of memory each.
const MAX_SEEN: usize = 8_000_000;

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The file, .csv or .jsonl, or - for standard input
    #[arg(value_parser = words::path)]
    file: PathBuf,
    /// The workspace
    #[arg(long)]
    workspace: String,
    /// Which field a column of a .csv holds, such as "Contact mail=email"; may be given again
    #[arg(long, value_name = "COLUMN=FIELD", value_parser = map)]
    map: Vec<(String, String)>,
    /// Leave out columns of a .csv that hold no field
    #[arg(long)]
    ignore_unknown: bool,
    /// Say what would be done, and do nothing
    #[arg(long)]
    dry_run: bool,
}

pub(super) async fn run(context: &mut Context, args: &Args) -> Result<()> {
    let options = ColumnOptions { maps: args.map.clone(), ignores_unknown: args.ignore_unknown };
    let mut file = ImportFile::open(&args.file, options)?;
    let (app, workspace) = context.write_workspace(&args.workspace).await?;
    let mut import = Import::begin(&app, &workspace, os_user::act());
    if args.dry_run {
        import.only_look();
    }
    let mut told = ImportReport::to_stderr(file.length);
    let done = take_all(&mut file, &mut import, &mut told).await;
    told.bar.finish_and_clear();
    done.map_err(|error| {
        anyhow!("{error:#}; the import stopped on the way, and what went in stays: run it again to go on")
    })?;
    if args.dry_run && !context.out.is_json {
        context.out.line("Nothing was changed (--dry-run). It would be:")?;
    }
    told.sum_up(&mut context.out, &args.file, &import)
}

fn map(text: &str) -> Result<(String, String), String> {
    let parts = text.rsplit_once('=').map(|(column, field)| (column.to_owned(), field.to_owned()));
    parts.ok_or_else(|| "write it as COLUMN=FIELD".to_owned())
}

/// Rows with an id first: a number that is drawn for another row must not be one that the file gives away later.
async fn take_all(file: &mut ImportFile, import: &mut Import<'_>, told: &mut ImportReport) -> Result<()> {
    let may_have_ids = file.may_have_ids();
    let mut has_others = false;
    while let Some(Numbered { line, row }) = file.next()? {
        match row {
            Ok(row) if row.id.is_some() || !may_have_ids => put(import, told, (line, row)).await?,
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
                put(import, told, (line, row)).await?;
            }
            told.go_on(file, import);
        }
        import.finish().await?;
    }
    told.go_on(file, import);
    Ok(())
}

async fn put(import: &mut Import<'_>, told: &mut ImportReport, (line, row): (u64, ImportRow)) -> Result<()> {
    let mut first = told.seen.first_line(line, &row);
    if first.is_none() && told.seen.has_bare_ids && row.id.is_none() {
        // The row before may have named the same user by number alone.
        first = import.find_id(&row).await?.and_then(|id| told.seen.line_of(id));
    }
    match first {
        Some(first) => told.bad(line, &format!("is about the same user as line {first}")),
        None => import.put(line, row).await?,
    }
    Ok(())
}

/// Whom the rows were about so far, by number and by address, as hashes.
#[derive(Default)]
struct Seen {
    lines: HashMap<u64, u32>,
    hasher: RandomState,
    /// Whether a row named somebody by number and said no address.
    has_bare_ids: bool,
}

impl Seen {
    /// The line of an earlier row about the same user, if there is one. Else this row is the first.
    fn first_line(&mut self, line: u64, row: &ImportRow) -> Option<u32> {
        let email = row.fields.email.as_ref().map(EmailAddress::lowercased);
        self.has_bare_ids |= row.id.is_some() && email.is_none();
        let by_id = row.id.map(|id| self.hasher.hash_one(id));
        let hashes = [by_id, email.map(|email| self.hasher.hash_one(email))];
        let hashes = || hashes.into_iter().flatten();
        let first = hashes().find_map(|hash| self.lines.get(&hash).copied());
        if first.is_none() && self.lines.len() < MAX_SEEN {
            let line = u32::try_from(line).unwrap_or(u32::MAX);
            self.lines.extend(hashes().map(|hash| (hash, line)));
        }
        first
    }

    /// The line of the row about a user's number.
    fn line_of(&self, id: UserId) -> Option<u32> {
        self.lines.get(&self.hasher.hash_one(id)).copied()
    }
}

/// What is printed of an import while it runs, and at its end.
struct ImportReport {
    seen: Seen,
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
        Self { seen: Seen::default(), bar, bad: 0, first_bad: Vec::new() }
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
