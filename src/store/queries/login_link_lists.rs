//! The live links of a workspace, page by page.

use uuid::Uuid;

use super::columns::is_restricted;
use super::list::{self, Source};
use super::login_links::may_use_links;
use crate::domain::list_query::{Field, FieldType, ListQuery, Page};
use crate::domain::timestamp::Timestamp;
use crate::domain::user::UserId;
use crate::domain::workspace::WorkspaceId;
use crate::store::engine::unit_of_work::Statement;
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
        self.list(permit, self.page_of_links(permit.workspace(), options, now), |link| link).await
    }

    pub(super) fn page_of_links(
        &self,
        workspace: WorkspaceId,
        options: &ListQuery,
        now: Timestamp,
    ) -> [Statement; 2] {
        let source = Source {
            column_of: |field| format!("l.{field}"),
            columns: "l.id, l.user_id, l.created_at, l.expires_at, l.last_issued_at, l.times_issued",
            table: "login_links l WHERE l.workspace_id = $1",
            key: "l.hash",
            key_field: "created_at",
            from: self.live_links(),
            values: values![workspace, now],
            order: "l.hash DESC",
            total: None,
        };
        list::statements(source, options)
    }

    /// The live links of the workspace `$1` at the moment `$2`, from where on.
    fn live_links(&self) -> String {
        let first = match &self.engine {
            // Links lie in the order of the list. Before the first that has not expired there is none; the index of their ends
            // gives that one without a look at a row, and is used since the least is not asked of a plain column.
            Engine::Sqlite(_) => {
                "AND l.hash >= (SELECT min(coalesce(f.hash, f.hash)) FROM login_links f
                                WHERE f.workspace_id = $1 AND f.expires_at > $2)"
            }
            // It knows how many have expired, and where to begin.
            Engine::Postgres(_) => "",
        };
        let (users, is_restricted) = (self.users_by("users_restricted"), is_restricted!());
        format!(
            "FROM login_links l
             WHERE l.workspace_id = $1 {first} AND l.expires_at > $2 AND l.ended_at IS NULL AND l.kind = 'api'
               AND NOT EXISTS (SELECT 1 FROM {users} WHERE u.workspace_id = $1 AND u.id = l.user_id AND {is_restricted}
                               AND NOT (u.link_epoch = l.link_epoch AND {}))",
            may_use_links!()
        )
    }
}
