//! Pages of clients and of staff.

use super::columns::standing_columns;
use super::list::{self, Source};
use super::user_counts;
use super::users::user_columns;
use crate::domain::list_query::{ListQuery, Page};
use crate::domain::user::{User, UserId, full_name};
use crate::domain::workspace::WorkspaceId;
use crate::store::engine::unit_of_work::{Statement, sql};
use crate::store::engine::value::{Value, all, values};
use crate::store::{ListError, ListPermit, Store, StoreError};

/// So many users before a page are skipped one by one: that takes less than to find the range of the page.
const NEAR: i64 = 512;

/// Users who are named beside something else, at most.
const MAX_PEOPLE: usize = 100;

impl Store {
    /// Number, name and address of each of some users who are there.
    pub async fn find_people(
        &self,
        workspace: WorkspaceId,
        users: &[UserId],
    ) -> Result<Vec<(UserId, String, String)>, StoreError> {
        let mut ids: Vec<_> = users.iter().map(|user| user.number()).collect();
        ids.sort_unstable();
        ids.dedup();
        ids.truncate(MAX_PEOPLE);
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        let places: Vec<_> = (2..ids.len() + 2).map(|place| format!("${place}")).collect();
        let text = format!(
            "SELECT id, name_f, name_l, email FROM users
             WHERE workspace_id = $1 AND deleted_at IS NULL AND id IN ({})",
            places.join(", ")
        );
        let mut values = values![workspace];
        values.extend(ids.into_iter().map(Value::from));
        let [rows] = self.read([sql(text, values)]).await?;
        let people = all::<(UserId, String, String, String)>(rows)?.into_iter();
        Ok(people.map(|(id, first, last, email)| (id, full_name(&first, &last), email)).collect())
    }

    /// The clients of a workspace, or its staff, in the order of their numbers unless sorted otherwise.
    pub async fn list_users(
        &self,
        permit: &ListPermit,
        is_staff: bool,
        options: &ListQuery,
    ) -> Result<Page<User>, ListError> {
        if let Some(is_descending) = options.whole_in_order_of("id", false)
            && options.offset() > NEAR
        {
            return self.list_users_far(permit, is_staff, options, is_descending).await;
        }
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
        let from = self.users_of_kind(is_staff, options);
        if let Some(is_descending) = options.whole_in_order_of("id", false) {
            let kind = if is_staff { "staff" } else { "clients" };
            let ranges = format!(
                "FROM user_counts WHERE workspace_id = $1 AND width = 256 AND {kind} > 0 ORDER BY place"
            );
            // Deleted users keep their rows: those before the first range that has anybody are not looked at.
            let first = if is_descending {
                format!("< (SELECT (place + 1) * 256 {ranges} DESC LIMIT 1) ORDER BY u.id DESC")
            } else {
                format!(">= (SELECT place * 256 {ranges} LIMIT 1) ORDER BY u.id")
            };
            let columns = user_columns!();
            let text = format!("SELECT {columns} {from} AND u.id {first} LIMIT $2 OFFSET $3");
            return [total, sql(text, values![workspace, options.limit, options.offset()])];
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
            first: None,
            order: "u.id",
            total: Some(total),
        };
        list::statements(&source, options)
    }

    /// The users of a kind in the workspace `$1`, from where on.
    fn users_of_kind(&self, is_staff: bool, options: &ListQuery) -> String {
        // The planner knows better what a filter finds.
        let users = if is_staff && options.filters.is_empty() {
            self.users_by("users_of_staff")
        } else {
            "users u".to_owned()
        };
        // The flag stands in the text, since an index of staff alone is not used for a value that is not known yet.
        let flag = i64::from(is_staff);
        format!("FROM {users} WHERE u.workspace_id = $1 AND u.is_staff = {flag} AND u.deleted_at IS NULL")
    }

    /// A page far from the beginning of the list, in the order of the numbers: it is found by the ranges, and only within one are
    /// users skipped. A user who comes or goes between these looks moves the page by one, as between two pages.
    async fn list_users_far(
        &self,
        permit: &ListPermit,
        is_staff: bool,
        options: &ListQuery,
        is_descending: bool,
    ) -> Result<Page<User>, ListError> {
        let workspace = permit.workspace();
        let ranges: Vec<(i64, i64)> = self.look(permit, user_counts::wide(workspace, is_staff), all).await?;
        let total = ranges.iter().map(|(_, count)| count).sum();
        let Some((wide, before)) = user_counts::locate(&ranges, options.offset(), is_descending) else {
            return Ok(Page { rows: Vec::new(), total });
        };
        let ranges: Vec<(i64, i64)> =
            self.look(permit, user_counts::narrow(workspace, is_staff, wide), all).await?;
        // Those of the wide range may have become fewer.
        let Some((narrow, before)) = user_counts::locate(&ranges, before, is_descending) else {
            return Ok(Page { rows: Vec::new(), total });
        };
        let page = self.page_of_users_from(
            (workspace, is_staff),
            narrow,
            (options.limit.min(total - options.offset()), before),
            is_descending,
        );
        Ok(Page { rows: self.look(permit, page, all).await?, total })
    }

    /// The statement that gives so many users from a narrow range on, after some that it skips.
    pub(super) fn page_of_users_from(
        &self,
        (workspace, is_staff): (WorkspaceId, bool),
        narrow: i64,
        (count, skipped): (i64, i64),
        is_descending: bool,
    ) -> Statement {
        let from = self.users_of_kind(is_staff, &ListQuery::default());
        let (first, order) = if is_descending {
            ((narrow + 1) * 256, "u.id < $2 ORDER BY u.id DESC")
        } else {
            (narrow * 256, "u.id >= $2 ORDER BY u.id")
        };
        let columns = user_columns!();
        let text = format!("SELECT {columns} {from} AND {order} LIMIT $3 OFFSET $4");
        sql(text, values![workspace, first, count, skipped])
    }
}
