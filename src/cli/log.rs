//! `doorkey log`: the audit log.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::Result;
use uuid::Uuid;

use super::output::{List, Output, Table};
use super::{Context, user_ref};
use crate::app::App;
use crate::config::parse_duration;
use crate::domain::moment::Moment;
use crate::domain::timestamp::Timestamp;
use crate::domain::user::{UserId, UserRef};
use crate::domain::workspace::Workspace;
use crate::flow::{audit_log, users};
use crate::http;
use crate::store::{AuditFilter, AuditPosition, ListedEntry};

/// Entries that are read from the store at once: a log of any length takes this much memory.
const PAGE: i64 = 500;

/// How far back is read again by who follows: entries of other nodes may be committed later than they were made, in milliseconds.
const OVERLAP: i64 = 10_000;

const HEADINGS: [&str; 5] = ["TIME", "EVENT", "USER", "ACTOR", "DATA"];

/// How long who follows waits before it reads again.
const PAUSE: Duration = Duration::from_secs(1);

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The workspace
    #[arg(long)]
    workspace: String,
    /// Only entries of this event, such as user.changed
    #[arg(long)]
    event: Option<String>,
    /// Only entries about this user: the id or the e-mail address
    #[arg(long, value_parser = user_ref)]
    user: Option<UserRef>,
    /// Only entries from this moment on (2026-11-23T03:00:00Z), or of so long ago (2h)
    #[arg(long, value_name = "TIME or DURATION", value_parser = since)]
    since: Option<Since>,
    /// Go on with what happens from now on, oldest first, until it is interrupted; with --json one object a line
    #[arg(long)]
    follow: bool,
}

/// From when on.
#[derive(Clone, Copy, Debug)]
enum Since {
    Moment(Timestamp),
    SecondsAgo(i64),
}

fn since(text: &str) -> Result<Since, String> {
    if let Some(moment) = Moment::parse(text) {
        return Ok(Since::Moment(moment.whole));
    }
    let ago = parse_duration(text).map(Since::SecondsAgo);
    ago.map_err(|_| "must be a moment such as 2026-11-23T03:00:00Z, or a duration such as 2h".to_owned())
}

pub(super) async fn run(context: &mut Context, args: &Args) -> Result<()> {
    let (app, workspace) = context.read_workspace(&args.workspace).await?;
    let now = app.clock.now();
    let since = args.since.map(|since| match since {
        Since::Moment(moment) => moment,
        Since::SecondsAgo(seconds) => now.plus_seconds(-seconds),
    });
    let user = match &args.user {
        Some(user) => Some(id_of(&app, &workspace, user).await?),
        None => None,
    };
    let filter = AuditFilter { event: args.event.clone(), user, since, ..AuditFilter::default() };
    if args.follow {
        let since = filter.since.unwrap_or(now);
        return follow(&app, &workspace, AuditFilter { since: Some(since), ..filter }, &mut context.out)
            .await;
    }
    let out = &mut context.out;
    let mut rows = List::of(HEADINGS);
    let mut from = AuditPosition::NEWEST;
    loop {
        let page = audit_log::read(&app, &workspace, &filter, from, PAGE).await?;
        let Some(last) = page.last() else { break };
        from = AuditPosition::Before(last.id);
        rows.piece(out, &page, print, row)?;
    }
    Ok(rows.end(out, "There is no such entry.")?)
}

/// An id is taken as it is: the log tells of users who were deleted too.
async fn id_of(app: &App, workspace: &Workspace, user: &UserRef) -> Result<UserId> {
    match user {
        UserRef::Id(id) => Ok(*id),
        UserRef::Email(_) => Ok(users::show(app, workspace, user).await?.id),
    }
}

fn print(out: &mut Output, entry: &ListedEntry) -> std::io::Result<()> {
    out.json_part(&http::ListedEntry::from(entry.clone()))
}

fn row(entry: &ListedEntry) -> [String; 5] {
    let user = entry.user_id.map_or_else(String::new, |user| user.number().to_string());
    let data = entry.data.as_str().to_owned();
    [entry.time.to_string(), entry.event.clone(), user, entry.actor.clone(), data]
}

async fn follow(app: &App, workspace: &Workspace, mut filter: AuditFilter, out: &mut Output) -> Result<()> {
    let mut table = Table::of(HEADINGS);
    let mut shown: BTreeMap<Uuid, Timestamp> = BTreeMap::new();
    loop {
        // What is older than this is not read again, so it need not be remembered.
        let again = Timestamp::from_millis(app.clock.now().millis() - OVERLAP);
        let mut from = AuditPosition::OLDEST;
        loop {
            let page = audit_log::read(app, workspace, &filter, from, PAGE).await?;
            let Some(last) = page.last() else { break };
            from = AuditPosition::After(last.id);
            for entry in page.iter().filter(|entry| !shown.contains_key(&entry.id)) {
                if out.is_json {
                    print(out, entry)?;
                    out.line("")?;
                } else {
                    table.page(out, &[row(entry)])?;
                }
            }
            shown.extend(page.iter().map(|entry| (entry.id, entry.time)));
            shown.retain(|_, time| *time >= again);
        }
        out.flush()?;
        filter.since = filter.since.max(Some(again));
        tokio::time::sleep(PAUSE).await;
    }
}
