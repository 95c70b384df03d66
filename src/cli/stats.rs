//! `doorkey stats`: how many links were issued, and what became of them.

use anyhow::Result;

use super::Context;
use super::output::{List, Output};
use crate::domain::link_stats::{AGES, Figures, LinkStats, StatsKind, StatsQuery, in_words};
use crate::domain::timestamp::Timestamp;
use crate::flow::lists;
use crate::flow::stories::stats;
use crate::http;

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The workspace
    #[arg(long)]
    workspace: String,
    /// So many days back from now, up to 366
    #[arg(long, default_value_t = 30, value_parser = clap::value_parser!(i64).range(1..=366))]
    days: i64,
    /// Which links: api, `self_service`, again or all
    #[arg(long, default_value = "api", value_parser = kind, help = "Which links: api, self_service, again or all")]
    kind: StatsKind,
}

fn kind(text: &str) -> Result<StatsKind, &'static str> {
    StatsKind::ALL
        .into_iter()
        .find(|kind| kind.name() == text)
        .ok_or("must be api, self_service, again or all")
}

pub(super) async fn run(context: &mut Context, args: &Args) -> Result<()> {
    let (app, workspace) = context.read_workspace(&args.workspace).await?;
    let query = StatsQuery::of_days(args.days, args.kind, app.clock.now())
        .map_err(|wrong| anyhow::anyhow!("{}", wrong.in_one_sentence()))?;
    let permit = lists::permit(&app, &workspace).await?;
    let stats = stats::link_stats(&app, (&workspace, &permit), query).await?;
    let out = &mut context.out;
    if out.is_json { Ok(out.json(&http::LinkStats::from(&stats))?) } else { print(out, &stats) }
}

fn print(out: &mut Output, stats: &LinkStats) -> Result<()> {
    let total = &stats.totals;
    let [opened, machines, never] = openings(total);
    out.facts(&[
        ("issued", total.issued.to_string()),
        ("opened", opened),
        ("opened_by_machines", machines),
        ("never_opened", never),
        ("signed_in", total.signed_in.to_string()),
        ("too_late", total.too_late.to_string()),
        ("pressed_again", total.pressed_again.to_string()),
        ("handed_out_again", total.handed_out_again.to_string()),
        ("link_lifetime", in_words(stats.link_lifetime)),
        ("advice", stats.advice.clone().unwrap_or_else(|| "none".to_owned())),
    ])?;
    out.line("")?;
    let mut days = List::of(["DAY", "ISSUED", "OPENED", "MACHINES", "NEVER", "SIGNED IN", "TOO LATE"]);
    let busy: Vec<_> =
        stats.buckets.iter().filter(|(_, figures)| *figures != Figures::default()).cloned().collect();
    days.piece(out, &busy, |_, _| Ok(()), day)?;
    days.end(out, "No link was issued in that time.")?;
    out.line("")?;
    let mut ages = List::of(["FIRST TRY", "LINKS"]);
    let ends = AGES.into_iter().map(|age| format!("within {}", in_words(age))).chain(["later".to_owned()]);
    let tried: Vec<_> = ends.zip(total.ages).filter(|(_, links)| *links > 0).collect();
    ages.piece(out, &tried, |_, _| Ok(()), |(age, links)| [age.clone(), links.to_string()])?;
    ages.end(out, "No link was tried in that time.")?;
    if !total.refused.is_empty() {
        out.line("")?;
        let mut refused = List::of(["REFUSED", "TIMES"]);
        refused.piece(
            out,
            &total.refused,
            |_, _| Ok(()),
            |(reason, times)| [reason.clone(), times.to_string()],
        )?;
        refused.end(out, "")?;
    }
    Ok(())
}

/// What is known of openings, or a dash.
fn openings(figures: &Figures) -> [String; 3] {
    figures
        .openings()
        .map_or(["–", "–", "–"].map(str::to_owned), |counts| counts.map(|count| count.to_string()))
}

fn day((at, figures): &(Timestamp, Figures)) -> [String; 7] {
    let [opened, machines, never] = openings(figures);
    [
        at.civil().date().to_string(),
        figures.issued.to_string(),
        opened,
        machines,
        never,
        figures.signed_in.to_string(),
        figures.too_late.to_string(),
    ]
}
