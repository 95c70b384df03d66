//! Figures of links as a back office reads them.

use std::collections::BTreeMap;

use serde::Serialize;
use utoipa::ToSchema;

use crate::domain::link_stats;
use crate::domain::timestamp::Timestamp;

/// How many links were issued in a time, and what became of them as it is known now.
#[derive(Serialize, ToSchema)]
pub struct LinkStats {
    /// From this hour on.
    from: Timestamp,
    /// Up to this hour.
    to: Timestamp,
    /// The length of a bucket.
    #[schema(pattern = "^(hour|day)$")]
    by: &'static str,
    /// Which links.
    #[schema(pattern = "^(api|self_service|again|all)$")]
    kind: &'static str,
    /// The sum of the buckets.
    totals: LinkFigures,
    /// One for each hour or day, in UTC.
    buckets: Vec<LinkBucket>,
    /// How old links were at their first try.
    ages: Vec<AgeBucket>,
    /// How long a link of the back office lives now, in seconds.
    link_lifetime: i64,
    /// What a longer lifetime would change, where over a fifth of at least fifty first tries came too late.
    #[schema(required = true)]
    advice: Option<String>,
}

/// The figures of an hour or a day.
#[derive(Serialize, ToSchema)]
pub struct LinkBucket {
    /// When it began.
    at: Timestamp,
    #[serde(flatten)]
    figures: LinkFigures,
}

/// What became of links.
#[derive(Serialize, ToSchema)]
pub struct LinkFigures {
    /// Links that were issued: the sum of the next three.
    #[schema(minimum = 0)]
    issued: i64,
    /// Those that were pressed, or opened by a person. Like the next two it is null where openings were not noted.
    #[schema(required = true, minimum = 0)]
    opened: Option<i64>,
    /// Those that machines alone opened, as it seems, and nobody pressed.
    #[schema(required = true, minimum = 0)]
    opened_by_machines: Option<i64>,
    /// Those of which neither is so.
    #[schema(required = true, minimum = 0)]
    never_opened: Option<i64>,
    /// Those that signed somebody in.
    #[schema(minimum = 0)]
    signed_in: i64,
    /// Those whose first try came after their end.
    #[schema(minimum = 0)]
    too_late: i64,
    /// Those that were pressed again after they were used; a double click is no again.
    #[schema(minimum = 0)]
    pressed_again: i64,
    /// How often links were handed out again in that time, whenever they were issued.
    #[schema(minimum = 0)]
    handed_out_again: i64,
    /// Refusals in that time by reason, of links that were asked for and of presses.
    refused: BTreeMap<String, i64>,
}

/// First tries at an age.
#[derive(Serialize, ToSchema)]
pub struct AgeBucket {
    /// Up to so many seconds, and more than those of the one before; null is any age.
    #[schema(required = true)]
    up_to: Option<i64>,
    /// How many.
    #[schema(minimum = 0)]
    links: i64,
}

impl From<&link_stats::Figures> for LinkFigures {
    fn from(figures: &link_stats::Figures) -> Self {
        let openings = figures.openings();
        Self {
            issued: figures.issued,
            opened: openings.map(|[opened, ..]| opened),
            opened_by_machines: openings.map(|[_, machines, _]| machines),
            never_opened: openings.map(|[.., never]| never),
            signed_in: figures.signed_in,
            too_late: figures.too_late,
            pressed_again: figures.pressed_again,
            handed_out_again: figures.handed_out_again,
            refused: figures.refused.iter().cloned().collect(),
        }
    }
}

impl From<&link_stats::LinkStats> for LinkStats {
    fn from(stats: &link_stats::LinkStats) -> Self {
        let buckets =
            stats.buckets.iter().map(|(at, figures)| LinkBucket { at: *at, figures: figures.into() });
        let ends = link_stats::AGES.into_iter().map(Some).chain([None]);
        let ages = ends.zip(stats.totals.ages).map(|(up_to, links)| AgeBucket { up_to, links });
        Self {
            from: stats.query.from,
            to: stats.query.to,
            by: stats.query.by.name(),
            kind: stats.query.kind.name(),
            totals: (&stats.totals).into(),
            buckets: buckets.collect(),
            ages: ages.collect(),
            link_lifetime: stats.link_lifetime,
            advice: stats.advice.clone(),
        }
    }
}
