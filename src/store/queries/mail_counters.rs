//! What is counted by hour or day about mails that people ask for.

use crate::domain::timestamp::Timestamp;
use crate::domain::workspace::WorkspaceId;
use crate::store::engine::unit_of_work::{Statement, sql};
use crate::store::engine::value::{first, values};
use crate::store::{Store, StoreError};

/// A counter of one hour or day.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct MailCounter {
    what: &'static str,
    about: Vec<u8>,
    period: Timestamp,
}

impl MailCounter {
    /// Mails that a workspace sends in a UTC day by being asked.
    pub fn budget(now: Timestamp) -> Self {
        Self { what: "budget", about: Vec::new(), period: now.start_of_day() }
    }

    /// Wrong codes for an address in a UTC day, by a keyed hash of it.
    pub fn wrong_codes(address: &[u8; 32], now: Timestamp) -> Self {
        Self { what: "wrong_codes", about: address.to_vec(), period: now.start_of_day() }
    }

    /// What a limit has kept back in an hour, of a user or of the workspace.
    pub fn withheld(limit: &'static str, user: Option<i64>, now: Timestamp) -> Self {
        let about = [limit.as_bytes(), &user.unwrap_or(0).to_be_bytes()].concat();
        Self { what: "withheld", about, period: now.start_of_hour() }
    }
}

impl Store {
    /// Where a counter stands.
    pub async fn mail_count(&self, workspace: WorkspaceId, counter: &MailCounter) -> Result<i64, StoreError> {
        let found = sql(
            "SELECT count FROM mail_counters WHERE workspace_id = $1 AND what = $2 AND about = $3 AND period = $4",
            values![workspace, counter.what, counter.about.as_slice(), counter.period],
        );
        let [rows] = self.read([found]).await?;
        Ok(first(rows)?.unwrap_or(0))
    }

    /// Deletes the counters of periods that began before a moment.
    pub async fn sweep_mail_counters(
        &self,
        workspace: WorkspaceId,
        until: Timestamp,
    ) -> Result<(), StoreError> {
        let gone = sql(
            "DELETE FROM mail_counters WHERE workspace_id = $1 AND period <= $2 AND (what, about, period) IN
               (SELECT what, about, period FROM mail_counters WHERE workspace_id = $1 AND period <= $2 LIMIT 500) RETURNING 1",
            values![workspace, until],
        );
        self.until_none(gone).await
    }
}

/// The statement that makes a counter at zero, if there is none.
pub(super) fn make_room(workspace: WorkspaceId, counter: &MailCounter) -> Statement {
    insert(workspace, counter, 0)
}

/// The statement that makes a counter at one: it changes no row if there is one.
pub(super) fn begin(workspace: WorkspaceId, counter: &MailCounter) -> Statement {
    insert(workspace, counter, 1)
}

fn insert(workspace: WorkspaceId, counter: &MailCounter, count: i64) -> Statement {
    sql(
        "INSERT INTO mail_counters (workspace_id, what, about, period, count) VALUES ($1, $2, $3, $4, $5) ON CONFLICT DO NOTHING",
        values![workspace, counter.what, counter.about.as_slice(), counter.period, count],
    )
}

/// The statement that counts one more, unless as many were counted.
pub(super) fn count_up_to(workspace: WorkspaceId, counter: &MailCounter, most: i64) -> Statement {
    sql(
        "UPDATE mail_counters SET count = count + 1
         WHERE workspace_id = $1 AND what = $2 AND about = $3 AND period = $4 AND count < $5 RETURNING 1",
        values![workspace, counter.what, counter.about.as_slice(), counter.period, most],
    )
}

/// The statement that counts one less.
pub(super) fn count_down(workspace: WorkspaceId, counter: &MailCounter) -> Statement {
    sql(
        "UPDATE mail_counters SET count = count - 1
         WHERE workspace_id = $1 AND what = $2 AND about = $3 AND period = $4 AND count > 0",
        values![workspace, counter.what, counter.about.as_slice(), counter.period],
    )
}
