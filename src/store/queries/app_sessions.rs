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
use crate::store::engine::value::{all, from_row, values};
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

/// A sign-out that is due.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct DueSignOut {
    /// What waits in the outbox.
    pub item: OutboxItem,
    /// The app that is to hear; empty if there is nothing to tell any more.
    pub client_id: String,
}

from_row! { DueSignOut { item, client_id } }

impl DueSignOut {
    /// The app, among those of all workspaces.
    pub fn app(&self) -> (WorkspaceId, String) {
        (self.item.workspace, self.client_id.clone())
    }
}

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

/// What is due of a workspace, but for some of its apps.
fn due(workspace: WorkspaceId, now: Timestamp, most: i64, except: &[&str]) -> Statement {
    let places: Vec<_> = (0..except.len()).map(|place| format!("${}", place + 5)).collect();
    let others = if places.is_empty() {
        String::new()
    } else {
        format!("AND coalesce(a.client_id, '') NOT IN ({})", places.join(", "))
    };
    let mut values = values![workspace, OutboxKind::SignOut.name(), now, most];
    values.extend(except.iter().map(|client_id| (*client_id).into()));
    let found = format!(
        "SELECT o.workspace_id, o.id, o.attempts, o.next_at, coalesce(a.client_id, '') FROM outbox o
         LEFT JOIN app_sessions a ON a.workspace_id = o.workspace_id AND a.id = o.id
         WHERE o.workspace_id = $1 AND o.what = $2 AND o.is_urgent = 1 AND o.next_at <= $3 {others}
         ORDER BY o.next_at LIMIT $4"
    );
    sql(found, values)
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

    /// Sign-outs that are due, up to `room`: of each workspace that has any its share, and none of some apps.
    pub async fn find_due_sign_outs(
        &self,
        room: usize,
        now: Timestamp,
        except: &[(WorkspaceId, String)],
    ) -> Result<Vec<DueSignOut>, StoreError> {
        let (waiting, share) = self.find_waiting(OutboxKind::SignOut, room, now).await?;
        let mut found = Vec::new();
        for workspace in waiting {
            let except = except.iter().filter(|app| app.0 == workspace);
            let except: Vec<_> = except.map(|app| app.1.as_str()).collect();
            let due = [due(workspace, now, share, &except)];
            // Any number that wait may be passed over.
            let [rows] = if except.is_empty() { self.read(due).await? } else { self.scan(due).await? };
            found.extend(all::<DueSignOut>(rows)?);
        }
        found.truncate(room);
        Ok(found)
    }

    /// Takes sign-outs that are due, but for those that somebody else took meanwhile, and keeps them until `until`: no other node
    /// tells them before.
    pub async fn take_sign_outs(
        &self,
        due: &[DueSignOut],
        until: Timestamp,
    ) -> Result<Vec<DueSignOut>, StoreError> {
        let taken = self.lease(due.iter().map(|due| due.item).collect(), until).await?;
        let taken = taken.into_iter().filter_map(|item| {
            let is_it = |due: &&DueSignOut| (due.item.workspace, due.item.id) == (item.workspace, item.id);
            let client_id = due.iter().find(is_it)?.client_id.clone();
            Some(DueSignOut { item, client_id })
        });
        Ok(taken.collect())
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

    /// Has a sign-out tried again later, if this node still has it, after as many attempts as it says; and notes what came of this one.
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
