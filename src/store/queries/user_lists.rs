//! Pages of clients and of staff.

use super::columns::standing_columns;
use super::list::Source;
use super::users::{user_columns, user_from};
use crate::domain::list_query::{Field, FieldType, ListQuery, Page};
use crate::domain::user::User;
use crate::store::engine::value::values;
use crate::store::{ListError, ListPermit, Store};

/// What lists of users may be sorted and filtered by.
pub const USER_FIELDS: [Field; 10] = [
    Field { name: "id", column: "u.id", kind: FieldType::Number },
    Field { name: "email", column: "u.email_folded", kind: FieldType::Email },
    Field { name: "name_f", column: "u.name_f", kind: FieldType::Text },
    Field { name: "name_l", column: "u.name_l", kind: FieldType::Text },
    Field { name: "company", column: "u.company", kind: FieldType::Text },
    Field { name: "phone", column: "u.phone", kind: FieldType::Text },
    Field { name: "status", column: "u.is_active", kind: FieldType::Number },
    Field { name: "two_factor_enabled", column: "u.two_factor", kind: FieldType::Flag },
    Field { name: "created_at", column: "u.created_at", kind: FieldType::Time },
    Field { name: "updated_at", column: "u.updated_at", kind: FieldType::Time },
];

impl Store {
    /// The clients of a workspace, or its staff, in the order of their numbers unless sorted otherwise.
    pub async fn list_users(
        &self,
        permit: &ListPermit,
        is_staff: bool,
        options: &ListQuery,
    ) -> Result<Page<User>, ListError> {
        let source = Source {
            columns: user_columns!(),
            table: "users u WHERE u.workspace_id = $1",
            key: "u.id",
            from: "FROM users u WHERE u.workspace_id = $1 AND u.is_staff = $2 AND u.deleted_at IS NULL",
            values: values![permit.workspace(), is_staff],
            order: "u.id",
        };
        self.list(permit, source, options, user_from).await
    }
}
