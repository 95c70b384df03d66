//! Requests that may be sent again: what each of them made.

use uuid::Uuid;

use crate::domain::idempotency::RepeatableRequest;
use crate::domain::timestamp::Timestamp;
use crate::domain::user::UserId;
use crate::domain::workspace::WorkspaceId;
use crate::store::engine::unit_of_work::{Statement, sql};
use crate::store::engine::value::{from_row, values};
use crate::store::{Store, StoreError};

/// What is known of a request.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct KeptRequest {
    /// The hash of the whole request.
    pub request: [u8; 32],
    /// The user that it added, if it did.
    pub user: Option<UserId>,
    /// The mail that it queued, if it did.
    pub mail: Option<Uuid>,
    /// When that was.
    pub created_at: Timestamp,
}

from_row! { KeptRequest { request, user, mail, created_at } }

impl Store {
    /// What was kept under the key of a request, unless it is forgotten by now.
    pub async fn find_request(
        &self,
        workspace: WorkspaceId,
        request: &RepeatableRequest,
        now: Timestamp,
    ) -> Result<Option<KeptRequest>, StoreError> {
        let found = sql(
            "SELECT request, user_id, mail_id, created_at FROM idempotency_keys
             WHERE workspace_id = $1 AND key = $2 AND created_at > $3",
            values![workspace, request.key, RepeatableRequest::forgotten_until(now)],
        );
        self.find(found).await
    }
}

/// The statements that keep a request that adds a user: the one whose number is given, or the one whose number was just drawn. The
/// second changes no row if another request has the same key.
pub(super) fn keep_with_user(
    workspace: WorkspaceId,
    request: &RepeatableRequest,
    user: Option<UserId>,
    now: Timestamp,
) -> [Statement; 2] {
    let kept = sql(
        "INSERT INTO idempotency_keys (workspace_id, key, request, user_id, created_at)
         SELECT c.workspace_id, $2, $3, coalesce($4, c.last_user_id), $5 FROM number_counters c WHERE c.workspace_id = $1
         ON CONFLICT DO NOTHING",
        values![workspace, request.key, request.request, user, now],
    );
    [forget(workspace, request, now), kept]
}

/// The same for a request that queues a mail.
pub(super) fn keep_with_mail(
    workspace: WorkspaceId,
    request: &RepeatableRequest,
    mail: Uuid,
    now: Timestamp,
) -> [Statement; 2] {
    let kept = sql(
        "INSERT INTO idempotency_keys (workspace_id, key, request, mail_id, created_at) VALUES ($1, $2, $3, $4, $5)
         ON CONFLICT DO NOTHING",
        values![workspace, request.key, request.request, mail, now],
    );
    [forget(workspace, request, now), kept]
}

/// The statement that forgets what had the same key a day ago.
fn forget(workspace: WorkspaceId, request: &RepeatableRequest, now: Timestamp) -> Statement {
    sql(
        "DELETE FROM idempotency_keys WHERE workspace_id = $1 AND key = $2 AND created_at <= $3",
        values![workspace, request.key, RepeatableRequest::forgotten_until(now)],
    )
}
