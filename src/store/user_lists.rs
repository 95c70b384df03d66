//! Pages of clients and of staff.

use super::columns::standing_columns;
use super::lists::Source;
use super::users::{user_columns, user_from};
use super::value::values;
use super::{ListError, ListPermit, Store};
use crate::domain::page::{Field, Kind, Page, PageWish};
use crate::domain::user::User;

/// What lists of users may be sorted and filtered by.
pub const USER_FIELDS: [Field; 10] = [
    Field { name: "id", column: "u.id", kind: Kind::Number },
    Field { name: "email", column: "u.email_folded", kind: Kind::Email },
    Field { name: "name_f", column: "u.name_f", kind: Kind::Text },
    Field { name: "name_l", column: "u.name_l", kind: Kind::Text },
    Field { name: "company", column: "u.company", kind: Kind::Text },
    Field { name: "phone", column: "u.phone", kind: Kind::Text },
    Field { name: "status", column: "u.is_active", kind: Kind::Number },
    Field { name: "two_factor_enabled", column: "u.two_factor", kind: Kind::Flag },
    Field { name: "created_at", column: "u.created_at", kind: Kind::Time },
    Field { name: "updated_at", column: "u.updated_at", kind: Kind::Time },
];

impl Store {
    /// The clients of a workspace, or its staff, in the order of their numbers unless sorted otherwise.
    ///
    /// # Errors
    /// `ListError` if the store cannot be read, or not in time.
    pub async fn list_users(
        &self,
        permit: &ListPermit,
        is_staff: bool,
        wish: &PageWish,
    ) -> Result<Page<User>, ListError> {
        let source = Source {
            columns: user_columns!(),
            table: "users u WHERE u.workspace_id = $1",
            key: "u.id",
            from: "FROM users u WHERE u.workspace_id = $1 AND u.is_staff = $2 AND u.deleted_at IS NULL",
            values: values![permit.workspace(), is_staff],
            order: "u.id",
        };
        self.list(permit, source, wish, user_from).await
    }
}
