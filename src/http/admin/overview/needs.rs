//! What of a workspace needs somebody.

use super::super::desk::{Desk, SeeOverview};
use super::super::error::Problem;
use super::counted;
use crate::domain::admin::AdminPage;
use crate::domain::timestamp::Timestamp;
use crate::flow;
use crate::http::error::Error;
use crate::store::MANY_MAILS;

/// Keys that end within so many seconds are named.
const SOON: i64 = 14 * 86_400;

/// Lines at most.
const MOST: usize = 7;

/// One thing.
pub(super) struct Need {
    /// The class of its sign.
    pub(super) class: &'static str,
    pub(super) what: String,
    /// What belongs to it, and what somebody else's machine said.
    pub(super) more: String,
    pub(super) said: Option<String>,
    /// Where to look; nothing, where the role sees no such page.
    pub(super) address: Option<(String, &'static str)>,
}

/// What needs somebody, the worst first.
pub(super) async fn of(desk: &Desk<SeeOverview>, since: Timestamp) -> Result<Vec<Need>, Problem> {
    let mut needs = mails(desk, since).await?;
    if desk.sees(AdminPage::Keys) {
        needs.extend(keys(desk).await?);
    }
    needs.truncate(MOST);
    Ok(needs)
}

async fn mails(desk: &Desk<SeeOverview>, since: Timestamp) -> Result<Vec<Need>, Problem> {
    let found = flow::mail::troubles(&desk.app, &desk.workspace, since).await.map_err(Error::from)?;
    let shown = |count: i64| match count {
        MANY_MAILS.. => format!("{} or more mails", super::grouped(count)),
        count => counted(count, "mail"),
    };
    let mut needs = Vec::new();
    if let Some(oldest) = found.oldest {
        let (since, next) = (desk.told(oldest.since).text, desk.told(oldest.next_at).text);
        needs.push(Need {
            class: "bad",
            what: format!("Mail has been failing since {since}."),
            more: format!("{} wait; the next try of the first is at {next}.", shown(found.waiting)),
            said: oldest.reply,
            address: None,
        });
    }
    if found.failed > 0 {
        needs.push(Need {
            class: "warn",
            what: format!("{} could not be delivered.", shown(found.failed)),
            more: "The mail server refused them for good: the story of each link says why.".to_owned(),
            said: None,
            address: None,
        });
    }
    Ok(needs)
}

async fn keys(desk: &Desk<SeeOverview>) -> Result<Vec<Need>, Problem> {
    let now = desk.now();
    let keys = flow::api_keys::list(&desk.app, &desk.workspace).await.map_err(Error::from)?;
    let ends = |end: Timestamp| end > now && end <= now.plus_seconds(SOON);
    let mut soon: Vec<_> = keys
        .into_iter()
        .filter(|key| key.revoked_at.is_none())
        .filter_map(|key| Some((key.expires_at.filter(|end| ends(*end))?, key.name)))
        .collect();
    soon.sort_unstable();
    let need = |(end, name): (Timestamp, String)| {
        let days = (end.millis() - now.millis()) / 86_400_000;
        let when = match days {
            0 => "today".to_owned(),
            days => format!("in {}", counted(days, "day")),
        };
        Need {
            class: "warn",
            what: format!("The key “{name}” ends {when}."),
            more: format!("On {}.", desk.told(end).text),
            said: None,
            address: Some((desk.address("/keys"), "Make another")),
        }
    };
    Ok(soon.into_iter().map(need).collect())
}
