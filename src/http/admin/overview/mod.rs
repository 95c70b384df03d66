//! `/w/W/`: what became of the links of a workspace, and what needs somebody.

mod drawn;
mod first_day;
mod needs;

use askama::Template;
use axum::http::StatusCode;
use axum::response::Response;

use self::drawn::{AgesDrawn, DaysDrawn};
use self::first_day::FirstDay;
use self::needs::Need;
use super::desk::{Desk, SeeOverview};
use super::error::Problem;
use super::frame::Frame;
use super::numbers::{counted, grouped, percent};
use crate::domain::admin::AdminPage;
use crate::domain::link_stats::{Figures, LinkStats, StatsKind, StatsQuery};
use crate::domain::story::reason_sentence;
use crate::domain::timestamp::Timestamp;
use crate::domain::validation::ValidationErrors;
use crate::flow;
use crate::http::error::Error;

/// The periods that may be looked at, in days.
const PERIODS: [i64; 3] = [7, 30, 90];

const DAY: i64 = 86_400_000;

#[derive(Template)]
#[template(path = "admin/overview.html")]
struct OverviewPage {
    frame: Frame,
    /// The way to the first sign-in, until there was one.
    first_day: Option<FirstDay>,
    /// Whether there is anything to count.
    has_figures: bool,
    periods: Vec<Period>,
    lead: String,
    before: String,
    needs: Vec<Need>,
    days: Option<DaysDrawn>,
    outcomes: Vec<Outcome>,
    total: Outcome,
    /// Whether openings were noted all the time.
    is_recorded: bool,
    besides: Vec<(&'static str, &'static str, String)>,
    refusals: Vec<(String, String)>,
    ages: Option<AgesDrawn>,
}

struct Period {
    name: String,
    address: String,
    is_current: bool,
}

/// A line of what became of links.
struct Outcome {
    class: &'static str,
    name: &'static str,
    links: String,
    share: String,
    before: String,
    back_office: String,
}

/// `GET /w/W/`.
pub(in crate::http) async fn show(desk: Desk<SeeOverview>) -> Result<Response, Problem> {
    let days = period(desk.query.value("days")).map_err(Error::ValidationErrors)?;
    let figures = Looked::at(&desk, days).await?;
    let all = &figures.all.totals;
    let since = figures.all.query.from;
    let first_day = if all.signed_in > 0 { None } else { first_day::of(&desk).await? };
    let view = OverviewPage {
        has_figures: first_day.as_ref().is_none_or(|day| day.has_link),
        first_day,
        periods: PERIODS.map(|period| of_period(&desk, period, days)).into(),
        lead: lead(all),
        before: before(&figures, days),
        needs: needs::of(&desk, since).await?,
        days: drawn::days(&figures.all, days),
        outcomes: outcomes(&figures),
        total: outcome(("", "All links made"), &figures, |of| Some(of.issued)),
        is_recorded: all.openings().is_some(),
        besides: vec![
            (
                "Handed out again",
                "the live link, when it was asked for once more",
                grouped(all.handed_out_again),
            ),
            ("Pressed again", "after the link had signed somebody in", grouped(all.pressed_again)),
        ],
        refusals: all
            .refused
            .iter()
            .map(|(reason, n)| (reason_sentence(reason).to_owned(), grouped(*n)))
            .collect(),
        ages: drawn::ages(&figures.back_office),
        frame: desk.frame(AdminPage::Overview),
    };
    Ok(desk.page(StatusCode::OK, &view))
}

fn period(text: &str) -> Result<i64, ValidationErrors> {
    if text.is_empty() {
        return Ok(PERIODS[0]);
    }
    let days = PERIODS.into_iter().find(|days| days.to_string() == text);
    days.ok_or_else(|| ValidationErrors::field("days", "must be 7, 30 or 90"))
}

fn of_period(desk: &Desk<SeeOverview>, period: i64, days: i64) -> Period {
    let address = desk.address(&format!("/?days={period}"));
    Period { name: format!("{period} days"), address, is_current: period == days }
}

/// The figures that the page shows.
struct Looked {
    all: LinkStats,
    back_office: LinkStats,
    /// All, in as many days before.
    before: Figures,
}

impl Looked {
    async fn at(desk: &Desk<SeeOverview>, days: i64) -> Result<Self, Problem> {
        // Each look has the time that a list has.
        let look = async |query: StatsQuery| {
            let permit = flow::lists::permit(&desk.app, &desk.workspace).await?;
            flow::stories::stats::link_stats_and_api(&desk.app, (&desk.workspace, &permit), query).await
        };
        let query = StatsQuery::of_days(days, StatsKind::All, desk.now()).map_err(Error::ValidationErrors)?;
        let earlier = Timestamp::from_millis(query.from.millis() - days * DAY);
        let [all, back_office] = look(query).await?;
        let [before, _] = look(StatsQuery { from: earlier, to: query.from, ..query }).await?;
        Ok(Self { all, back_office, before: before.totals })
    }
}

fn lead(all: &Figures) -> String {
    if all.issued == 0 {
        return "No link was made in this time.".to_owned();
    }
    let late = if all.too_late == 0 { "none".to_owned() } else { grouped(all.too_late) };
    let (links, signed_in) = (counted(all.issued, "link"), all.signed_in);
    let signed_in = if signed_in == 0 { "none".to_owned() } else { grouped(signed_in) };
    format!("Of {links}, {signed_in} signed somebody in, and {late} came too late.")
}

fn before(figures: &Looked, days: i64) -> String {
    let before = &figures.before;
    if before.issued == 0 {
        return format!("In the {days} days before there were none.");
    }
    format!(
        "In the {days} days before, it was {} and {} of {}.",
        grouped(before.signed_in),
        grouped(before.too_late),
        grouped(before.issued)
    )
}

fn outcomes(figures: &Looked) -> Vec<Outcome> {
    let opening = |place: usize| move |of: &Figures| of.openings().map(|openings| openings[place]);
    vec![
        outcome(("ok", "Signed somebody in"), figures, |of| Some(of.signed_in)),
        outcome(("warn", "First tried after their end"), figures, |of| Some(of.too_late)),
        outcome(("open", "Opened by a person, or pressed"), figures, opening(0)),
        outcome(("open", "Opened by machines alone"), figures, opening(1)),
        outcome(("off", "Never opened"), figures, opening(2)),
    ]
}

fn outcome(
    (class, name): (&'static str, &'static str),
    figures: &Looked,
    of: impl Fn(&Figures) -> Option<i64>,
) -> Outcome {
    let shown = |figures: &Figures| of(figures).map_or_else(|| "–".to_owned(), grouped);
    let all = &figures.all.totals;
    let share = of(all).filter(|_| all.issued > 0);
    Outcome {
        class,
        name,
        links: shown(all),
        share: share.map_or_else(|| "–".to_owned(), |links| percent(links, all.issued)),
        before: shown(&figures.before),
        back_office: shown(&figures.back_office.totals),
    }
}
