//! Request lookup: all that a request names in its workspace, found by one query, with the state of the directory.

use super::columns::standing_columns;
use super::directory_stamp::stamp;
use super::login_links::{found_link, issue_state, link_columns};
use super::lookup_row::{LookupBy, LookupRow};
use super::sessions::{session_columns, signed_in};
use crate::domain::user::UserRef;
use crate::domain::workspace::WorkspaceId;
use crate::store::engine::unit_of_work::{Statement, sql};
use crate::store::engine::value::{Value, values};
use crate::store::{Engine, Store, StoreError};

impl Store {
    /// What a request names in a workspace. `None` if that is not there: then nothing is known of the directory either, and
    /// [`LookupBy::Nobody`] asks for that alone.
    pub async fn look_up(
        &self,
        workspace: WorkspaceId,
        named: LookupBy<'_>,
    ) -> Result<Option<LookupRow>, StoreError> {
        if let LookupBy::SessionAndLink(_, hash) = named {
            let statements = [named, LookupBy::Link(hash)].map(|named| lookup_statement(workspace, named));
            let [sessions, links] = self.read(statements).await?;
            let found = LookupRow::from_rows(sessions, named)?;
            let link = LookupRow::from_rows(links, LookupBy::Link(hash))?;
            return Ok(match (found, link) {
                (Some(found), Some(LookupRow { link, .. })) => Some(LookupRow { link, ..found }),
                (found, link) => found.or(link),
            });
        }
        let statement = || lookup_statement(workspace, named);
        if let (Engine::Sqlite(sqlite), Some(key)) = (&self.engine, named.cache_key(workspace)) {
            let parse = |rows| LookupRow::from_rows(rows, named);
            return sqlite.readers().read_cached(key, statement, parse);
        }
        let [rows] = self.read([statement()]).await?;
        LookupRow::from_rows(rows, named)
    }
}

/// The statement that finds what is named.
pub(in crate::store) fn lookup_statement(workspace: WorkspaceId, named: LookupBy<'_>) -> Statement {
    const NOBODY: &str = concat!("SELECT ", stamp!());
    macro_rules! with_stamp {
        ($found:expr) => {
            concat!("SELECT ", stamp!(), ", ", $found)
        };
    }
    // So that nobody is looked for by a key that may be revoked: the condition is judged before a row of a user is read.
    macro_rules! while_stamped {
        ($found:expr) => {
            concat!($found, " AND ", stamp!(), " = $3")
        };
    }
    match named {
        LookupBy::Nobody => sql(NOBODY, values![]),
        LookupBy::User(user, stamp) => {
            let (text, name) = match (user, stamp) {
                (UserRef::Id(id), None) => (with_stamp!(issue_state!("u.id = $2")), (*id).into()),
                (UserRef::Id(id), Some(_)) => {
                    (with_stamp!(while_stamped!(issue_state!("u.id = $2"))), (*id).into())
                }
                (UserRef::Email(email), None) => {
                    (with_stamp!(issue_state!("u.email_folded = $2")), email.lowercased().into())
                }
                (UserRef::Email(email), Some(_)) => (
                    with_stamp!(while_stamped!(issue_state!("u.email_folded = $2"))),
                    email.lowercased().into(),
                ),
            };
            let values = [workspace.into(), name].into_iter().chain(stamp.map(Value::from));
            sql(text, values.collect())
        }
        LookupBy::Session(id) | LookupBy::SessionAndLink(id, _) => {
            sql(with_stamp!(signed_in!("s.id = $2")), values![workspace, id])
        }
        LookupBy::Link(hash) => sql(with_stamp!(found_link!()), values![workspace, hash]),
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;
    use crate::store::DatabaseUrl;
    use crate::store::engine::unit_of_work::UnitOfWork;

    /// Three users of one workspace, each with a link and a session.
    const ROWS: &str = "
        INSERT INTO users (workspace_id, id, is_staff, is_active, two_factor, link_epoch, session_epoch, newest_id, newest_epoch,
                           newest_seed, newest_single_use, newest_created_at, newest_expires_at, newest_key_id, newest_seal,
                           revision, created_at, updated_at, email, email_folded, name_f, name_l, company, phone, note,
                           custom_fields)
            SELECT 1, value, 0, 1, 0, 0, 0, zeroblob(16), 0, zeroblob(16), 1, 0, 9000, 1, zeroblob(32), 0, 0, 0,
                   value || '@c.example', value || '@c.example', 'f', 'l', '', '', '', '[]'
            FROM (SELECT 1 AS value UNION SELECT 2 UNION SELECT 3);
        INSERT INTO login_links SELECT 1, unhex(printf('%064d', id)), unhex(printf('%032d', id)), id, 0, zeroblob(16), 1, 0,
            9000, 1, NULL, NULL, NULL, zeroblob(32), 0, 1, 'api', 0, NULL, NULL, NULL, 0 FROM users;
        UPDATE users SET newest_link = unhex(printf('%064d', id));
        INSERT INTO sessions SELECT 1, unhex(printf('%032d', id)), id, 0, zeroblob(32), 1, zeroblob(32), zeroblob(16),
            zeroblob(32), 1, '/', 0, 0, 9000, zeroblob(32), 'link' FROM users";

    /// An odd number of them: each is done by this process and by another.
    const CHANGES: [&str; 9] = [
        "UPDATE directory SET stamp = randomblob(16)",
        "UPDATE users SET link_epoch = link_epoch + 1",
        "UPDATE users SET deleted_at = 1 WHERE id = 2",
        "UPDATE users SET deleted_at = NULL",
        "UPDATE users SET newest_link = NULL WHERE id = 1",
        "UPDATE users SET newest_link = unhex(printf('%064d', id))",
        "UPDATE users SET newest_ended_at = 1 WHERE id = 3",
        "DELETE FROM sessions WHERE user_id = 1",
        "UPDATE users SET name_f = name_f || 'f'",
    ];

    /// Whatever is changed, by this process or another, is seen by the very next look, and by the one that repeats it.
    #[tokio::test]
    async fn what_is_remembered_is_what_would_be_found() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("doorkey.db");
        let store = Store::open(&DatabaseUrl::Sqlite(path.clone()), true).await.unwrap();
        let other = rusqlite::Connection::open(path).unwrap();
        other.execute_batch(ROWS).unwrap();
        let mut found = 0;

        for (number, change) in CHANGES.into_iter().cycle().take(60).enumerate() {
            if number % 2 == 0 {
                other.execute(change, []).unwrap();
            } else {
                store.write(UnitOfWork::new().and(sql(change, values![]))).await.unwrap();
            }
            // Another order each time, so that each is once the first to look.
            for place in 0..40 {
                found += compare(&store, (place + number) % 20).await;
            }
        }

        assert!(found > 1_000, "{found} looks found somebody");
    }

    /// Compares a look that remembers with one that does not. 1 if it found somebody.
    async fn compare(store: &Store, number: usize) -> usize {
        let user = 1 + number % 3;
        let (id, email) = (user.to_string(), format!("{user}@c.example"));
        let (id, email) = (UserRef::parse(&id).unwrap(), UserRef::parse(&email).unwrap());
        let mut hash = [0; 32];
        hash[31] = u8::try_from(user).unwrap();
        let session = Uuid::from_u128(user as u128);
        let workspace = WorkspaceId(1 + i64::from(number % 7 == 6));
        let stamp = store.look_up(workspace, LookupBy::Nobody).await.unwrap().unwrap().stamp;
        let named = match number / 2 {
            0 | 1 => LookupBy::Nobody,
            2..=4 => LookupBy::User(&id, number.is_multiple_of(2).then_some(stamp)),
            5 => LookupBy::User(&email, Some(stamp)),
            6 | 7 => LookupBy::Session(session),
            8 => LookupBy::Link(hash),
            _ => LookupBy::SessionAndLink(session, hash),
        };

        let remembered = store.look_up(workspace, named).await.unwrap();

        let look = async |named: LookupBy<'_>| {
            let [rows] = store.read([lookup_statement(workspace, named)]).await.unwrap();
            LookupRow::from_rows(rows, named).unwrap()
        };
        let mut fresh = look(named).await;
        if let LookupBy::SessionAndLink(..) = named {
            let link = look(LookupBy::Link(hash)).await;
            match (&mut fresh, link) {
                (Some(fresh), Some(found)) => fresh.link = found.link,
                (fresh, link) => *fresh = fresh.take().or(link),
            }
        }
        assert_eq!(remembered, fresh, "{named:?}");
        remembered.map_or(0, |found| {
            usize::from(found.issue_state.is_some() || found.signed_in.is_some() || found.link.is_some())
        })
    }
}
