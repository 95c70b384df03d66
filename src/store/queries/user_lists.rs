//! Pages of clients and of staff.

use super::columns::standing_columns;
use super::list::Source;
use super::users::user_columns;
use crate::domain::list_query::{ListQuery, Page};
use crate::domain::user::User;
use crate::store::engine::value::values;
use crate::store::{ListError, ListPermit, Store};

impl Store {
    /// The clients of a workspace, or its staff, in the order of their numbers unless sorted otherwise.
    pub async fn list_users(
        &self,
        permit: &ListPermit,
        is_staff: bool,
        options: &ListQuery,
    ) -> Result<Page<User>, ListError> {
        let source = Source {
            column_of: |field| match field {
                "email" => "u.email_folded".to_owned(),
                "status" => "u.is_active".to_owned(),
                "two_factor_enabled" => "u.two_factor".to_owned(),
                named_alike => format!("u.{named_alike}"),
            },
            columns: user_columns!(),
            table: "users u WHERE u.workspace_id = $1",
            key: "u.id",
            from: "FROM users u WHERE u.workspace_id = $1 AND u.is_staff = $2 AND u.deleted_at IS NULL",
            values: values![permit.workspace(), is_staff],
            order: "u.id",
        };
        self.list(permit, source, options, |user| user).await
    }
}
