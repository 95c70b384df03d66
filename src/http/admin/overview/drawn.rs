//! The charts of the overview, each with its table.

use super::super::charts::ages;
use super::super::charts::days;
use super::super::charts::days::Bar;
use super::super::numbers::{grouped, percent};
use crate::domain::link_stats::{AGES, Figures, LinkStats, in_words};
use crate::domain::timestamp::Timestamp;

/// Of longer times a bar is a week.
const MOST_DAYS: i64 = 30;

/// Links day by day.
pub(super) struct DaysDrawn {
    pub(super) svg: String,
    /// `day`, or `week`.
    pub(super) unit: &'static str,
    /// The newest first.
    pub(super) rows: Vec<DayRow>,
}

pub(super) struct DayRow {
    pub(super) name: String,
    pub(super) made: String,
    pub(super) signed_in: String,
    pub(super) too_late: String,
    pub(super) rest: String,
}

/// Links by their age at the first try.
pub(super) struct AgesDrawn {
    pub(super) svg: String,
    pub(super) lead: String,
    pub(super) advice: Option<String>,
    pub(super) tries: String,
    pub(super) rows: Vec<AgeRow>,
}

pub(super) struct AgeRow {
    pub(super) name: String,
    pub(super) tries: String,
    pub(super) so_far: String,
}

/// The chart of the days; none, where nothing was made.
pub(super) fn days(stats: &LinkStats, days: i64) -> Option<DaysDrawn> {
    if stats.totals.issued == 0 {
        return None;
    }
    let size = if days > MOST_DAYS { 7 } else { 1 };
    // From the end, so that the last bar is whole.
    let mut bars: Vec<_> =
        stats.buckets.rchunks(size).map(|days| bar(days, size == 7, stats.query.to)).collect();
    bars.reverse();
    let (least, most) =
        bars.iter().fold((i64::MAX, 0), |(least, most), bar| (least.min(bar.made), most.max(bar.made)));
    let unit = if size == 7 { "week" } else { "day" };
    let name = format!(
        "Links made a {unit}: between {} and {}, {} in all, of which {} signed somebody in and {} came too late. The table below has each {unit}.",
        grouped(least),
        grouped(most),
        grouped(stats.totals.issued),
        grouped(stats.totals.signed_in),
        grouped(stats.totals.too_late)
    );
    let rows = bars.iter().rev().map(|bar| DayRow {
        name: bar.name.clone(),
        made: grouped(bar.made),
        signed_in: grouped(bar.signed_in),
        too_late: grouped(bar.too_late),
        rest: grouped((bar.made - bar.signed_in - bar.too_late).max(0)),
    });
    Some(DaysDrawn { svg: days::draw(&bars, &name), unit, rows: rows.collect() })
}

fn bar(days: &[(Timestamp, Figures)], is_week: bool, end: Timestamp) -> Bar {
    let mut sum = Figures::default();
    for (_, figures) in days {
        sum.add(figures);
    }
    let first = days.first().map_or(end, |(at, _)| *at).civil();
    let is_last = days.last().is_some_and(|(at, _)| at.start_of_day() == end.plus_seconds(-1).start_of_day());
    let is_labelled = is_week || first.weekday() == jiff::civil::Weekday::Monday;
    let label = match (is_last, is_labelled) {
        (true, _) if !is_week => Some("today".to_owned()),
        (true, _) => Some("this week".to_owned()),
        (false, true) => Some(first.strftime("%-d %b").to_string()),
        (false, false) => None,
    };
    let name = if is_week { "from %-d %b" } else { "%a %-d %b" };
    Bar {
        name: first.strftime(name).to_string(),
        label,
        made: sum.issued,
        signed_in: sum.signed_in,
        // A link whose code signed in may have been opened too late all the same: it is in one part of its bar.
        too_late: sum.too_late.min(sum.issued - sum.signed_in).max(0),
    }
}

/// The curve of the ages; none, where nothing was tried.
pub(super) fn ages(stats: &LinkStats) -> Option<AgesDrawn> {
    let tries = &stats.totals.ages;
    let total: i64 = tries.iter().sum();
    if total == 0 {
        return None;
    }
    let lifetime = in_words(stats.link_lifetime);
    let late = percent(stats.totals.too_late, total);
    let lead = if stats.totals.too_late == 0 {
        format!("No first try came too late: {lifetime} is long enough.")
    } else {
        format!("{late} of first tries came after the link’s end.")
    };
    let name = format!(
        "The share of {} first tries by the age of the link. Links end at {lifetime}; {late} of first tries came too late. The table below has each age.",
        grouped(total)
    );
    let curve = ages::Curve { tries, lifetime: stats.link_lifetime, lifetime_name: &lifetime };
    let names = AGES.iter().map(|age| in_words(*age)).chain(["any age".to_owned()]);
    let rows = names.zip(tries).scan(0, |sum, (name, tries)| {
        *sum += tries;
        Some(AgeRow { name, tries: grouped(*tries), so_far: percent(*sum, total) })
    });
    Some(AgesDrawn {
        svg: ages::draw(&curve, &name),
        lead,
        advice: stats.advice.clone(),
        tries: grouped(total),
        rows: rows.collect(),
    })
}
