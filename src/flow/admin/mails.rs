//! Mails as support looks at them.

use std::collections::HashMap;

use uuid::Uuid;

use crate::app::App;
use crate::domain::list_query::ListQuery;
use crate::domain::mail::{Mail, MailState};
use crate::domain::timestamp::Timestamp;
use crate::domain::workspace::Workspace;
use crate::store::{ListError, ListPermit, WaitingMails};

/// A part of the mails of a workspace.
pub struct FoundMails {
    /// The mails, newest first.
    pub rows: Vec<Mail>,
    /// Whether there are more behind this part.
    pub has_more: bool,
    /// When each that waits is tried next.
    pub next_tries: HashMap<Uuid, Timestamp>,
    /// What waits in all.
    pub waiting: WaitingMails,
}

/// What goes wrong with the mails of a workspace: what waits now, and how many failed for good since a moment.
pub async fn troubles(
    app: &App,
    permit: &ListPermit,
    since: Timestamp,
) -> Result<(WaitingMails, i64), ListError> {
    Ok((app.store.find_waiting_mails(permit).await?, app.store.count_failed_mails(permit, since).await?))
}

/// The mails of a workspace, or those of one state.
pub async fn list(
    app: &App,
    permit: &ListPermit,
    workspace: &Workspace,
    (state, part): (Option<MailState>, &ListQuery),
) -> Result<FoundMails, ListError> {
    let waiting = app.store.find_waiting_mails(permit).await?;
    let mut rows = app.store.search_mails(permit, state, part).await?;
    let limit = usize::try_from(part.limit).unwrap_or(0);
    let has_more = rows.len() > limit;
    rows.truncate(limit);
    let queued: Vec<_> =
        rows.iter().filter(|mail| mail.state == MailState::Queued).map(|mail| mail.id).collect();
    let next_tries = app.store.find_next_tries(workspace.id, &queued).await?.into_iter().collect();
    Ok(FoundMails { rows, has_more, next_tries, waiting })
}
