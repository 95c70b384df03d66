//! Mails as support looks at them: page by page, by what became of them, and of one client.

use uuid::Uuid;

use super::audit;
use super::mails::mail_columns;
use crate::domain::list_query::ListQuery;
use crate::domain::mail::{Mail, MailState};
use crate::domain::timestamp::Timestamp;
use crate::domain::user::UserId;
use crate::domain::workspace::WorkspaceId;
use crate::store::engine::unit_of_work::{Statement, sql};
use crate::store::engine::value::{Row, Value, all, first, from_row, only, values};
use crate::store::{ListError, ListPermit, Store, StoreError};

/// Mails that wait are counted up to this number.
pub const MAX_COUNTED_MAILS: i64 = 1_000;

/// What waits to be sent.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct WaitingMails {
    /// How many, as far as they are counted.
    pub count: i64,
    /// Whether there are more than that.
    pub has_more: bool,
    /// The one that has been tried for the longest time, of those that are counted.
    pub oldest_failing: Option<FailingMail>,
}

/// A mail that was tried, and waits for the next try.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct FailingMail {
    /// Since when it waits.
    pub since: Timestamp,
    /// What the mail server said last, if it said anything.
    pub reply: Option<String>,
}

from_row! { FailingMail { since, reply } }

impl Store {
    /// A part of the mails of a workspace, newest first, with one more than its limit if there are more.
    pub async fn search_mails(
        &self,
        permit: &ListPermit,
        state: Option<MailState>,
        part: &ListQuery,
    ) -> Result<Vec<Mail>, ListError> {
        let page = page(permit.workspace(), state, (part.limit + 1, part.offset()));
        let mails = self.scan_with([page], Some(permit.clone()), |[rows]: [Vec<Row>; 1]| all(rows)).await;
        mails.map_err(|error| permit.classify(error))
    }

    /// When each of some mails that wait is tried next.
    pub async fn find_next_tries(
        &self,
        workspace: WorkspaceId,
        mails: &[Uuid],
    ) -> Result<Vec<(Uuid, Timestamp)>, StoreError> {
        if mails.is_empty() {
            return Ok(Vec::new());
        }
        let places: Vec<_> = (2..mails.len() + 2).map(|place| format!("${place}")).collect();
        let text = format!(
            "SELECT id, next_at FROM outbox WHERE workspace_id = $1 AND id IN ({})",
            places.join(", ")
        );
        let mut values = values![workspace];
        values.extend(mails.iter().map(|id| Value::from(*id)));
        self.find_all(sql(text, values)).await
    }

    /// What waits to be sent of a workspace.
    pub async fn find_waiting_mails(&self, permit: &ListPermit) -> Result<WaitingMails, ListError> {
        let waiting = sql(
            "SELECT count(*) FROM (SELECT 1 FROM mails m WHERE m.workspace_id = $1 AND m.state = 'queued' AND m.state <> 'sent'
                                   LIMIT $2) waiting",
            values![permit.workspace(), MAX_COUNTED_MAILS + 1],
        );
        let failing = sql(
            "SELECT created_at, smtp_reply FROM (
               SELECT m.id, m.created_at, m.smtp_reply, m.attempts FROM mails m
               WHERE m.workspace_id = $1 AND m.state = 'queued' AND m.state <> 'sent' ORDER BY m.id LIMIT $2) waiting
             WHERE attempts > 0 ORDER BY id LIMIT 1",
            values![permit.workspace(), MAX_COUNTED_MAILS],
        );
        let made_of = |[waiting, failing]: [Vec<Row>; 2]| {
            let count: i64 = only(waiting)?;
            let has_more = count > MAX_COUNTED_MAILS;
            Ok(WaitingMails {
                count: count.min(MAX_COUNTED_MAILS),
                has_more,
                oldest_failing: first(failing)?,
            })
        };
        let found = self.scan_with([waiting, failing], Some(permit.clone()), made_of).await;
        found.map_err(|error| permit.classify(error))
    }

    /// How many mails of a workspace failed for good since a moment, as far as they are counted.
    pub async fn count_failed_mails(&self, permit: &ListPermit, since: Timestamp) -> Result<i64, ListError> {
        let failed = sql(
            "SELECT count(*) FROM (SELECT 1 FROM mails m WHERE m.workspace_id = $1 AND m.state = 'failed' AND m.state <> 'sent'
                                   AND m.id >= $2 LIMIT $3) failed",
            values![permit.workspace(), audit::first_id_at(since), MAX_COUNTED_MAILS],
        );
        let found = self.scan_with([failed], Some(permit.clone()), |[rows]: [Vec<Row>; 1]| only(rows)).await;
        found.map_err(|error| permit.classify(error))
    }

    /// The newest mails to a user.
    pub async fn list_client_mails(
        &self,
        workspace: WorkspaceId,
        user: UserId,
        limit: i64,
    ) -> Result<Vec<Mail>, StoreError> {
        const OF_USER: &str = concat!(
            "SELECT ",
            mail_columns!(),
            " FROM mails m WHERE m.workspace_id = $1 AND m.user_id = $2 ORDER BY m.created_at DESC, m.id DESC LIMIT $3"
        );
        self.find_all(sql(OF_USER, values![workspace, user, limit])).await
    }
}

/// The statement that gives mails, newest first, so many after some that it skips. The states stand in the text: the index of mails
/// that are not sent is not used for a value that is not known yet.
pub(super) fn page(
    workspace: WorkspaceId,
    state: Option<MailState>,
    (limit, skipped): (i64, i64),
) -> Statement {
    let condition = match state {
        None => String::new(),
        Some(MailState::Sent) => " AND m.state = 'sent'".to_owned(),
        Some(state) => format!(" AND m.state = '{}' AND m.state <> 'sent'", state.name()),
    };
    let columns = mail_columns!();
    let text = format!(
        "SELECT {columns} FROM mails m WHERE m.workspace_id = $1{condition} ORDER BY m.id DESC LIMIT $2 OFFSET $3"
    );
    sql(text, values![workspace, limit, skipped])
}
