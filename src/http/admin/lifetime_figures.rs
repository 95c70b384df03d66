//! What the figures say of how long links live, beside that setting.

use std::time::Duration;

use super::desk::Desk;
use super::numbers::{grouped, percent};
use crate::domain::admin::AdminPage;
use crate::domain::link_stats::{Figures, StatsKind, StatsQuery};
use crate::flow;
use crate::store::ListError;

/// The days that are looked at.
const DAYS: i64 = 30;

/// Of fewer tries there is no percentage.
const FEW: i64 = 20;

/// For so long a page waits for the figures: it is of use without them.
const WAIT: Duration = Duration::from_secs(2);

/// What they say, and where they are.
pub(super) struct LifetimeFigures {
    pub(super) sentence: String,
    pub(super) address: String,
}

/// What they say to a role that sees them; nothing where no link was tried, or where they cannot be read soon.
pub(super) async fn of<N>(desk: &Desk<N>) -> Option<LifetimeFigures> {
    if !desk.sees(AdminPage::Overview) {
        return None;
    }
    let query = StatsQuery::of_days(DAYS, StatsKind::Api, desk.now()).ok()?;
    let look = async {
        let permit = flow::lists::permit(&desk.app, &desk.workspace).await?;
        flow::stories::stats::link_stats(&desk.app, (&desk.workspace, &permit), query).await
    };
    match tokio::time::timeout(WAIT, look).await.unwrap_or(Err(ListError::TooLong)) {
        Ok(stats) => Some(LifetimeFigures {
            sentence: sentence(&stats.totals, stats.advice.as_deref())?,
            address: desk.address(&format!("/?days={DAYS}#ages")),
        }),
        Err(error) => {
            tracing::warn!(%error, "the settings are shown without what the figures say");
            None
        }
    }
}

fn sentence(totals: &Figures, advice: Option<&str>) -> Option<String> {
    let tries: i64 = totals.ages.iter().sum();
    if tries == 0 {
        return None;
    }
    let noun = if tries == 1 { "first try" } else { "first tries" };
    let said = match advice {
        Some(advice) => advice.to_owned(),
        None => format!(
            "of {} {noun}, {} came after the link’s end.",
            grouped(tries),
            share(totals.too_late, tries)
        ),
    };
    Some(format!("Links of the back office in the last {DAYS} days: {said}"))
}

fn share(late: i64, tries: i64) -> String {
    match late {
        0 => "none".to_owned(),
        late if tries < FEW => grouped(late),
        late if late * 200 < tries => format!("less than {}", percent(1, 100)),
        late if late < tries && late * 200 > tries * 199 => format!("more than {}", percent(99, 100)),
        late => percent(late, tries),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(late: i64, in_time: i64, advice: Option<&str>) -> Option<String> {
        let mut totals = Figures { too_late: late, ..Figures::default() };
        totals.ages[0] = in_time;
        totals.ages[11] = late;
        sentence(&totals, advice)
    }

    #[test]
    fn the_share_that_came_too_late_is_told_or_the_advice() {
        for (late, in_time, words) in [
            (0, 1, "of 1 first try, none came".to_owned()),
            (1, 18, "of 19 first tries, 1 came".to_owned()),
            (1, 19, format!("of 20 first tries, {} came", percent(5, 100))),
            (996, 4, format!("of 1,000 first tries, more than {} came", percent(99, 100))),
            (1, 999, format!("of 1,000 first tries, less than {} came", percent(1, 100))),
        ] {
            let words =
                format!("Links of the back office in the last 30 days: {words} after the link’s end.");
            assert_eq!(said(late, in_time, None), Some(words));
        }
        assert!(said(30, 30, Some("Half came late.")).unwrap().ends_with(" days: Half came late."));
        assert_eq!(said(0, 0, None), None);
    }
}
