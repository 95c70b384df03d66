//! The outbox: what is to be sent, whatever it is; who sends it; and when it is tried again.

use uuid::Uuid;

use crate::domain::named::named;
use crate::domain::timestamp::Timestamp;
use crate::domain::workspace::WorkspaceId;
use crate::store::engine::unit_of_work::{Outcome, Statement, UnitOfWork, UnitResult, sql};
use crate::store::engine::value::{all, from_row, values};
use crate::store::{Store, StoreError};

named! {
    /// What is to be sent.
    pub enum OutboxKind(
        /// The word in the database and in metrics.
        name
    ) {
        /// A mail to a user.
        Mail = "mail",
        /// The end of a session, to an app that exchanged a code in it.
        SignOut = "logout",
    }
}

/// One thing to send.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct OutboxItem {
    /// The workspace.
    pub workspace: WorkspaceId,
    /// The number, also of the row that says what it is.
    pub id: Uuid,
    /// How often it was tried, this try included once it is taken.
    pub attempts: i64,
    /// When it is to be tried next; of what is taken, when others may take it.
    pub next_at: Timestamp,
}

from_row! { OutboxItem { workspace, id, attempts, next_at } }

impl Store {
    /// Takes up to `room` things that are due, and keeps them until `until`: no other node sends them before.
    ///
    /// Each workspace that has any gets its share, so that none waits behind the many of another; what is urgent goes first.
    pub async fn take_due(
        &self,
        what: OutboxKind,
        room: usize,
        (now, until): (Timestamp, Timestamp),
    ) -> Result<Vec<OutboxItem>, StoreError> {
        let (waiting, share) = self.find_waiting(what, room, now).await?;
        let mut due = Vec::new();
        for workspace in waiting {
            due.extend(self.find_due(what, workspace, now, share).await?);
        }
        due.truncate(room);
        self.lease(due, until).await
    }

    /// Up to `room` workspaces that have something due, and how much of each there is room for.
    pub(super) async fn find_waiting(
        &self,
        what: OutboxKind,
        room: usize,
        now: Timestamp,
    ) -> Result<(Vec<WorkspaceId>, i64), StoreError> {
        let waiting = sql(
            "SELECT w.id FROM workspaces w
             WHERE EXISTS (SELECT 1 FROM outbox o WHERE o.workspace_id = w.id AND o.what = $1 AND o.is_urgent = 1 AND o.next_at <= $2)
                OR EXISTS (SELECT 1 FROM outbox o WHERE o.workspace_id = w.id AND o.what = $1 AND o.is_urgent = 0 AND o.next_at <= $2)",
            values![what.name(), now],
        );
        let [waiting] = self.read([waiting]).await?;
        let mut waiting = all::<WorkspaceId>(waiting)?;
        // Where there are more workspaces than room, each look begins with another one.
        let turn = usize::try_from(now.millis()).unwrap_or(0) % waiting.len().max(1);
        waiting.rotate_left(turn);
        waiting.truncate(room);
        let share = i64::try_from(room.div_ceil(waiting.len().max(1))).unwrap_or(1);
        Ok((waiting, share))
    }

    async fn find_due(
        &self,
        what: OutboxKind,
        workspace: WorkspaceId,
        now: Timestamp,
        limit: i64,
    ) -> Result<Vec<OutboxItem>, StoreError> {
        let due = |is_urgent: bool| {
            sql(
                "SELECT workspace_id, id, attempts, next_at FROM outbox
                 WHERE workspace_id = $1 AND what = $2 AND is_urgent = $3 AND next_at <= $4 ORDER BY next_at LIMIT $5",
                values![workspace, what.name(), is_urgent, now, limit],
            )
        };
        let [urgent, other] = self.read([due(true), due(false)]).await?;
        let rows = urgent.into_iter().chain(other).take(usize::try_from(limit).unwrap_or(0)).collect();
        all(rows)
    }

    /// Of some things, those that nobody else took meanwhile.
    pub(super) async fn lease(
        &self,
        due: Vec<OutboxItem>,
        until: Timestamp,
    ) -> Result<Vec<OutboxItem>, StoreError> {
        if due.is_empty() {
            return Ok(due);
        }
        let taken = due.iter().map(|item| {
            sql(
                "UPDATE outbox SET next_at = $1, attempts = attempts + 1
                 WHERE workspace_id = $2 AND id = $3 AND next_at = $4 RETURNING 1",
                values![until, item.workspace, item.id, item.next_at],
            )
        });
        let UnitResult::Done(rows) = self.write(UnitOfWork::new().and_all(taken)).await? else {
            return Ok(Vec::new());
        };
        let taken = due.into_iter().zip(rows).filter(|(_, rows)| !rows.is_empty());
        Ok(taken
            .map(|(item, _)| OutboxItem { attempts: item.attempts + 1, next_at: until, ..item })
            .collect())
    }

    /// Keeps what was taken for longer. `Conflict` if somebody else has it, or it is gone.
    pub async fn renew_lease(&self, item: &OutboxItem, until: Timestamp) -> Result<Outcome, StoreError> {
        let renewed = sql(
            "UPDATE outbox SET next_at = $1 WHERE workspace_id = $2 AND id = $3 AND next_at = $4",
            values![until, item.workspace, item.id, item.next_at],
        );
        self.apply(UnitOfWork::new().guard(renewed)).await
    }

    /// Takes away what is not to be sent any more.
    pub async fn remove_from_outbox(&self, item: &OutboxItem) -> Result<(), StoreError> {
        self.write(UnitOfWork::new().and(remove(item))).await.map(drop)
    }

    /// How many things of a kind wait.
    pub async fn count_waiting(&self, what: OutboxKind) -> Result<i64, StoreError> {
        let counted = sql(
            "SELECT (SELECT count(*) FROM outbox o WHERE o.workspace_id = w.id AND o.what = $1) FROM workspaces w",
            values![what.name()],
        );
        Ok(self.find_all::<i64>(counted).await?.into_iter().sum())
    }
}

/// The statement that adds a thing to send.
pub(super) fn add(item: &OutboxItem, what: OutboxKind, is_urgent: bool) -> Statement {
    sql(
        "INSERT INTO outbox (workspace_id, id, what, is_urgent, next_at, attempts) VALUES ($1, $2, $3, $4, $5, $6)",
        values![item.workspace, item.id, what.name(), is_urgent, item.next_at, item.attempts],
    )
}

/// The statement that has a thing tried again later, whoever has taken it since; it was tried as often as it says.
pub(super) fn postpone(item: &OutboxItem, next: Timestamp) -> Statement {
    sql(
        "UPDATE outbox SET next_at = $1, attempts = $5 WHERE workspace_id = $2 AND id = $3 AND next_at = $4",
        values![next, item.workspace, item.id, item.next_at, item.attempts],
    )
}

/// The statement that takes a thing away.
pub(super) fn remove(item: &OutboxItem) -> Statement {
    sql("DELETE FROM outbox WHERE workspace_id = $1 AND id = $2", values![item.workspace, item.id])
}
