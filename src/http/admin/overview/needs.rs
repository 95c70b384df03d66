//! What of a workspace needs somebody.

use super::super::desk::{Desk, SeeOverview};
use super::super::error::Problem;
use super::super::numbers::{counted, grouped};
use crate::domain::admin::AdminPage;
use crate::domain::timestamp::Timestamp;
use crate::flow;
use crate::http::error::Error;
use crate::store::MAX_COUNTED_MAILS;

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
    let permit = flow::lists::permit(&desk.app, &desk.workspace).await?;
    let (waiting, failed) = flow::admin::mails::troubles(&desk.app, &permit, since).await?;
    let shown = |count: i64, has_more: bool| {
        if has_more { format!("Over {} mails", grouped(count)) } else { counted(count, "mail") }
    };
    let mut needs = Vec::new();
    if let Some(oldest) = waiting.oldest_failing {
        needs.push(Need {
            class: "bad",
            what: format!("Mail has been failing since {}.", desk.told(oldest.since).text),
            more: format!("Waiting: {}.", shown(waiting.count, waiting.has_more)),
            said: oldest.reply,
            address: Some((desk.address("/mails?state=queued"), "See the mails")),
        });
    }
    if failed > 0 {
        needs.push(Need {
            class: "warn",
            what: format!("Not delivered: {}.", shown(failed, failed >= MAX_COUNTED_MAILS)),
            more: "The mail server refused them for good.".to_owned(),
            said: None,
            address: Some((desk.address("/mails?state=failed"), "See the mails")),
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
