//! The audit log: entries travel in the same unit as the act they tell of.

use std::sync::Mutex;

use uuid::{ContextV7, Uuid};

use crate::domain::audit::{AuditEntry, INSTALLATION};
use crate::domain::json::JsonText;
use crate::domain::list_query::{Field, FieldType};
use crate::domain::timestamp::Timestamp;
use crate::domain::user::UserId;
use crate::domain::workspace::WorkspaceId;
use crate::store::engine::rows::Column;
use crate::store::engine::unit_of_work::{Statement, UnitOfWork, over, sql};
use crate::store::engine::value::{Value, all, from_row, values};
use crate::store::{Store, StoreError};

/// An entry as a back office reads it.
#[derive(Clone, PartialEq, Debug)]
pub struct ListedEntry {
    /// The number.
    pub id: Uuid,
    /// When it happened.
    pub time: Timestamp,
    /// What happened.
    pub event: String,
    /// To whom.
    pub user_id: Option<UserId>,
    /// Who did it.
    pub actor: String,
    /// In which request.
    pub request_id: Uuid,
    /// What else is worth knowing.
    pub data: JsonText,
}

/// Which entries somebody reads who reads the whole log, piece by piece.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct AuditFilter {
    /// Those of this event alone.
    pub event: Option<String>,
    /// Those about this user alone.
    pub user: Option<UserId>,
    /// Those of this actor alone.
    pub actor: Option<String>,
    /// Those from this moment on.
    pub since: Option<Timestamp>,
    /// Those before this moment.
    pub until: Option<Timestamp>,
}

/// From where on, and in which direction, the log is read.
#[derive(Clone, Copy, Debug)]
pub enum AuditPosition {
    /// Older entries, newest first.
    Before(Uuid),
    /// Newer entries, oldest first.
    After(Uuid),
}

impl AuditPosition {
    /// Newest first, from the newest entry on.
    pub const NEWEST: Self = Self::Before(Uuid::max());
    /// Oldest first, from the oldest entry on.
    pub const OLDEST: Self = Self::After(Uuid::nil());
}

impl ListedEntry {
    /// What the log may be sorted and filtered by.
    pub const FIELDS: [Field; 6] = [
        Field { name: "id", kind: FieldType::Id },
        Field { name: "time", kind: FieldType::Time },
        Field { name: "event", kind: FieldType::Text },
        Field { name: "user_id", kind: FieldType::Number },
        Field { name: "actor", kind: FieldType::Text },
        Field { name: "request_id", kind: FieldType::Id },
    ];
}

from_row! { ListedEntry { id, time, event, user_id, actor, request_id, data } }

/// Keeps entries of the same millisecond in the order in which they were made.
static ORDER: Mutex<ContextV7> = Mutex::new(ContextV7::new());

/// A number for an entry: later entries have larger ones (UUID version 7, RFC 9562, section 5.7).
pub(in crate::store) fn entry_id(now: Timestamp) -> Uuid {
    let millis = u64::try_from(now.millis()).unwrap_or(0);
    let nanos = u32::try_from(millis % 1000 * 1_000_000).unwrap_or(0);
    Uuid::new_v7(uuid::Timestamp::from_unix(&ORDER, millis / 1000, nanos))
}

/// What all numbers of entries before a moment are less than.
pub(in crate::store) fn first_id_at(moment: Timestamp) -> [u8; 16] {
    let millis = u128::try_from(moment.millis()).unwrap_or(0);
    (millis << 80).to_be_bytes()
}

/// The text that writes an entry; whose log it goes into, by `$1`, and whom it is about, by `$5`.
macro_rules! entry_text {
    ($workspace:literal, $user:literal) => {
        concat!(
            "INSERT INTO audit_log (workspace_id, id, time, event, user_id, actor, request_id, data) VALUES (",
            $workspace,
            ", $2, $3, $4, ",
            $user,
            ", $6, $7, $8)"
        )
    };
}

/// The statement that writes an entry.
pub(in crate::store) fn entry(workspace: WorkspaceId, entry: &AuditEntry, now: Timestamp) -> Statement {
    sql(entry_text!("$1", "$5"), entry_values(workspace.into(), entry, now))
}

/// The statement that writes an entry about the user whose number was drawn in the same unit.
pub(in crate::store) fn entry_about_drawn(
    workspace: WorkspaceId,
    entry: &AuditEntry,
    now: Timestamp,
) -> Statement {
    const TEXT: &str =
        entry_text!("$1", "coalesce($5, (SELECT last_user_id FROM number_counters WHERE workspace_id = $1))");
    sql(TEXT, entry_values(workspace.into(), entry, now))
}

fn entry_values(workspace: Value, entry: &AuditEntry, now: Timestamp) -> Vec<Value> {
    let data = serde_json::Value::Object(entry.data.clone()).to_string();
    let (event, actor) = (entry.event.name(), entry.act.actor.to_string());
    values![workspace, entry_id(now), now, event, entry.user, actor, entry.act.request, data]
}

/// The statement that writes an entry about the whole installation: into the log of each workspace.
pub(in crate::store) fn entry_everywhere(told: &AuditEntry, now: Timestamp) -> Statement {
    let data = serde_json::Value::Object(told.data.clone()).to_string();
    // In another workspace the same number is another entry's.
    sql(
        "INSERT INTO audit_log (workspace_id, id, time, event, actor, request_id, data)
         SELECT w.id, $1, $2, $3, $4, $5, $6 FROM workspaces w",
        values![entry_id(now), now, told.event.name(), told.act.actor.to_string(), told.act.request, data],
    )
}

/// The statement that writes an entry into the log of a workspace, if that was not deleted meanwhile.
pub(in crate::store) fn entry_if_there(
    workspace: WorkspaceId,
    told: &AuditEntry,
    now: Timestamp,
) -> Statement {
    let mut statement = entry_everywhere(told, now);
    statement.sql = format!("{} WHERE w.id = $7", statement.sql).into();
    statement.values.push(workspace.into());
    statement
}

/// The statements that write several entries.
pub(in crate::store) fn entries(
    workspace: WorkspaceId,
    entries: &[AuditEntry],
    now: Timestamp,
) -> Vec<Statement> {
    entries.iter().map(|one| entry(workspace, one, now)).collect()
}

/// The statement that writes entries of one act about many users, if there are any.
pub(in crate::store) fn entries_about<'a>(
    workspace: WorkspaceId,
    entries: impl Iterator<Item = (UserId, &'a AuditEntry)>,
    now: Timestamp,
) -> Option<Statement> {
    let (mut ids, mut events, mut users, mut data) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    let mut act = None;
    for (user, entry) in entries {
        act = Some(&entry.act);
        ids.push(entry_id(now).as_bytes().to_vec());
        events.push(entry.event.name().to_owned());
        users.push(user.number());
        data.push(serde_json::Value::Object(entry.data.clone()).to_string());
    }
    let act = act?;
    Some(over(
        "INSERT INTO audit_log (workspace_id, id, time, event, user_id, actor, request_id, data)
         SELECT $1, r.id, $2, r.event, r.user_id, $3, $4, r.data FROM",
        vec![
            ("id", Column::Bytes(ids)),
            ("event", Column::Texts(events)),
            ("user_id", Column::Numbers(users)),
            ("data", Column::Texts(data)),
        ],
        "",
        values![workspace, now, act.actor.to_string(), act.request],
    ))
}

impl Store {
    /// Writes an entry about something that changed nothing else, such as a refusal.
    pub async fn add_audit_entry(
        &self,
        workspace: WorkspaceId,
        entry: &AuditEntry,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        self.write(UnitOfWork::new().and(self::entry(workspace, entry, now))).await.map(|_| ())
    }

    /// Writes an entry about the whole installation into the log of each workspace.
    pub async fn add_entry_everywhere(&self, entry: &AuditEntry, now: Timestamp) -> Result<(), StoreError> {
        self.write(UnitOfWork::new().and(entry_everywhere(entry, now))).await.map(|_| ())
    }

    /// The entries of the installation's own log since a moment, oldest first.
    pub async fn list_installation_entries(&self, since: Timestamp) -> Result<Vec<ListedEntry>, StoreError> {
        let later = sql(
            "SELECT id, time, event, user_id, actor, request_id, data FROM audit_log
             WHERE workspace_id = $1 AND id >= $2 ORDER BY id LIMIT 1000",
            values![INSTALLATION, first_id_at(since)],
        );
        let [rows] = self.read([later]).await?;
        all(rows)
    }

    /// When the newest entry of a workspace was written, if there is one.
    pub async fn find_newest_audit_time(
        &self,
        workspace: WorkspaceId,
    ) -> Result<Option<Timestamp>, StoreError> {
        let newest = sql(
            "SELECT time FROM audit_log WHERE workspace_id = $1 ORDER BY id DESC LIMIT 1",
            values![workspace],
        );
        self.find(newest).await
    }

    /// The next entries of a workspace, in one direction from one of them: so a log of any length is read in pieces.
    pub async fn read_audit_entries(
        &self,
        workspace: WorkspaceId,
        filter: &AuditFilter,
        from: AuditPosition,
        limit: i64,
    ) -> Result<Vec<ListedEntry>, StoreError> {
        let (comparison, order, from) = match from {
            AuditPosition::Before(id) => ("<", "DESC", id),
            AuditPosition::After(id) => (">", "ASC", id),
        };
        let mut conditions = String::new();
        let since = filter.since.unwrap_or(Timestamp::from_millis(0));
        let mut values = values![workspace, from, first_id_at(since), since];
        if let Some(event) = &filter.event {
            values.push(event.as_str().into());
            conditions = format!(" AND event = ${}", values.len());
        }
        if let Some(user) = filter.user {
            values.push(user.into());
            conditions = format!("{conditions} AND user_id = ${}", values.len());
        }
        values.push(limit.into());
        let text = format!(
            "SELECT id, time, event, user_id, actor, request_id, data FROM audit_log
             WHERE workspace_id = $1 AND id {comparison} $2 AND id >= $3 AND time >= $4{conditions}
             ORDER BY id {order} LIMIT ${}",
            values.len()
        );
        self.find_all(sql(text, values)).await
    }
}
