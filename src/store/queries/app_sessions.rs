//! Apps that exchanged a code in a session: they are told when it ends.

use uuid::Uuid;

use super::{app_usage, audit, outbox};
use crate::domain::audit::AuditEntry;
use crate::domain::oidc::sign_out::SignOutAnswer;
use crate::domain::timestamp::Timestamp;
use crate::domain::user::UserId;
use crate::domain::workspace::{Workspace, WorkspaceId};
use crate::store::engine::rows::Column;
use crate::store::engine::unit_of_work::{Statement, UnitOfWork, over, sql};
use crate::store::engine::value::{from_row, values};
use crate::store::{OutboxItem, OutboxKind, Store, StoreError};

/// An app that is to be told that a session has ended.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct EndedAppSession {
    /// The session.
    pub session: Uuid,
    /// The app.
    pub client_id: String,
    /// Who was signed in.
    pub user: UserId,
    /// What the app knows that user by.
    pub subject: String,
}

from_row! { EndedAppSession { session, client_id, user, subject } }

/// How many sessions that are over are looked at in one go.
const BATCH: i64 = 500;

/// The statements that go with the end of a session: its apps are told of it.
pub(in crate::store) fn end_of_session(
    workspace: WorkspaceId,
    session: Uuid,
    now: Timestamp,
) -> [Statement; 2] {
    let queued = sql(
        "INSERT INTO outbox (workspace_id, id, what, is_urgent, next_at, attempts)
         SELECT a.workspace_id, a.id, $2, 1, $3, 0 FROM app_sessions a
         WHERE a.workspace_id = $1 AND a.session_id = $4 AND a.ended_at IS NULL
         ON CONFLICT DO NOTHING",
        values![workspace, OutboxKind::SignOut.name(), now, session],
    );
    let ended = sql(
        "UPDATE app_sessions SET ended_at = $2 WHERE workspace_id = $1 AND session_id = $3 AND ended_at IS NULL",
        values![workspace, now, session],
    );
    [queued, ended]
}

/// The statements that go with the end of all sessions of some users.
pub(super) fn end_of_users(
    workspace: WorkspaceId,
    users: impl IntoIterator<Item = UserId>,
    now: Timestamp,
) -> Vec<Statement> {
    let users: Vec<_> = users.into_iter().map(UserId::number).collect();
    if users.is_empty() {
        return Vec::new();
    }
    let rows = || vec![("id", Column::Numbers(users.clone()))];
    let queued = over(
        "INSERT INTO outbox (workspace_id, id, what, is_urgent, next_at, attempts)
         SELECT a.workspace_id, a.id, $2, 1, $3, 0 FROM",
        rows(),
        "JOIN app_sessions a ON a.workspace_id = $1 AND a.user_id = r.id
         WHERE a.ended_at IS NULL ON CONFLICT DO NOTHING",
        values![workspace, OutboxKind::SignOut.name(), now],
    );
    let ended = over(
        "UPDATE app_sessions SET ended_at = $2 FROM",
        rows(),
        "WHERE app_sessions.workspace_id = $1 AND app_sessions.user_id = r.id AND app_sessions.ended_at IS NULL",
        values![workspace, now],
    );
    vec![queued, ended]
}

impl Store {
    /// The names of the apps that a user is signed in to, each with the session, the newest first.
    pub async fn list_apps_of_user(
        &self,
        workspace: WorkspaceId,
        user: UserId,
        most: i64,
    ) -> Result<Vec<(Uuid, String)>, StoreError> {
        let apps = sql(
            "SELECT s.session_id, a.name FROM app_sessions s
             JOIN apps a ON a.workspace_id = s.workspace_id AND a.client_id = s.client_id
             WHERE s.workspace_id = $1 AND s.user_id = $2 AND s.ended_at IS NULL ORDER BY s.id DESC LIMIT $3",
            values![workspace, user, most],
        );
        self.find_all(apps).await
    }

    /// Sessions of a workspace in which apps exchanged codes, and that are over: of age, or gone.
    pub async fn list_over_app_sessions(
        &self,
        workspace: &Workspace,
        now: Timestamp,
    ) -> Result<Vec<Uuid>, StoreError> {
        let found = "SELECT DISTINCT a.session_id FROM app_sessions a
             LEFT JOIN sessions s ON s.workspace_id = a.workspace_id AND s.id = a.session_id
             LEFT JOIN users u ON u.workspace_id = a.workspace_id AND u.id = a.user_id
             WHERE a.workspace_id = $1 AND a.ended_at IS NULL
               AND (s.id IS NULL OR s.expires_at <= $2 OR s.last_seen_at <= $3 OR s.created_at <= $4
                    OR u.session_epoch <> s.session_epoch OR u.is_active = 0 OR u.is_staff = 1)
             LIMIT $5";
        let idle = now.plus_seconds(-workspace.session_idle);
        let oldest = now.plus_seconds(-workspace.session_lifetime);
        self.find_all(sql(found, values![workspace.id, now, idle, oldest, BATCH])).await
    }

    /// Has apps told of the end of a session that is gone already.
    pub async fn queue_sign_outs(
        &self,
        workspace: WorkspaceId,
        session: Uuid,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        self.write(UnitOfWork::new().and_all(end_of_session(workspace, session, now))).await.map(drop)
    }

    /// Whom a waiting sign-out is about; `None` if it is done, or its user is no more.
    pub async fn find_ended_app_session(
        &self,
        item: &OutboxItem,
    ) -> Result<Option<EndedAppSession>, StoreError> {
        // A deleted user stays as a row, with the subject.
        let found = "SELECT a.session_id, a.client_id, a.user_id, u.subject FROM app_sessions a
                     JOIN users u ON u.workspace_id = a.workspace_id AND u.id = a.user_id
                     WHERE a.workspace_id = $1 AND a.id = $2";
        self.find(sql(found, values![item.workspace, item.id])).await
    }

    /// Has a sign-out tried again later, if this node still has it, and notes what came of this attempt.
    pub async fn postpone_sign_out(
        &self,
        item: &OutboxItem,
        (client_id, answer): (&str, SignOutAnswer),
        (now, next): (Timestamp, Timestamp),
    ) -> Result<(), StoreError> {
        let told = app_usage::told((item.workspace, client_id), answer, now);
        self.write(UnitOfWork::new().and(outbox::postpone(item, next)).and(told)).await.map(drop)
    }

    /// Lets go of a sign-out that was heard, given up, which is said in an entry, or told nobody; and notes what an app answered.
    pub async fn finish_sign_out(
        &self,
        item: &OutboxItem,
        answered: Option<(&str, SignOutAnswer)>,
        entry: Option<&AuditEntry>,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let done = sql(
            "DELETE FROM app_sessions WHERE workspace_id = $1 AND id = $2",
            values![item.workspace, item.id],
        );
        let unit = UnitOfWork::new().and(outbox::remove(item)).and(done);
        let entry = entry.map(|entry| audit::entry(item.workspace, entry, now));
        let told =
            answered.map(|(client_id, answer)| app_usage::told((item.workspace, client_id), answer, now));
        self.write(unit.and_all(entry).and_all(told)).await.map(drop)
    }
}
