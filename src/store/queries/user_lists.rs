//! Pages of clients and of staff.

use super::columns::standing_columns;
use super::list::{self, Source};
use super::user_counts;
use super::users::user_columns;
use crate::domain::list_query::{ListQuery, Page};
use crate::domain::user::User;
use crate::domain::workspace::WorkspaceId;
use crate::store::engine::unit_of_work::Statement;
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
        let statements = self.page_of_users(permit.workspace(), is_staff, options);
        self.list(permit, statements, |user| user).await
    }

    pub(super) fn page_of_users(
        &self,
        workspace: WorkspaceId,
        is_staff: bool,
        options: &ListQuery,
    ) -> [Statement; 2] {
        let total = user_counts::total(workspace, is_staff);
        // The planner knows better what a filter finds.
        let users = if is_staff && options.filters.is_empty() {
            self.users_by("users_of_staff")
        } else {
            "users u".to_owned()
        };
        // The flag stands in the text, since an index of staff alone is not used for a value that is not known yet.
        let flag = i64::from(is_staff);
        let from = format!(
            "FROM {users} WHERE u.workspace_id = $1 AND u.is_staff = {flag} AND u.deleted_at IS NULL"
        );
        if let Some(is_descending) = options.whole_in_order_of("id", false) {
            return [total, user_counts::page((workspace, is_staff), &from, options, is_descending)];
        }
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
            key_field: "id",
            from,
            values: values![workspace],
            order: "u.id",
            total: Some(total),
        };
        list::statements(source, options)
    }
}
