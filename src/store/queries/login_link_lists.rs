//! The live links of a workspace, page by page.

use uuid::Uuid;

use super::columns::is_restricted;
use super::counted_lists::settled_at;
use super::list::Source;
use super::login_links::may_use_links;
use crate::domain::list_query::{Field, FieldType, ListQuery, Page};
use crate::domain::login_link::first_lookup_key_at;
use crate::domain::timestamp::Timestamp;
use crate::domain::user::UserId;
use crate::domain::workspace::WorkspaceId;
use crate::store::engine::value::{from_row, values};
use crate::store::{Engine, ListError, ListPermit, Store};

/// A live link as a back office sees it; never a token.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ListedLink {
    /// The number.
    pub id: Uuid,
    /// Whom it signs in.
    pub user_id: UserId,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it dies of age.
    pub expires_at: Timestamp,
    /// When it was last handed out.
    pub last_issued_at: Timestamp,
    /// How often it was handed out.
    pub times_issued: i64,
}

impl ListedLink {
    /// What a list of links may be sorted and filtered by.
    pub const FIELDS: [Field; 6] = [
        Field { name: "id", kind: FieldType::Id },
        Field { name: "user_id", kind: FieldType::Number },
        Field { name: "created_at", kind: FieldType::Time },
        Field { name: "expires_at", kind: FieldType::Time },
        Field { name: "last_issued_at", kind: FieldType::Time },
        Field { name: "times_issued", kind: FieldType::Number },
    ];
}

from_row! { ListedLink { id, user_id, created_at, expires_at, last_issued_at, times_issued } }

impl Store {
    /// The live links of a workspace, counters up to date.
    pub async fn list_login_links(
        &self,
        permit: &ListPermit,
        options: &ListQuery,
        now: Timestamp,
    ) -> Result<Page<ListedLink>, ListError> {
        // With leave: who lists without a pause makes no more commits than lists.
        permit.in_time(self.write_reuses()).await?;
        let links = self.live_links(permit.workspace(), now);
        let counted = (&self.counted.links, first_lookup_key_at(settled_at(now)));
        self.list_counted(permit, counted, (&links, options), |link| link).await
    }

    /// The live links of a workspace at a moment.
    pub(super) fn live_links(&self, workspace: WorkspaceId, now: Timestamp) -> Source {
        // Links lie in the order of the list. Before the first that has not expired there is none; the index of their ends gives that
        // one without a look at a row, and is used since the least is not asked of a plain column. PostgreSQL knows how many have
        // expired, and where to begin.
        let first = "AND l.hash >= (SELECT min(coalesce(f.hash, f.hash)) FROM login_links f
                                    WHERE f.workspace_id = $1 AND f.expires_at > $2)";
        let (users, is_restricted) = (self.users_by("users_restricted"), is_restricted!());
        Source {
            column_of: |field| format!("l.{field}"),
            columns: "l.id, l.user_id, l.created_at, l.expires_at, l.last_issued_at, l.times_issued",
            table: "login_links l WHERE l.workspace_id = $1",
            key: "l.hash",
            key_field: "created_at",
            from: format!(
                "FROM login_links l
                 WHERE l.workspace_id = $1 AND l.expires_at > $2 AND l.ended_at IS NULL AND l.kind = 'api'
                   AND NOT EXISTS (SELECT 1 FROM {users} WHERE u.workspace_id = $1 AND u.id = l.user_id AND {is_restricted}
                                   AND NOT (u.link_epoch = l.link_epoch AND {}))",
                may_use_links!()
            ),
            values: values![workspace, now],
            first: matches!(self.engine, Engine::Sqlite(_)).then(|| (format!(" {first}"), Vec::new())),
            order: "l.hash DESC",
            total: None,
        }
    }
}
