//! Clients as support looks for them: by the beginning of an address or a name; and what one client has.

use std::collections::HashMap;

use uuid::Uuid;

use super::columns::standing_columns;
use super::users::user_columns;
use crate::domain::list_query::ListQuery;
use crate::domain::timestamp::Timestamp;
use crate::domain::user::search::Prefix;
use crate::domain::user::{User, UserId};
use crate::domain::workspace::WorkspaceId;
use crate::store::engine::unit_of_work::{Statement, sql};
use crate::store::engine::value::{FromRow, Row, Value, all, from_row, values};
use crate::store::{ListError, ListPermit, Store, StoreError};

/// A client with the newest link.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ListedClient {
    /// The client.
    pub user: User,
    /// The newest link that was made by a call or by hand, if there is one.
    pub newest: Option<KnownLink>,
}

/// A link as support sees it; never a token.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct KnownLink {
    /// The number.
    pub id: Uuid,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it dies of age.
    pub expires_at: Timestamp,
    /// When it ended, if it has ended by itself or by its use.
    pub ended_at: Option<Timestamp>,
    /// Links of an older epoch than the user's are revoked.
    pub epoch: i64,
}

from_row! { KnownLink { id, created_at, expires_at, ended_at, epoch } }

/// A link of a client, with how often it was handed out.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ClientLink {
    /// The link.
    pub link: KnownLink,
    /// Why it was made: `api`, `self_service` or `again`.
    pub kind: String,
    /// When it was used first.
    pub used_at: Option<Timestamp>,
    /// How often it was handed out.
    pub times_issued: i64,
}

from_row! { ClientLink { link, kind, used_at, times_issued } }

impl FromRow for ListedClient {
    fn from_row(row: &mut Row) -> Result<Self, StoreError> {
        let user = row.take()?;
        let (id, created_at): (Option<Uuid>, Option<Timestamp>) = row.take()?;
        let (expires_at, ended_at, epoch): (Option<Timestamp>, Option<Timestamp>, Option<i64>) =
            row.take()?;
        let newest = match (id, created_at, expires_at, epoch) {
            (Some(id), Some(created_at), Some(expires_at), Some(epoch)) => {
                Some(KnownLink { id, created_at, expires_at, ended_at, epoch })
            }
            _ => None,
        };
        Ok(Self { user, newest })
    }
}

/// Where a client's words are kept in the order of their letters. No two have one address.
const WORDS: [Word; 3] = [
    Word { column: "u.email_folded", index: None, order: "u.email_folded" },
    Word { column: "u.name_f_folded", index: Some("clients_by_first_name"), order: "u.name_f_folded, u.id" },
    Word { column: "u.name_l_folded", index: Some("clients_by_last_name"), order: "u.name_l_folded, u.id" },
];

/// One of the words of a client.
struct Word {
    column: &'static str,
    /// The index to take, where SQLite would not take it by itself.
    index: Option<&'static str>,
    order: &'static str,
}

impl Store {
    /// A part of the clients whose address, first name or last name begins in some way, in this order, with one more than its limit
    /// if there are more.
    pub async fn search_clients(
        &self,
        permit: &ListPermit,
        prefix: &Prefix,
        part: &ListQuery,
    ) -> Result<Vec<UserId>, ListError> {
        let mut skipped = part.offset();
        let wanted = usize::try_from(part.limit + 1).unwrap_or(0);
        let mut found = Vec::new();
        for place in 0..WORDS.len() {
            let missing = i64::try_from(wanted - found.len()).unwrap_or(0);
            let statement =
                self.clients_by(place, (permit.workspace(), prefix), skipped.saturating_add(missing));
            let ids = |[rows]: [Vec<Row>; 1]| all::<UserId>(rows);
            let ids = self.scan_with([statement], Some(permit.clone()), ids).await;
            let ids = ids.map_err(|error| permit.classify(error))?;
            let passed = skipped.min(i64::try_from(ids.len()).unwrap_or(i64::MAX));
            skipped -= passed;
            found.extend(ids.into_iter().skip(usize::try_from(passed).unwrap_or(usize::MAX)));
            if found.len() >= wanted {
                break;
            }
        }
        Ok(found)
    }

    /// The statement that gives clients by one of their words, but those that a word before it has given.
    pub(super) fn clients_by(
        &self,
        place: usize,
        (workspace, prefix): (WorkspaceId, &Prefix),
        limit: i64,
    ) -> Statement {
        let Word { column, index, order } = WORDS[place];
        let users = index.map_or_else(|| "users u".to_owned(), |index| self.users_by(index));
        let others = WORDS[..place].iter().map(|Word { column: other, .. }| {
            format!(" AND NOT coalesce({other} >= $2 AND {other} < $3, FALSE)")
        });
        let others = others.collect::<Vec<_>>().concat();
        let text = format!(
            "SELECT u.id FROM {users} WHERE u.workspace_id = $1 AND {column} >= $2 AND {column} < $3
               AND u.is_staff = 0 AND u.deleted_at IS NULL{others} ORDER BY {order} LIMIT $4"
        );
        sql(text, values![workspace, prefix.from.as_str(), prefix.end.as_str(), limit])
    }

    /// Some clients with their newest links, in the order that is given; those who are gone are left out.
    pub async fn find_clients(
        &self,
        workspace: WorkspaceId,
        ids: &[UserId],
    ) -> Result<Vec<ListedClient>, StoreError> {
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        let places: Vec<_> = (2..ids.len() + 2).map(|place| format!("${place}")).collect();
        let text = format!(
            "SELECT {}, u.newest_id, u.newest_created_at, u.newest_expires_at, u.newest_ended_at, u.newest_epoch
             FROM users u WHERE u.workspace_id = $1 AND u.is_staff = 0 AND u.deleted_at IS NULL AND u.id IN ({})",
            user_columns!(),
            places.join(", ")
        );
        let mut values = values![workspace];
        values.extend(ids.iter().map(|id| Value::from(*id)));
        let found: Vec<ListedClient> = self.find_all(sql(text, values)).await?;
        let mut found: HashMap<_, _> = found.into_iter().map(|client| (client.user.id, client)).collect();
        Ok(ids.iter().filter_map(|id| found.remove(id)).collect())
    }

    /// The newest links of a client, of every kind.
    pub async fn list_client_links(
        &self,
        workspace: WorkspaceId,
        user: UserId,
        limit: i64,
    ) -> Result<Vec<ClientLink>, StoreError> {
        self.find_all(client_links(workspace, user, limit)).await
    }
}

/// The statement that gives the newest links of a client.
pub(super) fn client_links(workspace: WorkspaceId, user: UserId, limit: i64) -> Statement {
    sql(
        "SELECT l.id, l.created_at, l.expires_at, l.ended_at, l.link_epoch, l.kind, l.used_at, l.times_issued
         FROM login_links l WHERE l.workspace_id = $1 AND l.user_id = $2 ORDER BY l.created_at DESC, l.id DESC LIMIT $3",
        values![workspace, user, limit],
    )
}
