//! Sessions: who is signed in.

use uuid::Uuid;

use super::columns::{is_restricted, standing_columns};
use super::counted_lists::settled_at;
use super::list::Source;
use super::{app_sessions, audit};
use crate::domain::audit::AuditEntry;
use crate::domain::list_query::{Field, FieldType, ListQuery, Page};
use crate::domain::session::{Session, SessionWithUser};
use crate::domain::timestamp::Timestamp;
use crate::domain::user::{UserId, full_name};
use crate::domain::workspace::{Workspace, WorkspaceId};
use crate::store::engine::unit_of_work::{Outcome, Statement, UnitOfWork, sql};
use crate::store::engine::value::{FromRow, Row, from_row, values};
use crate::store::{ListError, ListPermit, Store, StoreError};

/// A session as a back office sees it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ListedSession {
    /// The number.
    pub id: Uuid,
    /// Who is signed in.
    pub user_id: UserId,
    /// Since when.
    pub created_at: Timestamp,
    /// When it was last used, to the minute.
    pub last_seen_at: Timestamp,
    /// When it ends if it is not used again.
    pub expires_at: Timestamp,
}

impl ListedSession {
    /// What the list of sessions may be sorted and filtered by.
    pub const FIELDS: [Field; 4] = [
        Field { name: "id", kind: FieldType::Id },
        Field { name: "user_id", kind: FieldType::Number },
        Field { name: "created_at", kind: FieldType::Time },
        Field { name: "last_seen_at", kind: FieldType::Time },
    ];
}

/// The columns of a session.
macro_rules! session_columns {
    () => {
        "s.workspace_id, s.id, s.user_id, s.session_epoch, s.link_hash, s.confirm_hash, s.seed, s.secret_hash, \
         s.key_id, s.landing, s.created_at, s.last_seen_at, s.expires_at, s.method, s.seal"
    };
}
pub(in crate::store) use session_columns;

from_row! {
    Session {
        workspace, id, user, epoch, link, confirm_hash, seed, secret_hash, key, landing, created_at, last_seen_at,
        expires_at, method, seal,
    }
}

/// A session of the workspace `$1` with its person: columns, and from where.
macro_rules! signed_in {
    ($condition:expr) => {
        concat!(
            standing_columns!(),
            ", u.email, u.locale, u.name_f, u.name_l, ",
            session_columns!(),
            " FROM sessions s JOIN users u ON u.workspace_id = s.workspace_id AND u.id = s.user_id
              WHERE s.workspace_id = $1 AND u.deleted_at IS NULL AND ",
            $condition
        )
    };
}
pub(in crate::store) use signed_in;

impl FromRow for SessionWithUser {
    fn from_row(row: &mut Row) -> Result<Self, StoreError> {
        let (standing, email, locale) = row.take()?;
        let (name_f, name_l): (String, String) = row.take()?;
        Ok(Self { session: row.take()?, standing, email, name: full_name(&name_f, &name_l), locale })
    }
}

impl Store {
    /// A session with its person, by its number. It is not proven by that: its secret and standing must be.
    pub async fn find_session(
        &self,
        workspace: WorkspaceId,
        id: Uuid,
    ) -> Result<Option<SessionWithUser>, StoreError> {
        self.find(by_id(workspace, id)).await
    }

    /// The newest session that a browser began with a link, by the hashes that the pair may have.
    ///
    /// A link that one use has ended says itself where it led; else it is looked for.
    pub async fn find_session_of(
        &self,
        workspace: WorkspaceId,
        begun: Option<Uuid>,
        confirm_hashes: &[[u8; 32]],
    ) -> Result<Option<SessionWithUser>, StoreError> {
        if let Some(id) = begun {
            let found = self.find_session(workspace, id).await?;
            return Ok(found.filter(|found| confirm_hashes.contains(&found.session.confirm_hash)));
        }
        for confirm_hash in confirm_hashes {
            let found = self.find(by_confirm_hash(workspace, *confirm_hash)).await?;
            if found.is_some() {
                return Ok(found);
            }
        }
        Ok(None)
    }

    /// The sessions of a workspace that hold, newest first.
    pub async fn list_sessions(
        &self,
        permit: &ListPermit,
        workspace: &Workspace,
        options: &ListQuery,
        now: Timestamp,
    ) -> Result<Page<ListedSession>, ListError> {
        let (terms, sessions) = (workspace.clone(), self.live_sessions(workspace, now));
        let made_of = move |session: Session| listed(&session, &terms);
        let counted = (&self.counted.sessions, audit::first_id_at(settled_at(now)));
        self.list_counted(permit, counted, (&sessions, options), made_of).await
    }

    /// The sessions of a workspace that hold at a moment. They lie in the order in which they began.
    pub(super) fn live_sessions(&self, workspace: &Workspace, now: Timestamp) -> Source {
        let (users, is_restricted) = (self.users_by("users_restricted"), is_restricted!());
        let oldest = now.plus_seconds(-workspace.session_lifetime);
        let idle = now.plus_seconds(-workspace.session_idle);
        Source {
            column_of: |field| format!("s.{field}"),
            columns: session_columns!(),
            table: "sessions s WHERE s.workspace_id = $1",
            key: "s.id",
            key_field: "created_at",
            from: format!(
                "FROM sessions s
                 WHERE s.workspace_id = $1 AND s.expires_at > $2 AND s.last_seen_at > $3 AND s.created_at > $4
                   AND NOT EXISTS (SELECT 1 FROM {users} WHERE u.workspace_id = $1 AND u.id = s.user_id AND {is_restricted}
                                   AND NOT (u.session_epoch = s.session_epoch AND u.is_active <> 0 AND u.is_staff = 0))"
            ),
            values: values![workspace.id, now, idle, oldest],
            first: Some((" AND s.id >= $5".to_owned(), values![audit::first_id_at(oldest)])),
            order: "s.id DESC",
            total: None,
        }
    }

    /// The newest sessions of a workspace that hold and are older than one of them: so all are read in pieces.
    pub async fn list_sessions_before(
        &self,
        workspace: &Workspace,
        before: Option<&ListedSession>,
        limit: i64,
        now: Timestamp,
    ) -> Result<Vec<ListedSession>, StoreError> {
        let (from, mut values) = self.live_sessions(workspace, now).bounded();
        let columns = session_columns!();
        let text = format!("SELECT {columns} {from} AND s.id < $6 ORDER BY s.id DESC LIMIT $7");
        values.extend(values![before.map_or(Uuid::max(), |before| before.id), limit]);
        let sessions: Vec<Session> = self.find_all(sql(text, values)).await?;
        Ok(sessions.iter().map(|session| listed(session, workspace)).collect())
    }

    /// The newest sessions of a client that hold.
    pub async fn list_client_sessions(
        &self,
        workspace: &Workspace,
        user: UserId,
        (limit, now): (i64, Timestamp),
    ) -> Result<Vec<ListedSession>, StoreError> {
        let statement = self.client_sessions(workspace, user, (limit, now));
        let sessions: Vec<Session> = self.find_all(statement).await?;
        Ok(sessions.iter().map(|session| listed(session, workspace)).collect())
    }

    /// The statement that gives the newest sessions of a client that hold.
    pub(super) fn client_sessions(
        &self,
        workspace: &Workspace,
        user: UserId,
        (limit, now): (i64, Timestamp),
    ) -> Statement {
        let (from, mut values) = self.live_sessions(workspace, now).bounded();
        let columns = session_columns!();
        let text = format!("SELECT {columns} {from} AND s.user_id = $6 ORDER BY s.id DESC LIMIT $7");
        values.extend(values![user, limit]);
        sql(text, values)
    }

    /// Ends all sessions of a user, unless there is none of that number.
    pub async fn end_sessions_of(
        &self,
        workspace: WorkspaceId,
        user: UserId,
        entry: &AuditEntry,
        now: Timestamp,
    ) -> Result<Outcome, StoreError> {
        let ended = sql(
            "UPDATE users SET session_epoch = session_epoch + 1, revision = revision + 1
             WHERE workspace_id = $1 AND id = $2 AND deleted_at IS NULL",
            values![workspace, user],
        );
        let unit = UnitOfWork::about(workspace, user)
            .guard(ended)
            .and_all(app_sessions::end_of_users(workspace, [user], now))
            .and(audit::entry(workspace, entry, now));
        self.apply(unit).await
    }

    /// Ends a session, unless it ended before.
    pub async fn end_session(
        &self,
        workspace: WorkspaceId,
        id: Uuid,
        entry: &AuditEntry,
        now: Timestamp,
    ) -> Result<Outcome, StoreError> {
        let unit = UnitOfWork::new()
            .guard(end(workspace, id))
            .and_all(app_sessions::end_of_session(workspace, id, now))
            .and(audit::entry(workspace, entry, now));
        self.apply(unit).await
    }
}

fn listed(session: &Session, workspace: &Workspace) -> ListedSession {
    ListedSession {
        id: session.id,
        user_id: session.user,
        created_at: session.created_at,
        last_seen_at: session.last_seen_at,
        expires_at: session.ends_at(workspace),
    }
}

/// The statement that finds a session and its person.
pub(in crate::store) fn by_id(workspace: WorkspaceId, id: Uuid) -> Statement {
    sql(concat!("SELECT ", signed_in!("s.id = $2")), values![workspace, id])
}

/// The statement that finds the newest session that a browser began with a link that may be used again.
pub(in crate::store) fn by_confirm_hash(workspace: WorkspaceId, confirm_hash: [u8; 32]) -> Statement {
    const FOUND: &str = concat!(
        "SELECT ",
        signed_in!("s.confirm_hash = $2 AND s.single_use = 0 ORDER BY s.created_at DESC, s.id DESC LIMIT 1")
    );
    sql(FOUND, values![workspace, confirm_hash])
}

/// The statement that begins a session, by a link that this use ends or by another.
pub(in crate::store) fn begin(session: &Session, is_single_use: bool) -> Statement {
    sql(
        "INSERT INTO sessions (workspace_id, id, user_id, session_epoch, link_hash, confirm_hash, seed, secret_hash,
                               key_id, landing, created_at, last_seen_at, expires_at, seal, single_use, method)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16)",
        values! {
            session.workspace, session.id, session.user, session.epoch, session.link, session.confirm_hash,
            session.seed, session.secret_hash, session.key, session.landing.as_str(), session.created_at,
            session.last_seen_at, session.expires_at, session.seal, is_single_use, session.method
        },
    )
}

/// The statement that ends a session.
pub(in crate::store) fn end(workspace: WorkspaceId, id: Uuid) -> Statement {
    sql("DELETE FROM sessions WHERE workspace_id = $1 AND id = $2", values![workspace, id])
}
