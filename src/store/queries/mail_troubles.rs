//! What goes wrong with the mails of a workspace, for whoever looks after it.

use super::audit;
use crate::domain::timestamp::Timestamp;
use crate::domain::workspace::WorkspaceId;
use crate::store::engine::unit_of_work::sql;
use crate::store::engine::value::{all, from_row, only, values};
use crate::store::{Store, StoreError};

/// Counts end here: how many more there are helps nobody.
pub const MANY_MAILS: i64 = 1_000;

/// Mails that failed since a moment, and those that wait after a try that led to nothing. Counts end at [`MANY_MAILS`].
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct MailTroubles {
    /// Mails that failed for good.
    pub failed: i64,
    /// Mails that were tried, and wait for another try.
    pub waiting: i64,
    /// The oldest of those: since when it waits, and what the mail server said last.
    pub oldest: Option<WaitingReply>,
}

/// A mail that waits.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct WaitingReply {
    /// Since when.
    pub since: Timestamp,
    /// When it is tried again.
    pub next_at: Timestamp,
    /// What the mail server said last.
    pub reply: Option<String>,
}

from_row! { WaitingReply { since, next_at, reply } }

impl Store {
    /// The troubles of a workspace since a moment.
    pub async fn find_mail_troubles(
        &self,
        workspace: WorkspaceId,
        since: Timestamp,
    ) -> Result<MailTroubles, StoreError> {
        let failed = sql(
            "SELECT count(*) FROM (SELECT 1 FROM mails
             WHERE workspace_id = $1 AND state = 'failed' AND id >= $2 LIMIT $3) f",
            values![workspace, audit::first_id_at(since), MANY_MAILS],
        );
        let waiting = sql(
            "SELECT count(*) FROM (SELECT 1 FROM outbox
             WHERE workspace_id = $1 AND what = 'mail' AND attempts > 0 LIMIT $2) w",
            values![workspace, MANY_MAILS],
        );
        let oldest = sql(
            "SELECT m.created_at, o.next_at, m.smtp_reply FROM outbox o
             JOIN mails m ON m.workspace_id = o.workspace_id AND m.id = o.id
             WHERE o.workspace_id = $1 AND o.what = 'mail' AND o.attempts > 0 ORDER BY o.id LIMIT 1",
            values![workspace],
        );
        let [failed, waiting, oldest] = self.read([failed, waiting, oldest]).await?;
        let oldest = all(oldest)?.into_iter().next();
        Ok(MailTroubles { failed: only(failed)?, waiting: only(waiting)?, oldest })
    }
}
